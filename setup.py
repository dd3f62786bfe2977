"""The build: plain Python, or with `BUREAUNET_COMPILED=1` the busiest modules as C, made by mypyc (ADR 18).

Which modules, and why those: `compiled-modules.txt`. All else of the build stands in pyproject.toml.
"""

from __future__ import annotations

import os
from pathlib import Path

from setuptools import setup

_LISTED = Path(__file__).parent / "compiled-modules.txt"


def modules() -> list[str]:
    """Paths of the modules to compile, as the list has them."""
    lines = (line.partition("#")[0].strip() for line in _LISTED.read_text("utf-8").splitlines())
    return [line for line in lines if line]


if os.environ.get("BUREAUNET_COMPILED") == "1":
    from mypyc.build import mypycify

    setup(ext_modules=mypycify(modules(), opt_level="3", debug_level="0", group_name="bureaunet"))
else:
    setup()
