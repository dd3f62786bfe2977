"""The composition root: the one package that builds drivers.

`process` puts one gateway together; `records` opens what a gateway keeps, also for commands.
"""

from __future__ import annotations

from gateway.app.process import OPERATORS_IDLE, Gateway
from gateway.app.records import (
    Records,
    Silent,
    SystemClock,
    open_exchange,
    open_records,
    publish_directory,
    rest_on_two,
)

__all__ = [
    "OPERATORS_IDLE",
    "Gateway",
    "Records",
    "Silent",
    "SystemClock",
    "open_exchange",
    "open_records",
    "publish_directory",
    "rest_on_two",
]
