"""A copy of this tree with its busiest modules compiled, to test and to measure: `python -m tools.compiled [FOLDER]`.

The tree itself stays plain Python: a compiled module beside its source would hide what is changed in the source.
Commands that run in the copy (`build/compiled` unless said otherwise) import the compiled modules, with this tree's
environment. What did not change is not compiled again.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Final

from tools.repo_files import ROOT, repo_files

_FOLDER: Final = ROOT / "build" / "compiled"
_PACKAGES: Final = ("schemas", "gateway", "bureaus")
_COMPILES: Final = (*_PACKAGES, "setup.py", "compiled-modules.txt", "pyproject.toml")
"""What a change of means that all is looked at again."""
_SHARED: Final = (".venv", ".venv-bench", ".venv-peers", "build/bench", "build/ledgers", "docs/growth.svg")
"""What the copy has in common with this tree: environments, and what measurements keep and write."""


def copy(folder: Path) -> bool:
    """Bring the copy up to date, and keep the times of what did not change: whether sources of what is compiled did."""
    files, changed = repo_files(links=True), False
    wanted = {folder / path.relative_to(ROOT) for path in files}
    for package in _PACKAGES:
        for old in (folder / package).rglob("*.py"):
            if old not in wanted:
                forget(folder)
                old.unlink()
                changed = True
    for path in files:
        target = folder / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        if path.is_symlink():
            target.unlink(missing_ok=True)
            target.symlink_to(path.readlink())
        elif not target.exists() or target.read_bytes() != path.read_bytes():
            if path.relative_to(ROOT).parts[0] in _COMPILES:
                forget(folder)  # first: whoever is ended between the two has nothing left that looks up to date
                changed = True
            shutil.copy2(path, target)
    return changed


def forget(folder: Path) -> None:
    """Remove what was compiled: a module that is compiled no more would still be found first."""
    for old in (*folder.glob("*.so"), *(so for package in _PACKAGES for so in (folder / package).rglob("*.so"))):
        old.unlink()


def share(folder: Path) -> None:
    """Link what both use, so that a command in the copy is the same command."""
    for name in _SHARED:
        link, target = folder / name, ROOT / name
        if not target.suffix and "build" in target.parts:
            target.mkdir(parents=True, exist_ok=True)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(target)


def build(folder: Path) -> None:
    """Compile in the copy. Raises SystemExit where mypyc or the C compiler refuses; both say why themselves."""
    forget(folder)
    command = [sys.executable, "setup.py", "--quiet", "build_ext", "--inplace", "--parallel", str(os.cpu_count() or 1)]
    done = subprocess.run(command, cwd=folder, env={**os.environ, "BUREAUNET_COMPILED": "1"}, check=False)
    if done.returncode != 0:
        raise SystemExit(
            f"{' '.join(command)} in {folder} ended with {done.returncode}: it needs gcc and Python's headers"
        )


def main() -> None:
    """Copy, compile, say where."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path, default=_FOLDER, help="where the copy goes")
    folder = parser.parse_args().folder.resolve()
    changed = copy(folder)
    share(folder)
    if changed or not list(folder.glob(f"*{sysconfig.get_config_var('EXT_SUFFIX')}")):
        build(folder)
    print(folder)


if __name__ == "__main__":
    main()
