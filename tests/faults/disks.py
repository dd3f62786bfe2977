"""Faults of disks: none left under SQLite, PostgreSQL or a bureau's store, and the broker's two alarms.

A small disk is a tmpfs of our own, mounted below the fault's folder, which takes root; without root these faults say
that they cannot run, and count as wrong.
"""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Final

from bureaus.sandbox.postgres import Postgres
from schemas.errors import Misuse
from schemas.identity import Address
from tests.faults.fault import Fault, Strike
from tests.faults.scene import Scene, Setting

SMALL: Final = 1536
"""MiB of a small disk: enough for the load, and soon full."""
BUREAU: Final = Address("BR")
"""Whose store is on a small disk."""
_CHUNK: Final = bytes(1 << 20)


class SmallDisk:
    """A tmpfs of `SMALL` MiB at `place`."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self._junk = place / "junk"

    def mount(self, owner: tuple[int, int] = (0, 0)) -> None:
        """Mount it. Raises Misuse without root."""
        if os.geteuid() != 0:
            raise Misuse("a full disk is tried on a small tmpfs, which only root mounts")
        self.place.mkdir(parents=True, exist_ok=True)
        options = f"size={SMALL}m,mode=0700,uid={owner[0]},gid={owner[1]}"
        command = ["mount", "-t", "tmpfs", "-o", options, "bureaunet-faults", str(self.place)]
        subprocess.run(command, check=True)

    def unmount(self) -> None:
        """Take it away, whoever still uses it."""
        subprocess.run(["umount", "--lazy", str(self.place)], check=False)

    async def fill(self) -> None:
        """Leave not a byte, also of what is freed meanwhile, until `free`."""
        await asyncio.to_thread(self._fill)

    def _fill(self) -> None:
        with self._junk.open("ab", buffering=0) as file:
            for chunk in (_CHUNK, bytes(4096)):
                with suppress(OSError):  # no space left: what is wanted
                    while file.write(chunk) == len(chunk):
                        pass

    def free(self) -> None:
        """Give the room back."""
        self._junk.unlink(missing_ok=True)


class SmallHome(Scene):
    """The embedded gateway's home is on a small disk."""

    disk: SmallDisk

    def make_home(self) -> Path:
        """On the disk."""
        self.disk = SmallDisk(self.folder / "disk")
        self.disk.mount()
        self._stack.callback(self.disk.unmount)
        return self.ground.copy_gateway(self.disk.place / "gateway")


class SmallPostgres(Postgres):
    """Its data are on a small disk."""

    disk: SmallDisk

    async def _make_cluster(self, binaries: Path, folder: Path) -> None:
        self.disk = SmallDisk(folder / "data")
        account = self._account
        self.disk.mount((0, 0) if account is None else (account.uid, account.gid))
        await super()._make_cluster(binaries, folder)

    async def _close(self) -> None:
        if self._process is not None and self._process.running:
            await self.stop()
        if self._folder is not None:
            self.disk.unmount()
        await super()._close()


class SmallDatabase(Scene):
    """PostgreSQL is on a small disk."""

    def make_postgres(self) -> Postgres:
        """On the disk."""
        return SmallPostgres()


class SmallStore(Scene):
    """One bureau's store is on a small disk."""

    disk: SmallDisk

    def make_home(self) -> Path:
        """The gateways' is not."""
        self.disk = SmallDisk(self.folder / "disk")
        self.disk.mount()
        self._stack.callback(self.disk.unmount)
        return super().make_home()

    def bureau_home(self, address: Address) -> Path:
        """On the disk, for one of them."""
        return self.disk.place / address if address == BUREAU else super().bureau_home(address)


async def _full(strike: Strike, disk: SmallDisk) -> None:
    """Full for some seconds, and what is freed meanwhile is taken again."""
    for _ in range(strike.dice.randint(8, 16)):
        await disk.fill()
        await asyncio.sleep(0.5)
    strike.say("there is room again")
    disk.free()


async def _full_home(strike: Strike) -> None:
    assert isinstance(strike.scene, SmallHome)
    await _full(strike, strike.scene.disk)
    gateway = strike.scene.gateways[0]
    if not gateway.running:
        await gateway.start_patiently()


async def _full_postgres(strike: Strike) -> None:
    server = strike.scene.postgres
    assert isinstance(server, SmallPostgres)
    await _full(strike, server.disk)
    if not server.process.running:
        strike.say("PostgreSQL had ended: starting it")
        await server.start()


async def _full_store(strike: Strike) -> None:
    assert isinstance(strike.scene, SmallStore)
    await _full(strike, strike.scene.disk)


async def _memory_alarm(strike: Strike) -> None:
    broker = strike.scene.broker
    await broker.ctl("set_vm_memory_high_watermark", "absolute", "1MB")
    await strike.rest(6.0, 12.0)
    strike.say("the alarm is over")
    await broker.ctl("set_vm_memory_high_watermark", "0.4")


async def _disk_alarm(strike: Strike) -> None:
    broker = strike.scene.broker
    await broker.ctl("set_disk_free_limit", "100000GB")
    await strike.rest(6.0, 12.0)
    strike.say("the alarm is over")
    await broker.ctl("set_disk_free_limit", "50MB")


def _embedded(_dice: random.Random, _count: int) -> Setting:
    return Setting(embedded=True)


FAULTS: Final = (
    Fault("memory-alarm", "disk", "the broker's memory alarm", _memory_alarm),
    Fault("disk-alarm", "disk", "the broker's disk alarm", _disk_alarm),
    Fault("sqlite-full", "disk", "a full disk under SQLite", _full_home, _embedded, scene=SmallHome, embedded=True),
    Fault("postgres-full", "disk", "a full disk under PostgreSQL", _full_postgres, scene=SmallDatabase),
    Fault("store-full", "disk", "a full disk under a bureau's store", _full_store, scene=SmallStore),
)
