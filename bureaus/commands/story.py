"""What `demo --story NAME` does: a story told on standard output, its files in a folder, and the exit code."""

from __future__ import annotations

import asyncio
import json
import shutil
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

import click

from bureaus.auditor import verdict_row
from bureaus.exercises.session import PRIVATE, make_out
from bureaus.stories import notice
from bureaus.stories.telling import Step

STORIES: Final = {"notice": notice.tell}
_INTERRUPTED: Final = 130


def tell_story(name: str, out: Path | None, *, keep: bool, as_json: bool) -> int:
    """Tell a story and give the exit code: 0 only if every step came as it must and the record verifies.

    Raises:
        Misuse: the folder holds something. Unavailable: the private network did not start.
    """
    folder = out or Path("build") / f"story-{name}-{time.strftime('%Y%m%d-%H%M%S')}"
    make_out(folder)
    begun = time.monotonic()

    def say(step: Step) -> None:
        if not as_json:
            click.echo(step.text())

    try:
        told = asyncio.run(STORIES[name](folder, say, lambda words: click.echo(words, err=True)))
    except (KeyboardInterrupt, asyncio.CancelledError):
        click.echo("stopped; nothing that was started is left running", err=True)
        return _INTERRUPTED
    finally:
        if not keep:
            with suppress(FileNotFoundError):
                shutil.rmtree(folder / PRIVATE)
    seconds = round(time.monotonic() - begun, 1)
    again = f"bureaunet verify {told.record} --network {told.network} --exchanges"
    if as_json:
        row = {
            "event": "story",
            "name": name,
            "ok": told.ok,
            "fault": told.fault,
            "seconds": seconds,
            "steps": [
                {"at": step.at, "who": step.who, "what": step.what, "ok": step.ok, "facts": step.facts}
                for step in told.steps
            ],
            "verdict": None if told.verdict is None else verdict_row(told.verdict),
            "again": again,
        }
        click.echo(json.dumps(row, ensure_ascii=False))
    else:
        click.echo(f"{'as it must be' if told.ok else f'OTHERWISE: {told.fault}'}, in {seconds} s. Again: {again}")
    return 0 if told.ok else 1
