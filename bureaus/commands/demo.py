"""`bureaunet demo`: Infra-SA 2011 on this machine, from nothing to a verified record."""

from __future__ import annotations

from typing import Unpack

import click

from bureaus.commands.holding import Options, hold_and_show, holding_options
from bureaus.exercises.catalogue import operation

OPERATION = "infra-sa-2011"


@click.command(short_help="Run Infra-SA 2011 on this machine.")
@holding_options
@click.pass_context
def demo(ctx: click.Context, **options: Unpack[Options]) -> None:
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

    It ends with 0 only if every case came to what its caseload says, every wrong was refused for the right reason, and
    everything verifies.
    """  # noqa: D301  # click's \b keeps the lines of the example
    ctx.exit(hold_and_show("demo", operation(OPERATION), options))
