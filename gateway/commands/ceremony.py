"""`authority hand-out`, `sign-part`, `join`: the authority's signatures made apart, by holders who never meet."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

from gateway.commands.authority import FILE, HOME, PASSPHRASE
from gateway.commands.shared import emit, json_option, no_passphrase_option, read_file
from schemas.errors import Misuse

_FOLDER = click.Path(path_type=Path, file_okay=False)


@click.command("hand-out")
@HOME
@click.option("--number", type=click.IntRange(1), required=True, help="Which key: N of keys/authority-N.pem.")
@click.option("--to", type=_FOLDER, required=True, help="The holder's own folder, best on a medium of the holder's.")
@click.option("--holder-file", type=click.Path(path_type=Path, dir_okay=False), help="File of the holder's passphrase.")
@PASSPHRASE
@no_passphrase_option
@json_option
def hand_out(home: Path, number: int, to: Path, holder_file: Path | None, *, as_json: bool) -> None:
    """Move one of the authority's keys to its holder, under a passphrase of the holder's own.

    \b
    Example:
      bureaunet-gateway authority init --home authority --service gw/service-request.cbor --name "Example network" \\
          --keys 3 --threshold 2
      bureaunet-gateway authority hand-out --home authority --number 2 --to /media/second-holder
    """  # noqa: D301  # click's \b keeps the lines of the example
    from gateway import ceremony, passphrase  # noqa: PLC0415  # keeps --help quick
    from gateway.authority import Authority  # noqa: PLC0415  # as above

    ours = Authority(home)
    secret = passphrase.read_file(holder_file) if holder_file else passphrase.prompted(f"the holder of key {number}")
    path = ceremony.hand_out(ours, number, to, secret)
    emit({"key": str(path)}, f"key {number} is in {path}, and no longer in {home}", as_json=as_json)


@click.command("sign-part")
@click.option("--home", type=_FOLDER, required=True, help="The holder's folder.")
@click.argument("draft", type=FILE)
@click.option("--version", "versions", type=FILE, multiple=True, help="Every signed version, from the first one on.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), required=True, help="Where the part goes.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@PASSPHRASE
@json_option
def sign_part(home: Path, draft: Path, versions: tuple[Path, ...], out: Path, *, yes: bool, as_json: bool) -> None:
    """Look at a draft of the directory, and sign it with the key in the holder's folder.

    \b
    Example:
      bureaunet-gateway authority sign-part directory-2.draft --home /media/second-holder \\
          --version directory-1.cbor --out part-2.cbor
    """  # noqa: D301  # click's \b keeps the lines of the example
    from gateway import ceremony, keyfiles  # noqa: PLC0415  # keeps --help quick

    seen = ceremony.read_draft(home, read_file(draft), [read_file(path) for path in versions])
    click.echo("\n".join([f"version {seen.version.version} of the directory:", *seen.changes]), err=True)
    if not yes:
        click.confirm("sign it?", abort=True, err=True)
    parts = ceremony.sign(home, seen)
    if len(parts) != 1:
        raise Misuse("a holder's folder has one key of the authority")
    keyfiles.write_public(out, parts[0])
    row = {"version": seen.version.version, "part": str(out), "changes": [*seen.changes]}
    emit(row, f"part  {out}", as_json=as_json)


@click.command()
@HOME
@click.argument("parts", nargs=-1, required=True, type=FILE)
@json_option
def join(home: Path, parts: tuple[Path, ...], *, as_json: bool) -> None:
    """Join parts that holders signed into a version of the directory. Needs no key.

    \b
    Example:
      bureaunet-gateway authority join --home authority part-1.cbor part-2.cbor
      bureaunet-gateway participant load --home gw authority/directory.cbor
    """  # noqa: D301  # click's \b keeps the lines of the example
    from gateway import ceremony  # noqa: PLC0415  # keeps --help quick
    from gateway.authority import Authority  # noqa: PLC0415  # as above

    path = ceremony.join(Authority(home), [read_file(part) for part in parts])
    emit({"directory": str(path)}, f"signed  {path}", as_json=as_json)


COMMANDS: Final = (hand_out, sign_part, join)
