"""JSON lines on standard error, which follow one message through and never hold content or a secret.

Everything goes through one chain: our events, and those of libraries through the standard logging module. The last
step before a line is written, `redact`, knows no exception: a name that sounds like a secret or like content loses its
value, bytes become their length, a text loses credentials and is cut. Of an exception the type and the places are
kept, never its words, since drivers put parameters there.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import traceback
import warnings
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from json.encoder import encode_basestring_ascii
from types import TracebackType
from typing import Final, TextIO, TypeAlias

import structlog

MAX_TEXT: Final = 200
"""Characters of one value."""
MAX_FRAMES: Final = 12
_SECRET: Final = re.compile(
    r"pass(word|wd|phrase)|secret|token|seed|private|credential|authorization|cookie|content|plaintext|body|sealed|"
    r"statement|salt|^key$|^url$|^dsn$",
    re.IGNORECASE,
)
_CREDENTIALS: Final = re.compile(r"(?<=://)[^/@\s]+@")
_PEM: Final = re.compile(r"-----BEGIN.*", re.DOTALL)
_HIDDEN: Final = "[redacted]"
_HIDDEN_JSON: Final = f'"{_HIDDEN}"'
_Exception: TypeAlias = tuple[type[BaseException], BaseException, TracebackType | None]
Line: TypeAlias = MutableMapping[str, object]
_LEVELS: Final = {level: logging.getLevelName(level).lower() for level in (10, 20, 30, 40, 50)}
_NUMBERS: Final = (int, float, type(None))
_BYTES: Final = (bytes, bytearray, memoryview)
_LISTS: Final = (list, tuple)


@dataclass(slots=True)
class _Place:
    """Where lines go."""

    stream: TextIO | None = None
    """None before `start`."""
    least: int = logging.INFO


_PLACE: Final = _Place()


def wanted(level: int) -> bool:
    """Whether a line of this level is written at all."""
    return level >= _PLACE.least


def tell(level: int, name: str, fields: Mapping[str, object]) -> None:
    """One line of ours, as structlog would write it after `redact`, in a fraction of the time: one for each message."""
    stream = _PLACE.stream
    if stream is None:
        structlog.get_logger().log(level, name, **fields)
        return
    now = datetime.now(UTC).isoformat()[:-6]
    line = {**fields, "event": name, "level": _LEVELS[level], "timestamp": f"{now}Z"}
    said = [f"{start}{_HIDDEN_JSON if hides else _json(line[key])}" for key, start, hides in _form(tuple(line))]
    stream.write("{" + ", ".join(said) + "}\n")
    stream.flush()


@lru_cache(maxsize=1024)  # as many as there are events of ours, or a few for each
def _form(names: tuple[str, ...]) -> tuple[tuple[str, str, bool], ...]:
    """The fields of a line in their order: name, what stands before the value, and whether that is hidden."""
    return tuple((name, f"{encode_basestring_ascii(name)}: ", _hides(name)) for name in sorted(names))


def _json(value: object) -> str:
    """What `json.dumps` makes of a value once it is plain."""
    if isinstance(value, str):
        return encode_basestring_ascii(_text(value))
    return str(value) if type(value) is int else json.dumps(_plain(value))


def redact(_logger: object, _method: str, line: Line) -> Line:
    """The last processor: leaves nothing that could be content or a secret."""
    return {name: _HIDDEN if _hides(name) else _plain(value) for name, value in line.items()}


@lru_cache(maxsize=1024)  # fields have names of ours and of libraries: there are not many
def _hides(name: str) -> bool:
    return _SECRET.search(name) is not None


def _plain(value: object) -> object:
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, _NUMBERS):
        return value
    if isinstance(value, _BYTES):
        return f"[{len(value)} bytes]"
    if isinstance(value, _LISTS):
        return [_plain(item) for item in value[:MAX_FRAMES]]
    return f"[{type(value).__name__}]"


def _text(value: str) -> str:
    if len(value) <= MAX_TEXT and "://" not in value and "-----BEGIN" not in value:
        return value
    text = _CREDENTIALS.sub(f"{_HIDDEN}@", value) if "://" in value else value
    text = _PEM.sub(_HIDDEN, text) if "-----BEGIN" in text else text
    return text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]}..."


def where(_logger: object, _method: str, line: Line) -> Line:
    """Replace an exception by its type and the places it passed."""
    found = line.pop("exc_info", None)
    given: _Exception | None = None
    if isinstance(found, BaseException):
        given = type(found), found, found.__traceback__
    elif isinstance(found, tuple) and len(found) == 3 and found[0] is not None:
        given = found
    elif found:
        kind, error, trace = sys.exc_info()
        given = (kind, error, trace) if kind is not None and error is not None else None
    if given is not None:
        frames = traceback.extract_tb(given[2])[-MAX_FRAMES:]
        line["error"] = given[0].__qualname__
        line["at"] = [f"{_short(frame.filename)}:{frame.lineno} {frame.name}" for frame in frames]
    return line


def _short(path: str) -> str:
    return "/".join(path.replace("\\", "/").rsplit("/", 2)[-2:])


def _foreign(_logger: object, _method: str, line: Line) -> Line:
    """A library's record: which logger, and its own words only where nothing was put into them."""
    record = line.get("_record")
    if isinstance(record, logging.LogRecord):
        line["library"] = record.name
        line["event"] = record.msg if isinstance(record.msg, str) else type(record.msg).__name__
    return line


def _warned(
    message: Warning | str,  # noqa: ARG001  # the signature is Python's; the words may hold data
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,  # noqa: ARG001  # as above
    line: str | None = None,  # noqa: ARG001  # as above
) -> None:
    """Python's warnings: which kind and where."""
    structlog.get_logger().warning("warning", category=category.__name__, at=f"{_short(filename)}:{lineno}")


def start(level: str, stream: TextIO | None = None) -> None:
    """Write JSON lines of at least `level` to `stream`, standard error if none is given; libraries from `warning`."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    least = logging.getLevelNamesMapping()[level.upper()]
    _PLACE.stream, _PLACE.least = stream or sys.stderr, least
    structlog.configure(
        processors=[*shared, where, redact, structlog.processors.JSONRenderer(sort_keys=True)],
        wrapper_class=structlog.make_filtering_bound_logger(least),
        logger_factory=structlog.WriteLoggerFactory(stream or sys.stderr),
        cache_logger_on_first_use=False,
    )
    warnings.showwarning = _warned
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, _foreign],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                where,
                redact,
                structlog.processors.JSONRenderer(sort_keys=True),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(max(least, logging.WARNING))
