"""`exercise-clock`: where an exercise's time stands, and letting it pass."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Final

import click

from gateway.commands.asking import ask, checked, operators_option, stranger
from gateway.commands.shared import emit, json_option
from schemas.errors import Misuse

SECONDS: Final = 600.0
"""How long the gateway may take to do what is due."""
_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


@click.command("exercise-clock")
@operators_option
@click.option("--to", help="Let time pass until then: 2026-11-30T08:00Z, or milliseconds since the epoch.")
@click.option("--forward", help="Let so much time pass: 30s, 10m, 8h or 7d.")
@json_option
def exercise_clock(url: str, to: str | None, forward: str | None, *, as_json: bool) -> None:
    """Say where the time of an exercise stands, or let it pass (serve --exercise-clock).

    It ends when nothing is in hand and nothing is due: reminders, silence, expiry and all else that the clock decides
    have happened, each answer clock's at its own time. On any other network it is refused.

    \b
    Examples:
      bureaunet-gateway exercise-clock --operators http://127.0.0.1:9443
      bureaunet-gateway exercise-clock --operators http://127.0.0.1:9443 --forward 8h
    """  # noqa: D301  # click's \b keeps the lines of the example
    if to is not None and forward is not None:
        raise Misuse("--to and --forward exclude each other")
    url = checked(url)
    now, due = _moment(url, None)
    if to is not None or forward is not None:
        wanted = _milliseconds(to) if to is not None else now + _length(forward or "")
        now, due = _moment(url, wanted)
    said = f"{_read(now)}, nothing is due" if due is None else f"{_read(now)}, next due {_read(due)}"
    emit({"now": now, "due": due}, said, as_json=as_json)


def _moment(url: str, to: int | None) -> tuple[int, int | None]:
    answer = ask(url, "/exercise/clock", None if to is None else {"to": to}, seconds=SECONDS)
    try:
        said = json.loads(answer)
    except ValueError:
        raise stranger(url) from None
    match said:
        case {"now": int(now), "due": int() | None as due}:
            return now, due
        case {"error": str(why)}:
            raise Misuse(why)
    raise stranger(url)


def _milliseconds(text: str) -> int:
    if text.isdecimal():
        return int(text)
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        raise Misuse(f"{text} is no time: 2026-11-30T08:00Z") from None
    if when.tzinfo is None:
        raise Misuse(f"{text} has no time zone: put Z at its end for UTC")
    return int(when.timestamp() * 1000)


def _length(text: str) -> int:
    found = re.fullmatch(r"(\d{1,9})([smhd])", text, re.ASCII)
    if found is None:
        raise Misuse(f"{text} is no length of time: 30s, 10m, 8h or 7d")
    return int(found[1]) * _UNITS[found[2]] * 1000


def _read(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
