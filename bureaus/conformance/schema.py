"""The contract as JSON Schema (draft 2020-12), for drivers in other languages: written by tools/export_jsonschema."""

from __future__ import annotations

from typing import Final

from pydantic import JsonValue

from bureaus.conformance.contract import CONTRACT, OK, OPERATIONS, REASON, UNSUPPORTED, Kind, Operation

Schema = dict[str, JsonValue]
_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_BYTES: Final[Schema] = {"type": "string", "pattern": "^([0-9a-f]{2})*$"}
_REPEATED: Final[Schema] = {
    "type": "object",
    "properties": {"repeat": _BYTES, "count": {"type": "integer", "minimum": 0}},
    "required": ["repeat", "count"],
    "additionalProperties": False,
}
_KINDS: Final[dict[Kind, Schema]] = {
    Kind.BYTES: _BYTES,
    Kind.MANY: {"oneOf": [_BYTES, _REPEATED]},
    Kind.TEXT: {"type": "string"},
    Kind.NUMBER: {"type": "integer"},
    Kind.FLAG: {"type": "boolean"},
    Kind.LIST: {"type": "array", "items": _BYTES},
    Kind.NAMES: {"type": "array", "items": {"type": "string"}},
    Kind.OBJECT: {"type": "object"},
    Kind.ROWS: {"type": "array"},
    Kind.MAYBE_BYTES: {"oneOf": [_BYTES, {"type": "null"}]},
    Kind.MAYBE_TEXT: {"type": ["string", "null"]},
    Kind.MAYBE_NUMBER: {"type": ["integer", "null"]},
}


def request_schema() -> Schema:
    """What the kit writes: one of the operations."""
    return {"$schema": _DIALECT, "$id": f"urn:bureaunet:conformance:{CONTRACT}:request", "oneOf": _requests()}


def _requests() -> list[JsonValue]:
    return [_request(name, operation) for name, operation in OPERATIONS.items()]


def _request(name: str, operation: Operation) -> Schema:
    members: Schema = {key: _KINDS[kind] for key, kind in {**operation.given, **operation.optional}.items()}
    given: Schema = {
        "type": "object",
        "properties": members,
        "required": list(operation.given),
        "additionalProperties": False,
    }
    return {
        "title": name,
        "description": f"{operation.says} (section {operation.section}, {operation.level})",
        "type": "object",
        "properties": {"id": {"type": "integer", "minimum": 0}, "do": {"const": name}, "given": given},
        "required": ["id", "do", "given"],
        "additionalProperties": False,
    }


def answer_schema() -> Schema:
    """What a driver writes; what `shows` holds with outcome `ok` stands in `$defs`, by operation."""
    return {
        "$schema": _DIALECT,
        "$id": f"urn:bureaunet:conformance:{CONTRACT}:answer",
        "type": "object",
        "properties": {
            "id": {"type": "integer", "minimum": 0},
            "outcome": {
                "type": "string",
                "pattern": f"^{REASON}$",
                "maxLength": 40,
                "description": f"`{OK}`, a reason code, or `{UNSUPPORTED}`",
            },
            "shows": {"type": "object"},
            "detail": {"type": "string", "maxLength": 2000},
        },
        "required": ["id", "outcome"],
        "additionalProperties": False,
        "$defs": {name: _shown(operation) for name, operation in OPERATIONS.items()},
    }


def _shown(operation: Operation) -> Schema:
    return {
        "type": "object",
        "properties": {key: _KINDS[kind] for key, kind in operation.shows.items()},
        "required": list(operation.shows),
    }
