"""`bureaunet operation times`: how long answers may take in an operation, in its owner's signed statement."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Final

import click

from bureaus.commands.operation_shown import publish
from bureaus.commands.shared import home_option, json_option
from schemas.answer_times import AnswerTime, read_times
from schemas.codes import Urgency
from schemas.errors import Malformed, Misuse
from schemas.operation import Operation

_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_DURATION: Final = re.compile(r"(\d{1,9})([smhd])")


class Duration(click.ParamType[int]):
    """A number of seconds, minutes, hours or days: 90s, 10m, 8h, 7d."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Seconds."""
        found = _DURATION.fullmatch(str(value))
        if found is None:
            self.fail(f"{value} is no duration: write 90s, 10m, 8h or 7d", param, ctx)
        return int(found[1]) * _UNITS[found[2]]


@click.command("times")
@click.argument("identifier", metavar="ID")
@click.argument("family", metavar="KIND")
@click.option("--urgent", is_flag=True, help="Of urgent queries; left out, of routine ones.")
@click.option("--within", type=Duration(), help="When an answer is due: 90s, 10m, 8h, 7d.")
@click.option("--at-most", type=Duration(), help="The latest that an asker or a request for more time can have.")
@click.option(
    "--remind",
    "reminders",
    multiple=True,
    type=click.IntRange(1, 99),
    help="Percent of the time at which the bureau asked is reminded; may be repeated. Left out: not at all.",
)
@click.option(
    "--requests", type=click.IntRange(1, 10), default=1, show_default=True, help="How many times it is asked in all."
)
@click.option("--network", "back", is_flag=True, help="The network's own times hold again.")
@home_option
@json_option
@click.pass_context
def times(  # noqa: PLR0913  # one for each option
    ctx: click.Context,
    /,
    identifier: str,
    family: str,
    home: Path,
    within: int | None,
    at_most: int | None,
    reminders: tuple[int, ...],
    requests: int,
    *,
    urgent: bool,
    back: bool,
    as_json: bool,
) -> None:
    """Sign and publish a version of operation ID that says how long answers to KIND may take.

    KIND is without its version: whereabouts.query. Queries that were admitted before keep their times. What an operation
    does not say is as the network has it (docs/protocol.md, section 5.7).

    \b
    Example:
      bureaunet operation times infra-test whereabouts.query --urgent --within 2h --at-most 1d --remind 50 --remind 90 --home ipsg
      bureaunet operation times infra-test hit.confirmation --urgent --within 10m --requests 3 --home ipsg
      bureaunet operation times infra-test whereabouts.query --network --home ipsg
    """  # noqa: D301, E501  # click's \b keeps the lines of the example, which is to be copied
    if (within is None) is not back:
        raise Misuse("say either --within or --network")
    urgency = Urgency.URGENT if urgent else Urgency.ROUTINE
    time = None
    if within is not None:
        longest = within if at_most is None else at_most
        time = AnswerTime(family, urgency, within, longest, tuple(sorted(set(reminders))), requests)
    publish(ctx, home, identifier, lambda before, _: timed(before, family, urgency, time), as_json=as_json)


def timed(before: Operation, family: str, urgency: Urgency, time: AnswerTime | None) -> Operation:
    """The operation with this time, or with none of its own, for one kind and urgency.

    Raises:
        Misuse: it is out of its range, or there was none.
    """
    others = tuple(one for one in before.times if (one.family, one.urgency) != (family, urgency))
    if time is None and len(others) == len(before.times):
        raise Misuse(f"{before.id} has no time of its own for {family}, {urgency}")
    kept = (*others, *(() if time is None else (time,)))
    try:
        if kept:
            read_times([one.to_value() for one in kept])
    except Malformed as error:
        raise Misuse(f"{error.detail}: {family}, {urgency}") from None
    return replace(before, times=kept)
