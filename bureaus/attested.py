"""What the gateway attests about answers, verified before anybody goes by it (protocol section 5.7).

Checks: the signature by an acceptance key of our own directory, the network, that it stands where the inbox says, and
that it concerns us: we were asked, or asked, or are the Command and Coordination Centre.
"""

from __future__ import annotations

from bureaus.links import NO_PLACE
from bureaus.trust import Trust
from schemas.attestations import DESK, Attestation
from schemas.errors import Forbidden, Reason, Untrusted
from schemas.wire import InboxItem


def verify(item: InboxItem, trust: Trust) -> Attestation:
    """The attestation in an inbox item without an acceptance.

    Raises:
        Malformed: as `read_attestation`. Untrusted: so too; `inclusion`, it stands elsewhere. Forbidden:
            `not-addressed`, it is none of our business.
    """
    said = read(item.statement, trust)
    if item.index not in (NO_PLACE, said.index):
        raise Untrusted(Reason.INCLUSION, "the attestation is of another entry than its place in the inbox says")
    concerned = (said.asked, said.asker, DESK)
    if not any(trust.is_ours(address) for address in concerned):
        raise Forbidden(Reason.NOT_ADDRESSED, "the attestation is about others")
    return said


def read(raw: bytes, trust: Trust) -> Attestation:
    """An attestation, its signature verified.

    Raises:
        Malformed, Untrusted: as `read_attestation`.
    """
    return trust.attestation(raw)
