"""Tables of relays and groups. Nothing that was relayed is in here: who, to whom, when, of which kind, and its end."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, Table, Text

from bureaus.secretariat.registry.tables import METADATA

consent: Final = Table(
    "relay_consent",
    METADATA,
    Column("bureau", Text, primary_key=True),
    Column("agrees", Boolean, nullable=False),
    Column("unnamed", Boolean, nullable=False),
    Column("not_from", Text, nullable=False, comment="JSON"),
    Column("until", BigInteger, nullable=True),
    Column("digest", LargeBinary, nullable=False, comment="of the message that says so"),
    Column("place", BigInteger, nullable=False, comment="its index in the ledger: the highest counts"),
    Column("time", BigInteger, nullable=False),
)

relay: Final = Table(
    "relay",
    METADATA,
    Column("request", LargeBinary, primary_key=True, comment="digest of the asker's request"),
    Column("reference", Text, nullable=False, unique=True, comment="what the target knows it by"),
    Column("operation", Text, nullable=False),
    Column("asker", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("named", Boolean, nullable=False),
    Column("kind", Text, nullable=False),
    Column("own_case", Text, nullable=True, comment="the asker's reference, where the target was not shown it"),
    Column("handling", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("ground", Text, nullable=True),
    Column("delivery", LargeBinary, nullable=True, comment="digest of what was delivered, as it was first sealed"),
    Column("answer", LargeBinary, nullable=True, comment="digest of the answer that ended it"),
    Column("time", BigInteger, nullable=False),
    Column("ended", BigInteger, nullable=True),
    Index("ix_relay_state", "state"),
)

group: Final = Table(
    "network_group",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("title", Text, nullable=False),
    Column("members", Text, nullable=False, comment="JSON"),
    Column("who", Text, nullable=False),
    Column("time", BigInteger, nullable=False),
)
