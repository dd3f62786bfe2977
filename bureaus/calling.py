"""Calls those who asked to be told of something. One who raises is logged, and keeps nobody else from being told.

A callback belongs to the program around the SDK. What told of it is a worker that must go on: receipts, copies and
alarms do not wait for a program to be mended.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, ParamSpec

from bureaus import logs

_P = ParamSpec("_P")
_log: Final = logs.get(__name__)


def tell(listeners: Iterable[Callable[_P, None]], *said: _P.args, **named: _P.kwargs) -> None:
    """Tell everybody; an error's text may hold content, so its type alone is logged."""
    for listener in listeners:
        try:
            listener(*said, **named)
        except Exception as error:  # noqa: BLE001  # whatever the program's own code raises ends no worker of ours
            name = getattr(listener, "__qualname__", type(listener).__name__)
            _log.error("a callback failed", callback=name, error=type(error).__name__)
