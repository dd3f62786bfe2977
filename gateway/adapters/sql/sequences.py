"""What PostgreSQL's driver takes for an array, told by its class instead of by asking abstract ones.

The driver asks of every element of every array whether it is an array itself, by two abstract classes, which Python
answers slowly: a message with all its rows has some sixty elements. Here it is told the classes that arrays are given
as. It rests on names within the driver that are no promise of its: with a version that was not tried it is left as it
is, and works as before.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import version
from types import ModuleType
from typing import Final

TRIED: Final = "0.32."
"""The driver's version whose inner parts are as we use them (test_sequences.py holds it to it)."""
NAMES: Final = ("IterableABC", "SizedABC")
"""What the driver calls the classes that it asks for."""
SEQUENCES: Final = (list, tuple)
"""What arrays are given as, by us and by SQLAlchemy."""


def tell_driver() -> None:
    """Tell the driver what arrays are, in this whole process."""
    if was_tried():
        for name in NAMES:
            setattr(inside(), name, SEQUENCES)


def was_tried() -> bool:
    """Whether the driver is of a version that was tried."""
    return version("asyncpg").startswith(TRIED)


def inside() -> ModuleType:
    """The module of the driver that encodes arrays."""
    return import_module("asyncpg.protocol.protocol")
