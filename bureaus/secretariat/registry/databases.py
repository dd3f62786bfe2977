"""Tables of the databases: records with the keys that they are found by, questions with their log, hits, erasures.

`record_found` holds numbers that a document or a name comes to (databases/documents.py, databases/names.py): both
engines find rows of it the same way. `question_log` and `hit` name no person and no document; what was asked stands in
`question` until what follows from it is posted, and is deleted then.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, Table, Text, UniqueConstraint, text

from bureaus.secretariat.registry.tables import METADATA

_PERSON: Final = text("names <> ''")
"""Rows about persons, which are counted."""
_PLACE: Final = "the newest message's index in the ledger: what is older changes nothing"
_WIDE: Final = BigInteger().with_variant(Integer, "sqlite")

record: Final = Table(
    "record",
    METADATA,
    Column("id", _WIDE, primary_key=True, autoincrement=True),
    Column("owner", Text, nullable=False, comment="the bureau"),
    Column("reference", Text, nullable=False, comment="the owner's"),
    Column("contact", Text, nullable=False, comment="who of the owner sent it"),
    Column("kind", Text, nullable=False),
    Column("visibility", Text, nullable=False),
    Column("denied", Text, nullable=False, comment="codes with spaces between and around; empty for none"),
    Column("content", LargeBinary, nullable=False, comment="the JSON of its database.record"),
    Column("names", Text, nullable=False, comment="JSON of its normalised names, for the matcher; empty for none"),
    Column("changed", BigInteger, nullable=False),
    Column("review", BigInteger, nullable=False, comment="the owner looks at it by then, or it is taken out"),
    Column("asked", BigInteger, nullable=True, comment="when the owner was asked to look at it"),
    Column("place", BigInteger, nullable=False, server_default="0", comment=_PLACE),
    UniqueConstraint("owner", "reference"),
    Index("ix_record_review", "review"),
    Index("ix_record_person", "id", sqlite_where=_PERSON, postgresql_where=_PERSON),
    sqlite_autoincrement=True,  # a number is never given twice
)

found: Final = Table(
    "record_found",
    METADATA,
    Column("key", BigInteger, primary_key=True),
    Column("record", BigInteger, primary_key=True),
    sqlite_with_rowid=False,
)

done: Final = Table(
    "record_done",
    METADATA,
    Column("digest", LargeBinary, primary_key=True, comment="of the message that was carried out"),
    Column("answer", LargeBinary, nullable=False, comment="its database.recorded"),
    Column("time", BigInteger, nullable=False),
)

erasure: Final = Table(
    "record_erasure",
    METADATA,
    Column("record", BigInteger, primary_key=True, autoincrement=False),
    Column("owner", Text, nullable=False),
    Column("reference", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("time", BigInteger, nullable=False),
    Column("ground", Text, nullable=False),
    Column("who", Text, nullable=False),
    Column("place", BigInteger, nullable=False, server_default="0", comment=_PLACE),
    Index("ix_record_erasure_owner", "owner", "reference"),
)

question: Final = Table(
    "question",
    METADATA,
    Column("digest", LargeBinary, primary_key=True),
    Column("time", BigInteger, nullable=False),
    Column("content", LargeBinary, nullable=False, comment="the JSON of its database.query"),
    Column("hits", Text, nullable=False, comment="JSON: record, score, reasons, whether it was shown"),
)

log: Final = Table(
    "question_log",
    METADATA,
    Column("digest", LargeBinary, primary_key=True, comment="of the question"),
    Column("asker", Text, nullable=False),
    Column("bureau", Text, nullable=False),
    Column("time", BigInteger, nullable=False),
    Column("subject", Text, nullable=False, comment="document or person"),
    Column("urgent", Boolean, nullable=False),
    Column("result", Text, nullable=False, comment="as the asker was told"),
    Column("shown", Integer, nullable=False, comment="records in the answer"),
    Column("microseconds", BigInteger, nullable=False, comment="from the handler's begin to its answer"),
    Index("ix_question_log_time", "time"),
)

hit: Final = Table(
    "hit",
    METADATA,
    Column("id", _WIDE, primary_key=True, autoincrement=True),
    Column("question", LargeBinary, nullable=False, comment="its digest"),
    Column("record", BigInteger, nullable=False),
    Column("owner", Text, nullable=False),
    Column("reference", Text, nullable=False),
    Column("asker", Text, nullable=False),
    Column("bureau", Text, nullable=False, comment="the asker's"),
    Column("time", BigInteger, nullable=False),
    Column("score", Integer, nullable=False),
    Column("visibility", Text, nullable=False),
    Column("state", Text, nullable=False, comment="told, repeated, asked, IN_PROCESS, CONFIRMED, NOT_VALID"),
    Column("answered", BigInteger, nullable=True, comment="when the owner said its last word"),
    UniqueConstraint("question", "record"),
    Index("ix_hit_record", "record", "bureau"),
    Index("ix_hit_time", "time"),
)
