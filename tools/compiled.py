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
from pathlib import Path
from typing import Final

from tools.repo_files import ROOT, repo_files

_FOLDER: Final = ROOT / "build" / "compiled"


def copy(folder: Path) -> None:
    """Bring the copy up to date, and keep the times of what did not change."""
    for path in repo_files(links=True):
        target = folder / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        if path.is_symlink():
            target.unlink(missing_ok=True)
            target.symlink_to(path.readlink())
        elif not target.exists() or target.read_bytes() != path.read_bytes():
            shutil.copy2(path, target)


def build(folder: Path) -> None:
    """Compile in the copy. Raises SystemExit where mypyc or the C compiler refuses, with what it said."""
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
    copy(folder)
    build(folder)
    print(folder)


if __name__ == "__main__":
    main()
