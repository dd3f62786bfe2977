"""Limits that differ come from a file of TOML, which may name nothing else."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from bureaus.secretariat.settings import DEFAULT, Settings, read
from schemas.errors import Misuse


def test_what_a_file_does_not_name_is_as_by_default(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text("outgoing_seconds = 2\noutgoing_batch = 7\n")
    changed = read(file)
    assert (changed.outgoing_seconds, changed.outgoing_batch) == (2, 7)
    same = [field.name for field in fields(Settings) if not field.name.startswith("outgoing_")]
    assert [getattr(changed, name) for name in same] == [getattr(DEFAULT, name) for name in same]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nothing = 1", "there is no setting nothing"),
        ("outgoing_batch = 1.5", "outgoing_batch is a number above zero, whole"),
        ("outgoing_batch = true", "outgoing_batch is a number"),
        ("outgoing_seconds = 0", "outgoing_seconds is a number above zero"),
        ('outgoing_seconds = "1"', "outgoing_seconds is a number"),
        ("outgoing_seconds", "cannot read the settings"),
    ],
)
def test_anything_else_is_refused(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "settings.toml"
    file.write_text(text)
    with pytest.raises(Misuse, match=said):
        read(file)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Misuse, match="cannot read"):
        read(tmp_path / "none.toml")
