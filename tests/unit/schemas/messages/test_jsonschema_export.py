"""The exported JSON Schemas are those of the models, and the check says when they are not."""

from pathlib import Path

import pytest

from tools.export_jsonschema import FOLDER, drift, main


def test_nothing_has_drifted() -> None:
    assert drift(FOLDER) == []


def test_check_finds_changed_missing_and_stray_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--folder", str(tmp_path)]) == 0
    assert main(["--folder", str(tmp_path), "--check"]) == 0
    (tmp_path / "result-1.json").unlink()
    (tmp_path / "stray-1.json").write_text("{}", encoding="utf-8")
    with (tmp_path / "whereabouts.query-1.json").open("a", encoding="utf-8") as file:
        file.write(" ")
    assert main(["--folder", str(tmp_path), "--check"]) == 1
    said = capsys.readouterr().err
    assert all(name in said for name in ("result-1.json", "stray-1.json", "whereabouts.query-1.json"))
    assert main(["--folder", str(tmp_path)]) == 0
    assert drift(tmp_path) == []
