"""`bureaunet secretariat notice`: requests for notices screened, published and refused by the staff, at a terminal."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Unpack

import click

from bureaus.commands.secretariat_office import Options, at_desk, office_options
from bureaus.commands.secretariat_signed import Signed, act, signing_options
from bureaus.commands.shared import emit, json_option
from bureaus.secretariat.staff.rights import Right
from schemas.messages.notice_codes import NoticeGround

if TYPE_CHECKING:
    from bureaus.secretariat.notices.acts import Screening
    from bureaus.secretariat.notices.book import Notice, Request
    from bureaus.secretariat.office import Office


@click.group(short_help="Screen, publish, refuse and cancel notices.")
def notice() -> None:
    """Work on requests for notices; while the service runs, it does what follows from a decision.

    Two people publish a red notice, and whatever the rules flagged. Nothing here is decided by the rules: they find,
    a person decides.

    \b
    Example:
      bureaunet secretariat notice waiting --home ipsg
      bureaunet secretariat notice show 4 --home ipsg
      bureaunet secretariat notice approve 4 --home ipsg --as a.example --password-file a.pass --why "in order"
    """  # noqa: D301  # click's \b keeps the lines of the example


def _emit_request(request: Request, *, as_json: bool) -> None:
    due = datetime.fromtimestamp(request.due, UTC).isoformat(timespec="minutes")
    row = {
        "event": "request", "id": request.id, "owner": str(request.owner), "case": request.reference,
        "colour": str(request.colour), "issue": str(request.issue), "number": request.number,
        "state": str(request.state), "people": request.needed, "flagged": request.flagged, "due": request.due,
    }  # fmt: skip
    flag = "  flagged for a person" if request.flagged else ""
    words = f"{request.id}  {request.colour} of {request.owner}, {request.reference}: {request.state}"
    emit(row, f"{words}; needs {request.needed}, due {due}{flag}", as_json=as_json)


@notice.command("waiting")
@office_options
@json_option
@click.pass_context
def waiting(ctx: click.Context, *, as_json: bool, **options: Unpack[Options]) -> None:
    """List the requests that are not decided, those due first in front."""

    async def listed(office: Office) -> list[Request]:
        from bureaus.secretariat.notices import acts  # noqa: PLC0415  # keeps --help quick

        return await acts.waiting(office)

    for request in at_desk(ctx, options, listed):
        _emit_request(request, as_json=as_json)


@notice.command("list")
@office_options
@click.option("--all", "all_states", is_flag=True, help="Also those that ended.")
@json_option
@click.pass_context
def list_(ctx: click.Context, *, all_states: bool, as_json: bool, **options: Unpack[Options]) -> None:
    """List the notices and diffusions in force, the newest first."""

    async def listed(office: Office) -> list[Notice]:
        from bureaus.secretariat.notices import acts  # noqa: PLC0415  # keeps --help quick

        return await acts.notices(office, all_states=all_states)

    for one in at_desk(ctx, options, listed):
        row = {
            "event": "notice", "number": one.number, "version": one.version, "colour": str(one.colour),
            "owner": str(one.owner), "state": str(one.state),
        }  # fmt: skip
        emit(row, f"{one.number}  v{one.version}  {one.colour}  {one.owner}  {one.state}", as_json=as_json)


@notice.command("show")
@click.argument("number", type=int)
@office_options
@json_option
@click.pass_context
def show(ctx: click.Context, number: int, *, as_json: bool, **options: Unpack[Options]) -> None:
    """Show one request: what the rules found in it, and who approved it. NUMBER is the one of `waiting`."""

    async def shown(office: Office) -> Screening:
        from bureaus.secretariat.notices import acts  # noqa: PLC0415  # keeps --help quick

        return await acts.request(office, number)

    screening = at_desk(ctx, options, shown)
    _emit_request(screening.request, as_json=as_json)
    mark = screening.content.mark
    emit({"event": "content", "mark": mark}, f"  what it says now: {mark}", as_json=as_json)
    for one in screening.findings:
        row = {"event": "finding", "rule": one.rule, "name": one.name, "weight": str(one.weight), "found": one.found}
        emit(row, f"  {one.rule:>2} {one.name}  {one.weight}: {one.found} ({one.mend})", as_json=as_json)
    for approval in screening.approvals:
        row = {"event": "approval", "who": approval.who, "time": approval.time, "why": approval.why}
        emit(row, f"  approved by {approval.who}{f': {approval.why}' if approval.why else ''}", as_json=as_json)


@notice.command("approve")
@click.argument("number", type=int)
@office_options
@signing_options
@click.option("--why", default="", help="A reason; needed where the rules found something.")
@click.option("--seen", metavar="MARK", help="What `show` said of it: refused where the bureau changed it since.")
@json_option
@click.pass_context
def approve(
    ctx: click.Context, number: int, why: str, seen: str | None, *, as_json: bool, **options: Unpack[Signed]
) -> None:
    """Approve a request: it is published once as many different people have as it needs."""
    from bureaus.secretariat.notices import acts  # noqa: PLC0415  # keeps --help quick

    done = act(
        ctx,
        options,
        Right.PUBLISHER,
        lambda office, who: acts.approve(office, number, who=who, why=why, seen=seen),
    )
    _emit_request(done, as_json=as_json)


@notice.command("ask")
@click.argument("number", type=int)
@office_options
@signing_options
@click.option("--questions", default="", help="In words; what the rules found is said besides.")
@json_option
@click.pass_context
def ask(ctx: click.Context, number: int, questions: str, *, as_json: bool, **options: Unpack[Signed]) -> None:
    """Ask the bureau for more information: what the rules found, and questions."""
    from bureaus.secretariat.notices import acts  # noqa: PLC0415  # keeps --help quick

    done = act(
        ctx, options, Right.SCREENER, lambda office, who: acts.ask_more(office, number, who=who, questions=questions)
    )
    _emit_request(done, as_json=as_json)


@notice.command("refuse")
@click.argument("number", type=int)
@office_options
@signing_options
@click.option("--ground", type=click.Choice([str(ground) for ground in NoticeGround]), required=True)
@click.option("--why", default="", help="For the audit; the bureau is told the ground.")
@json_option
@click.pass_context
def refuse(ctx: click.Context, number: int, ground: str, why: str, *, as_json: bool, **options: Unpack[Signed]) -> None:
    """Refuse a request, with its ground."""
    from bureaus.secretariat.notices import acts  # noqa: PLC0415  # keeps --help quick

    why_not = NoticeGround(ground)
    done = act(
        ctx, options, Right.SCREENER, lambda office, who: acts.refuse(office, number, who=who, ground=why_not, why=why)
    )
    _emit_request(done, as_json=as_json)


@notice.command("cancel")
@click.argument("number")
@office_options
@signing_options
@click.option("--why", required=True, help="Everybody who got the notice is told.")
@json_option
@click.pass_context
def cancel(ctx: click.Context, number: str, why: str, *, as_json: bool, **options: Unpack[Signed]) -> None:
    """Cancel a notice that is in force, such as R-1/2026."""
    from bureaus.secretariat.notices import acts  # noqa: PLC0415  # keeps --help quick

    one = act(ctx, options, Right.PUBLISHER, lambda office, who: acts.cancel(office, number, who=who, why=why))
    emit(
        {"event": "notice", "number": one.number, "state": str(one.state)},
        f"{one.number}  {one.state}",
        as_json=as_json,
    )
