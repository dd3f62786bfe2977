"""Every table of the registry on METADATA: this module's import imports each room's tables."""

from __future__ import annotations

import pkgutil
from importlib import import_module

import bureaus.secretariat.registry as house
from bureaus.secretariat.registry.tables import METADATA

__all__ = ["METADATA"]

for _module in pkgutil.iter_modules(house.__path__):
    if not _module.ispkg and _module.name != __name__.rpartition(".")[2]:
        import_module(f"{house.__name__}.{_module.name}")
