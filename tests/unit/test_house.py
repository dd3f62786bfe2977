"""The house holds: import arrows, sizes, pinned lists, CI's steps, the compose file."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from tools import check_never, check_sizes
from tools.repo_files import ROOT, repo_files

PINNED_LISTS = [
    "requirements.txt",
    "requirements-network.txt",
    "requirements-dev.txt",
    "requirements-secretariat.txt",
    "requirements-compile.txt",
    "requirements-peers.txt",
    "tests/peers/requirements-node.txt",
]
HASHES = r"(?: --hash=sha256:[0-9a-f]{64})+"
PINNED = re.compile(rf"^(?P<name>[a-z0-9][a-z0-9._-]*)==(?P<version>[^ ;]+)(?: ; [^\\]+)?{HASHES}$")


def pins(name: str) -> dict[str, str]:
    """Read a pinned list; fails on any line that is not a pin with hashes."""
    joined = (ROOT / name).read_text("utf-8").replace("\\\n", " ")
    matches = [(line, PINNED.match(re.sub(r" +", " ", line))) for line in joined.splitlines()]
    assert [line for line, match in matches if match is None] == []
    return {match["name"]: match["version"] for _, match in matches if match}


@pytest.mark.parametrize("name", PINNED_LISTS)
def test_pinned_lists_hold_only_exact_versions_with_hashes(name: str) -> None:
    assert pins(name)


def test_the_same_version_is_pinned_wherever_a_package_is_installed_together() -> None:
    demo, network, dev, secretariat = (pins(name) for name in PINNED_LISTS[:4])
    assert demo.items() <= network.items() <= dev.items()
    assert demo.items() <= secretariat.items() <= dev.items()


def test_every_dependency_is_pinned_and_the_build_backend_too() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    demo = pins("requirements.txt")
    wanted = {re.split(r"[\[<>=!~;]", line)[0] for line in project["project"]["dependencies"]}
    assert wanted <= demo.keys()
    assert project["build-system"]["requires"] == [f"setuptools=={demo['setuptools']}"]


def test_every_dependency_says_why_it_is_needed() -> None:
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    listed = re.findall(r'^  "[a-z][a-z0-9-]+(?:\[[a-z]+\])?[^"]*",.*$', text.split("[tool.")[0], re.MULTILINE)
    assert len(listed) > len(pins("requirements.txt")) // 4
    assert [line for line in listed if " # " not in line] == []


def test_node_packages_are_pinned_by_hash_without_addresses() -> None:
    packages = json.loads((ROOT / "tests/peers/package-lock.json").read_text("utf-8"))["packages"]
    installed = {name: package for name, package in packages.items() if name}
    assert {"node_modules/hpke", "node_modules/@panva/hpke-noble"} <= installed.keys()
    assert all(package["integrity"].startswith("sha512-") for package in installed.values())
    assert not any("resolved" in package for package in installed.values())


def test_ci_checks_tests_and_demonstrates_and_stops_at_the_first_failure(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / ".ci").mkdir()
    shutil.copy(ROOT / ".ci/run", tmp_path / ".ci/run")
    make = tmp_path / "bin/make"
    make.write_text('#!/bin/sh\necho "$1" >>made\n[ "$1" != "$FAILS" ]\n', "utf-8")
    make.chmod(0o755)

    def run(fails: str) -> tuple[int, list[str]]:
        (tmp_path / "made").unlink(missing_ok=True)
        path = f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(
            [tmp_path / ".ci/run"], env={"PATH": path, "FAILS": fails}, check=False, capture_output=True
        )
        return done.returncode, (tmp_path / "made").read_text("utf-8").split()

    assert run("") == (0, ["check", "test", "compiled", "demo"])
    assert run("check") == (1, ["check"])
    assert run("test") == (1, ["check", "test"])
    assert run("compiled") == (1, ["check", "test", "compiled"])
    assert run("demo") == (1, ["check", "test", "compiled", "demo"])


def test_make_help_names_every_target_and_is_the_default() -> None:
    said = subprocess.run(["make"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for target in ("demo", "test", "check", "bench", "fmt", "help"):
        assert re.search(rf"^  make {target} +\w", said, re.MULTILINE), target


# Each breaks one arrow: a module of an otherwise empty house, and what it imports.
BROKEN_ARROWS = [
    ("gateway/admission.py", "import bureaus"),
    ("bureaus/client.py", "import gateway"),
    ("schemas/cbor.py", "import gateway"),
    ("schemas/cbor.py", "import asyncio"),
    ("schemas/cbor.py", "import structlog"),
    ("gateway/ports.py", "import gateway.exchange"),
    ("gateway/routing.py", "import gateway.chores"),
    ("gateway/adapters/sql.py", "import gateway.exchange"),
    ("gateway/adapters/sql.py", "import gateway.ledger"),
    ("gateway/exchange.py", "import sqlalchemy"),
    ("gateway/chores.py", "import aio_pika"),
    ("gateway/delivery.py", "import aiohttp"),
    ("bureaus/auditor.py", "import bureaus.client"),
]
STAGES = ["admission", "routing", "ledger", "delivery", "deadlines"]
MODULES = ["__main__", "app", "exchange", "chores", *STAGES, "ports", "settings"]


def empty_house(folder: Path) -> None:
    packages = ["schemas", "gateway", "gateway/api", "gateway/console", "gateway/adapters", "bureaus"]
    for package in packages:
        (folder / package).mkdir()
        (folder / package / "__init__.py").touch()
    for module in [*(f"gateway/{name}" for name in MODULES), "bureaus/auditor", "bureaus/client"]:
        (folder / f"{module}.py").touch()
    shutil.copy(ROOT / "pyproject.toml", folder)


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    return subprocess.run(
        command,
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(folder)},
        check=False,
        capture_output=True,
        text=True,
    )


def test_import_contracts_hold_on_the_empty_house_and_allow_the_arrows_drawn(tmp_path: Path) -> None:
    empty_house(tmp_path)
    (tmp_path / "gateway/exchange.py").write_text("import gateway.admission, gateway.ports, schemas\n", "utf-8")
    (tmp_path / "gateway/adapters/sql.py").write_text("import sqlalchemy, gateway.ports\n", "utf-8")
    (tmp_path / "gateway/app.py").write_text("import gateway.adapters.sql, gateway.exchange\n", "utf-8")
    done = lint_imports(tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(("module", "line"), BROKEN_ARROWS)
def test_import_contracts_refuse_an_arrow_that_runs_back_up(tmp_path: Path, module: str, line: str) -> None:
    empty_house(tmp_path)
    (tmp_path / module).write_text(f"{line}\n", "utf-8")
    done = lint_imports(tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "BROKEN" in done.stdout


def test_a_long_file_and_a_long_function_are_named(tmp_path: Path) -> None:
    path = tmp_path / "long.py"
    body = "    x = 1\n" * check_sizes.FUNCTION_LINES
    said = check_sizes.complaints({path: f"def f():\n{body}" + "\n" * check_sizes.FILE_LINES})
    assert [line.removeprefix(str(path)) for line in said] == [
        ": 481 lines, over 400",
        ":1: f has 81 lines, over 80",
        "function length: 90th percentile is 81, over 30",
    ]


def test_a_file_that_does_not_parse_is_named(tmp_path: Path) -> None:
    said = check_sizes.complaints({tmp_path / "a.py": "def f(", tmp_path / "b.py": "x = 1\n"})
    assert [line.split(": does not parse")[0] for line in said] == [f"{tmp_path / 'a.py'}:1"]


def test_nine_functions_in_ten_decide_the_percentile() -> None:
    assert check_sizes.percentile90([1] * 9 + [99]) == 1
    assert check_sizes.percentile90([1] * 8 + [99, 99]) == 99
    assert check_sizes.percentile90([]) == 0


def test_registry_names_and_machine_paths_are_found() -> None:
    bad = [
        "https://files.python" + "hosted.org/x",
        "index = py" + "pi.org",
        "open('/" + "home/me/x')",
        "/" + "root/x",
    ]
    assert len(list(check_never.complaints("f", "\n".join(bad)))) == len(bad)
    assert list(check_never.complaints("f", "docs/work/x and $HOME/root/x and https://example.org/home/x")) == []


def compose_parser() -> list[str]:
    """The compose parser of this machine: either of its two names."""
    if shutil.which("docker-compose"):
        return ["docker-compose"]
    plugin = ["docker", "compose"]
    if (
        shutil.which("docker")
        and subprocess.run([*plugin, "version"], check=False, capture_output=True).returncode == 0
    ):
        return plugin
    pytest.skip("no compose parser: `make services` installs docker-compose")


def test_the_compose_file_parses_with_the_services_of_a_network() -> None:
    command = [*compose_parser(), "--profile", "exercise", "config"]
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    services = yaml.safe_load(done.stdout)["services"]
    assert services.keys() == {
        "init", "load", "broker", "database", "gateway-1", "gateway-2", "exercise", "secretariat",
    }  # fmt: skip


def test_what_the_compose_file_mounts_and_builds_from_is_there() -> None:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))["services"]
    mounts = [volume.split(":")[0] for service in services.values() for volume in service.get("volumes", [])]
    files = [mount for mount in mounts if mount.startswith("./")]
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", (ROOT / "Dockerfile").read_text("utf-8"), re.MULTILINE)
    files += [name for names in copied for name in names.split()]
    assert len(files) > 5
    assert [name for name in files if not (ROOT / name).exists()] == []


def test_what_a_package_links_to_is_in_the_image() -> None:
    links = [
        path for name in ("schemas", "gateway", "bureaus") for path in (ROOT / name).rglob("*") if path.is_symlink()
    ]
    targets = {path.resolve().relative_to(ROOT).as_posix() for path in links}
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", (ROOT / "Dockerfile").read_text("utf-8"), re.MULTILINE)
    sent = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    assert "tests/vectors" in targets
    assert targets <= {name for names in copied for name in names.split()}
    assert {f"!{name}" for names in copied for name in names.split()} <= set(sent)


def volumes_of(service: dict[str, list[str]]) -> dict[str, bool]:
    """The named volumes that a service mounts, and whether it may write there."""
    mounts = [mount.split(":") for mount in service.get("volumes", []) if not mount.startswith("./")]
    return {mount[0]: mount[2:] != ["ro"] for mount in mounts}


def test_keys_are_mounted_where_they_are_used_and_nowhere_else() -> None:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))["services"]
    mounted = {name: volumes_of(service) for name, service in services.items()}
    init = mounted.pop("init")
    private = {"authority", "authority-passphrase"}
    assert private <= init.keys()
    assert not any(private & volumes.keys() for volumes in mounted.values())
    assert mounted["exercise"] == {"exercise": True, "network": False, "secretariat": True}
    assert mounted["secretariat"] == {"secretariat": True, "registry-secret": False}
    assert [name for name, volumes in mounted.items() if "broker" in volumes] == ["broker"]
    for gateway, state in (("gateway-1", "state-1"), ("gateway-2", "state-2")):
        assert mounted[gateway] == {"gateway": False, "gateway-secrets": False, state: True}


def test_the_brokers_version_is_one_that_keeps_inboxes_private() -> None:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))["services"]
    version = tuple(int(part) for part in services["broker"]["image"].split(":")[1].split("."))
    assert version >= (4, 3, 1)
    assert services["broker"]["hostname"]


def test_shell_scripts_stop_at_the_first_error_and_may_be_run() -> None:
    scripts = [path for path in [*repo_files(".sh"), ROOT / ".ci/run"] if path.is_file()]
    assert scripts
    for path in scripts:
        assert os.access(path, os.X_OK), path
        assert re.search(r"^set -eu", path.read_text("utf-8"), re.MULTILINE), path
