"""The vectors are where the kit looks for them, in a checkout and in what is built of it."""

from __future__ import annotations

from bureaus.conformance import vectors
from tools.repo_files import ROOT


def test_the_vectors_are_found_and_are_a_part_of_the_package() -> None:
    beside = ROOT / "bureaus" / "conformance" / "vectors"
    assert beside.is_dir(), "git has a link here; as a file of its text, a wheel is built without the vectors"
    assert beside.resolve() == (ROOT / "tests" / "vectors").resolve()
    assert next(vectors.vectors()).given
