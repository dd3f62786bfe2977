"""The OpenAPI 3.1 document of the bureaus' API. A test holds it to the routes, in both directions.

Bodies are CBOR and COSE, described in docs/protocol.md: the document names their media types and what they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from pydantic import JsonValue

from gateway.api.problems import PROBLEM_TYPE
from schemas import wire
from schemas.errors import Reason

Part = dict[str, JsonValue]
JSON: Final = "application/json"
_TEXT: Final = "text/plain"
_BYTES: Final[Part] = {}
"""A schema of bytes in OpenAPI 3.1: the media type alone says what they are."""


def document() -> Part:
    """The whole document."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "bureaunet gateway, bureaus' API",
            "version": "1",
            "summary": "Sealed and signed messages between bureaus, with evidence for each step.",
            "description": "Mutual TLS 1.3. The certificate's common name is the address that a link speaks for.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{"certificate": []}],
        "paths": _paths(),
        "components": {
            "securitySchemes": {"certificate": {"type": "mutualTLS", "description": "Issued by the authority."}},
            "schemas": {"Problem": _problem_schema(), "Operations": _operations_schema(), "Addresses": _ADDRESSES},
            "responses": {
                "Problem": {
                    "description": "The request could not be served; `reason` is stable, `detail` is for people.",
                    "headers": {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}},
                    "content": {PROBLEM_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
                }
            },
        },
    }


def _paths() -> Part:
    return {
        wire.MESSAGES: {"post": _submit()},
        wire.INBOX: {"get": _inbox()},
        wire.EVIDENCE: {
            "post": _post(
                "acknowledge", "Hand in a signed acknowledgement, or a cosignature. Twice is once.", wire.COSE_TYPE
            )
        },
        wire.DIRECTORY: {"get": _get("directory", "The newest directory version.", wire.COSE_TYPE)},
        wire.CURRENT: {"get": _get("directoryCurrent", "Which directory version is current, signed.", wire.COSE_TYPE)},
        f"{wire.DIRECTORY}/{{version}}": {
            "get": _get(
                "directoryVersion", "One directory version.", wire.COSE_TYPE, [_path_number("version", least=1)]
            )
        },
        f"{wire.DIRECTORY}/{{version}}/{wire.DIRECTORY_PROOF}": {
            "get": _get(
                "directoryProof",
                "CBOR [entry, tlog-proof]: that a directory version is in the ledger.",
                wire.CBOR_TYPE,
                [_path_number("version", least=1)],
            )
        },
        wire.OPERATIONS: {
            "get": _get("operations", "The newest version of each operation.", JSON, schema=_ref("Operations")),
            "post": _post("publishOperation", "Publish a version that its owner signed.", wire.COSE_TYPE),
        },
        **_refusals(),
        f"{wire.OPERATIONS}/{{id}}": {
            "get": _get("operation", "One operation.", wire.COSE_TYPE, [_path("id", _ID), _query("version", 1)])
        },
        f"{wire.ACCEPTANCES}/{{digest}}": {
            "get": _get("acceptance", "The signed outcome of a message, to its parties.", wire.CBOR_TYPE, [_DIGEST])
        },
        f"{wire.PROOFS}/{{index}}": {
            "get": _get(
                "proof", "A C2SP tlog-proof, once a checkpoint covers the entry.", _TEXT, [_path_number("index")]
            )
        },
        f"{wire.ENTRIES}/{{index}}": {
            "get": _get("entry", "A ledger entry, to its parties.", wire.CBOR_TYPE, [_path_number("index")])
        },
        wire.CHECKPOINT: {"get": _get("checkpoint", "The newest signed checkpoint (C2SP).", _TEXT)},
        wire.CANDIDATE: {"get": _get("candidate", "The checkpoint that witnesses are asked to sign.", _TEXT)},
        wire.WITNESSED: {"get": _get("witnessed", "The newest checkpoint that the quorum signed.", _TEXT)},
        f"{wire.CHECKPOINT}/{{size}}": {
            "get": _get(
                "checkpointOf",
                "A published checkpoint with its cosignatures.",
                _TEXT,
                [_path_number("size", least=1)],
            )
        },
        f"{wire.CONSISTENCY}/{{old}}/{{new}}": {
            "get": _get(
                "consistency",
                "CBOR array of hashes: that the tree of `new` extends the tree of `old` (RFC 9162).",
                wire.CBOR_TYPE,
                [_path_number("old", least=1), _path_number("new", least=1)],
            )
        },
        f"{wire.TILE}/{{level}}/{{tile}}": {
            "get": _get(
                "tile",
                "The first hashes of a tile of the tree (C2SP tlog-tiles); what it holds never changes.",
                wire.TILE_TYPE,
                [_path("level", {"type": "integer", "minimum": 0, "maximum": 7}), _TILE],
            )
        },
        f"{wire.SEALED}/{{digest}}": {
            "get": _get("sealed", "A sealed part by its SHA-256, to its parties.", wire.COSE_TYPE, [_DIGEST])
        },
        wire.OPENAPI: {"get": _get("openapi", "This document.", JSON, schema={"type": "object"})},
    }


