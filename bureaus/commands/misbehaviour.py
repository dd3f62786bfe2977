"""`bureaunet misbehaviour`: whether a file proves that somebody signed two things that cannot both be true."""

from __future__ import annotations

from pathlib import Path

import click

from bureaus.auditor import pinned
from bureaus.commands.shared import Row, emit, json_option, read_file
from schemas.errors import Malformed, Untrusted
from schemas.misbehaviour import Finding, Word, verify_misbehaviour

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command(short_help="Check a proof that somebody misbehaved, offline.")
@click.argument("file", type=_FILE)
@click.option("--network", type=_FILE, required=True, help="The network file that you pinned out of band.")
@json_option
@click.pass_context
def misbehaviour(ctx: click.Context, file: Path, network: Path, *, as_json: bool) -> None:
    """Check a proof of misbehaviour with nothing but the network file that you pinned, and say what happened.

    Every bureau writes such a file into its folder when the ledger shows it two histories, when entries were lost, or
    when there are two directories under one number. Exit 0: the file proves it; 1: it proves nothing; 2: it was used
    wrongly.

    \b
    Example:
      bureaunet misbehaviour fr/misbehaviour-0123456789abcdef.bn --network network.bn
    """  # noqa: D301  # click's \b keeps the lines of the example
    data, known = read_file(file), pinned(network)
    try:
        found = verify_misbehaviour(data, known)
    except (Malformed, Untrusted) as error:
        row: Row = {"proven": False, "reason": str(error.reason), "detail": error.detail}
        emit(row, f"PROVES NOTHING: {error.detail} ({error.reason})", as_json=as_json)
        ctx.exit(1)
    emit(_row(found), "\n".join((f"PROVEN: {found.contradiction}", *found.words())), as_json=as_json)


def _row(found: Finding) -> Row:
    return {
        "proven": True,
        "contradiction": str(found.contradiction),
        "accused": list(found.accused),
        "certain": found.certain,
        "words": list(found.words()),
        "statements": [_word(found.first), _word(found.second)],
    }


def _word(word: Word) -> Row:
    return {
        "source": str(word.source),
        "by": word.by,
        "time": word.time,
        "size": None if word.head is None else word.head.size,
        "root": None if word.head is None else word.head.root.hex(),
        "version": None if word.version is None else word.version[0],
        "hash": None if word.version is None else word.version[1].hex(),
        "cosigners": sorted(word.cosigners),
    }
