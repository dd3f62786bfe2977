"""A share of one core for each of some processes: the kernel's own bandwidth limit (cgroup `cpu`, version 2 or 1).

So that two processes can be compared with one while cores last, on a machine that has two for the broker and the
database as well. It needs root, or a delegated cgroup.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

PERIOD: Final = 10_000
"""Microseconds in which a process may have its share: short, since one that waits may hold a lock that others want."""
_V2: Final = Path("/sys/fs/cgroup")
_V1: Final = Path("/sys/fs/cgroup/cpu")


@dataclass(slots=True)
class Allowance:
    """Gives each process that it is told of `share` of one core."""

    share: float
    name: str
    groups: dict[int, Path] = field(default_factory=dict)

    def limit(self, pid: int) -> None:
        """From now on. Raises SystemExit where the kernel or the rights do not allow it, with what is missing."""
        if pid in self.groups:
            return
        quota = int(self.share * PERIOD)
        first_version = (_V1 / "cpu.cfs_quota_us").exists()
        group = (_V1 if first_version else _V2) / f"{self.name}-{pid}"
        try:
            group.mkdir(exist_ok=True)
            if first_version:
                (group / "cpu.cfs_period_us").write_text(str(PERIOD), "ascii")
                (group / "cpu.cfs_quota_us").write_text(str(quota), "ascii")
            else:
                (group / "cpu.max").write_text(f"{quota} {PERIOD}", "ascii")
            (group / "cgroup.procs").write_text(str(pid), "ascii")
        except OSError as error:
            raise SystemExit(f"cannot limit a process with {group}: {error.strerror}; run it as root") from None
        self.groups[pid] = group

    def lift(self) -> None:
        """Take the groups away whose processes have ended."""
        for pid, group in list(self.groups.items()):
            if not (group / "cgroup.procs").read_text("ascii").split():
                group.rmdir()
                del self.groups[pid]


@contextmanager
def allowance(share: float) -> Iterator[Allowance]:
    """Limits that end with the block."""
    made = Allowance(share, f"bureaunet-bench-{os.getpid()}")
    try:
        yield made
    finally:
        made.lift()
