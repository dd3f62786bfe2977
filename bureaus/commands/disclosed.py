"""`bureaunet verify` of a disclosed message: whether it verifies, what it shows, and its content."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import click

from bureaus import disclosing
from bureaus.commands.shared import Row, read_file
from schemas import messages
from schemas.disclosure import Disclosed, is_disclosure, read_disclosure, verify_disclosure
from schemas.errors import Malformed, Untrusted
from schemas.messages import attachments
from schemas.network import Network

_LEAD = 32


def looks_disclosed(path: Path) -> bool:
    """Whether the file begins as a disclosure does; what cannot be read does not."""
    try:
        with path.open("rb") as file:
            return is_disclosure(file.read(_LEAD))
    except OSError:
        return False


def verify_file(path: Path, network: Network, *, as_json: bool) -> bool:
    """Verify the disclosure in a file and tell: whether it holds.

    Raises:
        Misuse: the file cannot be read.
    """
    try:
        shown = verify_disclosure(read_disclosure(read_file(path)), network)
    except (Malformed, Untrusted) as error:
        row = {"format": 1, "ok": False, "reason": str(error.reason), "detail": error.detail}
        click.echo(json.dumps(row) if as_json else f"DOES NOT VERIFY\n{error.reason}: {error.detail}")
        return False
    click.echo(json.dumps(_row(shown)) if as_json else _text(shown))
    return True


def _row(shown: Disclosed) -> Row:
    header = shown.header
    return {
        "format": 1,
        "ok": True,
        "digest": shown.digest.hex(),
        "sender": header.iss,
        "recipients": list(header.aud),
        "operation": header.sub,
        "kind": header.kind,
        "answer": header.answer,
        "purpose": header.purpose,
        "handling": header.handling,
        "exercise": header.exercise,
        "sent": header.iat,
        "accepted": shown.time,
        "index": shown.index,
        "void": shown.void,
        "directory": shown.directory_version,
        "checkpoint": {
            "size": shown.checkpoint.size,
            "root": shown.checkpoint.root.hex(),
            "time": shown.checkpoint_time,
            "provisional": shown.provisional,
            "witnesses": list(shown.witnesses),
            "quorum": shown.quorum,
        },
        "content": _content(shown.content),
        "attached": _attached(shown),
    }


def _content(content: bytes) -> object:
    """The content's JSON, or its bytes in hexadecimal where it is none: whoever sealed it may have written anything.

    Attachments stand in the JSON by their size and hash.
    """
    text, _ = attachments.split(content)
    try:
        value: object = json.loads(text)
    except (ValueError, RecursionError):
        return {"not_json": content.hex()}
    return value


def _attached(shown: Disclosed) -> bool | None:
    """Whether what is attached is what the content lists; None where nothing is attached."""
    if attachments.split(shown.content)[1] is None:
        return None
    try:
        messages.decode_whole(shown.header.kind, shown.content)
    except Malformed:
        return False
    return True


def _text(shown: Disclosed) -> str:
    header = shown.header
    accepted = datetime.fromtimestamp(shown.time / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    lines = [
        f"OK: {header.iss} said this to {', '.join(header.aud)}",
        f"  kind       {header.kind}{f' ({header.answer})' if header.answer else ''}",
        f"  operation  {header.sub}{' (an exercise)' if header.exercise else ''}",
        f"  purpose    {header.purpose}",
        f"  handling   {header.handling}: {disclosing.RESTRICTED[header.handling]}",
        f"  accepted   {accepted}, entry {shown.index} of the ledger, digest {shown.digest.hex()}",
        f"  keys       by directory version {shown.directory_version}",
    ]
    if shown.void:
        lines.append("  VOID       the sender's key was revoked from before it on")
    if shown.provisional:
        lines.append(f"  provisional: {len(shown.witnesses)} of {shown.quorum} witnesses signed the ledger's head")
    if (attached := _attached(shown)) is not None:
        lines.append(f"  attached   {'as the content lists it' if attached else 'NOT what the content lists'}")
    return "\n".join([*lines, json.dumps(_content(shown.content), indent=2)])
