"""Opens one message for a third party (protocol section 7.1): what was said, and that it was accepted, and no more.

Order of work: the message and its salt from our store -> the acceptance's entry and proof, ours or the gateway's ->
the newest directory version that it verifies under -> verified as the third party will, before it is handed out.
Rules: no key leaves; nothing that does not verify leaves.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bureaus.store import opened
from bureaus.store.opened import Held
from schemas import wire
from schemas.codes import Handling
from schemas.directory import Directory, read_directory
from schemas.disclosure import Disclosed, Disclosure, verify_disclosure
from schemas.errors import BureaunetError, Malformed, Misuse, Reason, Untrusted
from schemas.network import Network

if TYPE_CHECKING:
    from bureaus.desk import OpenBureau

RESTRICTED: Final = {
    Handling.H0: "for preventing and combating crime only",
    Handling.H1: "not for use in judicial proceedings without permission of its sender",
    Handling.H2: "not to be passed on without permission of its sender",
    Handling.H3: "under restrictions that its content states in words",
}
"""What each handling code says of a message that is opened for somebody."""
_SHORTEST: Final = 8
"""Hexadecimal digits of a digest that name a message."""


@dataclass(frozen=True, slots=True)
class Opening:
    """A disclosure as it is given away, and what it shows."""

    file: bytes
    shown: Disclosed
    ours: bool
    """Whether we sent the message."""

    @property
    def restricted(self) -> bool:
        """Whether somebody else sent it under a handling code that asks for more than the network's purpose."""
        return not self.ours and self.shown.header.handling is not Handling.H0


async def disclose(parts: OpenBureau, name: str) -> Opening:
    """The disclosure of the one message, sent or received, whose digest begins with `name`, in hexadecimal.

    What its purpose and handling code ask is for the caller to heed: `about` says it in words.

    Raises:
        Misuse: `name` names none or several, or we have not its salt. Unavailable: its proof must be fetched and cannot
            be, or no checkpoint covers it yet. Untrusted, Malformed: it would not verify.
    """
    held = await _find(parts, name)
    if held.salt is None:
        raise Misuse("it was sent before salts were kept: one of its recipients can disclose it")
    entry, proof = await _proof(parts, held)
    network = parts.keeper.trust.network
    failed: BureaunetError = Misuse("we know no directory version")
    for versions in _chains(await parts.store.run(opened.directories), network):
        made = Disclosure(versions, held.statement, held.salt, held.content, held.receipt, entry, proof)
        try:
            return Opening(made.encode(), verify_disclosure(made, network), held.ours)
        except (Malformed, Untrusted) as error:  # an older version may list keys that this one does not
            failed = error
    raise failed


async def _find(parts: OpenBureau, name: str) -> Held:
    if len(name) < _SHORTEST or not set(name.lower()) <= set("0123456789abcdef"):
        raise Misuse(f"a message is named by its digest, or by the first {_SHORTEST} hexadecimal digits of it or more")
    found = await parts.store.run(opened.find, name)
    if len(found) != 1:
        raise Misuse("several messages begin with this" if found else "we have no accepted message of this digest")
    held = await parts.store.run(opened.held, found[0])
    if held is None:
        raise Misuse("the message is gone meanwhile")
    return held


async def _proof(parts: OpenBureau, held: Held) -> tuple[bytes, str]:
    if held.entry is not None and held.proof is not None:
        return held.entry, held.proof
    index = parts.outbox.acceptance(held.receipt).index
    proof = await parts.link.get(f"{wire.PROOFS}/{index}")
    entry = await parts.link.get(f"{wire.ENTRIES}/{index}")
    try:
        return entry, proof.decode()
    except UnicodeDecodeError:
        raise Malformed(Reason.RECEIPT_FORM, "a proof is text") from None


def _chains(raws: Sequence[bytes], network: Network) -> Iterator[tuple[bytes, ...]]:
    """For each version, newest first, what it takes to verify it: those before it that name a successor, and itself."""
    successions: list[bytes] = []
    chains: list[tuple[bytes, ...]] = []
    newest: Directory | None = None
    for raw in raws:
        newest = read_directory(raw, network, holders=None if newest is None else newest.holders)
        chains.append((*successions, raw))
        if newest.succession is not None:
            successions.append(raw)
    return reversed(chains)


def about(shown: Disclosed) -> str:
    """What the message's purpose and handling code ask of whoever opens it, in words."""
    header = shown.header
    return (
        f"It was sent by {header.iss} for the purpose `{header.purpose}` and is {RESTRICTED[header.handling]} "
        f"({header.handling}). Whoever gets the file reads its content, and can prove it to anybody: give it only to "
        f"whom this purpose and this code allow, over a way that protects it, and keep a note of to whom and why."
    )
