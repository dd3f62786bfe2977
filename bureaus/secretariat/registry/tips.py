"""Public appeals, and what the public says. Everything that a tip says is ciphertext here (bureaus/secretariat/tips/).

Of the public no row has an address, an agent, or a time finer than the day. Numbers of tips are random and no row of
theirs is numbered in order, so that beside other rows' times nothing says when in the day a tip came.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, LargeBinary, Table, Text

from bureaus.secretariat.registry.tables import METADATA

appeal: Final = Table(
    "appeal",
    METADATA,
    Column("reference", Text, primary_key=True),
    Column("title", Text, nullable=False, comment="the name that the public is shown"),
    Column("text", Text, nullable=False),
    Column("seeks", Text, nullable=False, comment="the bureau that seeks the person"),
    Column("notice", Text, nullable=False, comment="the notice that it is of; empty for none"),
    Column("operation", Text, nullable=False),
    Column("picture", LargeBinary, comment="as the public is shown it"),
    Column("opened", BigInteger, nullable=False),
    Column("ended", BigInteger),
)

tip: Final = Table(
    "tip",
    METADATA,
    Column("number", Text, primary_key=True),
    Column("day", Text, nullable=False, comment="on which it came"),
    Column("channel", Text, nullable=False),
    Column("source", Text, nullable=False, comment="the bureau that passed it on; empty for the public"),
    Column("their_number", Text, nullable=False, comment="the number that the source gave it"),
    Column(
        "message", LargeBinary, unique=True, comment="the digest of the message that brought it; none of the public"
    ),
    Column("appeal", Text, nullable=False),
    Column("secret", Text, nullable=False, comment="Argon2id in the PHC form; empty where nobody comes back"),
    Column("said", LargeBinary, nullable=False, comment="sealed: what was said, as JSON"),
    Column("state", Text, nullable=False),
    Column("finding", Text, nullable=False, comment="what came of it; empty while nothing did"),
    Column("closed", Text, comment="the day"),
    Index("ix_tip_state", "state", "day"),
    sqlite_with_rowid=False,
)

picture: Final = Table(
    "tip_picture",
    METADATA,
    Column("tip", Text, ForeignKey("tip.number", ondelete="CASCADE"), primary_key=True),
    Column("place", Integer, primary_key=True),
    Column("data", LargeBinary, nullable=False, comment="sealed: JPEG, made anew"),
    sqlite_with_rowid=False,
)

word: Final = Table(
    "tip_word",
    METADATA,
    Column("tip", Text, ForeignKey("tip.number", ondelete="CASCADE"), primary_key=True),
    Column("place", Integer, primary_key=True),
    Column("day", Text, nullable=False),
    Column("by", Text, nullable=False, comment="unit or tipster"),
    Column("text", LargeBinary, nullable=False, comment="sealed"),
    sqlite_with_rowid=False,
)

forward: Final = Table(
    "tip_forward",
    METADATA,
    Column("tip", Text, ForeignKey("tip.number", ondelete="CASCADE"), primary_key=True),
    Column("bureau", Text, primary_key=True),
    Column("day", Text, nullable=False),
    Column("finding", Text, nullable=False, comment="empty while the bureau said nothing"),
    Column("said", LargeBinary, comment="sealed: what else the bureau said, as JSON"),
    sqlite_with_rowid=False,
)
