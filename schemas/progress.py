"""What an operation came to so far, by its owner's signed word: its four objectives, measured, and its results.

    progress = [ as-of, [ whereabouts, contacts, notices, notices-complete, records, records-complete ],
                 [ arrested, located, identified, rescued, seized ] ]

Part of an operation's version (schemas/operation.py). The owner counts from what bureaus report to it; nobody on the
way can, since results are in sealed parts. All are counts of the whole operation so far.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass, fields
from typing import Final

from schemas import cbor
from schemas.errors import Malformed, Reason

_MOST: Final = 1 << 40


@dataclass(frozen=True, slots=True)
class Objectives:
    """The four: whereabouts exchanged, contacts between investigators, notices and diffusions, quality of records."""

    whereabouts: int = 0
    """Messages about somebody's whereabouts."""
    contacts: int = 0
    """Of investigators of two bureaus with each other."""
    notices: int = 0
    """Notices and diffusions."""
    notices_complete: int = 0
    """Of those, such as lack nothing that their form asks for."""
    records: int = 0
    """Cases that were looked at for the quality of their records."""
    records_complete: int = 0
    """Of those, such as lack nothing."""


@dataclass(frozen=True, slots=True)
class Results:
    """What came of cases."""

    arrested: int = 0
    located: int = 0
    identified: int = 0
    rescued: int = 0
    """People."""
    seized: int = 0
    """Cases in which something was."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Both, as of a time in seconds since the epoch."""

    time: int
    objectives: Objectives = Objectives()
    results: Results = Results()

    def to_value(self) -> list[cbor.Value]:
        """The CBOR value.

        Raises:
            Malformed: `structure`, a count is out of its range, or more are complete than there are.
        """
        _check(self)
        return [self.time, list(astuple(self.objectives)), list(astuple(self.results))]


def read_progress(value: cbor.Value) -> Progress:
    """Take a CBOR value.

    Raises:
        Malformed: `structure`.
    """
    match value:
        case [int(time), [*objectives], [*results]] if not isinstance(time, bool):
            measured, came = _counts(objectives, Objectives), _counts(results, Results)
        case _:
            raise Malformed(Reason.STRUCTURE, "progress is [time, objectives, results]")
    found = Progress(time, Objectives(*measured), Results(*came))
    _check(found)
    return found


def _counts(values: list[cbor.Value], form: type[Objectives | Results]) -> list[int]:
    found = [value for value in values if isinstance(value, int) and not isinstance(value, bool)]
    if len(found) != len(values) or len(found) != len(fields(form)):
        raise Malformed(Reason.STRUCTURE, f"{form.__name__.lower()} are {len(fields(form))} counts")
    return found


def _check(progress: Progress) -> None:
    measured = progress.objectives
    counts = (progress.time, *astuple(measured), *astuple(progress.results))
    if not all(0 <= count < _MOST for count in counts):
        raise Malformed(Reason.STRUCTURE, "a count is out of its range")
    if measured.notices_complete > measured.notices or measured.records_complete > measured.records:
        raise Malformed(Reason.STRUCTURE, "more are complete than there are")
