"""`authority policy`: who witnesses the ledger."""

from __future__ import annotations

from pathlib import Path

import click

from gateway.commands.authority import DISHONEST, HOME, PASSPHRASE, WITNESS, show_made
from gateway.commands.shared import json_option, now_seconds
from schemas.errors import Misuse
from schemas.identity import Address


@click.command()
@HOME
@WITNESS
@DISHONEST
@click.option("--quorum", default=0, help="How many must sign; the least that holds unless said otherwise.")
@click.option("--none", "nobody", is_flag=True, help="Nobody witnesses: the log's word stands alone.")
@PASSPHRASE
@json_option
def policy(home: Path, witnesses: tuple[str, ...], *, dishonest: int, quorum: int, nobody: bool, as_json: bool) -> None:
    """Name the bureaus that witness the ledger, in a new version of the directory.

    Each checkpoint then needs the signatures of a quorum of them, more than (witnesses + dishonest) / 2, so that the
    gateway cannot show two histories while no more are dishonest than said; receipts are provisional until then. All
    of them are named each time; a witness' key is the one in its last approved request.

    \b
    Example:
      bureaunet-gateway authority policy --home authority --witness AR --witness BR --witness CL \\
          --witness FR --witness PE --dishonest 1
      bureaunet-gateway participant load --home gw authority/directory.cbor
    """  # noqa: D301  # click's \b keeps the lines of the example
    from gateway.authority import Authority, Witnessing  # noqa: PLC0415  # keeps --help quick

    if bool(witnesses) == nobody:
        raise Misuse("name the witnesses with --witness, or say --none")
    named = Witnessing(tuple(map(Address.parse, witnesses)), dishonest, quorum)
    show_made(Authority(home).name_witnesses(named, now_seconds()), as_json=as_json)
