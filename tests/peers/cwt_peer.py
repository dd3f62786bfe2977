"""Signs, verifies, seals and opens with `cwt`, in an environment of its own; JSON on its standard streams.

Bytes are hexadecimal. `{"do": "verify" | "sign" | "open" | "seal", ...}` gives `{"ok": ...}` or `{"error": ...}`.
"""

import json
import sys
from typing import Any

from cwt import (  # type: ignore[import-not-found]  # installed in .venv-peers
    COSE,
    COSEHeaders,
    COSEKey,
    Recipient,
)
from cwt.cose_key_interface import COSEKeyInterface  # type: ignore[import-not-found]  # the same

HPKE_4_KE = 50
ED25519 = -19


def signing(given: dict[str, Any]) -> COSEKeyInterface:
    """An Ed25519 key; private where a seed is given."""
    params: dict[int, Any] = {1: 1, -1: 6, 3: ED25519, 2: bytes.fromhex(given["kid"])}
    params[-2] = bytes.fromhex(given["public"])
    if "seed" in given:
        params[-4] = bytes.fromhex(given["seed"])
    return COSEKey.new(params)


def sealing(given: dict[str, Any]) -> COSEKeyInterface:
    """An X25519 key for HPKE; private where a seed is given."""
    params: dict[int, Any] = {1: 1, -1: 4, 3: HPKE_4_KE, 2: bytes.fromhex(given["kid"])}
    params[-2] = bytes.fromhex(given["public"])
    if "seed" in given:
        params[-4] = bytes.fromhex(given["seed"])
    return COSEKey.new(params)


def verify(given: dict[str, Any]) -> str:
    """The payload of a COSE_Sign1 that verifies."""
    return str(COSE.new().decode(bytes.fromhex(given["data"]), signing(given)).hex())


def sign(given: dict[str, Any]) -> str:
    """A COSE_Sign1, its protected header made by cwt."""
    key = signing(given)
    protected = {1: ED25519, 4: key.kid, 16: given["typ"]}
    cose = COSE.new(deterministic_header=True)
    return str(cose.encode_and_sign(bytes.fromhex(given["payload"]), key, protected=protected, unprotected={}).hex())


def open_(given: dict[str, Any]) -> str:
    """The plaintext of a COSE_Encrypt with HPKE-4-KE recipients."""
    opened = COSE.new().decode(
        bytes.fromhex(given["data"]),
        sealing(given),
        external_aad=bytes.fromhex(given["external"]),
        extra_info=bytes.fromhex(given["extra"]),
    )
    return str(opened.hex())


def seal(given: dict[str, Any]) -> str:
    """A COSE_Encrypt to one HPKE-4-KE recipient."""
    key = sealing(given)
    recipient = Recipient.new(
        protected={COSEHeaders.ALG: HPKE_4_KE},
        unprotected={COSEHeaders.KID: key.kid},
        recipient_key=key,
        extra_info=bytes.fromhex(given["extra"]),
    )
    content = COSEKey.generate_symmetric_key(alg="A256GCM")
    sealed = COSE.new(deterministic_header=True).encode_and_encrypt(
        bytes.fromhex(given["payload"]),
        content,
        protected={1: 3, 3: given["type"]},
        unprotected={5: bytes.fromhex(given["iv"])},
        recipients=[recipient],
        external_aad=bytes.fromhex(given["external"]),
    )
    return str(sealed.hex())


def main() -> None:
    """One question, one answer."""
    given = json.load(sys.stdin)
    work = {"verify": verify, "sign": sign, "open": open_, "seal": seal}[given["do"]]
    try:
        answer = {"ok": work(given)}
    except Exception as error:  # noqa: BLE001  # whatever the peer raises is its answer
        answer = {"error": f"{type(error).__name__}: {error}"}
    json.dump(answer, sys.stdout)


main()
