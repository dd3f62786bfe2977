"""The gateway's own commands, run in this process: what an operator would type, without a second for each start."""

from __future__ import annotations

import asyncio
from pathlib import Path

from click.testing import CliRunner

from gateway.__main__ import main


async def command(*arguments: str | Path | int) -> tuple[int, str]:
    """One `bureaunet-gateway` command: its exit code, and what it printed on both streams."""
    done = await asyncio.to_thread(CliRunner().invoke, main, list(map(str, arguments)))
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, done.output


async def done(*arguments: str | Path | int) -> str:
    """A command that must succeed: what it printed."""
    code, printed = await command(*arguments)
    assert code == 0, printed
    return printed
