"""The operators' command line, `bureaunet-gateway`."""

from __future__ import annotations

import click

from gateway.commands import ceremony, changes
from gateway.commands.accounts import account
from gateway.commands.authority import authority
from gateway.commands.backup import backup, restore
from gateway.commands.broker import broker
from gateway.commands.erase import erase
from gateway.commands.exercise_clock import exercise_clock
from gateway.commands.ledger import ledger
from gateway.commands.migrate import migrate
from gateway.commands.operations import operation
from gateway.commands.operators import list_operators, operator, request
from gateway.commands.overdue import overdue
from gateway.commands.participants import participant
from gateway.commands.passphrases import passphrase
from gateway.commands.policy import policy
from gateway.commands.quarantine import quarantine
from gateway.commands.redeliver import redeliver
from gateway.commands.refusals import refusals
from gateway.commands.reviews import reviews
from gateway.commands.serve import serve
from gateway.commands.setup import init
from gateway.commands.shared import Commands
from gateway.commands.show import show
from gateway.commands.watch import watch
from schemas.built import version_line


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="bureaunet", message=version_line())
def main() -> None:
    """Run a gateway of a bureaunet network, and the authority that says who belongs to it.

    \b
    From nothing to a network:
      bureaunet-gateway init --home gw --origin log.example.net
      bureaunet-gateway authority init --home authority --service gw/service-request.cbor --name "Example network"
      bureaunet-gateway init --home gw --network authority/network.bn \\
          --certificate authority/certificates/gateway.pem --ca authority/ca.pem
      bureaunet-gateway authority approve --home authority fr/request.cbor br/request.cbor
      bureaunet-gateway participant load --home gw authority/directory.cbor
      bureaunet-gateway serve --home gw --port 8443
    """  # noqa: D301  # click's \b keeps the lines of the example


for command in (init, authority, participant, serve, operation, ledger, quarantine, backup, restore, migrate, broker):
    main.add_command(command)
for command in (account, operator, request, passphrase, erase, redeliver, refusals, overdue):
    main.add_command(command)
for command in (watch, exercise_clock, show):
    main.add_command(command)
operation.add_command(reviews)
for command in (*changes.COMMANDS, *ceremony.COMMANDS, list_operators, policy):
    authority.add_command(command)

if __name__ == "__main__":
    main()
