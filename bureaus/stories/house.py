"""The secretariat as a process of its own, and its staff at their commands, as in a house.

Nothing of the secretariat's runs in the story's own process: what its staff decide goes through its commands.
"""

from __future__ import annotations

import json
import os
import secrets
import sys
from pathlib import Path
from typing import Final, TypeAlias

from pydantic import JsonValue, TypeAdapter

from bureaus.sandbox.process import Process, run
from schemas.errors import Reason, Unavailable

START_SECONDS: Final = 30.0
SETTINGS: Final = "notice_chore_seconds = 0.2\noutgoing_seconds = 0.2\nhits_seconds = 0.2\n"
"""Nobody waits for what another process wrote."""
_Row: TypeAlias = dict[str, JsonValue]
_ROW: Final = TypeAdapter(_Row)


class House:
    """The secretariat in its home; `folder` takes its log, its settings and its staff's passwords."""

    def __init__(self, home: Path, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._home, self._folder = home, folder
        self._settings = folder / "settings.toml"
        self._settings.write_text(SETTINGS, "utf-8")
        self._environment = {"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8", "PYTHONUTF8": "1"}
        self.log = folder / "secretariat.log"
        self._process = Process(
            "the secretariat",
            [*self._command("serve"), "--settings", self._settings],
            log=self.log,
            environment=self._environment,
        )

    def _command(self, *words: str) -> list[str | Path]:
        return [sys.executable, "-m", "bureaus", "secretariat", *words, "--home", self._home]

    async def hire(self, name: str, *rights: str) -> None:
        """Add somebody to the staff, with a password that nobody knows but a private file."""
        file = self._password(name)
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as opened:
            opened.write(secrets.token_urlsafe(24) + "\n")
        named = [part for right in rights for part in ("--right", right)]
        await self.says("staff", "add", name, *named, "--password-file", str(file), "--by", "story")

    async def serve(self) -> None:
        """Start the service and wait until it is ready. Raises Unavailable."""
        self._process.start()

        async def ready() -> bool:
            return any('"event": "ready"' in line for line in self.log.read_text("utf-8").splitlines())

        await self._process.ready(ready, within=START_SECONDS)

    async def stop(self) -> int:
        """Let it finish what it has in hand: its exit code."""
        return await self._process.stop()

    async def close(self) -> None:
        """End it at once, where it runs still."""
        if self._process.running:
            await self._process.kill()

    async def acts(self, who: str, *words: str) -> list[_Row]:
        """Something that one of the staff does: what the command prints. Raises Unavailable where it is refused."""
        return await self.says(*words, "--as", who, "--password-file", str(self._password(who)))

    async def refuses(self, who: str, *words: str) -> bool:
        """Whether a command of one of the staff's is refused."""
        try:
            await self.acts(who, *words)
        except Unavailable as error:
            return error.reason is Reason.UNREACHABLE
        return False

    async def says(self, *words: str) -> list[_Row]:
        """Run a command to its end: the rows that it prints. Raises Unavailable if it fails."""
        out = await run([*self._command(*words), "--json"], environment=self._environment)
        return [_ROW.validate_python(json.loads(line)) for line in out.splitlines() if line.startswith("{")]

    def _password(self, name: str) -> Path:
        return self._folder / f"{name}.pass"
