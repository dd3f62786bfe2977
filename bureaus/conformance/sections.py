"""Which section of docs/protocol.md a test belongs to, and what the sections are called there."""

from __future__ import annotations

from typing import Final

TITLES: Final = {
    "1": "The envelope",
    "1.1": "Encoding",
    "1.2": "Claims",
    "1.3": "The sealed part",
    "1.4": "Limits",
    "1.5": "Types of statement",
    "2.1": "Keys",
    "2.2": "The network file",
    "2.3": "The directory",
    "2.4": "Which version is current",
    "2.5": "Operations",
    "2.6": "Enrolment",
    "2.8": "Refusals of named senders",
    "3": "Admission",
    "4": "What a recipient checks",
    "5.1": "Entries",
    "5.2": "The tree and its checkpoints",
    "5.3": "Acknowledgements",
    "5.4": "Receipts",
    "5.5": "Witnesses",
    "5.6": "Misbehaviour",
    "5.7": "The answer clock",
    "6": "Links",
    "7": "The operation's record",
    "7.1": "Disclosure of one message",
}
"""Number and title, as the document has them."""

_GROUPS: Final = {
    "acknowledgement": "5.3",
    "address": "1.2",
    "authorisation": "2.6",
    "cbor": "1.1",
    "checkpoint": "5.2",
    "content": "1.3",
    "attestation": "5.7",
    "cosignature": "5.5",
    "current": "2.4",
    "directory": "2.3",
    "disclosure": "7.1",
    "enrolment": "2.6",
    "entry": "5.1",
    "key": "2.1",
    "merkle": "5.2",
    "message-id": "1.2",
    "misbehaviour": "5.6",
    "network": "2.2",
    "open": "1.3",
    "operation": "2.5",
    "preferences": "2.8",
    "proof": "5.4",
    "receipt": "5.4",
    "recipient": "4",
    "record": "7",
    "rotation": "2.6",
    "sealed": "1.3",
    "size": "1.4",
}
_OF_CLAIMS: Final = frozenset({"address", "message-id", "operation-unknown", "recipients"})


def section_of(name: str, outcome: str) -> str:
    """The section of a vector, by its name (`cbor/trailing`) and outcome."""
    group = name.partition("/")[0]
    if group != "statement":
        return _GROUPS[group]
    if outcome.startswith("cbor-"):
        return "1.1"
    if outcome.startswith("claim-") or outcome in _OF_CLAIMS:
        return "1.2"
    return "1.5" if outcome == "typ" else "1"


def heading(section: str) -> str:
    """How a section is named in a report."""
    return f"§ {section} {TITLES[section]}"


def within(section: str, only: str) -> bool:
    """Whether a section is the one asked for, or part of it: `1` has 1 and 1.1, `5.4` itself alone."""
    return not only or section == only or section.startswith(f"{only}.")


def order(section: str) -> tuple[int, ...]:
    """For sorting."""
    return tuple(int(part) for part in section.split("."))
