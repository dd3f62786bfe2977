"""What came out: one finding for each test, and the whole of them by section."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from bureaus.conformance.contract import Level
from bureaus.conformance.sections import TITLES, heading, order


class Verdict(StrEnum):
    """How one test came out."""

    RIGHT = "right"
    WRONG = "wrong"
    UNSUPPORTED = "unsupported"
    """The program says that it does not do this; it is no part of the level that it has then."""
    NOT_RUN = "not run"
    """The program failed too often before, or was not there to ask."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One thing that is tried."""

    id: str
    section: str
    level: Level
    says: str


@dataclass(frozen=True, slots=True)
class Finding:
    """What became of it."""

    test: Trial
    verdict: Verdict
    expected: str = ""
    got: str = ""

    def row(self) -> dict[str, str]:
        """For JSON."""
        plain = {
            "id": self.test.id,
            "level": str(self.test.level),
            "says": self.test.says,
            "verdict": str(self.verdict),
        }
        return plain if self.verdict is Verdict.RIGHT else {**plain, "expected": self.expected, "got": self.got}


@dataclass(slots=True)
class Report:
    """All findings, and what they come to."""

    client: str
    links: Sequence[str] = ()
    """Links that the live dialogue ran on."""
    only: str = ""
    findings: list[Finding] = field(default_factory=list)
    wanted: Level = Level.CORE
    notes: list[str] = field(default_factory=list)

    def add(self, findings: Iterable[Finding]) -> None:
        """Take more."""
        self.findings += findings

    @property
    def wrong(self) -> list[Finding]:
        """What fails the program at the level that was asked for."""
        return [one for one in self.findings if self._fails(one)]

    def _fails(self, one: Finding) -> bool:
        if one.verdict in (Verdict.WRONG, Verdict.NOT_RUN):
            return True
        return one.verdict is Verdict.UNSUPPORTED and (self.wanted is Level.FULL or one.test.level is not Level.FULL)

    @property
    def passed(self) -> bool:
        """Whether nothing is wrong, and something was tried."""
        return bool(self.findings) and not self.wrong

    @property
    def level(self) -> str:
        """The level that the program has: `full`, `core`, `offline` without a link, `none` where something is wrong.

        None is said of a part (`--only`).
        """
        if not self.passed or self.only:
            return "none"
        if not self.links:
            return "offline"
        complete = all(one.verdict is Verdict.RIGHT for one in self.findings) and {"http", "amqp"} <= set(self.links)
        return str(Level.FULL if complete else Level.CORE)

    def sections(self) -> Mapping[str, list[Finding]]:
        """Findings by section, in the document's order."""
        found: dict[str, list[Finding]] = {}
        for one in self.findings:
            found.setdefault(one.test.section, []).append(one)
        return {section: found[section] for section in sorted(found, key=order)}

    def rows(self) -> dict[str, object]:
        """For JSON."""
        sections = [
            {"section": number, "title": TITLES[number], "tests": [one.row() for one in found]}
            for number, found in self.sections().items()
        ]
        count = {str(verdict): sum(one.verdict is verdict for one in self.findings) for verdict in Verdict}
        return {
            "client": self.client,
            "passed": self.passed,
            "level": self.level,
            "links": list(self.links),
            "only": self.only,
            "counts": count,
            "notes": self.notes,
            "sections": sections,
        }

    def lines(self) -> Iterable[str]:
        """For a terminal."""
        for number, found in self.sections().items():
            right = sum(one.verdict is Verdict.RIGHT for one in found)
            undone = sum(one.verdict is Verdict.UNSUPPORTED for one in found)
            more = f", {undone} unsupported" if undone else ""
            yield f"{heading(number)}: {right} of {len(found)} right{more}"
            for one in found:
                if self._fails(one):
                    yield f"    {one.test.id}: {one.test.says}"
                    yield f"        expected {one.expected}; got {one.got}"
        yield from (f"note: {note}" for note in self.notes)
        yield self.summary()

    def summary(self) -> str:
        """One line."""
        links = f"live over {' and '.join(self.links)}" if self.links else "not live on any link"
        if not self.passed:
            return f"{self.client}: {len(self.wrong)} of {len(self.findings)} wrong ({links})"
        what = f"all that was asked of § {self.only}" if self.only else f"conforms, level {self.level}"
        return f"{self.client}: {what} ({len(self.findings)} tests, {links})"
