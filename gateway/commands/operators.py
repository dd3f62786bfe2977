"""`operator` and `request`: two people for what changes trust."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

import click

from gateway.commands.authority import FILE, HOME, PASSPHRASE
from gateway.commands.shared import (
    emit,
    grouped,
    home_option,
    json_option,
    no_passphrase_option,
    now_seconds,
    passphrase_options,
    read_file,
)
from schemas.errors import Misuse

_FOLDER = click.Path(path_type=Path, file_okay=False)
_OUT = click.Path(path_type=Path, dir_okay=False)
_OWN = passphrase_options("BUREAUNET_OPERATOR_PASSPHRASE_FILE")
_OPERATOR_HOME = click.option("--home", type=_FOLDER, required=True, help="The operator's own folder.")
_NETWORK = click.option("--network", type=FILE, required=True, help="The network file.")
_SUBJECT = click.option("--subject", type=FILE, help="The file that it is about.")
_HASH = click.option("--sha256", "said", metavar="HEX", help="Its SHA-256, in place of the file.")


@click.group()
def operator() -> None:
    """Who may sign for what changes trust. Once the authority has listed operators, it takes two of them."""


@operator.command("key")
@_OPERATOR_HOME
@click.option("--name", required=True, help="The operator's name or number, as the authority knows it.")
@_OWN
@no_passphrase_option
@json_option
def key(home: Path, name: str, *, as_json: bool) -> None:
    """Make an operator's key, on the operator's own machine, and the card that goes to the authority.

    \b
    Example:
      bureaunet-gateway operator key --home ada --name "duty officer 2"
    """  # noqa: D301  # click's \b keeps the lines of the example
    from gateway import passphrase, two_people  # noqa: PLC0415  # keeps --help quick

    made = two_people.new_operator(home, name, passphrase.new(f"the operator in {home}"))
    card = home / two_people.CARD_FILE
    text = f"{card} is for the authority. Read this to it:\n  {grouped(made.key.key_id)}"
    emit({"card": str(card), "key": made.key.key_id.hex()}, text, as_json=as_json)


@operator.command("install")
@home_option
@click.argument("operators", type=FILE)
@json_option
def install(home: Path, operators: Path, *, as_json: bool) -> None:
    """Take the authority's list of operators into a gateway: from then on it takes two people.

    Each list has a version, one more than the list before: an older one is not taken again.

    \b
    Example:
      bureaunet-gateway operator install authority/operators.cbor --home gw
    """  # noqa: D301  # click's \b keeps the lines of the example
    import asyncio  # noqa: PLC0415  # keeps --help quick

    from gateway import two_people  # noqa: PLC0415  # as above
    from gateway.app import open_records  # noqa: PLC0415  # as above

    async def taken() -> two_people.Operators:
        async with open_records(home) as records:
            await records.statements.refresh()
            holders = records.statements.trust.directory.holders
            data = read_file(operators)
            return await two_people.install(home, records.store, records.clock, data, records.network, holders)

    made = asyncio.run(taken())
    rows = [{"name": one.name, "key": one.key.key_id.hex()} for one in made.operators]
    lines = [f"{one.name:<24} {grouped(one.key.key_id)}" for one in made.operators]
    text = "\n".join([*lines, f"{made.needed} of them sign for what changes trust"])
    emit({"operators": rows, "needed": made.needed}, text, as_json=as_json)


@click.command("operators")
@HOME
@click.argument("cards", nargs=-1, required=True, type=FILE)
@click.option("--needed", type=click.IntRange(2), default=2, show_default=True, help="How many sign each request.")
@PASSPHRASE
@json_option
def list_operators(home: Path, cards: tuple[Path, ...], needed: int, *, as_json: bool) -> None:
    """Say who the operators of a gateway are, in place of any list before.

    \b
    Example:
      bureaunet-gateway authority operators ada/operator.cbor bo/operator.cbor --home authority
    """  # noqa: D301  # click's \b keeps the lines of the example
    from gateway import keyfiles, two_people  # noqa: PLC0415  # keeps --help quick
    from gateway.authority import Authority  # noqa: PLC0415  # as above

    ours = Authority(home)
    directory = ours.directory()
    office = (None if directory is None else directory.holders) or ours.network.holders
    path, read = home / two_people.LIST_FILE, [read_file(card) for card in cards]
    version = two_people.claimed_version(keyfiles.read(path)) + 1 if path.exists() else 1
    signed = two_people.sign_list(read, needed, ours.signers(office), ours.network, version)
    two_people.read_list(signed, ours.network, office)
    keyfiles.write_public(path, signed)
    row = {"operators": str(path), "version": version}
    emit(row, f"signed  {path}, version {version}", as_json=as_json)


@click.group()
def request() -> None:
    """Requests that two operators sign, each in a folder of their own, before a command acts on them."""


@request.command("make")
@_OPERATOR_HOME
@_NETWORK
@click.argument("act", type=click.Choice(["directory.load/1", "quarantine.discard/1", "content.erase/1"]))
@_SUBJECT
@_HASH
@click.option("--out", type=_OUT, required=True, help="Where the request goes.")
@_OWN
@json_option
def make(
    home: Path, network: Path, act: str, subject: Path | None, said: str | None, out: Path, *, as_json: bool
) -> None:
    """Make a request for an act on a file, with the first signature.

    \b
    Example:
      bureaunet-gateway request make directory.load/1 --subject directory-2.cbor --network network.bn \\
          --home ada --out request.cbor
    """  # noqa: D301  # click's \b keeps the lines of the example
    from gateway import keyfiles, two_people  # noqa: PLC0415  # keeps --help quick
    from schemas.network import read_network  # noqa: PLC0415  # as above

    digest = _subject(subject, said)
    asked = two_people.Request(two_people.Act(act), digest, now_seconds())
    keyfiles.write_public(out, two_people.sign_request(home, asked, read_network(read_file(network))))
    emit(
        {"request": str(out), "act": act, "subject": digest.hex()},
        f"{out}: {act} of {grouped(digest)}",
        as_json=as_json,
    )


@request.command("approve")
@_OPERATOR_HOME
@_NETWORK
@click.argument("asked", metavar="REQUEST", type=FILE)
@_SUBJECT
@_HASH
@click.option("--yes", is_flag=True, help="Do not ask.")
@_OWN
@json_option
def approve(
    home: Path, network: Path, asked: Path, subject: Path | None, said: str | None, *, yes: bool, as_json: bool
) -> None:
    """Look at another operator's request, and add a signature to it.

    \b
    Example:
      bureaunet-gateway request approve request.cbor --subject directory-2.cbor --network network.bn --home bo
      bureaunet-gateway participant load directory-2.cbor --request request.cbor --home gw
    """  # noqa: D301  # click's \b keeps the lines of the example
    from gateway import keyfiles, two_people  # noqa: PLC0415  # keeps --help quick
    from schemas.network import read_network  # noqa: PLC0415  # as above

    before = read_file(asked)
    claimed = two_people.claimed(before)
    if claimed.subject != _subject(subject, said):
        raise Misuse(f"{asked} is not about {subject or said}")
    click.echo(f"{claimed.act} of {grouped(claimed.subject)}", err=True)
    if not yes:
        click.confirm("sign it?", abort=True, err=True)
    keyfiles.write_public(asked, two_people.sign_request(home, claimed, read_network(read_file(network)), before))
    emit({"request": str(asked)}, f"signed  {asked}", as_json=as_json)


def _subject(file: Path | None, said: str | None) -> bytes:
    """SHA-256 of what a request is about.

    Raises:
        Misuse: neither a file nor a SHA-256 is given, or both, or it is none.
    """
    if (file is None) is (said is None):
        raise Misuse("say what it is about: --subject FILE, or --sha256 HEX")
    if file is not None:
        return hashlib.sha256(read_file(file)).digest()
    try:
        found = bytes.fromhex(said or "")
    except ValueError:
        found = b""
    if len(found) != hashlib.sha256().digest_size:
        raise Misuse("a SHA-256 is 64 hexadecimal digits")
    return found


REQUEST_OPTION: Final = click.option(
    "--request", "asked", type=FILE, help="Two operators' request for this, where the authority has listed operators."
)
