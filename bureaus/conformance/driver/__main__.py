"""The loop: one request a line on standard input, one answer a line on standard output, until the input ends."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Final

from pydantic import JsonValue, ValidationError

from bureaus.conformance.contract import CONTRACT, MAX_LINE, OK, UNSUPPORTED, Answer, Request
from bureaus.conformance.driver.given import Given
from bureaus.conformance.driver.judging import JUDGING
from bureaus.conformance.driver.living import Living
from bureaus.conformance.driver.making import MAKING
from bureaus.conformance.driver.reading import READING, Shown
from schemas.errors import BureaunetError

_LINE: Final = 8 * MAX_LINE
"""Bytes of a request: larger than any that the kit makes."""
Live = Callable[[Given], Awaitable[Shown]]


class Driver:
    """Answers requests."""

    def __init__(self) -> None:
        self._living = Living()
        live = self._living
        self._live: Mapping[str, Live] = {
            "live.ask": live.ask,
            "live.prove": live.prove,
            "live.refresh": live.refresh,
            "live.start": live.start,
            "live.stop": live.stop,
            "live.take": live.take,
        }

    async def answer(self, request: Request) -> Answer:
        """The answer to one request; whatever the SDK raises becomes its reason."""
        try:
            shown = await self._done(request.do, Given(request.given))
        except BureaunetError as error:
            return Answer(id=request.id, outcome=str(error.reason), detail=error.detail[:2000])
        if shown is None:
            return Answer(id=request.id, outcome=UNSUPPORTED)
        return Answer(id=request.id, outcome=OK, shows=dict(shown))

    async def _done(self, name: str, given: Given) -> Shown | None:
        if name == "hello":
            links: list[JsonValue] = ["http", "amqp"]
            return {"name": "bureaunet SDK", "links": links, "contract": CONTRACT}
        if name in self._live:
            return await self._live[name](given)
        for table in (READING, JUDGING, MAKING):
            if name in table:
                return table[name](given)
        return None

    async def aclose(self) -> None:
        """End what was begun."""
        await self._living.stop(Given({}))


async def serve(driver: Driver | None = None) -> None:
    """Answer until the input ends."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=_LINE)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    answering = driver or Driver()
    try:
        while line := await reader.readline():
            try:
                request = Request.model_validate_json(line)
            except ValidationError:
                continue  # a request that cannot be read has no number to answer
            said = await answering.answer(request)
            sys.stdout.write(said.model_dump_json() + "\n")
            sys.stdout.flush()
    finally:
        await answering.aclose()


def main() -> None:
    """Run until the input ends, or Ctrl-C."""
    with suppress(KeyboardInterrupt):
        asyncio.run(serve())


if __name__ == "__main__":
    main()
