"""Makes the keys of a bureau whose program is not ours, and the request that its authority approves.

    .venv/bin/python examples/node/enrol.py FR HOME

writes HOME/keys.json (two seeds, in hexadecimal), HOME/link.key and HOME/request.cbor. Keys lie there unencrypted: only
ever for a network of exercises.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import sys
import time
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from bureaus.enrolment import make_csr, write_file
from schemas.directory import Link, ParticipantKind
from schemas.enrolment import Request, sign_request
from schemas.identity import Address
from schemas.keys import SealingKey, SigningKey

X_WING_SEED = 32
"""X-Wing expands 32 bytes to the seeds of ML-KEM-768 and X25519 with SHAKE256 (draft-connolly-cfrg-xwing-kem)."""


def enrol(address: Address, home: Path) -> Path:
    """Make keys and request in `home`; gives the request's path."""
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    seed = secrets.token_bytes(X_WING_SEED)
    signing, sealing = SigningKey.generate(), SealingKey(hashlib.shake_256(seed).digest(96))
    tls = ec.generate_private_key(ec.SECP256R1())
    kind, csr = ParticipantKind.NATIONAL_BUREAU, make_csr(tls, address)
    asked = Request(address, kind, address, Link.HTTP, signing.public, sealing.public, (), csr, int(time.time()))
    keys = {"address": address, "signing": signing.seed.hex(), "sealing": seed.hex()}
    write_file(home / "keys.json", json.dumps(keys).encode(), 0o600)
    write_file(home / "link.key", tls.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), 0o600)
    write_file(home / "request.cbor", sign_request(asked, signing), 0o644)
    return home / "request.cbor"


if __name__ == "__main__":
    print(enrol(Address.parse(sys.argv[1]), Path(sys.argv[2])))
