"""The broker's administrator changes what the directory says: `broker check` shows it, and mends it only when told.

The changes are made one after another on the live broker, around BO, which sends nothing; after each the command
compares. All of it runs once, beside the other plays, since rabbitmqctl is slow; what each showed is kept.
"""

from __future__ import annotations

import asyncio
import json
import shlex
import sys
from asyncio.subprocess import PIPE
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from bureaus.sandbox.rabbitmq import PROGRAMS
from schemas.codes import Urgency
from schemas.identity import Address
from schemas.wire import EXCHANGE_DELIVER, QUEUE_DEAD, inbox_queue
from tests.adversary.scene import Scene
from tests.adversary.table import CHECK, Seen, play

_BO: Final = Address("BO")
_SPY: Final = {
    "queues": [{"name": "spy", "vhost": "/", "durable": True, "auto_delete": False, "arguments": {}}],
    "bindings": [
        {
            "source": EXCHANGE_DELIVER,
            "vhost": "/",
            "destination": "spy",
            "destination_type": "queue",
            "routing_key": inbox_queue(_BO, Urgency.ROUTINE),
            "arguments": {},
        }
    ],
}
"""A queue that gets a copy of all that is for BO."""
_CHANGES: Final[Mapping[str, tuple[str, ...]]] = {
    "broker-extra-user": ("add_user", "spy", "spy"),
    "broker-wider-permission": ("set_permissions", "BO", "^$", ".*", ".*"),
    "broker-changed-policy": (
        "set_policy",
        "bureaunet-dead",
        f"^{QUEUE_DEAD}$",
        '{"max-length": 1}',
        "--apply-to",
        "queues",
    ),
    "broker-removed-queue": ("delete_queue", inbox_queue(_BO, Urgency.URGENT)),
    "broker-extra-binding": ("import_definitions", "SPY"),
}
PRINTED: Final[list[str]] = []
"""What the command printed, for the summary of the run."""


class Campaign:
    """All changes, made once."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self.shown: dict[str, Seen] = {}
        self._ctl = scene.folder / "ctl"
        self._definitions = scene.folder / "spy.json"

    async def run(self) -> dict[str, Seen]:
        """Make them, compare after each, mend."""
        self._definitions.write_text(json.dumps(_SPY))
        given = " ".join(f"{name}={shlex.quote(value)}" for name, value in self._scene.broker.environment.items())
        self._ctl.write_text(f'#!/bin/sh\nexec env -i {given} {PROGRAMS / "rabbitmqctl"} "$@"\n')
        self._ctl.chmod(0o700)
        before: set[str] = set()
        untouched = True  # what was found once is found again: looking mended nothing
        for name, change in _CHANGES.items():
            await self._scene.broker.ctl(*(str(self._definitions) if word == "SPY" else word for word in change))
            found = await self._check()
            untouched = untouched and before <= found
            new = sorted({line.partition(' "')[0] for line in found - before})
            PRINTED.extend(f"{name}: {line}" for line in sorted(found - before))
            self.shown[name] = Seen(", ".join(new) or "nothing", CHECK)
            before = found
        mended = await self._check("--repair")
        PRINTED.append(f"broker check --repair: {len(before)} differences before it, {len(mended)} after it")
        got = "repaired" if untouched and not mended else "left"
        self.shown["broker-drift-mended-untold"] = Seen(got, CHECK)
        return self.shown

    async def _check(self, *arguments: str) -> set[str]:
        """The differences that `broker check` prints, a line each; its exit code says whether there are any."""
        options: list[str | Path] = ["--home", self._scene.home, "--ctl", self._ctl, "--json", *arguments]
        command = [sys.executable, "-m", "gateway", "broker", "check", *options]
        process = await asyncio.create_subprocess_exec(*command, stdout=PIPE, env=self._scene.environment)
        printed, _ = await process.communicate()
        rows = json.loads(printed)["differences"]
        assert bool(process.returncode) == bool(rows)
        return {f"{row['kind']} {row['section']} {' '.join(map(json.dumps, row['name']))}" for row in rows}


_campaigns: Final[dict[Path, asyncio.Task[dict[str, Seen]]]] = {}


async def _shown(scene: Scene, name: str) -> Seen:
    if scene.folder not in _campaigns:
        _campaigns[scene.folder] = asyncio.create_task(Campaign(scene).run())
    return (await asyncio.shield(_campaigns[scene.folder]))[name]


@play
async def broker_extra_user(scene: Scene) -> Seen:
    return await _shown(scene, "broker-extra-user")


@play
async def broker_wider_permission(scene: Scene) -> Seen:
    return await _shown(scene, "broker-wider-permission")


@play
async def broker_changed_policy(scene: Scene) -> Seen:
    return await _shown(scene, "broker-changed-policy")


@play
async def broker_removed_queue(scene: Scene) -> Seen:
    return await _shown(scene, "broker-removed-queue")


@play
async def broker_extra_binding(scene: Scene) -> Seen:
    return await _shown(scene, "broker-extra-binding")


@play
async def broker_drift_mended_untold(scene: Scene) -> Seen:
    return await _shown(scene, "broker-drift-mended-untold")
