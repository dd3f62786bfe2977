"""`bureaunet listen`: print what arrives, and answer queries from a file."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Final

import click

from bureaus import relaying, settings
from bureaus.client import Bureau, Received
from bureaus.commands.shared import (
    attested_row,
    attested_text,
    emit,
    home_option,
    json_option,
    read_file,
    received_row,
    received_text,
    run,
    voided_row,
    voided_text,
)
from bureaus.commands.traces import traced
from schemas import messages
from schemas.messages import Message, WhereaboutsQuery, WhereaboutsResponse
from schemas.messages.relay import RelayDelivery

ONE_BY_ONE: Final = replace(settings.DEFAULT, handlers=1)
"""What arrives is printed in the order of its arrival."""
SETTLE_SECONDS: Final = 5.0
"""How long answers and acknowledgements may take to the gateway at the end; what is left goes next time."""


@click.command(short_help="Print what arrives, and answer it from a file.")
@home_option
@click.option(
    "--answer-with",
    type=click.Path(path_type=Path, dir_okay=False),
    help="JSON of a whereabouts.response/1: the answer to every query.",
)
@click.option("--count", type=click.IntRange(1), help="End after so many messages.")
@json_option
@click.pass_context
def listen(ctx: click.Context, home: Path, answer_with: Path | None, count: int | None, *, as_json: bool) -> None:
    """Print every message that arrives, and the gateway's word of late answers, until Ctrl-C.

    Each one is verified before it is shown, and acknowledged to its sender once it was printed; with --answer-with a
    query's answer goes out in the same commit. What arrives while nobody listens waits.

    \b
    Example:
      bureaunet listen --home br
      bureaunet listen --home br --answer-with no-trace.json --json
    """  # noqa: D301  # click's \b keeps the lines of the example
    answer = None
    if answer_with is not None:
        answer = messages.decode(WhereaboutsResponse.KIND, read_file(answer_with))
    run(ctx, lambda: _listen(home, answer, count, as_json=as_json))


async def _listen(home: Path, answer: Message | None, count: int | None, *, as_json: bool) -> None:
    bureau = Bureau.open(home, limits=ONE_BY_ONE)
    shown = 0
    enough = asyncio.Event()

    async def take(received: Received) -> None:
        nonlocal shown
        if enough.is_set():
            await asyncio.Event().wait()  # not ours any more: cut off at the end, it waits for the next who listens
        if answer is not None and received.kind == WhereaboutsQuery.KIND:
            await received.answer(answer)
        if answer is not None and received.kind == RelayDelivery.KIND:
            await relaying.answer(received, answer)
        emit(received_row(received), received_text(received), as_json=as_json)
        shown += 1
        if shown == count:
            enough.set()

    bureau.on_void(lambda voided: emit(voided_row(voided), voided_text(voided), as_json=as_json))
    bureau.on_attestation(lambda said: emit(attested_row(said), attested_text(said), as_json=as_json))
    for kind in messages.KINDS:
        bureau.on(kind)(take)
    with traced(bureau):
        async with bureau:
            await enough.wait()
            await bureau.settled(SETTLE_SECONDS)
