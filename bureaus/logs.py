"""The SDK's loggers: structlog on top of the standard library's, so that a library does not speak unasked.

Until the application says otherwise, only warnings show, on standard error. It says otherwise by `logging` (levels,
handlers) and by `structlog.configure` (how an event is rendered). Events name digests and addresses, never content.
"""

from __future__ import annotations

import logging

import structlog


def get(name: str) -> structlog.stdlib.BoundLogger:
    """The logger of a module."""
    logger: structlog.stdlib.BoundLogger = structlog.wrap_logger(logging.getLogger(name))
    return logger
