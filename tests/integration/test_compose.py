"""What `docker compose up` does, without an engine: the compose file's own commands, environment, mounts and settings.

One test goes the whole way, since each step needs the one before: init, database, load, broker, two gateways, an
exercise over the broker, the operators' export of its record.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import stat
import subprocess
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Final

import asyncpg
import pytest
from pydantic import JsonValue, TypeAdapter

from bureaus.exercises import homes
from bureaus.exercises.catalogue import operation
from bureaus.exercises.plan import make_plan
from bureaus.sandbox.postgres import USER, Postgres
from bureaus.sandbox.process import LOOPBACK, Process
from tests.integration.compose import Compose, ComposeBroker
from tools.repo_files import ROOT

pytestmark = [pytest.mark.timeout(300), pytest.mark.broker, pytest.mark.postgres, pytest.mark.slow]

OBJECT: Final = TypeAdapter(dict[str, JsonValue])
RABBITMQ, POSTGRES, GATEWAY = 999, 999, 10001
REGISTRY: Final = ROOT / "deploy" / "compose" / "registry.sql"
GATEWAYS: Final = ("gateway-1", "gateway-2")


def ran(compose: Compose, service: str, command: Sequence[str] = (), *more: str) -> str:
    """Run a command in a service, its own one if none is given: what it printed."""
    done = subprocess.run(
        [*(command or compose.command(service)), *more],
        env=compose.environment(service),
        cwd=compose.working_folder(service),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        text=True,
        timeout=180,
    )
    assert done.returncode == 0, f"{service}: {done.stdout}{done.stderr}"
    return done.stdout


def contents(folder: Path) -> dict[str, str]:
    """Every file below a folder, and its bytes' hash."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def check_rights(compose: Compose) -> None:
    """Whether private files are their one user's alone, and public ones are public."""
    private = {
        "broker": (("server.key",), RABBITMQ),
        "gateway-secrets": (("passphrase", "database-password"), GATEWAY),
        "authority-passphrase": (("passphrase",), 0),
        "secretariat": (("link.key", "bureau.db"), GATEWAY),
        "registry-secret": (("password",), GATEWAY),
        "database-secret": (("registry-password",), POSTGRES),
        "exercise": (("homes/BR/link.key", "homes/BR/bureau.db"), GATEWAY),
        "gateway": (("keys/log.pem", "keys/acceptance.pem", "keys/tls.pem"), GATEWAY),
        "authority": (("keys/authority-1.pem", "keys/ca.pem"), 0),
    }
    for volume, (names, owner) in private.items():
        for name in names:
            seen = (compose.volume(volume) / name).stat()
            assert stat.S_IMODE(seen.st_mode) & 0o077 == 0, name
            assert seen.st_uid == (owner if os.geteuid() == 0 else os.geteuid()), name
    assert {path.name: stat.S_IMODE(path.stat().st_mode) for path in compose.volume("network").iterdir()} == {
        "network.bn": 0o644,
        "ca.pem": 0o644,
        "directory.cbor": 0o644,
    }
    for name in ("log", "acceptance", "current", "tls"):
        assert (compose.volume("gateway") / "keys" / f"{name}.pem").read_text().startswith("-----BEGIN ENCRYPTED")


@asynccontextmanager
async def serving(compose: Compose, logs: Path) -> AsyncIterator[None]:
    """Both gateways, until their own healthchecks are content; afterwards each ended in good order."""
    started = {}
    try:
        for name in GATEWAYS:
            compose.mount(name)
            gateway = Process(
                name, compose.command(name), log=logs / f"{name}.log", environment=compose.environment(name)
            )
            gateway.start()
            started[name] = gateway
        for name, gateway in started.items():
            await gateway.ready(partial(healthy, compose, name), within=60)
        yield
        assert [await gateway.stop() for gateway in started.values()] == [0, 0]
    finally:
        for gateway in started.values():
            if gateway.running:
                await gateway.kill()


async def healthy(compose: Compose, service: str) -> bool:
    """Whether a service's own check says so."""
    check = await asyncio.create_subprocess_exec(
        *compose.healthcheck(service), env=compose.environment(service), stderr=asyncio.subprocess.DEVNULL
    )
    return await check.wait() == 0


async def exercised(compose: Compose, *more: str) -> dict[str, JsonValue]:
    """Run the exercise service's command on a slice: its report."""
    size = ("--targets", "6", "--bureaus", "6", "--json", *more)
    return OBJECT.validate_json(await asyncio.to_thread(ran, compose, "exercise", (), *size))


def test_an_init_that_was_cut_off_is_not_taken_for_done(tmp_path: Path) -> None:
    compose = Compose(tmp_path / "srv")
    (compose.volume("authority") / "begun").touch()
    done = subprocess.run(compose.command("init"), env=compose.environment("init"), check=False, capture_output=True)
    assert done.returncode == 1
    assert b"docker compose down --volumes" in done.stderr
    assert contents(compose.volume("gateway")) == {}


