"""One exercise from an empty folder to its report: private network, run, record, audit, files.

Order: the network is started in `OUT/private`; the exercise runs; the gateway is drained and ended, then its record is
exported; the auditor verifies the record and every receipt that the bureaus kept, offline, with the network file alone.

What stays in `OUT`: the record, the network file, the receipts, report.json and report.html, and the gateway's log
where something went wrong. Keys, certificates and databases are removed, also after an error or Ctrl-C, unless they are
to be kept.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from pydantic import JsonValue

from bureaus.auditor import Verdict, audit, pinned
from bureaus.exercises import processes, runner, virtual
from bureaus.exercises.gateway_clock import GatewayClock
from bureaus.exercises.plan import Plan
from bureaus.exercises.report import Report, Run, by_record
from bureaus.exercises.report_page import Told, page
from bureaus.exercises.runner import Watch
from bureaus.exercises.striking import Striker, degrade
from bureaus.exercises.virtual_time import VirtualTime
from bureaus.sandbox.network import PrivateNetwork
from bureaus.sandbox.site import Site
from bureaus.secretariat.serving import rooms
from schemas.directory import Link
from schemas.errors import Misuse, Unavailable

PRIVATE: Final = "private"
WITNESSES: Final = 5
"""Bureaus of the operation that witness the ledger, if there are so many."""
DISHONEST_FROM: Final = 3
"""Of more witnesses than this one may be dishonest, and the others are still a quorum."""
EXPORT_ATTEMPTS: Final = 20
EXPORT_PAUSE: Final = 0.5
"""Seconds until a checkpoint may cover the last entry."""


@dataclass(frozen=True, slots=True)
class Terms:
    """How an exercise is held, and where its files go."""

    out: Path
    link: Link = Link.HTTP
    keep: bool = False
    """Whether keys, certificates and databases stay."""
    virtual: bool = False
    """Whether time is virtual."""
    processes: bool = False
    """Whether each bureau is a process of its own; time is real then."""
    stop: asyncio.Event | None = None
    """Ends the exercise early; its report is of what there was."""


async def hold(plan: Plan, terms: Terms, watch: Watch) -> Report:
    """Hold the exercise and give its report, which is also in `OUT/report.json`.

    Raises:
        Misuse: `OUT` has an exercise already, this machine lacks a server, or the secretariat's libraries are not
            installed. Unavailable: the network did not serve.
    """
    rooms()  # says what is not installed, before anything is made
    make_out(terms.out)
    private = terms.out / PRIVATE
    begun = time.monotonic()
    witnesses = plan.members[:WITNESSES]
    kind = Site if plan.operation.disturbances or plan.operation.lines else PrivateNetwork
    network = kind(
        private,
        plan.seats,
        link=terms.link,
        name=plan.operation.name,
        say=watch.stage,
        witnesses=witnesses,
        dishonest=int(len(witnesses) > DISHONEST_FROM),
    )
    network.stopped = terms.virtual
    network.settings |= plan.operation.gateway.model_dump(exclude_none=True)
    try:
        report = await _hold(plan, terms, network, watch)
        if report.faults():
            _keep_log(terms.out, network)
    except Exception:
        _keep_log(terms.out, network)
        raise
    finally:
        if not terms.keep:
            shutil.rmtree(private, ignore_errors=True)
    report = replace(report, seconds={**report.seconds, "together": round(time.monotonic() - begun, 1)})
    write(report)
    return report


def make_out(out: Path) -> None:
    """Make the folder for an exercise's files.

    Raises:
        Misuse: it holds something.
    """
    if out.exists() and any(out.iterdir()):
        raise Misuse(f"{out} is not empty: an exercise's files go into a folder of their own")
    out.mkdir(parents=True, exist_ok=True)


def write(report: Report) -> None:
    """Write the report to its files: for machines, and as a page for people."""
    told = report.to_json()
    Path(report.files["report"]).write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", "utf-8")
    Path(report.files["page"]).write_text(page(Told.model_validate(told)), "utf-8")


async def _hold(plan: Plan, terms: Terms, network: PrivateNetwork, watch: Watch) -> Report:
    begun = time.monotonic()
    operation, out = plan.operation, terms.out
    files = {"record": out / f"{operation.id}.record"} | {name: out / file for name, file in FILES.items()}
    async with network:
        started = time.monotonic()
        done = await (_run_virtual if terms.virtual else _run_real)(plan, terms, network, watch)
        watch.stage("writing the operation's record")
        await network.drain()
        await _export(network, operation.id, files["record"])
    shutil.copyfile(network.network_file, files["network"])
    files["receipts"].write_bytes(b"".join(done.receipts))
    files["envelope"].write_bytes(done.sample)
    watch.stage("verifying the record and every receipt")
    verdict = await asyncio.to_thread(_audit, files["record"], files["network"], done)
    seconds = {"start": started - begun, "exercise": done.seconds}
    return Report(
        about=about(plan, terms.link),
        run=done,
        verdict=by_record(verdict, silent=done.silent, whole=not done.stopped),
        files={name: str(path) for name, path in files.items()},
        seconds={name: round(value, 1) for name, value in seconds.items()},
        commands={
            "again": verify_command(*(files[name] for name in ("record", "network", "receipts"))),
            "look": inspect_command(files["envelope"]),
        },
    )


FILES: Final = {
    "network": "network.bn",
    "receipts": "receipts.cborseq",
    "envelope": "envelope.cbor",
    "report": "report.json",
    "page": "report.html",
}


async def _export(network: PrivateNetwork, operation: str, record: Path) -> None:
    """Export, again while no checkpoint covers the last entry."""
    for _ in range(EXPORT_ATTEMPTS - 1):
        with suppress(Unavailable):
            await network.export(operation, record)
            return
        await asyncio.sleep(EXPORT_PAUSE)
    await network.export(operation, record)


def _audit(record: Path, network: Path, done: Run) -> Verdict:
    return audit(record, pinned(network), done.receipts)


async def _run_real(plan: Plan, terms: Terms, network: PrivateNetwork, watch: Watch) -> Run:
    degrade(network, plan)
    if terms.processes:
        strike = Striker(network, plan, watch).strike
        return await processes.run(plan, network.home, network.bureau, watch, strike, terms.stop)
    return await runner.run(plan, network.bureau, watch, strike=Striker(network, plan, watch).strike, stop=terms.stop)


async def _run_virtual(plan: Plan, terms: Terms, network: PrivateNetwork, watch: Watch) -> Run:
    network.limits = replace(network.limits, proofs=False)  # the record proves everything at the end
    async with GatewayClock(network.operators) as clock:
        time = VirtualTime(clock, await clock.now(), int(plan.operation.time.step_seconds * 1000))
        network.clock = time.now
        degrade(network, plan, virtual=True)
        strike = Striker(network, plan, watch, time).strike
        return await virtual.run(plan, network.bureau, time, watch, strike, terms.stop)


def verify_command(record: Path | str, network: Path, receipts: Path) -> str:
    """How to verify a record and the receipts once more."""
    return f"bureaunet verify {record} --network {network} --receipts {receipts}"


def inspect_command(sample: Path) -> str:
    """How to look at one query as it went over the wire."""
    return f"bureaunet envelope inspect {sample}"


def about(plan: Plan, link: Link) -> dict[str, JsonValue]:
    """What the exercise is, for its report."""
    return {
        "operation": plan.operation.id,
        "name": plan.operation.name,
        "seed": plan.caseload.seed,
        "link": str(link),
        "targets": plan.operation.targets,
        "bureaus": [str(code) for code in plan.members],
        "units": [str(unit) for unit in plan.units],
        "outsider": plan.outsider,
        "goal_seconds": plan.operation.asking.goal_seconds,
        "disturbances": [one.model_dump(mode="json") for one in plan.operation.disturbances],
        "choice": plan.operation.choice,
        "synthetic": "All persons and cases are synthetic.",
    }


def _keep_log(out: Path, network: PrivateNetwork) -> None:
    with suppress(FileNotFoundError):  # the gateway was not started
        shutil.copyfile(network.log, out / "gateway.log")
