"""`bureaunet secretariat quality`: what records and notices lack, what is there twice, stale, or overdue for review."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Unpack

import click

from bureaus.commands.secretariat_office import Options, at_desk, office_options
from bureaus.commands.shared import json_option

if TYPE_CHECKING:
    from bureaus.secretariat.office import Office
    from bureaus.secretariat.quality.survey import Survey


@click.command(short_help="What records and notices lack, twice, stale, overdue.")
@office_options
@click.option("--owner", "owners", multiple=True, help="Those of this bureau alone; may be repeated.")
@click.option("--operation", help="Hold them against this operation's results.")
@json_option
@click.pass_context
def quality(
    ctx: click.Context,
    owners: tuple[str, ...],
    operation: str | None,
    *,
    as_json: bool,
    **options: Unpack[Options],
) -> None:
    """Look at every record and notice in force. They are named by their owners' references, never by a person.

    \b
    Example:
      bureaunet secretariat quality --home ipsg --owner FR
    """  # noqa: D301  # click's \b keeps the lines of the example

    async def looked(office: Office) -> Survey:
        from bureaus.secretariat.quality.survey import survey  # noqa: PLC0415  # keeps --help quick

        async with office.registry.reading() as connection:
            return await survey(connection, now=office.now(), owners=set(owners) or None, operation=operation)

    found = at_desk(ctx, options, looked)
    if as_json:
        click.echo(json.dumps({"event": "quality", **found.to_json()}, ensure_ascii=False))
        return
    click.echo(", ".join(f"{name.replace('_', ' ')} {count}" for name, count in found.measured().items()))
    for one in found.looked:
        notes = [one.stale, *one.score.wrong, "review overdue" if one.overdue else ""]
        notes += [f"lacks {', '.join(one.score.lacking)}"] if one.score.lacking else []
        said = "; ".join(note for note in notes if note)
        if said:
            click.echo(f"{one.sort}  {one.name}  {one.score.share:.0%}  {said}")
    for pair in found.pairs:
        click.echo(f"twice?  {pair.one}  {pair.other}  {pair.why} ({pair.score})")
