"""What a driver is asked, and how it answers: one JSON object a line, each way, one answer to each request.

    request  {"id": 7, "do": "receipt", "given": {"data": "84...", "net": "ab...", "key": "cd..."}}
    answer   {"id": 7, "outcome": "ok", "shows": {}}
             {"id": 7, "outcome": "signature"}
             {"id": 7, "outcome": "unsupported"}

An outcome is `ok`, a reason code of protocol section 8, or `unsupported`. Bytes are hexadecimal. Over HTTP the request
is the body of a POST and the answer the body of the reply.

The table here is the one place for operations: the JSON Schema (schema.py) and the table in docs/conformance.md come
from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, JsonValue

CONTRACT: Final = 1
"""Version of this contract; `hello` says it."""
OK: Final = "ok"
UNSUPPORTED: Final = "unsupported"
REASON: Final = r"[a-z0-9]+(-[a-z0-9]+)*"
MAX_LINE: Final = 8 * 1024 * 1024
"""Bytes of one answer."""


class Level(StrEnum):
    """How much of the protocol a program does."""

    CORE = "core"
    """What every bureau must: ask, answer, and believe nothing that does not verify."""
    FULL = "full"
    """Also what auditors, witnesses and those who enrol do."""
    LIVE = "live"
    """Asked of a program on a link."""


class Request(BaseModel):
    """What the kit asks."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: int = Field(ge=0)
    do: str
    given: dict[str, JsonValue]


class Answer(BaseModel):
    """What the driver answers."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    id: int = Field(ge=0)
    outcome: str = Field(pattern=f"^{REASON}$", max_length=40)
    shows: dict[str, JsonValue] = Field(default_factory=dict)
    detail: str = Field(default="", max_length=2000)
    """For people: what the program would say."""


class Kind(StrEnum):
    """Types of the members of `given` and `shows`."""

    BYTES = "bytes"
    """Hexadecimal."""
    MANY = "bytes, or {repeat, count}"
    """Hexadecimal, or so many of one byte."""
    TEXT = "text"
    NUMBER = "number"
    FLAG = "boolean"
    LIST = "array of bytes"
    NAMES = "array of text"
    OBJECT = "object"
    ROWS = "array"
    MAYBE_BYTES = "bytes or null"
    MAYBE_TEXT = "text or null"
    MAYBE_NUMBER = "number or null"


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing that a driver is asked to do."""

    section: str
    level: Level
    says: str
    given: Mapping[str, Kind] = field(default_factory=dict)
    shows: Mapping[str, Kind] = field(default_factory=dict)
    optional: Mapping[str, Kind] = field(default_factory=dict)
    """Members of `given` that may be absent."""


_B, _T, _N = Kind.BYTES, Kind.TEXT, Kind.NUMBER
_CORE, _FULL, _LIVE = Level.CORE, Level.FULL, Level.LIVE
_DATA: Final = {"data": _B}
_SIGNED: Final = {"data": _B, "key": _B}
_VERSION: Final = {"data": _B, "key": _B, "net": _B, "previous": Kind.MAYBE_BYTES}
_SENT: Final = {
    "digest": _B,
    "accepted": Kind.FLAG,
    "index": Kind.MAYBE_NUMBER,
    "reason": Kind.MAYBE_TEXT,
}

