"""The files of this repository: what is tracked, and what is new and not ignored."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def repo_files(suffix: str = "", *, links: bool = False) -> list[Path]:
    """Return absolute paths in the order of their names, only those that end in `suffix` if one is given.

    A link to a folder is left out unless `links` asks for it.

    Raises `subprocess.CalledProcessError` outside a git work tree.
    """
    # A clone made by another user is read all the same: nothing is run from it.
    listing = [
        "git",
        "-c",
        "safe.directory=*",
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
    ]
    names = subprocess.run(listing, cwd=ROOT, check=True, capture_output=True).stdout.decode().split("\0")
    paths = (ROOT / name for name in sorted(set(names)) if name.endswith(suffix))
    return [path for path in paths if path.is_file() or (links and path.is_symlink())]
