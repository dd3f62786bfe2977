"""Who is in the scene, and by which limits its gateway goes. Everybody is synthetic.

IPSG      secretariat, owns the operations
FR BR AR  members over HTTP; the attacker holds their keys. FR/post is a unit with a row of its own
MX        member over the broker; the attacker plays there
BO        member over the broker, where its administrator plays
UNMIK     an organisation, member
EC NI BZ  an observer; a member from tomorrow on; a member until yesterday
PA        an auditor
GT HN     members with a small quota of messages; of bytes
UY        active, in no operation; FR, BR, AR and UY are the witnesses
CL VE     suspended; withdrawn
SR PY     flood the gate; flood the ledger
CO PE     honest programs (the SDK) over HTTP and over the broker
SM        a program over HTTP, which the gateway lies to
"""

from __future__ import annotations

from typing import Final

from schemas.directory import Link
from schemas.identity import Address
from schemas.operation import Member, Role

HTTP: Final = (
    *("IPSG", "FR", "BR", "AR", "UY", "CL", "VE", "SR", "PY"),
    *("FR/post", "UNMIK", "EC", "NI", "BZ", "GT", "HN", "PA"),
)
ON_BROKER: Final = ("MX", "BO")
LIED_TO: Final = "SM"
PROGRAMS: Final = {"CO": Link.HTTP, "PE": Link.AMQP, LIED_TO: Link.HTTP}
WITNESSES: Final = ("FR", "BR", "AR", "UY")
"""Who cosigns checkpoints; one of them may be dishonest, so that the quorum is three."""
UNITS: Final = {"FR": ("post",)}
_DAY: Final = 24 * 3600
_MEMBERS: Final = (
    *("IPSG", "FR", "BR", "AR", "CL", "MX", "BO", "CO", "PE", "SR", LIED_TO),
    *("UNMIK", "EC", "NI", "BZ", "GT", "HN", "PA"),
)
_ROLES: Final = {"IPSG": Role.OWNER, "EC": Role.OBSERVER, "PA": Role.AUDITOR}
SETTINGS: Final = """
[bureaus]
connections_per_link = 12
handshake_seconds = 6
idle_seconds = 6
body_seconds = 6
answer_seconds = 6
[pipeline]
link_per_minute = 1200
linger_milliseconds = 0
[pipeline.bureaus.GT]
per_minute = 0
[pipeline.bureaus.HN]
bytes_per_minute = 1000
[chores]
summary_seconds = 1
witness_milliseconds = 1000
[console]
address_attempts = 8
"""
ISSUER: Final = """
[console.openid]
issuer = "{issuer}"
client = "{client}"
secret_file = "{secret}"
roles = {{ operators = "operator", officers = "security-officer" }}
"""
"""Where operators may sign in too."""


def members(now: int) -> tuple[Member, ...]:
    """Everybody in an operation, at `now` in seconds."""
    since = {"NI": now + _DAY, "BZ": now - 10 * _DAY}
    until = {"BZ": now - _DAY}
    return tuple(
        Member(Address(code), _ROLES.get(code, Role.PARTICIPANT), since.get(code, now - 60), until.get(code))
        for code in _MEMBERS
    )
