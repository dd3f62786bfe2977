"""SQLite and PostgreSQL behind the ports Store, Tree and Leases.

database.py     engines, transactions, errors
tables.py       the tables
schema.py       their versions
transaction.py  writes
store.py        reads;  copies.py  of copies on their way
tree.py         tiles, tree head, checkpoints; leases
cosignatures.py what witnesses are asked and what they signed
"""

from gateway.adapters.sql.cosignatures import SqlCosignatures
from gateway.adapters.sql.database import Database
from gateway.adapters.sql.schema import prepare
from gateway.adapters.sql.store import SqlStore
from gateway.adapters.sql.tree import SqlLeases, SqlTree

__all__ = ["Database", "SqlCosignatures", "SqlLeases", "SqlStore", "SqlTree", "prepare"]
