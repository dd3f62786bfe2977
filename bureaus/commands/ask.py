"""`bureaunet ask`: one question to other bureaus, its receipt, and the answers as they come."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final, TypedDict, Unpack

import click
from pydantic import ValidationError

from bureaus.client import Bureau
from bureaus.commands.shared import (
    attested_row,
    attested_text,
    emit,
    home_option,
    json_option,
    read_file,
    receipt_row,
    received_row,
    received_text,
    run,
)
from bureaus.commands.traces import traced
from bureaus.exchange import Exchange
from schemas import messages
from schemas.codes import Handling, Purpose, Urgency
from schemas.errors import Misuse, Unavailable
from schemas.messages import Message, Person, WhereaboutsQuery
from schemas.messages.codes import Asked
from schemas.messages.fields import Place
from schemas.messages.person import Name
from schemas.messages.whereabouts import LastKnown
from schemas.notes import Standing


class Options(TypedDict):
    """What the command line said."""

    recipients: tuple[str, ...]
    operation: str
    purpose: str
    handling: str
    urgent: bool
    reply_within: int | None
    wait: float
    asked: tuple[str, ...]
    family: str | None
    given: str | None
    born: str | None
    nationality: str | None
    reference: str | None
    last_known: str | None


@click.command(short_help="Ask other bureaus, and print their answers as they come.")
@home_option
@click.option("--to", "recipients", multiple=True, required=True, help="Whom to ask, or @GROUP; may be repeated.")
@click.option("--operation", required=True, help="The operation that it is recorded against.")
@click.option(
    "--purpose",
    type=click.Choice([str(code) for code in Purpose]),
    default=str(Purpose.LOCATION),
    show_default=True,
    help="Why the data is processed.",
)
@click.option(
    "--handling",
    type=click.Choice([str(code) for code in Handling]),
    default=str(Handling.H0),
    show_default=True,
    help="What recipients may do with it.",
)
@click.option("--urgent", is_flag=True, help="Ask urgently.")
@click.option("--reply-within", type=click.IntRange(1), help="Seconds until an answer is wanted; said in the header.")
@click.option("--wait", type=click.FloatRange(0), default=30.0, show_default=True, help="Seconds to wait for answers.")
@click.option(
    "--asked",
    "asked",
    multiple=True,
    type=click.Choice([str(code) for code in Asked]),
    help="What is asked; may be repeated. Left out: status.",
)
@click.option("--family", help="The person's family name.")
@click.option("--given", help="The person's given name.")
@click.option("--born", help="Date of birth as far as known: 1971, 1971-04 or 1971-04-30.")
@click.option("--nationality", help="Nationality: ISO 3166-1 alpha-2.")
@click.option("--case", "reference", help="Our reference of the case.")
@click.option("--last-known", help="Country where the person was last thought to be.")
@click.option(
    "--file",
    "path",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The whole query as JSON, in place of the options above.",
)
@json_option
@click.pass_context
def ask(ctx: click.Context, home: Path, path: Path | None, *, as_json: bool, **options: Unpack[Options]) -> None:
    """Ask where a person is, and print the gateway's receipt and the answers as they come.

    The query is sealed to the recipients: the gateway sees who asks whom, when and in which operation, never what. It
    is kept in the bureau's store until the gateway has taken it. Exit 0: everybody gave a final answer in time; 1:
    somebody did not, or the gateway refused.

    \b
    Example:
      bureaunet ask --home fr --to BR --to AR --operation infra-sa-2011 --purpose arrest \\
          --family Example --given Person --born 1971 --asked status --asked confirm-location
      bureaunet ask --home fr --to BR --operation infra-sa-2011 --file query.json --json
    """  # noqa: D301  # click's \b keeps the lines of the example
    message = _query(options) if path is None else messages.decode(WhereaboutsQuery.KIND, read_file(path))
    everybody = run(ctx, lambda: _ask(home, message, options, as_json=as_json))
    ctx.exit(0 if everybody else 1)


async def _ask(home: Path, message: Message, options: Options, *, as_json: bool) -> bool:
    """Ask and print: whether everybody gave a final answer."""
    bureau = Bureau.open(home)
    bureau.on_attestation(lambda said: emit(attested_row(said), attested_text(said), as_json=as_json))
    with traced(bureau):
        async with bureau:
            return await _asked(bureau, message, options, as_json=as_json)


async def _asked(bureau: Bureau, message: Message, options: Options, *, as_json: bool) -> bool:
    within = options["reply_within"]
    exchange = await bureau.ask(
        message,
        to=options["recipients"],
        operation=options["operation"],
        purpose=Purpose(options["purpose"]),
        handling=Handling(options["handling"]),
        urgency=Urgency.URGENT if options["urgent"] else Urgency.ROUTINE,
        reply_by=None if within is None else int(time.time()) + within,
    )
    receipt = await exchange.accepted(options["wait"])
    text = f"accepted as entry {receipt.index}: {exchange.digest.hex()}"
    emit(receipt_row(exchange.digest, receipt), text, as_json=as_json)
    async for response in exchange.responses(deadline=options["wait"]):
        emit(received_row(response), received_text(response), as_json=as_json)
    await _show_proof(exchange, as_json=as_json)
    silent = sorted(exchange.waiting_for)
    if silent:
        emit({"event": "silent", "from": silent}, f"no final answer yet from {', '.join(silent)}", as_json=as_json)
    return not silent


async def _show_proof(exchange: Exchange, *, as_json: bool) -> None:
    """Say what the receipt is by now: in the ledger, and whether the quorum of witnesses signed that."""
    try:
        proven = await exchange.proof(PROOF_SECONDS)
    except Unavailable as error:
        emit({"event": "proof", "standing": None}, f"no proof of the receipt yet: {error.detail}", as_json=as_json)
        return
    head, signed = proven.checkpoint.checkpoint, sorted(proven.checkpoint.witnesses)
    row = {"event": "proof", "standing": str(proven.standing), "index": proven.index, "size": head.size}
    emit({**row, "witnesses": signed}, _SAYS[proven.standing], as_json=as_json)


PROOF_SECONDS: Final = 10.0
"""How long a proof may take before the command goes on without; it is fetched another time."""
_SAYS: Final = {
    Standing.WITNESSED: "the receipt is in the ledger, signed by the quorum of witnesses",
    Standing.PROVISIONAL: "the receipt is in the ledger, PROVISIONAL: the quorum of witnesses has not signed yet",
    Standing.UNWITNESSED: "the receipt is in the ledger, by the log's word alone: the network has no witnesses",
}


def _query(options: Options) -> Message:
    family, given, country = options["family"], options["given"], options["last_known"]
    nationality = options["nationality"]
    try:
        person = None
        if family or given:
            nationalities = (nationality,) if nationality else ()
            name = Name(family=family, given=given)
            person = Person(name=name, birth_date=options["born"], nationalities=nationalities)
        return WhereaboutsQuery(
            asked=tuple(Asked(code) for code in options["asked"]) or (Asked.STATUS,),
            person=person,
            case=options["reference"],
            last_known=LastKnown(place=Place(country=country)) if country else None,
        )
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise Misuse(f"{'/'.join(map(str, first['loc'])) or 'the query'}: {first['msg']}") from None
