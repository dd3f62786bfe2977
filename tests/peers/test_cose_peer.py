"""`cwt`, which nobody here wrote, takes what we sign and seal, and we take what it makes."""

import json
import subprocess
from pathlib import Path

import pytest

from schemas import cbor, cose
from schemas.errors import BureaunetError
from schemas.keys import SealingKey, SigningKey, Suite
from tests.world import FR, flip, header, sealed_by, sealing, signing

HERE = Path(__file__).resolve().parent
PYTHON = HERE.parents[1] / ".venv-peers" / "bin" / "python"
TYP = "application/vnd.bureaunet.test+cose"
IV = bytes(range(12))

pytestmark = [
    pytest.mark.peers,
    pytest.mark.skipif(not PYTHON.exists(), reason="cwt is not installed: run make peers"),
]


def ask(do: str, **given: str) -> dict[str, str]:
    """One question to the peer."""
    ran = subprocess.run(
        [str(PYTHON), str(HERE / "cwt_peer.py")],
        input=json.dumps({"do": do, **given}),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    answer: dict[str, str] = json.loads(ran.stdout)
    return answer


def signer(key: SigningKey, *, private: bool = False) -> dict[str, str]:
    given = {"kid": key.key_id.hex(), "public": key.public.raw.hex()}
    return {**given, "seed": key.seed.hex()} if private else given


def opener(key: SealingKey, *, private: bool = False) -> dict[str, str]:
    given = {"kid": key.key_id.hex(), "public": key.public.raw.hex()}
    return {**given, "seed": key.seed.hex()} if private else given


def test_it_verifies_what_we_sign() -> None:
    data = cose.sign1(TYP, b"payload", signing(FR))
    assert ask("verify", data=data.hex(), **signer(signing(FR))) == {"ok": b"payload".hex()}
    assert "error" in ask("verify", data=flip(data, len(data) - 1).hex(), **signer(signing(FR)))


def test_it_verifies_a_statement_of_ours() -> None:
    sent = sealed_by(header(bytes(32)))
    answer = ask("verify", data=sent.statement.hex(), **signer(signing(FR)))
    assert bytes.fromhex(answer["ok"]) == cose.parse_sign1(sent.statement, _typ(sent.statement)).payload


def _typ(statement: bytes) -> str:
    value = cbor.decode(statement)
    assert isinstance(value, cbor.Tagged)
    match value.value:
        case [bytes(protected), *_]:
            found = cbor.decode(protected)
            assert isinstance(found, dict)
            return str(found[cose.TYP])
    raise AssertionError("not a COSE_Sign1")


def test_we_verify_what_it_signs() -> None:
    answer = ask("sign", payload=b"payload".hex(), typ=TYP, **signer(signing(FR), private=True))
    signed = cose.parse_sign1(bytes.fromhex(answer["ok"]), TYP)
    signed.verify(signing(FR).public)
    assert signed.payload == b"payload"
    # Ed25519 is deterministic: the same header, payload and key give the same bytes from both
    assert bytes.fromhex(answer["ok"]) == cose.sign1(TYP, b"payload", signing(FR))


def test_it_opens_what_we_seal() -> None:
    key = sealing(FR, Suite.HPKE_4_KE)
    data = cose.encrypt(b"secret", [key.public], content_type="text/plain", external=b"e", extra_info=b"x")
    given = {"data": data.hex(), "external": b"e".hex(), "extra": b"x".hex(), **opener(key, private=True)}
    assert ask("open", **given) == {"ok": b"secret".hex()}
    assert "error" in ask("open", **{**given, "extra": b"y".hex()})
    assert "error" in ask("open", **{**given, "external": b"f".hex()})


def test_we_open_what_it_seals() -> None:
    key = sealing(FR, Suite.HPKE_4_KE)
    given = {"payload": b"secret".hex(), "type": "text/plain", "iv": IV.hex(), "external": b"e".hex()}
    answer = ask("seal", extra=b"x".hex(), **given, **opener(key))
    message = cose.parse_encrypt(bytes.fromhex(answer["ok"]))
    assert message.wraps[0].suite == Suite.HPKE_4_KE
    assert cose.decrypt(message, key, external=b"e", extra_info=b"x") == b"secret"
    with pytest.raises(BureaunetError):
        cose.decrypt(message, key, external=b"e", extra_info=b"y")
