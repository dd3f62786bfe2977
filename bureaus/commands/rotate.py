"""`bureaunet rotate`: new keys for a bureau, asked for under a signature by the old one."""

from __future__ import annotations

from pathlib import Path

import click

from bureaus import enrolment, rotation
from bureaus.client import Bureau
from bureaus.commands.shared import emit, home_option, json_option, read_file, run
from bureaus.rotation import Rotation
from schemas.errors import Misuse

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command(short_help="Make new keys, asked for under a signature by the old one.")
@home_option
@click.option("--complete", is_flag=True, help="Take the link's new certificate: the second half.")
@click.option("--certificate", type=_FILE, help="With --complete: the link's new certificate (PEM).")
@click.option("--ca", type=_FILE, help="With --complete: the authority's certificate (PEM), where it is another.")
@json_option
@click.pass_context
def rotate(
    ctx: click.Context, home: Path, certificate: Path | None, ca: Path | None, *, complete: bool, as_json: bool
) -> None:
    """Make new keys for the bureau in its folder; the authority approves them as it approved the first ones.

    Nothing is lost meanwhile: old and new keys hold side by side for the days of the authority's overlap, programs take
    up the new ones by themselves, and what was sealed to the old key still opens. A program that runs rotates with
    Bureau.rotate() instead.

    \b
    Example:
      bureaunet rotate --home fr
      bureaunet-gateway authority approve fr/rotation.cbor --home authority
      bureaunet rotate --home fr --complete --certificate FR.pem
    """  # noqa: D301  # click's \b keeps the lines of the example
    if not complete:
        asked = run(ctx, lambda: _rotate(home))
        signing, sealing = (
            enrolment.fingerprint(k) for k in (asked.request.signing.key_id, asked.request.sealing.key_id)
        )
        row = {"event": "rotation", "request": str(asked.path), "signing": signing, "sealing": sealing}
        text = (
            f"{asked.path} is for the authority. Read these to it:\n  signing key  {signing}\n  sealing key  {sealing}"
        )
        emit(row, text, as_json=as_json)
        return
    if certificate is None:
        raise Misuse("--complete needs --certificate")
    pem, authority = read_file(certificate), None if ca is None else read_file(ca)
    run(ctx, lambda: rotation.complete(home, pem, authority))
    emit({"event": "rotated"}, "the link has its new certificate", as_json=as_json)


async def _rotate(home: Path) -> Rotation:
    async with Bureau.open(home) as bureau:
        return await bureau.rotate()
