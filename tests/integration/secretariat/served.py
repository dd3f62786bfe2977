"""`bureaunet secretariat serve` as operators run it: a process on a private network, with its pages over TLS.

async with PrivateNetwork(folder, SEATS) as network, Served(network, folder) as served:
    served.pages, served.public    # https://...
"""

from __future__ import annotations

import json
import os
import re
import ssl
import sys
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from bureaus.sandbox.network import PrivateNetwork, Seat
from bureaus.sandbox.pki import SandboxAuthority
from bureaus.sandbox.process import Process, run
from bureaus.secretariat.office import OPERATION
from schemas.directory import ParticipantKind
from schemas.identity import Address
from tests.integration.secretariat.visitor import PASSWORD

SECRETARIAT: Final = Address("IPSG")
SEATS: Final = (
    Seat(SECRETARIAT, "General Secretariat", ParticipantKind.SECRETARIAT, units=("ccc", "fugitives")),
    Seat(Address("FR"), "France"),
    Seat(Address("BR"), "Brazil"),
)
READY: Final = 60.0
"""Seconds until it is ready, on a machine that has other work too."""
SETTINGS: Final = "tip_form_least = 0.001\ndrain_seconds = 60.0\n"
"""No test reads a form before it sends it; and a machine that has other work too takes its time to send the last."""


class Served:
    """The process. `registry` is a URL, which may hold a password, since it goes by the environment; SQLite without."""

    def __init__(self, network: PrivateNetwork, folder: Path, registry: str | None = None) -> None:
        self._network, self.home = network, network.home(SECRETARIAT)
        self.registry = registry
        self.pages = self.public = ""
        tls = SandboxAuthority().issue_server().save(folder / "tls", "pages")
        self.context = ssl.create_default_context(cafile=tls.authority)
        self._settings, self._password = folder / "secretariat.toml", folder / "password"
        self._settings.write_text(SETTINGS, "utf-8")
        self._password.write_text(PASSWORD, "utf-8")
        self._password.chmod(0o600)
        shown = [
            part
            for what in ("pages", "public")
            for part in (f"--{what}-port", "0", f"--{what}-certificate", tls.certificate, f"--{what}-key", tls.key)
        ]
        self.log = folder / "secretariat.log"
        self.process = Process(
            "secretariat", self._words("serve", *shown), log=self.log, environment=self._environment()
        )

    def _words(self, *words: str | Path) -> list[str | Path]:
        there = ("--home", self.home, "--settings", self._settings)
        return [sys.executable, "-m", "bureaus", "secretariat", *words, *there]

    def _environment(self) -> dict[str, str]:
        own = {"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8", "PYTHONUTF8": "1"}
        return own if self.registry is None else {**own, "BUREAUNET_REGISTRY_URL": self.registry}

    @property
    def registry_url(self) -> str:
        """Where the registry is."""
        return self.registry or f"sqlite+aiosqlite:///{self.home / 'registry.sqlite'}"

    async def start(self) -> None:
        """Start it, and wait until it says that it is ready. Raises Unavailable."""
        begin = self.log.stat().st_size if self.log.exists() else 0
        self.process.start()

        async def said() -> bool:
            with self.log.open("rb") as file:
                file.seek(begin)
                found = re.search(rb'^\{"event": "ready".*\}\n', file.read(), re.MULTILINE)
            if found is None:
                return False
            ready = json.loads(found[0])
            assert (ready["address"], ready["operation"]) == (SECRETARIAT, OPERATION)
            self.pages, self.public = ready["pages"], ready["public"]
            return True

        await self.process.ready(said, within=READY)

    async def add(self, name: str, *rights: str) -> None:
        """Somebody of the staff, as docs/secretariat.md says."""
        words = ("staff", "add", name, *(part for right in rights for part in ("--right", right)), "--by", "root")
        await run(self._words(*words, "--password-file", self._password), environment=self._environment())

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.running:
            await self.process.kill()
