"""`bureaunet demo`: Infra-SA 2011 on this machine, from nothing to a verified record."""

from __future__ import annotations

from typing import Unpack

import click

from bureaus.commands.holding import Options, hold_and_show, holding_options
from bureaus.exercises.catalogue import operation
from schemas.directory import Link
from schemas.errors import Misuse

OPERATION = "infra-sa-2011"


@click.command(short_help="Run Infra-SA 2011 on this machine.")
@holding_options
@click.option(
    "--story",
    type=click.Choice(["notice"]),
    help="Tell a story of the secretariat's services instead: a red notice, from the request to the arrest.",
)
@click.pass_context
def demo(ctx: click.Context, story: str | None, **options: Unpack[Options]) -> None:
    """Run INFRA-SA 2011 on this machine: 34 bureaus and the General Secretariat, 209 synthetic targets.

    It makes an authority, keys, certificates and the network file, starts a gateway as its own process, enrols every
    bureau, and opens the operation. Each target's bureau asks those where the target was last thought to be; they
    answer as their caseload says; results go to the secretariat; a few deliberate wrongs must be refused. Then the
    gateway is stopped, and its record and every receipt are verified offline.

    Which countries took part is not published: they are chosen by area. All persons and cases are synthetic.

    \b
    Example:
      bureaunet demo
      bureaunet demo --json --seed 7 --out infra
      bureaunet verify infra/infra-sa-2011.record --network infra/network.bn

    With --story a small network with a serving secretariat plays one case step by step, each told with its time; then
    its record is verified. --out, --keep and --json hold for it too.

    \b
    Example:
      bureaunet demo --story notice

    It ends with 0 only if every case came to what its caseload says, every wrong was refused for the right reason, and
    everything verifies; with --story, if every step came as it must.
    """  # noqa: D301  # click's \b keeps the lines of the example
    if story is not None:
        if options["link"] != str(Link.HTTP):
            raise Misuse("a story is told over HTTP")
        from bureaus.commands.story import tell_story  # noqa: PLC0415  # only where one is told

        ctx.exit(tell_story(story, options["out"], keep=options["keep"], as_json=options["as_json"]))
    ctx.exit(hold_and_show("demo", operation(OPERATION), options))
