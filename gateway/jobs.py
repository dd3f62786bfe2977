"""The jobs that the pipeline's queue holds, and what those other than submissions add to a batch's work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from gateway.collector import Job
from gateway.placing import Failures, Placements
from gateway.ports import Candidate, Facts, Outcome
from gateway.settings import Pipeline
from gateway.work import Publication, Work
from schemas.evidence import Entry
from schemas.identity import Address


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """An acknowledgement as it came over a link; nothing in it is checked yet."""

    link: Address
    body: bytes


Payload: TypeAlias = Candidate | Evidence | Publication | Placements | Failures | Entry
Result: TypeAlias = Outcome | int | None
Batch: TypeAlias = Sequence[Job[Payload, Result]]


def work_of(batch: Batch, facts: Facts, limits: Pipeline, full: frozenset[Address]) -> Work:
    """What has to be done for jobs that need no facts. `full` are inboxes that take nothing more for now."""
    lease_until = facts.now + limits.lease_seconds * 1000
    kept = {name: signed.operation.retention for name, signed in facts.trust.operations.items()}
    operations = {name: max(0, min(days, limits.longest_retention_days)) for name, days in kept.items()}
    times = {name: signed.operation.times for name, signed in facts.trust.operations.items() if signed.operation.times}
    work = Work(facts.trust.directory, operations, facts.now, lease_until, full, times)
    for job in batch:
        match job.payload:
            case Placements() as placed:
                work.placed.extend(placed)
            case Failures() as failed:
                work.failed.extend(failed)
            case Publication() as publication:
                work.publications.append(publication)
            case Entry() as note:
                work.notes.append(note)
            case Candidate() | Evidence():
                pass
    return work
