"""Vectors of what arrests, extraditions, tips and the duty desk say: which fields follow from which word."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Final

from tools.vectors.scene import Vector

_PERSON: Final = {"name": {"family": "Brukel-Ex", "given": "Dovmir"}}
_CHARGES: Final = [{"country": "FR", "offence": "fraud"}]
_WARRANT: Final = {"country": "FR", "reference": "W-1"}
_UNTIL: Final = 2_000_000_000
_HELD: Final[Mapping[str, object]] = {
    "arrested": 1_800_000_000,
    "case": "KE-7",
    "identified": ["document"],
    "person": _PERSON,
    "place": {"country": "KE", "locality": "Exampleville-Ex"},
    "record": "DB-1",
}
_PAPERS: Final[Mapping[str, object]] = {
    "authority": "Example Court",
    "charges": _CHARGES,
    "person": _PERSON,
    "request": "X-1",
    "warrant": _WARRANT,
}
_TIP: Final[Mapping[str, object]] = {
    "channel": "anonymous-programme",
    "number": "T-1",
    "received": "2026-11-22",
    "text": "Seen at a harbour",
}
_CALL: Final[Mapping[str, object]] = {
    "asker": "FR",
    "call": 1,
    "due": _UNTIL,
    "operation": "ipsg-services",
    "query": "ab" * 32,
}
_SAID: Final = {"query": "ab" * 32}
_CASE: Final = {"case": "KE-7"}
_REQUEST: Final = {"request": "X-1"}
_NUMBER: Final = {"number": "T-1"}
_FOLLOW: Final = {**_CASE, "word": "PAPERS_FOLLOW"}

_ROWS: Final[tuple[tuple[str, str, str, Mapping[str, object]], ...]] = (
    ("ok-arrest", "a person is held on a record", "arrest.provisional/1", _HELD),
    (
        "arrest-on-nothing",
        "held on no notice and no record",
        "arrest.provisional/1",
        {name: value for name, value in _HELD.items() if name != "record"},
    ),
    ("arrest-by-nothing", "nothing identified the person", "arrest.provisional/1", {**_HELD, "identified": []}),
    (
        "ok-arrest-papers-follow",
        "the owner asks that the person be held",
        "arrest.answer/1",
        {**_FOLLOW, "charges": _CHARGES, "until": _UNTIL, "warrant": _WARRANT},
    ),
    (
        "arrest-papers-follow-no-until",
        "papers follow, and nobody says when",
        "arrest.answer/1",
        {**_FOLLOW, "charges": _CHARGES, "warrant": _WARRANT},
    ),
    (
        "ok-arrest-papers-sent",
        "the papers went as a request",
        "arrest.answer/1",
        {**_CASE, **_REQUEST, "word": "PAPERS_SENT"},
    ),
    (
        "arrest-papers-sent-no-request",
        "papers were sent under no request",
        "arrest.answer/1",
        {**_CASE, "word": "PAPERS_SENT"},
    ),
    ("ok-arrest-not-sought", "the owner asks for nothing", "arrest.answer/1", {**_CASE, "word": "NOT_SOUGHT"}),
    (
        "arrest-not-sought-until",
        "nothing is sought, and papers come until a time",
        "arrest.answer/1",
        {**_CASE, "until": _UNTIL, "word": "NOT_SOUGHT"},
    ),
    ("ok-arrest-noted", "the secretariat was told", "arrest.answer/1", {**_CASE, "word": "NOTED"}),
    ("ok-extradition", "the papers", "extradition.request/1", _PAPERS),
    ("extradition-for-nothing", "papers for no offence", "extradition.request/1", {**_PAPERS, "charges": []}),
    (
        "ok-extradition-in-process",
        "a court has it",
        "extradition.answer/1",
        {**_REQUEST, "until": _UNTIL, "word": "IN_PROCESS"},
    ),
    (
        "ok-extradition-surrendered",
        "the person is handed over",
        "extradition.answer/1",
        {**_REQUEST, "date": "2026-11-22", "word": "SURRENDERED"},
    ),
    (
        "ok-extradition-refused",
        "refused for a ground",
        "extradition.answer/1",
        {**_REQUEST, "ground": "own-national", "word": "REFUSED"},
    ),
    (
        "extradition-refused-no-ground",
        "refused, and not said why",
        "extradition.answer/1",
        {**_REQUEST, "word": "REFUSED"},
    ),
    (
        "ok-extradition-released",
        "released before papers came",
        "extradition.answer/1",
        {**_CASE, "date": "2026-11-22", "release": "no-papers", "word": "RELEASED"},
    ),
    (
        "extradition-of-no-request",
        "surrendered upon no request",
        "extradition.answer/1",
        {**_CASE, "date": "2026-11-22", "word": "SURRENDERED"},
    ),
    ("ok-tip", "a tip of another channel", "tip/1", _TIP),
    ("tip-finer-than-a-day", "received at a time of the day", "tip/1", {**_TIP, "received": "2026-11-22T10:00"}),
    ("tip-who", "a field for who said it", "tip/1", {**_TIP, "name": "Example"}),
    (
        "ok-tip-disposition",
        "it is being looked at until then",
        "tip.disposition/1",
        {**_NUMBER, "finding": "IN_PROCESS", "until": _UNTIL},
    ),
    (
        "tip-disposition-until",
        "a last word, and another until a time",
        "tip.disposition/1",
        {**_NUMBER, "finding": "USEFUL", "until": _UNTIL},
    ),
    ("ok-duty-call", "a silent bureau is asked again", "duty.call/1", _CALL),
    ("duty-call-none", "the call before the first", "duty.call/1", {**_CALL, "call": 0}),
    ("duty-call-digest", "a digest in capitals", "duty.call/1", {**_CALL, "query": "AB" * 32}),
    ("ok-duty-answered", "the asker has its answer", "duty.answer/1", {**_SAID, "finding": "ANSWERED"}),
    (
        "ok-duty-in-process",
        "the asker has it by then",
        "duty.answer/1",
        {**_SAID, "finding": "IN_PROCESS", "until": _UNTIL},
    ),
    ("duty-in-process-no-until", "in process without a time", "duty.answer/1", {**_SAID, "finding": "IN_PROCESS"}),
)


def vectors() -> Iterator[Vector]:
    """All of them: `ok-` where the content is taken, else `content-model`."""
    for name, says, kind, fields in _ROWS:
        content = json.dumps(fields, separators=(",", ":"), sort_keys=True).encode()
        outcome = "ok" if name.startswith("ok-") else "content-model"
        yield Vector(f"content/{name}", says, "content", {"kind": kind, "data": content.hex()}, outcome)
