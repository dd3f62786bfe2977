"""`bureaunet secretariat results`: what bureaus reported, corroborated and corrected, and totals as claimed."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Unpack

import click

from bureaus.commands.secretariat_office import Options, at_desk, office_options
from bureaus.commands.secretariat_signed import Signed, act, signing_options
from bureaus.commands.shared import Row, emit, json_option
from bureaus.secretariat.staff.rights import Right
from schemas.messages.codes import ResultKind

if TYPE_CHECKING:
    from bureaus.secretariat.claims import Claim
    from bureaus.secretariat.office import Office
    from bureaus.secretariat.tally import Standing


class Claiming(Signed):
    """What the command line said of a claim."""

    source: str
    published: str
    arrested: int | None
    located: int | None
    identified: int | None
    rescued: int | None
    seized: int | None


@click.group(short_help="What bureaus reported, and totals as claimed.")
def results() -> None:
    """Show what cases came to, and the totals that stand beside our own count, each with its source.

    \b
    Example:
      bureaunet secretariat results cases infra-test --home ipsg
      bureaunet secretariat results totals infra --home ipsg
      bureaunet secretariat results known --home ipsg --as f.example
    """  # noqa: D301  # click's \b keeps the lines of the example


@results.command()
@click.argument("operation")
@office_options
@click.option("--exercise", is_flag=True, help="Those of its training, on a real network.")
@json_option
@click.pass_context
def cases(ctx: click.Context, operation: str, *, exercise: bool, as_json: bool, **options: Unpack[Options]) -> None:
    """List what each case of OPERATION stands at that has a result."""

    async def listed(office: Office) -> list[Standing]:
        from bureaus.secretariat import reports  # noqa: PLC0415  # keeps --help quick

        async with office.registry.reading() as connection:
            return await reports.standing(connection, operation, exercise=exercise)

    for one in at_desk(ctx, options, listed):
        word = one.word
        row: Row = {
            "event": "case", "bureau": str(word.bureau), "case": word.reference, "result": str(word.result),
            "country": word.country, "date": word.date, "people": word.people, "words": one.words,
            "corrected": word.corrects, "confirmed": [str(who) for who in one.confirmed],
            "disputed": [str(who) for who in one.disputed], "tags": [str(tag) for tag in one.tags],
        }  # fmt: skip
        notes = [*(f"confirmed by {who}" for who in one.confirmed), *(f"DISPUTED by {who}" for who in one.disputed)]
        notes += ["corrected"] if word.corrects else []
        said = f"  ({', '.join(notes)})" if notes else ""
        emit(row, f"{word.bureau}  {word.reference}  {word.result}  {word.country}  {word.date}{said}", as_json=as_json)


@results.command()
@click.argument("scope")
@office_options
@json_option
@click.pass_context
def totals(ctx: click.Context, scope: str, *, as_json: bool, **options: Unpack[Options]) -> None:
    """List every total claimed of SCOPE, an operation or `infra`, beside our own count. None is merged."""

    async def listed(office: Office) -> list[Claim]:
        from bureaus.secretariat import claims  # noqa: PLC0415  # keeps --help quick

        async with office.registry.reading() as connection:
            return list(await claims.side_by_side(connection, scope, office.now()))

    for one in at_desk(ctx, options, listed):
        counts = ", ".join(f"{count} {name}" for name, count in one.said().items())
        emit({"event": "claim", **asdict(one)}, f"{one.published}  {counts}  ({one.source})", as_json=as_json)


def _keep(ctx: click.Context, options: Signed, made: list[Claim], *, as_json: bool) -> None:
    async def added(office: Office, who: str) -> list[bool]:
        from bureaus.secretariat import claims  # noqa: PLC0415  # keeps --help quick

        async with office.registry.writing() as connection:
            return [await claims.add(connection, one, who=who, now=office.now()) for one in made]

    for one, new in zip(made, act(ctx, options, Right.FUGITIVE, added), strict=True):
        text = f"{one.scope}: {one.source}, {one.published}: {'kept' if new else 'was there'}"
        emit({"event": "claim", "new": new, **asdict(one)}, text, as_json=as_json)


@results.command()
@office_options
@signing_options
@json_option
@click.pass_context
def known(ctx: click.Context, *, as_json: bool, **options: Unpack[Signed]) -> None:
    """Keep the public totals over all INFRA operations that this program knows."""
    from bureaus.secretariat import claims  # noqa: PLC0415  # keeps --help quick

    _keep(ctx, options, claims.published(), as_json=as_json)


def _counts(function: click.decorators.FC) -> click.decorators.FC:
    for kind in reversed(ResultKind):
        function = click.option(f"--{kind}", type=click.IntRange(0), help=f"How many {kind}; left out: not said.")(
            function
        )
    return function


@results.command()
@click.argument("scope")
@office_options
@signing_options
@click.option("--source", required=True, help="Who claims it, so that others find it.")
@click.option("--published", required=True, help="When, as far as known: 2018, 2018-01 or 2018-01-15.")
@_counts
@json_option
@click.pass_context
def claim(ctx: click.Context, scope: str, *, as_json: bool, **options: Unpack[Claiming]) -> None:
    """Keep what somebody claims that SCOPE, an operation or `infra`, came to. A source has one word a date."""
    from bureaus.secretariat import claims  # noqa: PLC0415  # keeps --help quick

    made = claims.Claim(
        scope,
        options["source"],
        options["published"],
        options["arrested"],
        options["located"],
        options["identified"],
        options["rescued"],
        options["seized"],
    )
    _keep(ctx, options, [made], as_json=as_json)
