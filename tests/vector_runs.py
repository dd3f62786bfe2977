"""Runs a vector through the decoder or verifier that it names: what comes out is `ok`, `repeated` or a reason code.

Each run gives the outcome and what a valid one shows. What a bureau does with bytes is the conformance kit's driver
(bureaus/conformance/driver); admission, which is the gateway's, is run here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from bureaus.conformance.driver.given import Given as Members
from bureaus.conformance.driver.judging import JUDGING, RefusedAt, ids, in_force
from bureaus.conformance.driver.reading import READING
from bureaus.conformance.vectors import complete
from gateway import admission
from gateway.ports import Candidate, Decided, Facts, Rejected, Repeated, Submission, ThreadFacts, Trust, Verdict
from gateway.settings import Pipeline
from schemas import directory
from schemas.codes import Handling, Purpose
from schemas.errors import BureaunetError
from schemas.identity import Address
from schemas.network import Network, read_network
from schemas.preferences import SignedPreferences, claimed_by, read_preferences

FOLDER: Final = Path(__file__).resolve().parent / "vectors"
Given = Mapping[str, Any]
Shown = Mapping[str, object] | None
Outcome = tuple[str, Shown]


def load(name: str) -> dict[str, Any]:
    """A vector by its name, such as `cbor/trailing`."""
    value: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text("utf-8"))
    return value


def names() -> list[str]:
    """All vectors' names."""
    files = (path.relative_to(FOLDER) for path in FOLDER.rglob("*.json"))
    return sorted(path.with_suffix("").as_posix() for path in files if len(path.parts) == 2)


@cache
def context() -> dict[str, Any]:
    """The synthetic network that vectors are about."""
    return load("context")


@cache
def network() -> Network:
    """Its network file, verified."""
    return read_network(bytes.fromhex(context()["network"]))


def data(value: str | Given) -> bytes:
    """Bytes in hexadecimal, or so many of one byte."""
    return bytes.fromhex(value) if isinstance(value, str) else bytes.fromhex(value["repeat"]) * int(value["count"])


def run(of: str, given: Given) -> Outcome:
    """The outcome of a vector."""
    try:
        if of == "admission":
            return _admission(given)
        return "ok", {**READING, **JUDGING}[of](Members(complete(of, given, context())))
    except RefusedAt as refused:
        return str(refused.reason), {"check": refused.number}
    except BureaunetError as error:
        return str(error.reason), None


def _refusals(raws: list[str], version: directory.Directory) -> dict[Address, SignedPreferences]:
    rows = [(data(raw), version.find(claimed_by(data(raw)))) for raw in raws]
    keys = [{} if row is None else {one.key.key_id: one.key for one in row.signing} for _, row in rows]
    found = (read_preferences(raw, network().id, own) for (raw, _), own in zip(rows, keys, strict=True))
    return {signed.preferences.owner: signed for signed in found}


def _thread(value: Given) -> ThreadFacts:
    return ThreadFacts(
        value["operation"],
        value["exercise"],
        Purpose(value["purpose"]),
        Handling(value["handling"]),
        Address(value["sender"]),
        frozenset(map(Address, value["recipients"])),
        data(value["thread"]),
    )


def _admission(given: Given) -> Outcome:
    version, signed = in_force(Members({**context(), **given}), network())
    submission = Submission(Address(given["link"]), data(given["body"]), given["now"])
    within = given.get("within_quota", True)
    candidate = admission.receive(submission, network().id, within_quota=within)
    if isinstance(candidate, Rejected):
        return str(candidate.reason), {"step": candidate.step}
    facts = Facts(
        Trust(network(), version, {signed.operation.id: signed}, _refusals(given.get("preferences", []), version)),
        given["now"],
        given["size"],
        {data(digest): Decided(b"", 0, accepted=True) for digest in given.get("decided", ())},
        ids(given.get("ids", [])),
        {data(digest): _thread(thread) for digest, thread in given.get("threads", {}).items()},
        given.get("spent", {}),
    )
    limits = Pipeline(**given.get("limits", {}))
    said = _said(admission.decide([candidate], facts, limits)[0])
    ahead = admission.receive(submission, network().id, within_quota=within, trust=facts.trust)
    assert isinstance(ahead, Candidate)
    assert _said(admission.decide([ahead], facts, limits)[0]) == said, "looked at ahead, it is decided as otherwise"
    return said


def _said(verdict: Verdict) -> Outcome:
    if isinstance(verdict, Rejected):
        return str(verdict.reason), {"step": verdict.step}
    return ("repeated", {"step": 5}) if isinstance(verdict, Repeated) else ("ok", {})


__all__ = ["FOLDER", "load", "names", "run"]
