"""Where the passphrase of private keys, or a token's PIN, comes from: a private file, a descriptor, or a prompt.

Rules: never from a command line or an environment variable, which others can read; what is kept here is where to look.
It stands apart from the settings, so that no dump of those can hold it, and belongs to the command that runs: `choose`
says what the command line said, and whoever opens keys asks `existing` or `new`.
"""

from __future__ import annotations

import os
import stat
import sys
from contextvars import ContextVar
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from schemas.errors import Misuse

_LONGEST: Final = 4096
_FORBIDDEN: Final = stat.S_IRWXG | stat.S_IRWXO


@dataclass(frozen=True, slots=True)
class Source:
    """Where to look; nothing given is a prompt, where there is a terminal."""

    file: Path | None = None
    descriptor: int | None = None
    refused: bool = False
    """New keys are to be kept without a passphrase: `--no-passphrase` said so."""


_NOTHING: Final = Source()
_source: Final[ContextVar[Source]] = ContextVar("passphrase", default=_NOTHING)


def choose(*, file: Path | None = None, descriptor: int | None = None, refused: bool = False) -> None:
    """Remember what the command line said; what is not given stays as it was."""
    before = _source.get()
    given = Source(file or before.file, before.descriptor if descriptor is None else descriptor)
    _source.set(replace(given, refused=refused or before.refused))


def chosen() -> Source:
    """What was said."""
    return _source.get()


def existing(what: str) -> bytes:
    """The passphrase of keys that are there; `what` says whose, for the prompt.

    Raises:
        Misuse: none was given and nobody can be asked, or the file can be read by others.
    """
    given = _read()
    if given is not None:
        return given
    if not sys.stdin.isatty():
        raise Misuse(f"{what}: the keys are locked; give --passphrase-file or --passphrase-fd")
    return _asked(f"passphrase of {what}", twice=False)


def new(what: str) -> bytes | None:
    """The passphrase for keys to be made; None where `--no-passphrase` said so.

    Raises:
        Misuse: nothing was said and nobody can be asked.
    """
    if _source.get().refused:
        sys.stderr.write(f"{what}: the private keys are NOT encrypted, as --no-passphrase says\n")
        sys.stderr.flush()
        return None
    given = _read()
    if given is not None:
        return given
    if not sys.stdin.isatty():
        raise Misuse(f"{what}: give --passphrase-file or --passphrase-fd; --no-passphrase keeps keys unencrypted")
    return _asked(f"new passphrase of {what}", twice=True)


def following(what: str, file: Path | None, descriptor: int | None) -> bytes:
    """The passphrase that is to take the place of another: from this file or descriptor, or asked for twice.

    Raises:
        Misuse: nothing was given and nobody can be asked, or the file can be read by others.
    """
    if descriptor is not None:
        return _from_descriptor(descriptor)
    if file is not None:
        return read_file(file)
    if not sys.stdin.isatty():
        raise Misuse(f"{what}: give --new-passphrase-file or --new-passphrase-fd")
    return _asked(f"new passphrase of {what}", twice=True)


def _asked(words: str, *, twice: bool) -> bytes:
    import click  # noqa: PLC0415  # a program that uses the SDK is not asked, and is not to wait for this

    return str(click.prompt(words, hide_input=True, confirmation_prompt=twice, err=True)).encode()


def _read() -> bytes | None:
    source = _source.get()
    if source.descriptor is not None:
        return _from_descriptor(source.descriptor)
    return None if source.file is None else read_file(source.file)


def _from_descriptor(number: int) -> bytes:
    """Read the descriptor to its end; it is read once, since one that is a pipe gives nothing a second time."""
    try:
        with os.fdopen(number, "rb", closefd=False) as file:
            return _first_line(file.read(_LONGEST))
    except OSError as error:
        raise Misuse(f"cannot read a passphrase from descriptor {number}: {error.strerror}") from None


def read_file(path: Path) -> bytes:
    """The first line of a file that its owner alone can read.

    Raises:
        Misuse: it cannot be read, others can read it, or it is empty.
    """
    try:
        with path.open("rb") as file:
            if os.name == "posix" and os.fstat(file.fileno()).st_mode & _FORBIDDEN:
                raise Misuse(f"{path} can be read by others: chmod 600")
            return _first_line(file.read(_LONGEST))
    except OSError as error:
        raise Misuse(f"cannot read a passphrase from {path}: {error.strerror}") from None


def _first_line(data: bytes) -> bytes:
    line = data.partition(b"\n")[0].removesuffix(b"\r")
    if not line:
        raise Misuse("the passphrase is empty")
    return line
