"""Every fault of the suite, in the order in which they run."""

from __future__ import annotations

from typing import Final

from tests.faults import conduct, disks, kills, links
from tests.faults.fault import Fault

FAULTS: Final[tuple[Fault, ...]] = (*kills.FAULTS, *links.FAULTS, *disks.FAULTS, *conduct.FAULTS)
