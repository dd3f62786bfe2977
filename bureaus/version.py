"""What a bureau's program calls itself to the gateway and the broker: shown to operators, believed by nobody."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import Final

PRODUCT: Final = "bureaunet"


def _version() -> str:
    try:
        return version(PRODUCT)
    except PackageNotFoundError:  # run from its sources, not installed
        return "source"


VERSION: Final = _version()
