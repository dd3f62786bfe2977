"""The SDK's loggers: structlog on top of the standard library's, so that a library does not speak unasked.

Until the application says otherwise, only warnings show, on standard error. It says otherwise by `logging` (levels,
handlers) and by `structlog.configure` (how an event is rendered). Events name digests and addresses, never content.

structlog is loaded with the first event that is of use to anybody: it is a third of what the SDK's import would take.
"""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import structlog


class Logger:
    """Says what happened in one module."""

    def __init__(self, name: str, **bound: object) -> None:
        """`bound` is said with every event."""
        self._name, self._bound = name, bound
        self._below = logging.getLogger(name)
        self._made: structlog.stdlib.BoundLogger | None = None

    def bind(self, **fields: object) -> Logger:
        """The same, with these fields in every event."""
        return Logger(self._name, **{**self._bound, **fields})

    def _logger(self, level: int) -> structlog.stdlib.BoundLogger | None:
        """What says it; None where nobody configured structlog, and the standard library would throw it away."""
        if self._made is None:
            if "structlog" not in sys.modules and not self._below.isEnabledFor(level):
                return None
            import structlog  # noqa: PLC0415  # see above

            made: structlog.stdlib.BoundLogger = structlog.wrap_logger(self._below)
            self._made = made.bind(**self._bound) if self._bound else made
        return self._made

    def debug(self, event: str, **fields: object) -> None:
        """For whoever looks for a fault."""
        if (logger := self._logger(logging.DEBUG)) is not None:
            logger.debug(event, **fields)

    def info(self, event: str, **fields: object) -> None:
        """Something went as it should."""
        if (logger := self._logger(logging.INFO)) is not None:
            logger.info(event, **fields)

    def warning(self, event: str, **fields: object) -> None:
        """Something that passes, or is somebody else's fault."""
        if (logger := self._logger(logging.WARNING)) is not None:
            logger.warning(event, **fields)

    def error(self, event: str, **fields: object) -> None:
        """Something that somebody has to look at."""
        if (logger := self._logger(logging.ERROR)) is not None:
            logger.error(event, **fields)

    def exception(self, event: str, **fields: object) -> None:
        """As `error`, with the exception that is being handled."""
        if (logger := self._logger(logging.ERROR)) is not None:
            logger.exception(event, **fields)  # noqa: LOG004  # whoever calls this is in a handler

    def critical(self, event: str, **fields: object) -> None:
        """Something that cannot wait."""
        if (logger := self._logger(logging.CRITICAL)) is not None:
            logger.critical(event, **fields)


def get(name: str) -> Logger:
    """The logger of a module."""
    return Logger(name)
