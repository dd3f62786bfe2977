"""`broker provision` and `broker check` on a live broker: what differs is printed, and mended only when told."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import TypedDict

import pytest
import pytest_asyncio

from bureaus.sandbox.process import run
from bureaus.sandbox.rabbitmq import PROGRAMS, Broker
from gateway.authority import Authority
from gateway.certificates import make_csr
from gateway.commands.shared import now_seconds
from gateway.service import complete_service, make_service
from schemas.directory import Link, ParticipantKind
from schemas.enrolment import Request, sign_request
from schemas.errors import Unavailable
from schemas.identity import Address
from schemas.keys import SealingKey, SigningKey
from tests.broker_scene import BrokerScene
from tests.conftest import BrokerFactory

pytestmark = [
    pytest.mark.broker,
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.asyncio(loop_scope="module"),
]


class Row(TypedDict):
    """One difference, as the command prints it."""

    kind: str
    section: str
    name: list[str]
    fields: list[str]


class Scene:
    """A gateway's home whose directory has two bureaus on the broker, and a broker that knows nothing of them."""

    def __init__(self, folder: Path, broker: Broker) -> None:
        self.folder, self.broker = folder, broker
        self.home = folder / "gw"
        self.ctl = folder / "ctl"
        environment = " ".join(f"{name}={shlex.quote(value)}" for name, value in broker.environment.items())
        self.ctl.write_text(f'#!/bin/sh\nexec env -i {environment} {PROGRAMS / "rabbitmqctl"} "$@"\n')
        self.ctl.chmod(0o700)

    async def found(self) -> None:
        now = now_seconds()
        service = make_service(self.home, "log.test", [], now)
        authority = Authority.create(self.folder / "authority", service.encode(), "Test", now, exercise=True)
        made = authority.approve([_request("FR", now), _request("KE", now)], now)
        given = ("network.bn", "certificates/gateway.pem", "ca.pem")
        complete_service(self.home, *((authority.home / name).read_bytes() for name in given))
        await self.command("participant", "load", "--home", self.home, made.directory)

    async def command(self, *arguments: str | Path) -> str:
        environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(Path.cwd()), "LANG": "C.UTF-8"}
        return await run([sys.executable, "-m", "gateway", *arguments], environment=environment, within=120)

    async def differences(self, *arguments: str) -> list[Row]:
        """What `broker ARGUMENTS` prints, with an exit code that says whether it is anything."""
        report = self.folder / "report.json"
        script = f"{shlex.join([sys.executable, '-m', 'gateway', 'broker', *arguments])} "
        script += f"--home {self.home} --ctl {self.ctl} --json > {report}"
        environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(Path.cwd()), "LANG": "C.UTF-8"}
        failed = False
        try:
            await run(["/bin/sh", "-c", script], environment=environment, within=120)
        except Unavailable:
            failed = True
        rows: list[Row] = json.loads(report.read_text())["differences"]
        assert failed == bool(rows)
        return rows


def _request(code: str, now: int) -> bytes:
    from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key  # noqa: PLC0415

    signing, sealing = SigningKey.generate(), SealingKey.generate()
    csr, keys = make_csr(generate_private_key(SECP256R1()), code), (signing.public, sealing.public)
    kind = ParticipantKind.NATIONAL_BUREAU
    return sign_request(Request(Address(code), kind, code, Link.AMQP, *keys, (), csr, now), signing)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene(tmp_path_factory: pytest.TempPathFactory, broker_factory: BrokerFactory) -> Scene:
    folder = tmp_path_factory.mktemp("check")
    other = BrokerScene.make(folder)
    empty = folder / "empty.json"
    empty.write_text('{"vhosts": [{"name": "/"}], "users": []}')
    made = Scene(folder, await broker_factory(empty, other.server))
    await made.found()
    return made


async def test_a_broker_is_provisioned_checked_and_mended_only_when_told(scene: Scene) -> None:
    missing = await scene.differences("check")
    assert {row["kind"] for row in missing} == {"missing"}
    assert await scene.differences("provision") == []
    assert await scene.differences("check") == []

    ctl = scene.broker.ctl
    await ctl("set_permissions", "FR", "", ".*", ".*")
    await ctl("add_user", "guest", "guest")
    await ctl("set_permissions", "guest", ".*", ".*", ".*")
    await ctl("clear_policy", "bureaunet-probe")
    await ctl("delete_queue", "inbox.KE")
    spy = {
        "queues": [{"name": "spy", "vhost": "/", "durable": True, "auto_delete": False, "arguments": {}}],
        "exchanges": [
            {
                "name": 'x">>).',
                "vhost": "/",
                "type": "fanout",
                "durable": True,
                "auto_delete": False,
                "internal": False,
                "arguments": {},
            }
        ],
        "bindings": [
            {
                "source": "deliver",
                "vhost": "/",
                "destination": "spy",
                "destination_type": "queue",
                "routing_key": "inbox.FR",
                "arguments": {},
            }
        ],
    }
    path = scene.folder / "spy.json"
    path.write_text(json.dumps(spy))
    await ctl("import_definitions", str(path))

    expected = [
        ("extra", "users", "guest"),
        ("changed", "permissions", "FR"),
        ("extra", "permissions", "guest"),
        ("missing", "policies", "bureaunet-probe"),
        ("extra", "exchanges", 'x">>).'),
        ("missing", "queues", "inbox.KE"),
        ("extra", "queues", "spy"),
        ("missing", "bindings", "deliver"),
        ("extra", "bindings", "deliver"),
    ]
    for _ in range(2):  # looking changes nothing
        found = await scene.differences("check")
        assert sorted(
            (row["kind"], row["section"], row["name"][-1 if len(row["name"]) < 3 else 1]) for row in found
        ) == (sorted(expected))
    assert await scene.differences("check", "--repair") == []
    assert await scene.differences("check") == []
