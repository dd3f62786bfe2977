"""Node, with HPKE that nobody here wrote, opens one of our envelopes and checks its statement."""

import hashlib
import json
import subprocess
from pathlib import Path

import pytest

from schemas.envelope import Envelope, seal
from schemas.keys import SealingKey
from tests.world import BR, CONTENT, FR, flip, header, sealed_by, seed, signing

HERE = Path(__file__).resolve().parent
NODE = HERE.parents[1] / ".venv-peers" / "bin" / "node"
X_WING_SEED = seed("x-wing")
NET = bytes(32)

pytestmark = [
    pytest.mark.peers,
    pytest.mark.skipif(
        not (NODE.exists() and (HERE / "node_modules" / "hpke").exists()),
        reason="Node's hpke is not installed: run make peers",
    ),
]


def ask(**given: str) -> dict[str, object]:
    """One envelope for the peer."""
    ran = subprocess.run(
        [str(NODE), str(HERE / "open_envelope.js")],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    answer: dict[str, object] = json.loads(ran.stdout)
    return answer


@pytest.fixture(scope="module")
def key() -> SealingKey:
    """A key that the peer can hold: X-Wing makes 96 bytes of a 32-byte seed (draft-connolly-cfrg-xwing-kem)."""
    return SealingKey(hashlib.shake_256(X_WING_SEED).digest(96))


@pytest.fixture(scope="module")
def sent(key: SealingKey) -> Envelope:
    return seal(header(NET, aud=(BR,)), CONTENT, [key.public], signing(FR))


def given(sent: Envelope, key: SealingKey, **changes: str) -> dict[str, str]:
    plain = {
        "statement": sent.statement.hex(),
        "sealed": (sent.sealed or b"").hex(),
        "publicKey": signing(FR).public.raw.hex(),
        "seed": X_WING_SEED.hex(),
        "kid": key.key_id.hex(),
    }
    return plain | changes


def test_it_opens_what_we_seal_and_verifies_what_we_sign(sent: Envelope, key: SealingKey) -> None:
    assert ask(**given(sent, key)) == {
        "algorithm": 57,
        "signature": True,
        "digestMatches": True,
        "commitMatches": True,
        "issuer": "FR",
        "content": CONTENT.decode(),
    }


def test_it_sees_a_forged_statement(sent: Envelope, key: SealingKey) -> None:
    forged = flip(sent.statement, len(sent.statement) - 1)
    assert ask(**given(sent, key, statement=forged.hex()))["signature"] is False
    other = signing(BR).public.raw.hex()
    assert ask(**given(sent, key, publicKey=other))["signature"] is False


def test_it_does_not_open_what_was_changed(sent: Envelope, key: SealingKey) -> None:
    sealed = sent.sealed or b""
    for at in (60, len(sealed) - 1):
        assert "error" in ask(**given(sent, key, sealed=flip(sealed, at).hex()))
    other = sealed_by(header(NET, aud=(BR,)))
    assert "error" in ask(**given(Envelope(other.statement, sealed), key))
