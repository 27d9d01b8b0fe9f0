"""Folders for workspaces of the past do not pile up."""

from pathlib import Path

from finetune.scratch import scratch


def test_folder_is_empty_and_gone_afterwards_with_what_a_killed_run_left(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    left = tmp_path / ".past-killed" / "past"
    left.mkdir(parents=True)
    (left / "log").write_text("much")
    with scratch(tmp_path) as folder:
        assert not list(folder.iterdir())
        assert sorted(tmp_path.iterdir()) == sorted([folder, tmp_path / "kept"])
        (folder / "past").mkdir()
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
