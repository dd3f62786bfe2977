"""Where an admitted envelope goes: one copy for each recipient, to the inbox that the directory names. Pure."""

from __future__ import annotations

from typing import Final

from gateway.ports import Consignment
from schemas.directory import Directory
from schemas.envelope import Statement
from schemas.errors import Reason, Untrusted

DAY: Final = 24 * 3600 * 1000
"""Milliseconds."""


def route(statement: Statement, directory: Directory, due: int) -> list[Consignment]:
    """The copies that the gateway owes, in the order of aud.

    Nobody can place one after the envelope's end, nor from `due` on, the day on which its sealed part is erased.

    Raises:
        Untrusted: `recipient-unknown`, the envelope was admitted under another version of the directory.
    """
    header = statement.header
    expires = min(header.exp, due * DAY // 1000)
    copies: list[Consignment] = []
    for recipient in header.aud:
        row = directory.find(recipient)
        if row is None:
            raise Untrusted(Reason.RECIPIENT_UNKNOWN, f"the directory has no {recipient}")
        copies.append(Consignment(statement.digest, recipient, row.address, row.link, header.urgency, expires))
    return copies
