"""All of the kit in order: who is there, the vectors, what it makes, then the live dialogue on each link.

A program that fails while it is asked is asked on, started anew; one that fails too often is asked nothing more, and
what was left counts as not run.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Final

from bureaus.conformance import making
from bureaus.conformance.contract import CONTRACT, OK, Level
from bureaus.conformance.findings import Finding, Report, Trial, Verdict
from bureaus.conformance.peer import CommandPeer, Peer, Trouble, UrlPeer
from bureaus.conformance.sections import within
from bureaus.conformance.vectors import judge, vectors
from schemas.errors import Misuse, Reason, Unavailable

LIVE_SECTIONS: Final = ("1", "1.1", "1.2", "1.3", "2.3", "2.4", "2.6", "3", "4", "5.3", "5.4", "5.6", "5.7", "6")
"""Sections that the live dialogue is about."""


def _silent(_said: str) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the caller asked for."""

    links: Sequence[str] = ()
    """Links of the live dialogue; none leaves it out."""
    only: str = ""
    """A section's number."""
    level: Level = Level.CORE
    say: Callable[[str], None] = _silent
    """Told of each stage as it begins."""


def peer_of(command: str, url: str) -> AbstractAsyncContextManager[CommandPeer | UrlPeer]:
    """The program under test, to be entered.

    Raises:
        Misuse: not exactly one of the two is given.
    """
    if bool(command) == bool(url):
        raise Misuse("give --command or --client-url, one of them")
    return CommandPeer(command) if command else UrlPeer(url)


async def greet(peer: Peer) -> tuple[Report, frozenset[str]]:
    """Ask the program who it is, and which links it has.

    Raises:
        Unavailable: it does not answer. Misuse: it goes by another version of the contract.
    """
    answer = await peer.ask("hello", {"contract": CONTRACT})
    if isinstance(answer, Trouble):
        raise Unavailable(Reason.UNREACHABLE, f"the program did not say hello: {answer.said}")
    if answer.outcome != OK or answer.shows.get("contract") != CONTRACT:
        raise Misuse(f"the program does not go by version {CONTRACT} of the contract: {answer.outcome}")
    links = answer.shows.get("links")
    named = {link for link in links if isinstance(link, str)} if isinstance(links, list) else set()
    return Report(str(answer.shows.get("name", "a program without a name"))[:80]), frozenset(named)


async def offline(peer: Peer, only: str) -> AsyncIterator[Finding]:
    """The vectors, and what the program makes."""
    for vector in vectors(only):
        answer = await peer.ask(vector.do, vector.given)
        if isinstance(answer, Trouble) and answer.given_up:
            yield Finding(vector.test, Verdict.NOT_RUN, vector.outcome, answer.said)
        else:
            yield judge(vector, answer)
    async for finding in making.made(peer, only):
        yield finding


async def conform(peer: Peer, wanted: Wanted) -> Report:
    """Run everything that is wanted, and report.

    Raises:
        Unavailable: the program does not answer at all, or the private network does not start. Misuse: no such section.
    """
    report, has = await greet(peer)
    report.only, report.wanted = wanted.only, wanted.level
    live = any(within(section, wanted.only) for section in LIVE_SECTIONS)
    links = [link for link in wanted.links if link in has] if live else []
    if live and wanted.links and not links:
        raise Misuse(f"the program says that it has no {' or '.join(wanted.links)} link")
    wanted.say("the published vectors")
    async for finding in offline(peer, wanted.only):
        report.findings.append(finding)
    for link in links:
        from bureaus.conformance.dialogue import run_live  # noqa: PLC0415  # a network's drivers only where one starts

        wanted.say(f"a live dialogue over {link}")
        await run_live(peer, link, report, wanted.only, wanted.say)
    for link in sorted(set(wanted.links) - has):
        report.notes.append(f"the program has no {link} link")
        if wanted.level is Level.FULL:
            test = Trial(f"live-{link}/start", "6", Level.LIVE, "it has both links")
            report.findings.append(Finding(test, Verdict.UNSUPPORTED, "a link", "none"))
    if not report.findings:
        raise Misuse(f"there is nothing to try in § {wanted.only}")
    return report


__all__ = ["LIVE_SECTIONS", "Wanted", "conform", "greet", "offline", "peer_of"]