async def test_the_compose_files_commands_make_a_network_and_run_an_exercise_on_it(tmp_path: Path) -> None:
    compose = Compose(tmp_path / "srv")
    broker = ComposeBroker(compose)
    compose.places["broker:5671"] = f"{LOOPBACK}:{broker.port}"
    ran(compose, "init")
    assert "done before" in ran(compose, "init")
    check_rights(compose)
    members = make_plan(operation("infra-sa-2011")).seats
    gateways = {(await homes.enrolled(compose.volume("exercise") / "homes", seat.address)).gateway for seat in members}
    assert len(gateways) == len(GATEWAYS)

    database = compose.services["database"].environment
    assert (database["POSTGRES_USER"], database["POSTGRES_PASSWORD_FILE"]) == (USER, "/srv/database/password")
    async with Postgres((compose.volume("database-secret") / "password").read_text()) as postgres:
        await postgres.create_database(database["POSTGRES_DB"])
        await make_registry(compose, postgres)
        compose.places["database:5432"] = f"{LOOPBACK}:{postgres.port}"
        compose.mount("load")
        ran(compose, "load")
        before = {name: contents(compose.volume(name)) for name in ("gateway", "gateway-secrets", "network", "broker")}
        ran(compose, "load")
        compose.mount("broker")
        port = broker.port
        async with broker:
            assert broker.port == port
            async with serving(compose, tmp_path):
                await check_exercise(compose)
                await check_secretariat(compose, postgres, tmp_path)
        assert {name: contents(compose.volume(name)) for name in before} == before
        for state in ("state-1", "state-2"):
            assert (compose.volume(state) / "high-water").is_file()


async def check_exercise(compose: Compose) -> None:
    """The exercise twice, and the operators' record of both."""
    compose.mount("exercise")
    first = await exercised(compose)
    again = await exercised(compose, "--seed", "7", "--out", "again")
    for report in (first, again):
        assert (report["ok"], report["faults"]) == (True, [])
    about = TypeAdapter(dict[str, JsonValue]).validate_python(first["exercise"])
    assert about["link"] == "amqp"
    ran(compose, "gateway-1", compose.told("gateway-1"))
    record = compose.volume("state-1") / "infra-sa-2011.record"
    out = compose.working_folder("exercise") / "again"
    verify = ("bureaunet", "verify", str(record), "--network", str(out / "network.bn"))
    said = OBJECT.validate_json(ran(compose, "exercise", verify, "--receipts", str(out / "receipts.cborseq"), "--json"))
    assert (said["ok"], said["missing"]) == (True, {})
    counted = [TypeAdapter(dict[str, int]).validate_python(report["messages"]) for report in (first, again)]
    assert said["messages"] == sum(sum(kinds.values()) for kinds in counted)


async def make_registry(compose: Compose, postgres: Postgres) -> None:
    """What the database server runs once by itself: its file of SQL, with the password that `init` made."""
    assert f"./{REGISTRY.relative_to(ROOT)}:/docker-entrypoint-initdb.d/{REGISTRY.name}:ro" in (
        compose.services["database"].volumes
    )
    password = (compose.volume("registry-secret") / "password").read_text("utf-8")
    assert (compose.volume("database-secret") / "registry-password").read_text("utf-8") == password
    read = "pg_read_file('/srv/database/registry-password')"
    said = REGISTRY.read_text("utf-8")
    assert said.count(read) == 1
    connection = await asyncpg.connect(postgres.url_of("bureaunet").replace("+asyncpg", ""))
    try:
        for statement in said.replace(read, f"'{password}'").rstrip(";\n").split(";\n"):
            await connection.execute(statement)
    finally:
        await connection.close()


async def check_secretariat(compose: Compose, postgres: Postgres, logs: Path) -> None:
    """The secretariat with its own volume and its own database, in which the gateways' role has nothing to do."""
    compose.mount("secretariat")
    log = logs / "secretariat.log"
    secretariat = Process(
        "secretariat", compose.command("secretariat"), log=log, environment=compose.environment("secretariat")
    )
    secretariat.start()
    try:

        async def ready() -> bool:
            return '{"event": "ready", "address": "IPSG", "operation": "ipsg-services"' in log.read_text("utf-8")

        await secretariat.ready(ready, within=60)
        assert await secretariat.stop() == 0
    finally:
        if secretariat.running:
            await secretariat.kill()
    password = (compose.volume("registry-secret") / "password").read_text("utf-8")
    registry = f"postgresql://registry:{password}@{LOOPBACK}:{postgres.port}"
    connection = await asyncpg.connect(f"{registry}/registry")
    try:
        assert await connection.fetchval("SELECT count(*) FROM notice_request") == 0
    finally:
        await connection.close()
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await asyncpg.connect(f"{registry}/bureaunet")
