"""`bureaunet secretariat audit`: who did what."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Unpack

import click

from bureaus.commands.secretariat_office import Options, at_desk, office_options
from bureaus.commands.shared import emit, json_option

if TYPE_CHECKING:
    from bureaus.secretariat.office import Office
    from bureaus.secretariat.registry.audit import Act


@click.command(short_help="List who did what.")
@office_options
@click.option("--since", type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]), help="From then on (UTC).")
@click.option("--who", default="", help="One person's acts, or `service`.")
@click.option("--subject", default="", help="Acts about one notice, record, tip or reference.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=100, show_default=True, help="The newest so many.")
@json_option
@click.pass_context
def audit(
    ctx: click.Context,
    since: datetime | None,
    who: str,
    subject: str,
    limit: int,
    *,
    as_json: bool,
    **options: Unpack[Options],
) -> None:
    """List what every person and the service did, newest first. Rows are added and never changed.

    \b
    Example:
      bureaunet secretariat audit --home ipsg --who a.example --since 2026-11-01
    """  # noqa: D301  # click's \b keeps the lines of the example
    begin = 0 if since is None else int(since.replace(tzinfo=UTC).timestamp())

    async def listed(office: Office) -> Sequence[Act]:
        from bureaus.secretariat.registry.audit import acts  # noqa: PLC0415  # keeps --help quick

        async with office.registry.reading() as connection:
            return await acts(connection, since=begin, who=who, subject=subject, limit=limit)

    for act in at_desk(ctx, options, listed):
        time = datetime.fromtimestamp(act.time, UTC).isoformat(timespec="seconds")
        row = {
            "event": "act", "id": act.id, "time": act.time, "who": act.who, "act": act.act, "subject": act.subject,
            "why": act.why,
        }  # fmt: skip
        why = f": {act.why}" if act.why else ""
        emit(row, f"{time}  {act.who}  {act.act}  {act.subject}{why}", as_json=as_json)
