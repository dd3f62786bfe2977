"""`bureaunet conformance`: run somebody else's bureau program against the protocol."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import click

from bureaus.commands.shared import json_option, run
from bureaus.conformance import page
from bureaus.conformance.contract import Level
from bureaus.conformance.findings import Report
from bureaus.conformance.kit import Wanted, conform, peer_of
from bureaus.conformance.sections import TITLES
from schemas.errors import Misuse

_LINKS: Final = {"http": ("http",), "amqp": ("amqp",), "both": ("http", "amqp"), "none": ()}


def _section(ctx: click.Context, param: click.Parameter, value: str) -> str:  # noqa: ARG001  # click's signature
    number = value.removeprefix("§").strip()
    if number and not any(title == number or title.startswith(f"{number}.") for title in TITLES):
        raise Misuse(f"the kit has nothing on § {number}; it has {', '.join(TITLES)}")
    return number


@click.command(short_help="Run somebody else's bureau program against the protocol.")
@click.option("--command", "program", default="", metavar='"CMD…"', help="A program that is asked on its pipes.")
@click.option("--client-url", default="", metavar="URL", help="A program that is asked by POST.")
@click.option("--link", type=click.Choice(list(_LINKS)), default="http", show_default=True, help="Where it talks live.")
@click.option("--only", default="", metavar="SECTION", callback=_section, help="One section of the protocol, as 5.4.")
@click.option(
    "--level",
    type=click.Choice(["core", "full"]),
    default="core",
    show_default=True,
    help="What must be right for exit code 0.",
)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write the report as an HTML page.")
@json_option
@click.pass_context
def conformance(
    ctx: click.Context,
    program: str,
    client_url: str,
    link: str,
    only: str,
    level: str,
    out: Path | None,
    as_json: bool,  # noqa: FBT001  # click's way
) -> None:
    """Run a bureau's program that somebody else wrote, in any language, against the protocol.

    The program has a driver: it reads one request a line, as JSON, and writes one answer a line. First it is asked the
    published vectors: to decode, verify, open, seal, and to refuse for the right reason. Then a private network is
    started, with a real gateway (and a RabbitMQ for --link amqp), on which the program asks and is asked, and is lied
    to: forged receipts and copies, another server, a false directory, a ledger with two histories.

    What it got wrong is printed by section of the protocol. docs/conformance.md says how to write a driver.

    \b
    Example:
      bureaunet conformance --command "python -m bureaus.conformance.driver" --link both --level full
      bureaunet conformance --command "node examples/node/driver.js" --out report.html
      bureaunet conformance --command "./driver" --link none --only 1.3
      bureaunet conformance --client-url http://127.0.0.1:9000/

    Level core is what every bureau must do, on one link; full is everything, on both. Exit code 0: it conforms; 1: it
    does not; 2: the command was used wrongly.
    """  # noqa: D301  # click's \b keeps the lines of the example

    def say(said: str) -> None:
        click.echo(f"… {said}", err=True)

    wanted = Wanted(_LINKS[link], only, Level(level), say)
    peer = peer_of(program, client_url)

    async def work() -> Report:
        async with peer as entered:
            return await conform(entered, wanted)

    report = run(ctx, work)
    if out is not None:
        out.write_text(page.render(report), "utf-8")
    if as_json:
        click.echo(json.dumps(report.rows(), ensure_ascii=False))
    else:
        for line in report.lines():
            click.echo(line)
    ctx.exit(0 if report.passed else 1)
