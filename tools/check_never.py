"""Finds what no committed file may hold. Run as `python -m tools.check_never`; exits 1, says file and line.

Rules: no host name of a package registry, since pinned lists must install from whichever registry is set up;
no path of the machine that a file was written on. The patterns are built from pieces, so this file passes.
"""

import re
import sys
from collections.abc import Iterator

from tools.repo_files import ROOT, repo_files

REGISTRIES = (
    ("pypi", "org"),
    ("pythonhosted", "org"),
    ("npmjs", "(?:org|com)"),
    ("yarnpkg", "com"),
    ("crates", "io"),
    ("golang", "org"),
    ("rubygems", "org"),
)
HOMES = ("work", "root", "home", "Users")

REGISTRY = re.compile(r"\b(?:" + "|".join(r"\.".join(parts) for parts in REGISTRIES) + r")\b", re.IGNORECASE)
MACHINE_PATH = re.compile(r"(?<![\w.$}{)/-])/(?:" + "|".join(HOMES) + r")/\w")
RULES = (("names a package registry", REGISTRY), ("holds a path of one machine", MACHINE_PATH))


def complaints(name: str, text: str) -> Iterator[str]:
    """Yield one line for each broken rule in one file's text."""
    for number, line in enumerate(text.splitlines(), start=1):
        for said, pattern in RULES:
            if pattern.search(line):
                yield f"{name}:{number}: {said}"


def main() -> int:
    """Check every text file of the repository; return the exit code."""
    said: list[str] = []
    paths = repo_files()
    for path in paths:
        content = path.read_bytes()
        if b"\0" not in content:
            said += complaints(str(path.relative_to(ROOT)), content.decode("utf-8", errors="replace"))
    print("\n".join(said) or f"never: nothing forbidden in {len(paths)} files")
    return 1 if said else 0


if __name__ == "__main__":
    sys.exit(main())
