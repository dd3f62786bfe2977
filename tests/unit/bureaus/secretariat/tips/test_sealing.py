"""What a tip says opens with the key of its home, in its own place, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest

from bureaus.secretariat.tips.sealing import FILE, Seal
from schemas.errors import Misuse, Untrusted


def test_a_piece_opens_in_its_place_with_its_key_alone(tmp_path: Path) -> None:
    seal = Seal.at(tmp_path)
    sealed = seal.seal(b"at the ferry", "T-1", "said")
    assert seal.open(sealed, "T-1", "said") == Seal.at(tmp_path).open(sealed, "T-1", "said") == b"at the ferry"
    assert sealed != seal.seal(b"at the ferry", "T-1", "said")
    other = Seal(bytes(32))
    for who, number, field in ((seal, "T-2", "said"), (seal, "T-1", "word 0"), (other, "T-1", "said")):
        with pytest.raises(Untrusted):
            who.open(sealed, number, field)
    with pytest.raises(Untrusted):
        seal.open(sealed[:-1] + bytes([sealed[-1] ^ 1]), "T-1", "said")


@pytest.mark.parametrize("wrong", ["short", "read by others"])
def test_a_key_is_of_its_owner_alone_and_whole(tmp_path: Path, wrong: str) -> None:
    Seal.at(tmp_path)
    file = tmp_path / FILE
    assert file.stat().st_mode & 0o777 == 0o600
    if wrong == "short":
        file.write_bytes(bytes(31))
    else:
        file.chmod(0o640)
    with pytest.raises(Misuse, match=r"tips\.key"):
        Seal.at(tmp_path)
