"""Write the test vectors to tests/vectors/ and their table to docs/protocol.md, or check that nothing has drifted.

    python -m tools.make_vectors            write
    python -m tools.make_vectors --check    exit 1 and name what differs

One outcome a file: what is given, to which decoder or verifier, and what it says. Keys come from fixed seeds. What
draws randomness of its own (HPKE's encapsulation, ML-DSA) is made once and kept in kept.json, by the hash of what went
in, so that a change anywhere shows. The tests verify every file, kept results too.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tools.vectors import codec, decisions, disclosures, ledger, sealed, trust, witnessing
from tools.vectors.kept import Kept
from tools.vectors.scene import Scene, Vector

_ROOT: Final = Path(__file__).resolve().parent.parent
FOLDER: Final = _ROOT / "tests" / "vectors"
DOCUMENT: Final = _ROOT / "docs" / "protocol.md"
_BEGIN: Final = "<!-- vectors: written by tools.make_vectors -->\n"
_END: Final = "<!-- end of vectors -->"
_FAMILIES: Final = (codec, sealed, ledger, disclosures, trust, witnessing, decisions)


def expected(folder: Path) -> dict[str, str]:
    """Every file under `folder` by its name, and its text."""
    kept = Kept(folder / "kept.json")
    scene = Scene(kept)
    files: dict[str, str] = {"context.json": json.dumps(scene.context(), indent=1) + "\n"}
    for family in _FAMILIES:
        for vector in family.vectors(scene):
            name = f"{vector.name}.json"
            if name in files:
                raise ValueError(f"two vectors are named {name}")
            files[name] = render(vector)
    return files | {"kept.json": kept.render()}


def render(vector: Vector) -> str:
    """A vector's file."""
    return json.dumps(vector.value(), indent=1, ensure_ascii=False) + "\n"


def documented(text: str, files: Mapping[str, str]) -> str:
    """The document with the table of `files` in its place."""
    groups: dict[str, list[str]] = {}
    for name, content in files.items():
        if "/" in name:
            group, stem = name.removesuffix(".json").split("/")
            outcome = json.loads(content)["outcome"]
            told = f"`{stem}`" if outcome in {"ok", stem} else f"`{stem}` → {outcome}"
            groups.setdefault(group, []).append(told)
    rows = "".join(f"| {group} | {', '.join(sorted(told))} |\n" for group, told in sorted(groups.items()))
    before, _, rest = text.partition(_BEGIN)
    after = rest.partition(_END)[2]
    return f"{before}{_BEGIN}| group | vectors |\n|---|---|\n{rows}{_END}{after}"


def drift(folder: Path) -> list[str]:
    """The files that are missing, differ, or do not belong."""
    files = expected(folder)
    there = {path.relative_to(folder).as_posix(): path.read_text("utf-8") for path in folder.rglob("*.json")}
    return sorted(name for name in files.keys() | there.keys() if files.get(name) != there.get(name))


def main(arguments: list[str] | None = None) -> int:
    """Write or check; the exit code."""
    parser = argparse.ArgumentParser(description="Make the test vectors.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if a file differs")
    options = parser.parse_args(arguments)
    files = expected(FOLDER)
    text = DOCUMENT.read_text("utf-8")
    if options.check:
        changed = [f"tests/vectors/{name}" for name in drift(FOLDER)]
        changed += [] if documented(text, files) == text else ["docs/protocol.md"]
        for name in changed:
            print(f"{name} differs from what the code makes: run python -m tools.make_vectors")
        return 1 if changed else 0
    DOCUMENT.write_text(documented(text, files), "utf-8")
    for path in FOLDER.rglob("*.json"):
        if path.relative_to(FOLDER).as_posix() not in files:
            path.unlink()
    for name, text in files.items():
        (FOLDER / name).parent.mkdir(parents=True, exist_ok=True)
        (FOLDER / name).write_text(text, "utf-8")
    print(f"{len(files) - 2} vectors")
    return 0


if __name__ == "__main__":
    sys.exit(main())