OPERATIONS: Final[Mapping[str, Operation]] = {
    "hello": Operation(
        "6",
        _CORE,
        "say who you are, which links you have, and which version of this contract you go by",
        {"contract": _N},
        {"name": _T, "links": Kind.NAMES, "contract": _N},
    ),
    "cbor": Operation("1.1", _CORE, "decode strictly, encode again", _DATA, {"encodes": _B}),
    "address": Operation("1.2", _CORE, "read an address", {"text": _T}),
    "message-id": Operation("1.2", _CORE, "read a message id", _DATA),
    "statement": Operation(
        "1", _CORE, "read an envelope's statement, without keys", _DATA, {"digest": _B, "iss": _T, "kid": _B}
    ),
    "sealed": Operation("1.3", _CORE, "check a sealed part against its statement", {"statement": _B, "sealed": _B}),
    "open": Operation(
        "1.3",
        _CORE,
        "open a sealed part and check its commitment",
        {"statement": _B, "sealed": _B, "seed": _B, "suite": _N},
        {"content": _B},
        {"x_wing": _B},
    ),
    "content": Operation("1.3", _CORE, "read the content of a message of this kind", {"kind": _T, "data": _B}),
    "size": Operation("1.4", _CORE, "check an envelope's sizes", {"statement": Kind.MANY, "sealed": Kind.MANY}),
    "signing-key": Operation("2.1", _CORE, "take a public signing key", _DATA, {"key_id": _B}),
    "sealing-key": Operation("2.1", _CORE, "take a public sealing key", {"data": _B, "suite": _N}, {"key_id": _B}),
    "network": Operation("2.2", _CORE, "read a network file", _DATA, {"id": _B}),
    "directory": Operation(
        "2.3",
        _CORE,
        "read a directory version, which follows `previous` where that is given",
        {"data": _B, "network": _B, "previous": Kind.MAYBE_BYTES},
    ),
    "current": Operation(
        "2.4",
        _CORE,
        "check the gateway's word that this directory is current, at the time `now` in seconds",
        {"data": _B, "network": _B, "directory": _B, "now": _N},
    ),
    "operation": Operation(
        "2.5", _CORE, "read an operation version by its owner's key, which follows `previous`", _VERSION
    ),
    "recipient": Operation(
        "4",
        _CORE,
        "make the ten checks over an inbox item that came to `to`; `seen` are the ids that it had: sender, id, digest",
        {
            "to": _T,
            "item": _B,
            "network": _B,
            "directory": _B,
            "operation": _B,
            "seed": _B,
            "x_wing": _B,
            "seen": Kind.ROWS,
        },
    ),
    "inclusion": Operation(
        "5.2",
        _CORE,
        "verify an inclusion proof",
        {"leaf": _B, "index": _N, "size": _N, "path": Kind.LIST, "root": _B},
    ),
    "consistency": Operation(
        "5.2",
        _CORE,
        "verify a consistency proof",
        {"old": _N, "old_root": _B, "new": _N, "new_root": _B, "path": Kind.LIST},
    ),
    "checkpoint": Operation(
        "5.2",
        _CORE,
        "read a checkpoint strictly; the one witness is named w1.example",
        {"text": _T, "origin": _T, "log": _B, "witness": _B},
    ),
    "receipt": Operation(
        "5.4", _CORE, "verify a receipt by the gateway's acceptance key", {"data": _B, "net": _B, "key": _B}
    ),
    "proof": Operation(
        "5.4",
        _CORE,
        "verify a tlog-proof of an entry",
        {"text": _T, "entry": _B, "origin": _T, "log": _B},
    ),
    "seal": Operation(
        "1.3",
        _CORE,
        "seal and sign a message: a new id, salt, key and iv each time",
        {
            "from": _T,
            "signing_seed": _B,
            "to": Kind.NAMES,
            "keys": Kind.LIST,
            "net": _B,
            "operation": _T,
            "kind": _T,
            "purpose": _T,
            "exercise": Kind.FLAG,
            "now": _N,
            "content": _B,
        },
        {"statement": _B, "sealed": _B},
    ),
    "acknowledge": Operation(
        "5.3",
        _CORE,
        "make an acknowledgement; `reason` is null where the message was processed",
        {"from": _T, "signing_seed": _B, "net": _B, "digest": _B, "reason": Kind.MAYBE_TEXT, "now": _N},
        {"data": _B},
    ),
    "note-key": Operation("2.1", _FULL, "take a public key of a log or witness", _DATA),
    "acknowledgement": Operation("5.3", _FULL, "verify an acknowledgement", _SIGNED),
    "attestation": Operation(
        "5.7",
        _FULL,
        "verify an attestation of the answer clock by the gateway's acceptance key",
        {"data": _B, "net": _B, "key": _B},
    ),
    "entry": Operation("5.1", _FULL, "read an entry of the ledger", _DATA, {"leaf": _B}),
    "cosignature": Operation(
        "5.5",
        _FULL,
        "verify a witness' cosignature",
        {"data": _B, "origin": _T, "log": _B, "witnesses": Kind.OBJECT},
    ),
    "misbehaviour": Operation(
        "5.6", _FULL, "verify a proof that somebody misbehaved", {"data": _B, "network": _B}, {"contradiction": _T}
    ),
    "preferences": Operation("2.8", _FULL, "read refusals of named senders", _VERSION),
    "enrolment": Operation("2.6", _FULL, "read an enrolment request", _DATA),
    "rotation": Operation("2.6", _FULL, "read a rotation, signed by the old key", _SIGNED),
    "authorisation": Operation("2.6", _FULL, "read a unit's request that its bureau signed", _SIGNED),
    "record": Operation("7", _FULL, "verify an operation's record", {"data": _B, "network": _B}),
    "disclosure": Operation(
        "7.1",
        _FULL,
        "verify a disclosed message",
        {"data": _B, "network": _B},
        {"content": _B, "index": _N, "iss": _T},
    ),
    "live.start": Operation(
        "6",
        _LIVE,
        "begin as this bureau: fetch and verify what you need; answer every query that you will take with `reply`; "
        "keep in `folder` what must survive; over the same folder you go on where you were",
        {
            "address": _T,
            "link": _T,
            "network": _B,
            "gateway": _T,
            "broker": _T,
            "certificate": _T,
            "key": _T,
            "authority": _T,
            "signing_seed": _B,
            "seed": _B,
            "x_wing": _B,
            "folder": _T,
            "reply": Kind.OBJECT,
        },
    ),
    "live.ask": Operation(
        "3",
        _LIVE,
        "send a message and wait for its verified receipt, at most `seconds`; a receipt that does not verify is none",
        {
            "to": Kind.NAMES,
            "operation": _T,
            "purpose": _T,
            "kind": _T,
            "content": Kind.OBJECT,
            "seconds": _N,
        },
        _SENT,
    ),
    "live.take": Operation(
        "4",
        _LIVE,
        "what your user saw since the last call: messages and answers that passed every check, and what the gateway "
        "attests of answers, each once; waits up to `seconds` until there is one; acknowledge and answer as you should",
        {"seconds": _N},
        {"messages": Kind.ROWS, "attested": Kind.ROWS},
    ),
    "live.refresh": Operation(
        "2.3", _LIVE, "fetch directory, operations and the tree's head anew, and verify them; `ok`, or why not"
    ),
    "live.prove": Operation(
        "5.4",
        _LIVE,
        "fetch and verify the proof that your message with this digest is in the ledger, waiting at most `seconds`",
        {"digest": _B, "seconds": _N},
        {"index": _N},
    ),
    "live.stop": Operation("6", _LIVE, "end as this bureau; another may begin in the same process"),
}
"""Every operation by its name."""
