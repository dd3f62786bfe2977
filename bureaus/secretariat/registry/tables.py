"""What every table of the registry belongs to, and how its keys and indexes are named.

Times are seconds since the epoch unless a column's comment says otherwise; digests are 32 bytes. Rows that a message
led to are keyed by its digest, so that a handler that runs again finds the row of its first run.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import MetaData

METADATA: Final = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    }
)
