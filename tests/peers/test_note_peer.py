"""Node, with ML-DSA that nobody here wrote and a reader made from C2SP's texts, verifies our cosigned checkpoints."""

import json
import subprocess
from pathlib import Path

import pytest

from schemas.keys import NoteKey
from schemas.merkle import leaf_hash
from schemas.notes import Checkpoint, add_line, sign_checkpoint, signature_line
from schemas.witness import cosign
from tests.world import LOG, NOW, seed

HERE = Path(__file__).resolve().parent
NODE = HERE.parents[1] / ".venv-peers" / "bin" / "node"
WITNESSES = [NoteKey(name, seed(f"witness/{name}")) for name in ("BR", "FR", "KE/border-namanga")]
HEAD = Checkpoint(LOG.name, 1_234_567, leaf_hash(b"root"))

pytestmark = [
    pytest.mark.peers,
    pytest.mark.skipif(
        not (NODE.exists() and (HERE / "node_modules" / "@noble" / "post-quantum").exists()),
        reason="Node's post-quantum package is not installed: run make peers",
    ),
]


def ask(note: str) -> dict[str, object]:
    """Who signed, in the peer's eyes."""
    keys = {key.name: key.raw.hex() for key in (LOG, *WITNESSES)}
    ran = subprocess.run(
        [str(NODE), str(HERE / "read_note.js")],
        input=json.dumps({"note": note, "keys": keys}),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    answer: dict[str, object] = json.loads(ran.stdout)
    return answer


def test_the_peer_counts_whom_we_count() -> None:
    note = sign_checkpoint(HEAD, LOG, NOW)
    for number, witness in enumerate(WITNESSES):
        note = add_line(note, signature_line(HEAD, witness, NOW + number))
    assert ask(note) == {"size": HEAD.size, "signed": [LOG.name, "BR", "FR", "KE/border-namanga"]}
    assert ask(cosign(HEAD, WITNESSES[0], NOW).decode()) == {"size": HEAD.size, "signed": ["BR"]}


def test_the_peer_refuses_what_we_refuse() -> None:
    note = add_line(sign_checkpoint(HEAD, LOG, NOW), signature_line(HEAD, WITNESSES[0], NOW))
    other = add_line(sign_checkpoint(HEAD, LOG, NOW), signature_line(HEAD, NoteKey("BR", seed("forged")), NOW))
    assert ask(note.replace("1234567", "1234568")) == {"size": HEAD.size + 1, "signed": []}
    assert ask(other) == {"size": HEAD.size, "signed": [LOG.name]}
