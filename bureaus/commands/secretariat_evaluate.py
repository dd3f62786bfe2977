"""`bureaunet secretariat evaluate`: one operation, evaluated: evaluation.html with plots, and evaluation.json."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

import click

from bureaus.commands.secretariat_office import Options, at_desk, office_options
from bureaus.commands.shared import emit, json_option
from schemas.errors import Misuse

if TYPE_CHECKING:
    from bureaus.secretariat.evaluation.report import Evaluation
    from bureaus.secretariat.office import Office

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command(short_help="Evaluate an operation: a page with plots, and JSON.")
@office_options
@click.option("--operation", "identifier", required=True, help="An operation of ours.")
@click.option(
    "--out", "folder", required=True, type=click.Path(path_type=Path, file_okay=False), help="Where both files go."
)
@click.option("--record", type=_FILE, help="The operation's record, for its traffic; it is verified first.")
@click.option("--network", type=_FILE, help="The network file that the record verifies with.")
@json_option
@click.pass_context
def evaluate(
    ctx: click.Context,
    identifier: str,
    folder: Path,
    record: Path | None,
    network: Path | None,
    *,
    as_json: bool,
    **options: Unpack[Options],
) -> None:
    """Evaluate an operation: results, claimed totals, quality, and the use of databases and network by bureau.

    The page holds no script and loads nothing. Without a record the network's use is left out, and the page says so.

    \b
    Example:
      bureaunet secretariat evaluate --home ipsg --operation infra-test --out evaluation \\
          --record infra-test.record --network network.bn
    """  # noqa: D301  # click's \b keeps the lines of the example
    if (record is None) != (network is None):
        raise Misuse("a record is verified with the network file: say both")

    async def evaluated(office: Office) -> Evaluation:
        from bureaus.secretariat import statements  # noqa: PLC0415  # keeps --help quick
        from bureaus.secretariat.evaluation.network import network as shown  # noqa: PLC0415
        from bureaus.secretariat.evaluation.report import evaluate as made  # noqa: PLC0415

        traffic = None if record is None or network is None else shown(record, network, identifier)
        async with office.registry.reading() as connection:
            versions = await statements.versions(connection, identifier)
            return await made(connection, versions, now=office.now(), shown=traffic)

    told = json.dumps(at_desk(ctx, options, evaluated).to_json(), ensure_ascii=False, indent=2)
    files = _write(folder, told)
    row = {"event": "evaluation", "operation": identifier, "files": [str(file) for file in files]}
    emit(row, "\n".join(str(file) for file in files), as_json=as_json)


def _write(folder: Path, told: str) -> tuple[Path, Path]:
    from bureaus.secretariat.evaluation.page import Told, page  # noqa: PLC0415  # keeps --help quick

    html, machine = folder / "evaluation.html", folder / "evaluation.json"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        html.write_text(page(Told.model_validate_json(told)), "utf-8")
        machine.write_text(f"{told}\n", "utf-8")
    except OSError as error:
        raise Misuse(f"cannot write to {folder}: {error.strerror}") from None
    return html, machine
