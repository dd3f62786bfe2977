"""An exercise on a network that serves already: its homes are opened, the exercise runs, its receipts are proved.

Nothing is started or ended here. The operation's record is the operators' to export; the report gives their command.
An exercise may be held again on the same network: the operation that is there is used, or its next version published.

What goes into `OUT`: the network file, the receipts, report.json and report.html.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, replace
from pathlib import Path

from bureaus.auditor import pinned
from bureaus.exercises import homes
from bureaus.exercises.catalogue import SECRETARIAT
from bureaus.exercises.cutting import Cuts
from bureaus.exercises.plan import Plan
from bureaus.exercises.proving import prove
from bureaus.exercises.report import Report
from bureaus.exercises.runner import Watch, run
from bureaus.exercises.session import FILES, about, inspect_command, make_out, verify_command, write
from bureaus.secretariat.serving import rooms
from schemas.errors import Misuse
from schemas.identity import parse_operation_id


@dataclass(frozen=True, slots=True)
class Visit:
    """Whose homes an exercise is held with, and where its files go."""

    homes: Path
    out: Path
    network: Path | None = None
    """The network file to verify under; None takes what the homes have pinned."""


def under(plan: Plan, operation: str) -> Plan:
    """The same exercise under another operation's id.

    Raises:
        Malformed: it is not one.
    """
    name = parse_operation_id(operation)
    caseload = plan.caseload.model_copy(update={"operation": name})
    return replace(plan, operation=plan.operation.model_copy(update={"id": name}), caseload=caseload)


async def hold(plan: Plan, visit: Visit, watch: Watch, stop: asyncio.Event | None = None) -> Report:
    """Hold the exercise and give its report, which is also in `OUT/report.json`; `stop` ends it early.

    Raises:
        Misuse: the exercise disturbs what is not ours (cutting.py); `OUT` holds something; a home is missing, not
            enrolled, in use, or of another network. Unavailable: the network does not serve. Forbidden: it refused what
            must be accepted.
    """
    rooms()  # says what is not installed, before anything is made
    begun = time.monotonic()
    cuts = Cuts(visit.homes, plan, watch)
    whole = [await homes.enrolled(visit.homes, code) for code in (SECRETARIAT, *plan.askers, plan.outsider)]
    networks = {who.network.id: who.network for who in whole if who.network is not None}
    network = whole[0].network if visit.network is None else pinned(visit.network)
    if network is None or networks.keys() != {network.id}:
        raise Misuse("the homes are not all of the network that is pinned")
    make_out(visit.out)
    files = {name: visit.out / file for name, file in FILES.items()}
    seat = homes.seat(visit.homes)
    done = await run(plan, cuts.seat, watch, strike=cuts.strike, stop=stop)
    watch.stage("proving every receipt")
    files["network"].write_bytes(network.raw)
    files["receipts"].write_bytes(b"".join(done.receipts))
    files["envelope"].write_bytes(done.sample)
    verdict = await prove(done.held, seat, network, plan.operation.id)
    seconds = {"exercise": done.seconds, "together": time.monotonic() - begun}
    record = f"{plan.operation.id}.record"
    report = Report(
        about=about(plan, whole[0].link),
        run=done,
        verdict=verdict,
        files={name: str(path) for name, path in files.items()},
        seconds={name: round(value, 1) for name, value in seconds.items()},
        commands={
            "operators": f"bureaunet-gateway operation export {plan.operation.id} --home GATEWAY --out {record}",
            "then": verify_command(record, files["network"], files["receipts"]),
            "look": inspect_command(files["envelope"]),
        },
    )
    write(report)
    return report
