"""`bureaunet disclose`: opens one message for a third party, and says first what its purpose and handling ask."""

from __future__ import annotations

import os
from pathlib import Path

import click

from bureaus import disclosing
from bureaus.client import Bureau
from bureaus.commands.shared import emit, home_option, json_option, run
from bureaus.disclosing import Opening
from schemas.errors import Misuse

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command(short_help="Open one message for a third party, who can prove what it said.")
@home_option
@click.argument("digest")
@click.option("--out", type=_FILE, required=True, help="Where the disclosure goes; only you can read the file.")
@click.option(
    "--permitted",
    is_flag=True,
    help="The sender permitted it (H1, H2), or the restrictions in the content allow it (H3).",
)
@json_option
@click.pass_context
def disclose(ctx: click.Context, home: Path, digest: str, out: Path, *, permitted: bool, as_json: bool) -> None:
    """Open the message of this DIGEST, sent or received, for a third party: a court, an oversight body.

    DIGEST is in hexadecimal, its first 8 digits or more. The file holds the signed statement, the content and its
    salt, the gateway's acceptance, and the proof that it is in the ledger: whoever has the pinned network file verifies
    all of it offline. It holds no key, and opens this one message alone.

    \b
    Example:
      bureaunet disclose 3fa9c1d2 --home fr --out message.disclosure
      bureaunet verify message.disclosure --network network.bn
    """  # noqa: D301  # click's \b keeps the lines of the example
    _check_free(out)
    hand_out(run(ctx, lambda: _open(home, digest)), out, permitted=permitted, as_json=as_json)


def _check_free(out: Path) -> None:
    if out.exists():
        raise Misuse(f"{out} is there already")


def hand_out(opening: Opening, out: Path, *, permitted: bool, as_json: bool) -> None:
    """Write the disclosure where it may be written, and say what its purpose and handling code ask.

    Raises:
        Misuse: its handling asks for a permission that nobody claims to have, or `out` is there already.
    """
    _check_free(out)
    shown = opening.shown
    if opening.restricted and not permitted:
        words = disclosing.about(shown)
        raise Misuse(f"nothing was written. {words} With the permission that it asks for, say --permitted")
    click.echo(f"warning: {disclosing.about(shown)}", err=True)
    with os.fdopen(os.open(out, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
        file.write(opening.file)
    row = {
        "event": "disclosed",
        "digest": shown.digest.hex(),
        "file": str(out),
        "from": shown.header.iss,
        "purpose": str(shown.header.purpose),
        "handling": str(shown.header.handling),
        "provisional": shown.provisional,
    }
    note = "; its proof is provisional, the quorum of witnesses has not signed" if shown.provisional else ""
    emit(row, f"{out} opens {shown.header.kind} of {shown.header.iss}, entry {shown.index}{note}", as_json=as_json)


async def _open(home: Path, name: str) -> Opening:
    async with Bureau.open(home) as bureau:
        return await bureau.disclose(name)
