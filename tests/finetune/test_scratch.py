"""What runs leave when they are cut off goes with the next one, and with a forgotten person."""

from __future__ import annotations

import shutil
from contextlib import ExitStack
from pathlib import Path

import pytest

from agent.forgetting import forget_person
from finetune.scratch import scratch
from finetune.tune import FOLDER, LOCK
from retrieval.behavioural import towers_folder
from retrieval.locks import alone
from retrieval.workspace import Workspace

WORKS = (LOCK, "ranker", "simulation", "towers")


def within(workspace: Workspace, work: str) -> Path:
    folder = towers_folder(workspace) if work == "towers" else workspace.path
    folder.mkdir(exist_ok=True)
    return folder


def cut_off(workspace: Workspace, work: str) -> Path:
    """A folder as a killed run leaves it."""
    with scratch(within(workspace, work), work) as folder:
        return Path(shutil.copytree(folder, folder.with_name(f"{folder.name}killed")))


def test_one_run_leaves_the_folders_of_others_alone(empty_workspace: Workspace) -> None:
    with ExitStack() as runs:
        folders = [runs.enter_context(scratch(within(empty_workspace, work), work)) for work in WORKS]
        assert all(folder.is_dir() for folder in folders)


def test_the_next_run_removes_what_a_killed_one_left(empty_workspace: Workspace) -> None:
    left = cut_off(empty_workspace, LOCK)
    with scratch(empty_workspace.path, LOCK):
        assert not left.exists()


@pytest.mark.parametrize("work", WORKS)
def test_what_killed_runs_left_goes_with_a_person(empty_workspace: Workspace, work: str) -> None:
    left = cut_off(empty_workspace, work)
    lists = empty_workspace.path / FOLDER / "abc" / "training.jsonl"
    lists.parent.mkdir(parents=True)
    lists.write_text('{"user_id": "ann"}\n', encoding="utf-8")
    with alone(empty_workspace.path, lock_name=work):
        forget_person(empty_workspace, "ann")
        assert left.exists(), "it belongs to a run that is at work"
        assert lists.exists() is (work == LOCK)
    forget_person(empty_workspace, "ann")
    assert not left.exists()
    assert not lists.exists()
