"""The plugin's fixtures, and the spare: while a test runs, the next test's gateway starts.

The first network of a set of bureaus is made and kept as a template, in pytest's cache; every later one is a copy.
When a test takes its network, the process of the next test's gateway is started already, if its template is there.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Final

import pytest
import pytest_asyncio

from bureaus.sandbox.site import Site
from bureaus.testing.countries import Countries, Gateway, Links, linked
from bureaus.testing.templates import Templates, Wanted
from schemas.directory import Link
from schemas.errors import Misuse
from schemas.operation import Operation

MARKER: Final = "bureaunet"
USUAL: Final = ("FR", "BR")
"""The bureaus of a test that names none."""


def pytest_configure(config: pytest.Config) -> None:
    """Tell pytest of the marker."""
    text = f'{MARKER}(*codes, link="http"): the bureaus of the test\'s network, and how they reach its gateway'
    config.addinivalue_line("markers", text)


class Spares:
    """Makes the networks of a session's tests, the next one ahead."""

    def __init__(self, templates: Templates, folder: Path) -> None:
        self._templates = templates
        self._folder = folder
        self._ready: tuple[Wanted, Site, Path] | None = None

    async def take(self, wanted: Wanted, after: Wanted | None) -> tuple[Site, Path]:
        """The site for a test, not entered, and its folder; the one for the test `after` is begun."""
        spare, self._ready = self._ready, None
        if spare is None or spare[0] != wanted:
            await self._drop(spare)
            spare = self._copy(wanted, await self._templates.get(wanted))
        template = None if after is None or after.link is not Link.HTTP else self._templates.find(after)
        if after is not None and template is not None:
            self._ready = self._copy(after, template)
            self._ready[1].launch()
        return spare[1], spare[2]

    async def aclose(self) -> None:
        """End the spare that nobody took."""
        spare, self._ready = self._ready, None
        await self._drop(spare)

    def _copy(self, wanted: Wanted, template: Path) -> tuple[Wanted, Site, Path]:
        folder = Path(tempfile.mkdtemp(prefix="network-", dir=self._folder))
        shutil.copytree(template, folder, dirs_exist_ok=True)
        return wanted, Site(folder, wanted.seats, link=wanted.link, made=True), folder

    async def _drop(self, spare: tuple[Wanted, Site, Path] | None) -> None:
        if spare is not None:
            await spare[1].gateway.kill()
            shutil.rmtree(spare[2], ignore_errors=True)


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
    site, folder = await bureaunet_spares.take(wanted, _next(request.session, request.node))
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


def _wanted(item: pytest.Item) -> Wanted:
    marker = item.get_closest_marker(MARKER)
    if marker is None:
        return Wanted(USUAL)
    return Wanted(tuple(map(str, marker.args)) or USUAL, linked(str(marker.kwargs.get("link", Link.HTTP))))


def _next(session: pytest.Session, item: pytest.Item) -> Wanted | None:
    """What the next test that asks for bureaus wants."""
    for other in _after(session.items, item):
        if "bureaunet_spares" in getattr(other, "fixturenames", ()):
            return _wanted(other)
    return None


def _after(items: list[pytest.Item], item: pytest.Item) -> Iterator[pytest.Item]:
    following = iter(items)
    for one in following:
        if one is item:
            break
    yield from following
