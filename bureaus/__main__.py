"""The bureaus' command line, `bureaunet`. Each command's module is imported when the command is used, not before.

Exit codes: 0 done, 1 the answer is no (refused, did not verify, not reachable), 2 the command was used wrongly.
"""

from __future__ import annotations

from typing import Final

import click

from bureaus.commands.lazy import Lazy
from schemas.built import version_line
from schemas.errors import BureaunetError, Misuse

_COMMANDS: Final = {
    "enrol": "Make a bureau's keys and request; take what the authority gives.",
    "authorise": "Let a unit of this bureau have a row of its own.",
    "rotate": "Make new keys, asked for under a signature by the old one.",
    "ask": "Ask other bureaus, and print their answers as they come.",
    "listen": "Print what arrives, and answer it from a file.",
    "passphrase": "Lock the bureau's keys under a passphrase, another, or none.",
    "refuse": "Refuse messages of named senders.",
    "relay": "Reach a bureau through the secretariat; agree to be reached so.",
    "operation": "Open an operation that this bureau owns, change its phase, show it.",
    "disclose": "Open one message for a third party, who can prove what it said.",
    "envelope": "Look at an envelope: its header, wraps and sizes.",
    "verify": "Verify an operation's record or a disclosed message, offline.",
    "witness": "Cosign the ledger's checkpoints; compare them with others'.",
    "misbehaviour": "Check a proof that somebody misbehaved, offline.",
    "secretariat": "Serve the General Secretariat: notices, databases, tips, results.",
    "demo": "Run Infra-SA 2011 on this machine.",
    "exercise": "Exercises from files: list, show, run, report, enrol.",
    "conformance": "Run somebody else's bureau program against the protocol.",
}
"""Name of a command, which is its module's and its function's too -> what it is for."""


class Main(Lazy):
    """The whole command line; errors are one line and an exit code."""

    table = _COMMANDS

    def invoke(self, ctx: click.Context) -> object:
        """Run the command; say what went wrong in one line on standard error."""
        try:
            return super().invoke(ctx)
        except BureaunetError as error:
            click.echo(f"error: {error.detail or error.reason} ({error.reason})", err=True)
            ctx.exit(2 if isinstance(error, Misuse) else 1)


@click.group(cls=Main, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option(
    "--log",
    default="error",
    type=click.Choice(["debug", "info", "warning", "error"]),
    envvar="BUREAUNET_LOG",
    show_envvar=True,
    show_default=True,
    help="What to log on standard error. Content is never logged.",
)
@click.version_option(package_name="bureaunet", message=version_line())
def main(log: str) -> None:
    """Take part in a bureaunet network as a bureau: ask, answer, and verify what was said.

    \b
    From nothing to an answer:
      bureaunet enrol FR --home fr                      keys, and fr/request.cbor for the authority
      bureaunet enrol --home fr --complete --network network.bn --certificate FR.pem --ca ca.pem \\
          --gateway https://gateway.example.net:8443
      bureaunet ask --home fr --to BR --operation infra-sa-2011 --family Example --asked status
      bureaunet listen --home fr

    To see a whole operation on this machine: bureaunet demo
    """  # noqa: D301  # click's \b keeps the lines of the example
    from bureaus.commands.shared import log_to_stderr  # noqa: PLC0415  # --help does not load the logger

    log_to_stderr(log)


if __name__ == "__main__":
    main()