def _refusals() -> Part:
    return {
        wire.PREFERENCES: {
            "post": _post("publishPreferences", "Publish whose messages the signer refuses.", wire.COSE_TYPE)
        },
        wire.REFUSING: {
            "get": _get("refusing", "Who refuses this link's messages.", JSON, schema=_ref("Addresses")),
        },
        f"{wire.PREFERENCES}/{{code}}": {
            "get": _get(
                "preferences", "The signer's newest refusals, to itself.", wire.COSE_TYPE, [_path("code", _CODE)]
            )
        },
        f"{wire.PREFERENCES}/{{code}}/{{unit}}": {
            "get": _get(
                "unitPreferences",
                "A unit's newest refusals, to itself and its bureau.",
                wire.COSE_TYPE,
                [_path("code", _CODE), _path("unit", _UNIT)],
            )
        },
    }


def _submit() -> Part:
    receipt = _content(wire.CBOR_TYPE)
    return {
        "operationId": "submit",
        "summary": "Submit an envelope: CBOR [statement, sealed]. The same envelope again gets its first outcome.",
        "requestBody": {"required": True, "content": receipt},
        "responses": {
            "200": {"description": "Accepted: the signed receipt. The gateway now owes delivery.", "content": receipt},
            "413": {
                "description": "Too large: a signed refusal where the body could be read, else a problem.",
                "content": {**_content(wire.CBOR_TYPE), **_content(PROBLEM_TYPE, _ref("Problem"))},
            },
            "422": {"description": "Refused: the signed receipt names the reason.", "content": receipt},
            "429": {
                "description": "The link's quota is spent: a signed refusal, or a problem for one connection too many.",
                "headers": {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}},
                "content": {**_content(wire.CBOR_TYPE), **_content(PROBLEM_TYPE, _ref("Problem"))},
            },
            "default": _PROBLEM,
        },
    }


def _inbox() -> Part:
    parameters = [_query("after", -1), _query("wait", 0, wire.MAX_WAIT), _query("limit", 1, wire.MAX_ITEMS)]
    summary = "What waits for this link with an index above `after`; leases nothing, an acknowledgement removes it."
    return _get("inbox", summary, wire.SEQUENCE_TYPE, parameters)


def _get(name: str, summary: str, media: str, parameters: Sequence[Part] = (), *, schema: Part | None = None) -> Part:
    answer: Part = {"description": summary, "content": _content(media, schema)}
    responses: Part = {"200": answer, "default": _PROBLEM}
    found: Part = {"operationId": name, "summary": summary, "responses": responses}
    return {**found, "parameters": list(parameters)} if parameters else found


def _post(name: str, summary: str, media: str) -> Part:
    responses: Part = {"204": {"description": "Taken and recorded."}, "default": _PROBLEM}
    body: Part = {"required": True, "content": _content(media)}
    return {"operationId": name, "summary": summary, "requestBody": body, "responses": responses}


def _content(media: str, schema: Part | None = None) -> Part:
    return {media: {"schema": _BYTES if schema is None else schema}}


def _path(name: str, schema: Part) -> Part:
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _path_number(name: str, *, least: int = 0) -> Part:
    return _path(name, {"type": "integer", "minimum": least})


def _query(name: str, least: int, most: int | None = None) -> Part:
    bounds: Part = {"type": "integer", "minimum": least}
    return {"name": name, "in": "query", "schema": bounds if most is None else {**bounds, "maximum": most}}


def _ref(name: str) -> Part:
    return {"$ref": f"#/components/schemas/{name}"}


def _problem_schema() -> Part:
    reasons: list[JsonValue] = [str(reason) for reason in Reason]
    properties: Mapping[str, JsonValue] = {
        "type": {"const": "about:blank"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "reason": {"enum": reasons},
        "detail": {"type": "string"},
    }
    return {"type": "object", "required": list(properties), "properties": dict(properties)}


def _operations_schema() -> Part:
    properties: Part = {"id": _ID, "version": {"type": "integer"}, "index": {"type": "integer"}}
    return {"type": "array", "items": {"type": "object", "required": list(properties), "properties": properties}}


_ID: Final[Part] = {"type": "string", "pattern": "^[a-z0-9][a-z0-9-]{0,39}$"}
_CODE: Final[Part] = {"type": "string", "pattern": "^[A-Z]{2,16}$"}
_UNIT: Final[Part] = {"type": "string", "pattern": "^[a-z0-9-]{1,40}$"}
_ADDRESSES: Final[Part] = {"type": "array", "items": {"type": "string"}}
_TILE: Final = _path("tile", {"type": "string", "pattern": r"^(x[0-9]{3}/){0,5}[0-9]{3}(\.p/[1-9][0-9]{0,2})?$"})
_DIGEST: Final = _path("digest", {"type": "string", "pattern": "^[0-9a-f]{64}$"})
_PROBLEM: Final[Part] = {"$ref": "#/components/responses/Problem"}
