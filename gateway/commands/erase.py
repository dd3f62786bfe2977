"""`erase`: sealed parts of single messages, before their time."""

from __future__ import annotations

import asyncio
import hashlib
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from gateway.commands.operators import REQUEST_OPTION
from gateway.commands.shared import emit, home_option, json_option, operator_option, passphrase_options, read_file
from schemas.errors import Misuse

if TYPE_CHECKING:
    from gateway.retention import Erased

_DIGEST: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)


@click.command()
@click.argument("digests", metavar="DIGEST...", nargs=-1, required=True)
@home_option
@operator_option
@passphrase_options()
@click.option(
    "--subject",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Erase nothing: write the file that a request for this is about.",
)
@REQUEST_OPTION
@json_option
def erase(
    digests: tuple[str, ...], home: Path, operator: str, subject: Path | None, asked: Path | None, *, as_json: bool
) -> None:
    """Erase the sealed parts of these messages now. Statements, entries and proofs stay, and each erasure is an entry.

    Where the authority has listed operators it takes two of them: see request --help; the subject is the file that
    --subject writes, the digests one a line.

    \b
    Example:
      bureaunet-gateway erase 5f0c... 77ab... --home gw --operator ada --subject erase.txt
      bureaunet-gateway request make content.erase/1 --subject erase.txt --network network.bn \\
          --home ada --out request.cbor
      bureaunet-gateway erase 5f0c... 77ab... --home gw --operator ada --request request.cbor

    Queues of the broker and backups are out of its reach: it names the queues, docs/operators.md says what to do.
    """  # noqa: D301  # click's \b keeps the lines of the example
    wanted = _read(digests)
    if subject is not None:
        from gateway.keyfiles import write_public  # noqa: PLC0415  # keeps --help quick

        write_public(subject, _subject(wanted))
        emit({"subject": str(subject), "messages": len(wanted)}, f"written  {subject}", as_json=as_json)
        return
    done = asyncio.run(_erase(home, operator, wanted, None if asked is None else read_file(asked)))
    row = {
        "erased": len(done.entries),
        "entries": list(done.entries),
        "gone": [digest.hex() for digest in done.gone],
        "queues": list(done.queues),
    }
    lines = [f"erased {len(done.entries)}; entries {', '.join(map(str, done.entries)) or 'none'}"]
    lines += [f"was not kept any more: {digest.hex()}" for digest in done.gone]
    lines += [f"the broker may still hold a copy for {inbox}: purge its inbox, then redeliver" for inbox in done.queues]
    emit(row, "\n".join(lines), as_json=as_json)


def _read(digests: tuple[str, ...]) -> list[bytes]:
    wrong = [text for text in digests if not _DIGEST.fullmatch(text)]
    if wrong:
        raise Misuse(f"a digest is 64 hexadecimal digits in lower case, not {wrong[0]!r}"[:120])
    return [bytes.fromhex(text) for text in sorted(set(digests))]


def _subject(digests: list[bytes]) -> bytes:
    """What the operators sign for: the digests in order, one a line."""
    return b"".join(digest.hex().encode() + b"\n" for digest in digests)


async def _erase(home: Path, operator: str, digests: list[bytes], request: bytes | None) -> Erased:
    from gateway import retention  # noqa: PLC0415  # keeps --help quick
    from gateway.adapters.sql import SqlBodies  # noqa: PLC0415  # as above
    from gateway.app import open_exchange, rest_on_two  # noqa: PLC0415  # as above
    from gateway.operators import operator_id  # noqa: PLC0415  # as above
    from gateway.two_people import Act  # noqa: PLC0415  # as above

    async with open_exchange(home) as (records, exchange):
        await retention.require_accepted(records.store, digests)
        await rest_on_two(home, records, exchange, request, (Act.CONTENT_ERASE, _subject(digests)))
        evidence = None if request is None else hashlib.sha256(request).digest()
        order = retention.Order(operator_id(records.network.id, operator), evidence)
        bodies = SqlBodies(records.store.database)
        return await retention.erase(records.store, bodies, records.clock, digests, order)
