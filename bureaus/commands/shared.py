"""What the commands share: the home option, output, logging, and an event loop that Ctrl-C ends in order.

With --json each thing that happens is one JSON object on one line, with `event` first.
"""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import sys
from collections.abc import Callable, Coroutine, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TypeAlias, TypeVar

import click
import structlog

from bureaus import passphrase
from bureaus.exchange import Received
from bureaus.voided import Voided
from schemas.attestations import Attestation
from schemas.errors import Misuse
from schemas.evidence import Event
from schemas.receipts import Acceptance

_F = TypeVar("_F", bound=Callable[..., object])
_T = TypeVar("_T")
Row: TypeAlias = Mapping[str, object]
"""What `json` can write."""
INTERRUPTED: Final = 130


def home_option(function: _F) -> _F:
    """--home DIR, or BUREAUNET_HOME, and where the passphrase of its keys comes from."""
    option = click.option(
        "--home",
        required=True,
        envvar="BUREAUNET_HOME",
        show_envvar=True,
        type=click.Path(path_type=Path, file_okay=False),
        help="The bureau's folder.",
    )
    return option(passphrase_options()(function))


def _chosen(ctx: click.Context, param: click.Parameter, value: Path | int | bool | None) -> None:  # noqa: ARG001, FBT001  # click's signature
    match value:
        case bool():
            passphrase.choose(refused=value)
        case int():
            passphrase.choose(descriptor=value)
        case Path():
            passphrase.choose(file=value)


def passphrase_options(environment: str = "BUREAUNET_PASSPHRASE_FILE") -> Callable[[_F], _F]:
    """--passphrase-file and --passphrase-fd, where private keys are opened."""
    path = click.Path(path_type=Path, dir_okay=False)
    about = "Read the passphrase of the keys from this file, which nobody else may read; otherwise it is asked for."
    file = click.option(
        "--passphrase-file",
        type=path,
        envvar=environment,
        show_envvar=True,
        expose_value=False,
        callback=_chosen,
        help=about,
    )
    about = "Read the passphrase of the keys from this descriptor."
    descriptor = click.option(
        "--passphrase-fd", type=click.IntRange(0), expose_value=False, callback=_chosen, help=about
    )
    return lambda function: file(descriptor(function))


def no_passphrase_option(function: _F) -> _F:
    """--no-passphrase, where private keys are made."""
    about = "Keep the private keys unencrypted: for demonstrations and tests."
    option = click.option(
        "--no-passphrase", is_flag=True, default=None, expose_value=False, callback=_chosen, help=about
    )
    return option(function)


def json_option(function: _F) -> _F:
    """--json."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON for machines, one object a line.")(function)


def emit(row: Row, text: str, *, as_json: bool) -> None:
    """Print one thing that happened: `row` for machines or `text` for people."""
    click.echo(json.dumps(row, ensure_ascii=False) if as_json else text)


def read_file(path: Path) -> bytes:
    """A file that was named on the command line.

    Raises:
        Misuse: it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise Misuse(f"cannot read {path}: {error.strerror}") from None


def receipt_row(digest: bytes, acceptance: Acceptance) -> Row:
    """A receipt, for machines."""
    return {
        "event": "receipt",
        "digest": digest.hex(),
        "outcome": str(acceptance.event),
        "index": acceptance.index,
        "time": acceptance.time,
        "reason": None if acceptance.reason is None else str(acceptance.reason),
    }


def received_row(received: Received) -> Row:
    """A received message, for machines."""
    header = received.header
    return {
        "event": "message",
        "from": str(received.sender),
        "to": str(received.to),
        "kind": received.kind,
        "operation": received.operation,
        "purpose": str(header.purpose),
        "handling": str(header.handling),
        "urgency": str(header.urgency),
        "exercise": header.exercise,
        "answer": None if header.answer is None else str(header.answer),
        "digest": received.digest.hex(),
        "re": None if header.re is None else header.re.hex(),
        "index": received.receipt.index,
        "again": received.again,
        "message": received.message.model_dump(mode="json", exclude_none=True, exclude_defaults=True),
    }


def received_text(received: Received) -> str:
    """A received message, for people."""
    header = received.header
    notes = [str(header.handling), *(["exercise"] if header.exercise else []), *(["again"] if received.again else [])]
    if header.answer is not None:
        notes.insert(0, str(header.answer))
    content = received.message.model_dump_json(exclude_none=True, exclude_defaults=True, indent=2)
    where = f"entry {received.receipt.index}, {received.digest.hex()[:16]}"
    return f"{received.sender}  {received.kind}  ({', '.join(notes)}; {where})\n{content}"


def attested_row(said: Attestation) -> Row:
    """What the gateway attests of an answer, for machines."""
    return {
        "event": "attested",
        "what": str(said.event),
        "query": said.query.hex(),
        "asked": str(said.asked),
        "asker": str(said.asker),
        "operation": said.operation,
        "due": said.due // 1000,
        "request": said.request,
        "index": said.index,
        "time": said.time // 1000,
    }


def attested_text(said: Attestation) -> str:
    """What the gateway attests of an answer, for people."""
    due = datetime.fromtimestamp(said.due / 1000, UTC).isoformat(timespec="seconds")
    words = {
        Event.ANSWER_REMINDER: f"REMINDER: {said.asker} awaits an answer of {said.asked} by {due}",
        Event.ANSWER_OVERDUE: f"OVERDUE: {said.asked} has not answered {said.asker}; it was due {due}",
        Event.ESCALATED: f"ESCALATED: {said.asked} has not answered {said.asker}; it was due {due}",
        Event.CONTENT_HANDOVER_FAILURE: f"REFUSED: the program of {said.asked} took no query of {said.asker}",
    }
    again = f", request {said.request}" if said.request > 1 else ""
    return f"{words[said.event]}{again}  (entry {said.index}, query {said.query.hex()[:16]})"


def voided_row(voided: Voided) -> Row:
    """A message that became void, for machines."""
    return {
        "event": "void",
        "digest": voided.digest.hex(),
        "from": str(voided.sender),
        "kind": voided.kind,
        "operation": voided.operation,
        "index": voided.index,
        "directory": voided.version,
    }


def voided_text(voided: Voided) -> str:
    """A message that became void, for people."""
    where = f"entry {voided.index}, {voided.digest.hex()[:16]}"
    return f"VOID: {voided.sender}  {voided.kind}  ({where}): its key was revoked from before on"


def log_to_stderr(level: str) -> None:
    """Log this and what is more serious on standard error."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty()),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(message)s"))
    ours = logging.getLogger("bureaus")
    ours.handlers, ours.propagate = [handler], False
    ours.setLevel(level.upper())


def run(ctx: click.Context, work: Callable[[], Coroutine[None, None, _T]]) -> _T:
    """Run to the end; Ctrl-C and SIGTERM cancel, everything is closed in order, and the exit code is 130."""
    try:
        return asyncio.run(_interruptible(work))
    except asyncio.CancelledError:
        ctx.exit(INTERRUPTED)


async def _interruptible(work: Callable[[], Coroutine[None, None, _T]]) -> _T:
    task = asyncio.ensure_future(work())
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, task.cancel)
    return await task
