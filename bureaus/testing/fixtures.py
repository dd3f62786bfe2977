"""The plugin's fixtures, and the spares: while a test runs, the next tests' gateways start.

The first network of a set of bureaus is made and kept as a template, in pytest's cache; every later one is a copy.
When a test takes its network, the processes of the next two tests' gateways are started already, if their templates are
there: short tests would outrun a single one.
"""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Final

import pytest
import pytest_asyncio

from bureaus.sandbox.site import Site
from bureaus.testing.countries import Clock, Countries, Gateway, Links, linked, stopped
from bureaus.testing.templates import Templates, Wanted
from schemas.directory import Link
from schemas.errors import Misuse
from schemas.operation import Operation

MARKER: Final = "bureaunet"
USUAL: Final = ("FR", "BR")
"""The bureaus of a test that names none."""


def pytest_configure(config: pytest.Config) -> None:
    """Tell pytest of the marker."""
    said = "the bureaus of the test's network, how they reach its gateway, and whose its time is"
    text = f'{MARKER}(*codes, link="http", clock="real"): {said}'
    config.addinivalue_line("markers", text)


SPARES: Final = 2
"""Gateways that start ahead of their tests."""
_Spare = tuple[Wanted, Site, Path]


class Spares:
    """Makes the networks of a session's tests, the next ones ahead."""

    def __init__(self, templates: Templates, folder: Path) -> None:
        self._templates = templates
        self._folder = folder
        self._ready: list[_Spare] = []

    async def take(self, wanted: Wanted, after: Sequence[Wanted]) -> tuple[Site, Path]:
        """The site for a test, not entered, and its folder; those for the tests `after`, in order, are begun."""
        spare = self._found(wanted) or self._copy(wanted, await self._templates.get(wanted))
        kept = [one for one in (self._found(next_one) for next_one in after) if one is not None]
        await self.aclose()
        self._ready = kept
        there = Counter(one[0] for one in kept)
        for next_one in after:
            there[next_one] -= 1
            template = self._templates.find(next_one) if next_one.link is Link.HTTP else None
            if there[next_one] < 0 and template is not None:
                self._ready.append(self._copy(next_one, template))
                self._ready[-1][1].launch()
        return spare[1], spare[2]

    def _found(self, wanted: Wanted) -> _Spare | None:
        """The spare that is longest under way for this, which is ready no more."""
        for place, one in enumerate(self._ready):
            if one[0] == wanted:
                return self._ready.pop(place)
        return None

    async def aclose(self) -> None:
        """End the spares that nobody took."""
        spares, self._ready = self._ready, []
        for spare in spares:
            await spare[1].gateway.kill()
            shutil.rmtree(spare[2], ignore_errors=True)

    def _copy(self, wanted: Wanted, template: Path) -> _Spare:
        folder = Path(tempfile.mkdtemp(prefix="network-", dir=self._folder))
        shutil.copytree(template, folder, dirs_exist_ok=True)
        site = Site(folder, wanted.seats, link=wanted.link, made=True)
        site.stopped = wanted.stopped
        return wanted, site, folder


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def bureaunet_spares(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Spares]:
    """The session's networks."""
    cached = request.config.pluginmanager.has_plugin("cacheprovider")
    folder = request.config.cache.mkdir("bureaunet") if cached else tmp_path_factory.mktemp("templates")
    spares = Spares(Templates(folder), tmp_path_factory.mktemp("bureaunet"))
    yield spares
    await spares.aclose()


@pytest_asyncio.fixture
async def bureaus(request: pytest.FixtureRequest, bureaunet_spares: Spares) -> AsyncIterator[Countries]:
    """The bureaus that the marker names, by code, open; `IPSG` beside them."""
    wanted = _wanted(request.node)
    site, folder = await bureaunet_spares.take(wanted, _following(request.session, request.node))
    async with Countries(site, wanted) as countries:
        yield countries
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def operation(bureaus: Countries) -> Operation:
    """An active operation of everybody, for all kinds and purposes."""
    if bureaus.operation is None:
        raise Misuse("the network has no operation")
    return bureaus.operation


@pytest.fixture
def gateway(bureaus: Countries) -> Gateway:
    """The network's gateway."""
    return Gateway(bureaus.site)


@pytest.fixture
def links(bureaus: Countries) -> Links:
    """The bureaus' links."""
    return Links(bureaus.site)


@pytest.fixture
def clock(bureaus: Countries) -> Clock:
    """The network's time, which passes when the test lets it: marker bureaunet(clock="exercise")."""
    if bureaus.clock is None:
        raise Misuse('time is the machine\'s here: mark the test with bureaunet(clock="exercise")')
    return bureaus.clock


def _wanted(item: pytest.Item) -> Wanted:
    marker = item.get_closest_marker(MARKER)
    if marker is None:
        return Wanted(USUAL)
    link, clock = (str(marker.kwargs.get(name, usual)) for name, usual in (("link", Link.HTTP), ("clock", "real")))
    return Wanted(tuple(map(str, marker.args)) or USUAL, linked(link), stopped(clock))


def _following(session: pytest.Session, item: pytest.Item) -> list[Wanted]:
    """What the next tests that ask for bureaus want, in order."""
    asking = (one for one in _after(session.items, item) if "bureaunet_spares" in getattr(one, "fixturenames", ()))
    return [_wanted(one) for one in islice(asking, SPARES)]


def _after(items: list[pytest.Item], item: pytest.Item) -> Iterator[pytest.Item]:
    following = iter(items)
    for one in following:
        if one is item:
            break
    yield from following
