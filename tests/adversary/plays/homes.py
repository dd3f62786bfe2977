"""A stolen folder whose keys are locked: without passphrase, PIN or token it speaks for nobody."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from asyncio.subprocess import PIPE, STDOUT
from pathlib import Path
from typing import Final

from bureaus import enrolment
from bureaus.client import Bureau
from gateway.authority import Authority
from gateway.service import make_service
from schemas.directory import Link
from schemas.errors import BureaunetError, Reason
from schemas.identity import Address
from tests.adversary.parties import Party
from tests.adversary.scene import Scene
from tests.adversary.table import NOBODY, Seen, play

PASSPHRASE: Final = b"the right passphrase"
WRONG: Final = b"the wrong passphrase"
MODULE: Final = Path("/usr/lib/softhsm/libsofthsm2.so")


async def _completed(home: Path, made: Authority, now: int) -> None:
    request = (home / enrolment.REQUEST).read_bytes()
    certificate = next(iter(made.approve([request], now).certificates.values()))
    await enrolment.complete(
        home,
        network=made.network.raw,
        certificate=certificate.read_bytes(),
        authority=(made.home / "ca.pem").read_bytes(),
        gateway="https://127.0.0.1:1",
    )


def _authority(folder: Path, now: int) -> Authority:
    service = make_service(folder / "gw", "log.stolen", [], now)
    return Authority.create(folder / "authority", service.encode(), "Stolen", now, exercise=False)


async def _opens(home: Path, secret: bytes) -> str:
    """What comes of it when somebody opens a home with this passphrase: its gateway is not there to be reached."""
    try:
        async with asyncio.timeout(60), Bureau.open(home, secret=lambda _: secret):
            return "opened"
    except BureaunetError as error:
        return str(error.reason)


@play
async def stolen_home(scene: Scene) -> Seen:
    """A copy of a bureau's whole folder, and another passphrase than its own."""
    folder = scene.folder / "stolen"
    await enrolment.request(folder / "GY", Address("GY"), secret=PASSPHRASE)
    await _completed(folder / "GY", _authority(folder, scene.now), scene.now)
    shutil.copytree(folder / "GY", folder / "copy")
    got = await _opens(folder / "copy", WRONG)
    assert await _opens(folder / "copy", PASSPHRASE) == Reason.UNREACHABLE, "the right one opens it"
    return Seen(got, NOBODY)


# ---- a token, in processes of their own: its module is set up once in a process


class Card:
    """A home whose signing key is in a SoftHSM token, used by the bureau's command line."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.home = folder, folder / "PA"
        for name in ("tokens", "none"):
            (folder / name).mkdir(parents=True)
            (folder / f"{name}.conf").write_text(
                f"directories.tokendir = {folder / name}\nobjectstore.backend = file\n"
            )
        for name, pin in (("pin", PASSPHRASE), ("wrong", WRONG)):
            (folder / name).write_bytes(pin)
            (folder / name).chmod(0o600)

    async def run(self, *command: str | Path, tokens: str = "tokens") -> str:
        """One command: its output on both streams."""
        environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "PYTHONPATH": str(Path.cwd()),
            "LANG": "C.UTF-8",
            "SOFTHSM2_CONF": str(self.folder / f"{tokens}.conf"),
        }
        process = await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=STDOUT, env=environment)
        printed, _ = await process.communicate()
        return printed.decode()

    async def bureaunet(self, *arguments: str | Path, pin: str = "pin", tokens: str = "tokens") -> str:
        """One command of the bureau with a PIN: what it printed."""
        command = (sys.executable, "-m", "bureaus", *arguments, "--home", self.home)
        return await self.run(*command, "--passphrase-file", self.folder / pin, tokens=tokens)


async def _card(scene: Scene, name: str) -> tuple[Card, tuple[str | Path, ...]]:
    """A bureau with a token, and the command by which a thief would have it sign."""
    card = Card(scene.folder / name)
    pin = PASSPHRASE.decode()
    await card.run("softhsm2-util", "--init-token", "--free", "--label", "PA", "--so-pin", pin, "--pin", pin)
    await card.bureaunet("enrol", "PA", "--token", "PA", "--token-module", MODULE)
    await _completed(card.home, _authority(card.folder, scene.now), scene.now)
    request = card.folder / "desk.cbor"
    request.write_bytes(Party(Address("PA/desk"), card.folder / "desk").request(scene.now, Link.HTTP))
    return card, ("authorise", request, "--out", card.folder / "signed.cbor")


def _said(printed: str) -> str:
    return next((str(reason) for reason in Reason if f"({reason})" in printed), printed)


@play
async def token_without_pin(scene: Scene) -> Seen:
    card, thief = await _card(scene, "token-without-pin")
    got = _said(await card.bureaunet(*thief, pin="wrong"))
    assert _said(await card.bureaunet(*thief)) == Reason.UNREACHABLE, "the right PIN opens it"
    return Seen(got, NOBODY)


@play
async def home_without_token(scene: Scene) -> Seen:
    """The folder and the PIN, and not the token."""
    card, thief = await _card(scene, "home-without-token")
    return Seen(_said(await card.bureaunet(*thief, tokens="none")), NOBODY)
