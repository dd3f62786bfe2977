"""Nothing that could be content or a secret reaches a log line, however it comes."""

from __future__ import annotations

import io
import json
import logging
import re
import warnings
from collections.abc import Callable, Iterator

import pytest
import structlog

from gateway import logs
from gateway.watching import Watching
from schemas.errors import Reason

Lines = Callable[[], list[dict[str, object]]]
NAME = "Synthetic Person"


@pytest.fixture
def written() -> Iterator[Lines]:
    root = logging.getLogger()
    handlers, level, showwarning = root.handlers, root.level, warnings.showwarning
    stream = io.StringIO()
    logs.start("info", stream)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    root.handlers, root.level, warnings.showwarning = handlers, level, showwarning
    structlog.reset_defaults()


def fail(kind: type[Exception]) -> None:
    raise kind(NAME)


def test_an_event_is_one_json_line_with_its_fields(written: Lines) -> None:
    Watching().saw("accepted", digest="ab" * 32, operation="infra-sa-2011", index=7, thread=None)
    (line,) = written()
    assert line.pop("timestamp")
    assert line == {
        "event": "accepted",
        "level": "info",
        "digest": "ab" * 32,
        "operation": "infra-sa-2011",
        "index": 7,
        "trace_id": "ab" * 16,
    }


@pytest.mark.parametrize("name", ["password", "seed", "private_key_pem", "content", "body", "sealed", "token", "url"])
def test_a_name_that_sounds_like_a_secret_loses_its_value(written: Lines, name: str) -> None:
    Watching().saw("happened", **{name: NAME})
    assert written()[0][name] == "[redacted]"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (b"bytes", "[5 bytes]"),
        ({"name": NAME}, "[dict]"),
        (object(), "[object]"),
        ("postgresql://user:secret@host/db", "postgresql://[redacted]@host/db"),
        ("-----BEGIN PRIVATE KEY-----\nMC4C", "[redacted]"),
        ("x" * 300, "x" * 200 + "..."),
    ],
)
def test_a_value_is_made_plain(written: Lines, value: object, shown: str) -> None:
    structlog.get_logger().info("happened", value=value)
    assert written()[0]["value"] == shown


def test_of_an_exception_the_type_and_the_place_are_kept_and_not_its_words(written: Lines) -> None:
    try:
        fail(ValueError)
    except ValueError as error:
        Watching().failed("request-failed", error)
    (line,) = written()
    assert line["error"] == "ValueError"
    assert "test_logs.py" in str(line["at"])
    assert NAME not in json.dumps(line)


def test_libraries_write_the_same_lines_and_their_arguments_stay_out(written: Lines) -> None:
    try:
        fail(KeyError)
    except KeyError:
        logging.getLogger("aiohttp.server").exception("Error handling request from %s", NAME)
    logging.getLogger("asyncio").info("too little to say")
    (line,) = written()
    assert (line["library"], line["event"], line["error"]) == (
        "aiohttp.server",
        "Error handling request from %s",
        "KeyError",
    )
    assert NAME not in json.dumps(line)


def test_a_warning_says_its_kind_and_place_alone(written: Lines) -> None:
    warnings.showwarning(UserWarning(NAME), UserWarning, "some/where/module.py", 7)
    (line,) = written()
    assert (line["category"], line["at"]) == ("UserWarning", "where/module.py:7")
    assert NAME not in json.dumps(line)


def test_refusals_are_counted_by_reason() -> None:
    watching = Watching()
    watching.saw("refused", reason="signature", digest="00")
    watching.saw("refused", reason="signature", digest="01")
    assert b'bureaunet_refusals_total{reason="signature"} 2.0' in watching.metrics()
    assert b"digest" not in watching.metrics()


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        0,
        -7,
        2**70,
        1.5,
        float("inf"),
        "",
        'a "quoted" \\ line\n',
        "Ä\u2028\U0001f600\ud800",
        Reason.SIGNATURE,
    ],
)
def test_our_own_lines_are_those_that_structlog_would_write(written: Lines, value: object) -> None:
    fields: dict[str, object] = {"value": value, "operation": "infra-sa-2011", "list": [1, "x" * 300], "token": value}
    texts: list[str] = []
    for write in (
        lambda: logs.tell(logging.INFO, "happened", fields),
        lambda: structlog.get_logger().info("happened", **fields),
    ):
        stream = io.StringIO()
        logs.start("info", stream)
        write()
        texts.append(re.sub(r'"timestamp": "[^"]+"', "", stream.getvalue()))
    ours, theirs = texts
    assert ours == theirs
    assert not written()  # these went to streams of their own
