"""The published vectors as tests: every one that concerns a bureau, with what it needs beside it.

What a vector leaves to `context.json` is put into the request, so that a driver reads no files. Neither a vector's name
nor its outcome is in the request. Admission is the gateway's and is not asked.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, cast

from pydantic import JsonValue

from bureaus.conformance.contract import OK, OPERATIONS, UNSUPPORTED, Answer, Level
from bureaus.conformance.findings import Finding, Trial, Verdict
from bureaus.conformance.peer import Peer, Trouble
from bureaus.conformance.sections import section_of, within
from schemas.errors import Misuse, Reason
from schemas.messages import WhereaboutsQuery, WhereaboutsResponse

_BESIDE: Final = Path(__file__).with_name("vectors")
FOLDER: Final = _BESIDE if _BESIDE.is_dir() else _BESIDE.parents[2] / "tests" / "vectors"
"""In a package a folder beside us; in a checkout a link to where they are, which not every checkout has as a link."""
_HPKE_4_KE: Final = 50
_CORE_KINDS: Final = frozenset({WhereaboutsQuery.KIND, WhereaboutsResponse.KIND})
"""Kinds that every bureau's program knows; the content of others is of level full."""
_CONTEXT: Final = {
    "network": frozenset({"directory", "current", "misbehaviour", "record", "disclosure", "recipient"}),
    "directory": frozenset({"recipient"}),
    "operation": frozenset({"recipient"}),
}
"""What is taken from the context where a vector does not give it, and for which operations."""
_AS_READ: Final = frozenset({"check", "step"})
"""What a vector shows for people: the number of the check that refused it."""


@dataclass(frozen=True, slots=True)
class Vector:
    """One vector, ready to be asked."""

    test: Trial
    do: str
    given: Mapping[str, JsonValue]
    outcome: str
    shows: Mapping[str, JsonValue]


@cache
def _read(path: Path) -> dict[str, JsonValue]:
    try:
        value: dict[str, JsonValue] = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise Misuse(f"the vectors are not to be had: {path.name}: {error.strerror}") from None
    return value


def complete(do: str, given: Mapping[str, JsonValue], context: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """What is given to an operation, with what it takes from the context."""
    whole = dict(given)
    for name, takers in _CONTEXT.items():
        if do in takers and whole.get(name) is None:
            whole[name] = context[name]
    if do == "recipient":
        seeds, x_wing = (cast("dict[str, JsonValue]", context[name]) for name in ("sealing_seeds", "x_wing_seeds"))
        to = str(whole["to"])
        whole |= {"seed": seeds[to], "x_wing": x_wing[to], "seen": whole.get("seen", [])}
    return whole


def vectors(only: str = "", folder: Path = FOLDER) -> Iterator[Vector]:
    """Every vector that concerns a bureau, in order of name; those of one section with `only`.

    Raises:
        Misuse: they are not there.
    """
    context = _read(folder / "context.json")
    for path in sorted(folder.glob("*/*.json")):
        value = _read(path)
        do, given = str(value["of"]), cast("dict[str, JsonValue]", value["given"])
        if do not in OPERATIONS:
            continue
        name = f"{path.parent.name}/{path.stem}"
        section = section_of(name, str(value["outcome"]))
        if within(section, only):
            # HPKE-4-KE is for comparing implementations: nobody seals to such a key (section 1.3).
            beyond = given.get("suite") == _HPKE_4_KE or _of_other_kind(do, given, str(value["outcome"]))
            level = Level.FULL if beyond else OPERATIONS[do].level
            shows = cast("dict[str, JsonValue]", value.get("shows", {}))
            yield Vector(
                Trial(name, section, level, str(value["says"])),
                do,
                complete(do, given, context),
                str(value["outcome"]),
                {key: shown for key, shown in shows.items() if key not in _AS_READ},
            )


def _of_other_kind(do: str, given: Mapping[str, JsonValue], outcome: str) -> bool:
    """Whether it is about the content of a kind that not every bureau's program knows."""
    return do == "content" and given.get("kind") not in _CORE_KINDS and outcome != Reason.KIND_UNKNOWN


def judge(vector: Vector, answer: Answer | Trouble) -> Finding:
    """What an answer to a vector comes to."""
    expected = _told(vector.outcome, vector.shows)
    if isinstance(answer, Trouble):
        return Finding(vector.test, Verdict.WRONG, expected, answer.said)
    unknown = vector.do == "content" and vector.test.level is Level.FULL and answer.outcome == Reason.KIND_UNKNOWN
    if answer.outcome == UNSUPPORTED or unknown:  # a kind that the program does not know is no part of it
        return Finding(vector.test, Verdict.UNSUPPORTED, expected, UNSUPPORTED)
    shown = {key: answer.shows.get(key) for key in vector.shows} if answer.outcome == OK else {}
    right = answer.outcome == vector.outcome and shown == dict(vector.shows)
    if right:
        return Finding(vector.test, Verdict.RIGHT)
    return Finding(vector.test, Verdict.WRONG, expected, _told(answer.outcome, shown))


def _told(outcome: str, shows: Mapping[str, JsonValue]) -> str:
    said = ", ".join(f"{key} {_short(value)}" for key, value in shows.items())
    return f"{outcome} ({said})" if said else outcome


def _short(value: JsonValue) -> str:
    text = str(value)
    return text if len(text) <= 24 else f"{text[:20]}…"


async def run(peer: Peer, only: str = "") -> list[Finding]:
    """Ask the program every vector."""
    return [judge(vector, await peer.ask(vector.do, vector.given)) for vector in vectors(only)]
