from __future__ import annotations

import os
from pathlib import Path

import pytest

from bureaus.sandbox import reach
from bureaus.sandbox.process import Account
from schemas.errors import Misuse

STRANGER = Account(uid=54_321, gid=54_321)


@pytest.fixture
def open_folder() -> Path:
    """A folder of ours right under the temporary one: those of pytest lie in one that is closed to others."""
    return reach.private_folder("test", None)


def test_a_private_folder_is_closed_to_others(open_folder: Path) -> None:
    assert not reach.may_enter(open_folder, STRANGER)
    open_folder.rmdir()


def test_a_folder_is_in_reach_only_if_all_those_above_it_are(open_folder: Path) -> None:
    inner = open_folder / "inner"
    inner.mkdir(mode=0o755)
    assert not reach.may_enter(inner, STRANGER)
    open_folder.chmod(0o711)
    assert reach.may_enter(inner, STRANGER)
    assert not reach.may_enter(open_folder, STRANGER), "going through is not reading"
    inner.rmdir()
    open_folder.rmdir()


def test_an_owner_counts_by_the_owners_bits(open_folder: Path) -> None:
    owner = Account(open_folder.stat().st_uid, 54_321)
    assert reach.may_enter(open_folder, owner)
    open_folder.rmdir()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root copies binaries for another user")
def test_binaries_are_copied_once_and_a_cache_that_others_write_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reach, "CACHE", tmp_path / "cache")
    monkeypatch.setattr(reach, "may_enter", lambda _folder, _account: False)
    binaries = reach.postgres_binaries(STRANGER)
    assert os.access(binaries / "postgres", os.X_OK)
    assert binaries.is_relative_to(tmp_path / "cache")
    made = (binaries / "postgres").stat().st_ino
    assert (reach.postgres_binaries(STRANGER) / "postgres").stat().st_ino == made
    (tmp_path / "cache").chmod(0o777)
    with pytest.raises(Misuse, match="only root writes"):
        reach.postgres_binaries(STRANGER)
