"""SQLite and PostgreSQL behind the ports Store, Tree and Leases.

database.py     engines, transactions, errors
tables.py       the tables
schema.py       their versions
transaction.py  writes
store.py        reads;  copies.py  of copies on their way
erasure.py      sealed parts taken out;  bodies.py  where they lie, by day, and how nothing is left of them
tree.py         tiles, tree head, checkpoints; leases
cosignatures.py what witnesses are asked and what they signed
"""

from gateway.adapters.sql.bodies import SqlBodies
from gateway.adapters.sql.cosignatures import SqlCosignatures
from gateway.adapters.sql.database import Database
from gateway.adapters.sql.schema import prepare
from gateway.adapters.sql.store import SqlStore
from gateway.adapters.sql.tree import SqlLeases, SqlTree

__all__ = ["Database", "SqlBodies", "SqlCosignatures", "SqlLeases", "SqlStore", "SqlTree", "prepare"]
