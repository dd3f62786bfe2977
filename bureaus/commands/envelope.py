"""`bureaunet envelope inspect`: what anybody sees of an envelope, and that the content is sealed."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import click

from bureaus.commands.shared import Row, emit, json_option, read_file
from schemas import cose, wire
from schemas.envelope import Envelope, Statement, check_sealed, check_sizes, read
from schemas.errors import Malformed
from schemas.keys import Suite


@click.group(short_help="Look at an envelope: its header, wraps and sizes.")
def envelope() -> None:
    """Envelopes: a signed statement, which the gateway reads, and a sealed part, which only recipients open.

    \b
    Example:
      bureaunet envelope inspect message.cbor
    """  # noqa: D301  # click's \b keeps the lines of the example


@envelope.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@json_option
def inspect(file: Path, *, as_json: bool) -> None:
    """Show the header, wraps and sizes of the envelope in FILE: a submission, an inbox item, or a statement alone.

    The statement is decoded strictly and the sealed part must be the one that was signed. Whose signature it is, only
    the directory says: it is not verified here. The content is sealed, and is not shown.

    \b
    Example:
      bureaunet envelope inspect message.cbor
      bureaunet envelope inspect message.cbor --json
    """  # noqa: D301  # click's \b keeps the lines of the example
    found = _envelope(read_file(file))
    check_sizes(found)
    statement = read(found.statement)
    sealed = None if found.sealed is None else (check_sealed(statement, found.sealed), len(found.sealed))
    row = _row(statement, sealed)
    emit(row, _text(row), as_json=as_json)


def _envelope(data: bytes) -> Envelope:
    try:
        return wire.decode_submission(data)
    except Malformed:
        pass  # not a submission; it may be one of the two others
    try:
        item = wire.decode_item(data)
    except Malformed:
        return Envelope(data, None)
    return Envelope(item.statement, item.sealed)


def _row(statement: Statement, sealed: tuple[cose.Encrypted, int] | None) -> Row:
    header = statement.header
    claims: dict[str, object] = {
        "from": header.iss,
        "to": list(header.aud),
        "operation": header.sub,
        "kind": header.kind,
        "purpose": header.purpose,
        "handling": header.handling,
        "urgency": header.urgency,
        "exercise": header.exercise,
        "issued": _time(header.iat),
        "expires": _time(header.exp),
        "reply_by": None if header.reply_by is None else _time(header.reply_by),
        "answer": header.answer,
        "until": None if header.until is None else _time(header.until),
        "id": header.cti.hex(),
        "thread": None if header.thread is None else header.thread.hex(),
        "re": None if header.re is None else header.re.hex(),
        "network": header.net.hex(),
        "head": {"size": header.head.size, "root": header.head.root.hex()},
        "commitment": header.commit.hex(),
    }
    row: dict[str, object] = {
        "event": "envelope",
        "digest": statement.digest.hex(),
        "signing_key": statement.key_id.hex(),
        "header": {name: value for name, value in claims.items() if value is not None},
        "statement_bytes": len(statement.raw),
        "sealed_hash": statement.sealed_hash.hex(),
        "sealed": None,
    }
    if sealed is not None:
        encrypted, size = sealed
        wraps = [{"key": wrap.key_id.hex(), "suite": _suite(wrap.suite)} for wrap in encrypted.wraps]
        content = {"bytes": len(encrypted.ciphertext), "type": encrypted.content_type, "sealed": True}
        row["sealed"] = {"bytes": size, "wraps": wraps, "content": content}
    return row


def _suite(number: int) -> str:
    return Suite(number).name if number in set(Suite) else f"unknown ({number})"


def _time(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _text(row: Row) -> str:
    lines = [f"envelope {row['digest']}", f"  signed with key {row['signing_key']} (not verified here)", "header"]
    header = row["header"]
    if isinstance(header, dict):
        lines += [f"  {name:<11}{_plain(value)}" for name, value in header.items()]
    lines.append(f"statement  {row['statement_bytes']} bytes")
    sealed = row["sealed"]
    if isinstance(sealed, dict):
        lines.append(f"sealed     {sealed['bytes']} bytes, for {len(sealed['wraps'])}:")
        lines += [f"  {wrap['suite']}  key {wrap['key']}" for wrap in sealed["wraps"]]
        lines.append(f"content    sealed: {sealed['content']['bytes']} bytes of ciphertext, open to those keys alone")
    else:
        lines.append("content    sealed, and not in this file")
    return "\n".join(lines)


def _plain(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return json.dumps(value) if isinstance(value, dict | bool) else str(value)
