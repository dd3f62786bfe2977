"""docker-compose.yml without an engine: its commands, environment, mounts and settings, mapped to this machine.

A service sees a folder of its own in place of /srv, in which each of its volumes is at the place where it is mounted;
hosts and ports of the services become ports on loopback. Everything else is as the file says.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import yaml
from pydantic import BaseModel, ConfigDict, Field

from bureaus.sandbox.pki import TlsFiles
from bureaus.sandbox.process import LOOPBACK, free_port
from bureaus.sandbox.rabbitmq import Broker
from tools.repo_files import ROOT

SRV: Final = "/srv"
CONFIGURATION: Final = ROOT / "deploy" / "rabbitmq" / "rabbitmq.conf"
PLUGINS: Final = ROOT / "deploy" / "rabbitmq" / "enabled_plugins"


class Check(BaseModel):
    """A service's healthcheck."""

    test: list[str]


class Service(BaseModel):
    """What is read of a service."""

    model_config = ConfigDict(extra="ignore")

    command: list[str] = []
    environment: dict[str, str] = {}
    volumes: list[str] = []
    working_dir: str = SRV
    healthcheck: Check | None = None
    depends_on: dict[str, dict[str, str]] = Field(default_factory=dict)


class Compose:
    """The compose file on this machine, below `folder`."""

    def __init__(self, folder: Path) -> None:
        self.text = (ROOT / "docker-compose.yml").read_text("utf-8")
        found = yaml.safe_load(self.text)["services"]
        self.services = {name: Service.model_validate(value) for name, value in found.items()}
        self._folder = folder
        self._ports = {name: str(free_port()) for name in ("gateway-1", "gateway-2")}
        self._operators = {name: str(free_port()) for name in ("gateway-1", "gateway-2")}
        self.places: dict[str, str] = {}
        """`host:port` of the broker and the database, where they are here."""
        for mount in self._mounts("init").values():
            (self.root("init") / mount).mkdir(parents=True)

    def root(self, service: str) -> Path:
        """What is /srv to a service."""
        return self._folder / service

    def volume(self, name: str) -> Path:
        """A volume's folder: `init` mounts every one that has something in it."""
        return self.root("init") / self._mounts("init")[name]

    def mount(self, service: str) -> None:
        """Put a service's volumes where it mounts them."""
        for volume, place in self._mounts(service).items():
            link = self.root(service) / place
            link.parent.mkdir(parents=True, exist_ok=True)
            if not (link.exists() and link.samefile(self.volume(volume))):  # a volume in a volume is there already
                link.symlink_to(self.volume(volume))

    def here(self, service: str, text: str) -> str:
        """A word of a service's command or environment."""
        if text == "8443":
            return self._ports[service]
        if text in ("8080", "8081"):
            return "0"
        table = {
            **{f"{name}:8443": f"{LOOPBACK}:{port}" for name, port in self._ports.items()},
            **self.places,
            "9443": self._operators.get(service, "9443"),
            "0.0.0.0": LOOPBACK,  # noqa: S104  # what is mapped away
            f"{SRV}/": f"{self.root(service)}/",
            **_copied(),
        }
        for there, here in table.items():
            text = text.replace(there, here)
        return str(self.root(service)) if text == SRV else text

    def command(self, service: str) -> list[str]:
        """A service's command, with the program's whole path."""
        program, *words = (self.here(service, word) for word in self.services[service].command)
        return [shutil.which(program, path=self.environment(service)["PATH"]) or program, *words]

    def healthcheck(self, service: str) -> list[str]:
        """A service's own check."""
        check = self.services[service].healthcheck
        assert check is not None
        assert check.test[0] == "CMD"
        return [self.here(service, word) for word in check.test[1:]]

    def environment(self, service: str) -> dict[str, str]:
        """A service's environment, and what its image has of its own."""
        said = {name: self.here(service, value) for name, value in self.services[service].environment.items()}
        programs = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)))
        own = {"PATH": programs, "LANG": "C.UTF-8", "PYTHONUTF8": "1", "BUREAUNET_ROOT": str(self.root(service))}
        return {**own, **said}

    def working_folder(self, service: str) -> Path:
        """Where a service's command begins."""
        return Path(self.here(service, self.services[service].working_dir))

    def told(self, service: str) -> list[str]:
        """The command that the file's head tells operators to run in a service."""
        found = re.search(rf"^#   docker compose exec {service} (.+)$", self.text, re.MULTILINE)
        assert found is not None
        return [self.here(service, word) for word in shlex.split(found[1])]

    def _mounts(self, service: str) -> Mapping[str, str]:
        """Volume -> its place below /srv."""
        mounts = [mount.split(":") for mount in self.services[service].volumes]
        return {mount[0]: mount[1].removeprefix(f"{SRV}/") for mount in mounts if mount[1].startswith(f"{SRV}/")}


def _copied() -> dict[str, str]:
    """What the image copies from the repository: its place there -> its place here."""
    found = re.findall(r"^COPY (deploy/\S+) (\S+)$", (ROOT / "Dockerfile").read_text("utf-8"), re.MULTILINE)
    return {place: str(ROOT / name) for name, place in found}


class ComposeBroker(Broker):
    """A private broker with the settings and plugins of deploy/rabbitmq."""

    def __init__(self, compose: Compose) -> None:
        root = compose.root("broker")
        self._root = root
        tls = TlsFiles(root / "broker" / "ca.pem", root / "broker" / "server.pem", root / "broker" / "server.key")
        super().__init__(root / "broker-definitions" / "definitions.json", tls)

    def _configuration(self) -> str:
        text = CONFIGURATION.read_text("utf-8")
        assert "listeners.ssl.1 = 5671" in text
        text = text.replace("listeners.ssl.1 = 5671", f"listeners.ssl.1 = {LOOPBACK}:{self.port}")
        return text.replace(f"{SRV}/", f"{self._root}/")

    def _more_configuration(self) -> str:
        return ""  # the file loads its definitions itself

    def _write_files(self, folder: Path) -> None:
        super()._write_files(folder)
        (folder / "enabled_plugins").write_bytes(PLUGINS.read_bytes())
