"""Locks: one at a time, and who waits is told what for."""

import os
from pathlib import Path

import pytest

from retrieval.errors import WorkspaceLockedError
from retrieval.locks import alone


def test_whoever_has_to_wait_is_told_what_the_other_one_does(tmp_path: Path) -> None:
    for doing in ("is publishing towers in", "is indexing"):
        with alone(tmp_path, doing=doing), pytest.raises(WorkspaceLockedError) as told, alone(tmp_path):
            pass
        assert str(told.value) == f"process {os.getpid()} {doing} {tmp_path}; run again when it has finished"


def test_locks_of_other_names_are_others(tmp_path: Path) -> None:
    with (
        alone(tmp_path),
        alone(tmp_path, lock_name="towers"),
        pytest.raises(WorkspaceLockedError),
        alone(tmp_path, lock_name="towers"),
    ):
        pass
