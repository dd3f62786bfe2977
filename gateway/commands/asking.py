"""Asks the operators' listener of a gateway that runs."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

import click

from schemas.errors import Malformed, Misuse, Reason, Unavailable

_SECONDS: Final = 10.0
_MOST: Final = 32 * 1024 * 1024
"""Bytes of an answer."""

operators_option = click.option(
    "--operators",
    "url",
    required=True,
    envvar="BUREAUNET_OPERATORS_URL",
    show_envvar=True,
    help="URL of the operators' listener, as serve prints it when it is ready.",
)


def checked(url: str) -> str:
    """The listener's URL without a slash at its end.

    Raises:
        Misuse: it is no http URL.
    """
    if urlsplit(url).scheme != "http":
        raise Misuse("the operators' listener has an http URL, such as http://127.0.0.1:9443")
    return url.rstrip("/")


def ask(url: str, path: str, body: Mapping[str, int] | None = None, *, seconds: float = _SECONDS) -> bytes:
    """What the listener at `url` answers to GET `path`, or to POST where there is a `body`, whatever the status.

    Raises:
        Unavailable: `unreachable`.
    """
    sent = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url + path, sent, {"Content-Type": "application/json"})  # noqa: S310  # http alone
    try:
        with urllib.request.urlopen(request, timeout=seconds) as answer:  # noqa: S310  # http alone
            return bytes(answer.read(_MOST))
    except urllib.error.HTTPError as error:  # an answer too: /readyz says 503 and why
        with error:
            return error.read(_MOST)
    except (OSError, urllib.error.URLError):
        raise Unavailable(Reason.UNREACHABLE, f"no gateway answers at {url}") from None


def stranger(url: str) -> Malformed:
    """What to raise where something answers that is no such listener."""
    return Malformed(Reason.STRUCTURE, f"{url} is not a gateway's operators' listener")


def plain(value: object) -> str:
    """A value that somebody else said, for a terminal: what is no printable character is shown as its escape."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(value))
