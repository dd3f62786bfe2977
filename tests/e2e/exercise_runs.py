"""What the end-to-end tests of exercises share: the command line, and a search for names in bytes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from pydantic import JsonValue, TypeAdapter

from bureaus.caseload import Caseload

Json = dict[str, JsonValue]
OBJECT: Final = TypeAdapter(Json)
_SHORTEST: Final = 6
"""Bytes: shorter words turn up in ciphertext by chance."""


def bureaunet(*arguments: str | Path) -> subprocess.CompletedProcess[bytes]:
    """Run the command to its end."""
    return subprocess.run([sys.executable, "-m", "bureaus", *arguments], capture_output=True, check=False, timeout=280)


def held(*arguments: str | Path) -> Json:
    """Hold an exercise: the one object that it printed."""
    done = bureaunet(*arguments, "--json")
    assert done.returncode == 0, (done.stdout + done.stderr).decode()
    assert done.stderr == b""
    return OBJECT.validate_json(done.stdout)


def searched(caseload: Caseload) -> dict[str, list[bytes]]:
    """Every name of every target, Latin and original, with the bytes that it could stand as."""
    persons = [case.person for case in caseload.cases]
    names = [name for person in persons for name in (person.name, *person.aliases)]
    words = {word for name in names for word in (name.family, name.given, name.original) if word}
    found = {word: [form for form in _forms(word) if len(form) >= _SHORTEST] for word in words}
    assert all(found[name.family] for name in names if name.family)
    return found


def _forms(word: str) -> Iterator[bytes]:
    yield word.encode()
    yield word.encode("utf-16-le")
    yield json.dumps(word)[1:-1].encode()


def lying_open(caseload: Caseload, files: Iterable[Path]) -> list[str]:
    """The names that stand in one of these files, and in which."""
    words = searched(caseload)
    return [
        f"{word} in {path.name}"
        for path in files
        for data in [path.read_bytes()]
        for word, forms in words.items()
        if any(form in data for form in forms)
    ]


def kept_by_the_gateway(out: Path) -> list[Path]:
    """Every file of the gateway's home, its log, and the records."""
    home = out / "private" / "gateway"
    return [*filter(Path.is_file, home.rglob("*")), out / "private" / "gateway.log", *out.glob("*.record")]
