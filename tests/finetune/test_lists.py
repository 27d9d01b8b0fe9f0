"""Lists on the disk: they come back as they were, or not at all."""

from pathlib import Path

import numpy as np
import pytest

from finetune.lists import Lists, load_lists, save_lists
from retrieval.errors import StoreError

KEY = {"data": "abc", "seed": 0, "settings": {"grid": [1, 2]}}
LISTS = Lists("ease", np.array([[3, 1, -1], [0, -1, -1]]), {"grid": [1, 2]}, {"l2": 100.0}, 1.5, 0.25)


def test_they_come_back(tmp_path: Path) -> None:
    save_lists(tmp_path / "deep" / "ease.npz", LISTS, KEY)
    back = load_lists(tmp_path / "deep" / "ease.npz", dict(reversed(KEY.items())))
    assert back is not None
    assert (back.rows == LISTS.rows).all()
    assert (back.system, back.settings, back.chosen, back.fit_s, back.rank_s) == (
        "ease",
        {"grid": [1, 2]},
        {"l2": 100},
        1.5,
        0.25,
    )


@pytest.mark.parametrize("other", [{"seed": 1}, {"data": "abd"}, {"settings": {"grid": [1]}}])
def test_lists_of_other_data_or_settings_are_not_taken(tmp_path: Path, other: dict[str, object]) -> None:
    save_lists(tmp_path / "ease.npz", LISTS, KEY)
    assert load_lists(tmp_path / "ease.npz", KEY | other) is None


def test_none_or_damaged_ones_are_made_again(tmp_path: Path) -> None:
    path = tmp_path / "ease.npz"
    assert load_lists(path, KEY) is None
    save_lists(path, LISTS, KEY)
    whole = path.read_bytes()
    for cut in (0, 10, len(whole) // 2, len(whole) - 5):
        path.write_bytes(whole[:cut])
        assert load_lists(path, KEY) is None
    path.write_bytes(b"not an archive at all")
    assert load_lists(path, KEY) is None


def test_nothing_in_them_is_executed(tmp_path: Path) -> None:
    """Objects would be pickles, and reading one runs what it says."""
    np.savez(tmp_path / "ease.npz", key=np.array([{"a": 1}], dtype=object), rows=np.zeros(1), about=np.zeros(1))
    assert load_lists(tmp_path / "ease.npz", KEY) is None


def test_what_cannot_be_written_is_said_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "ease.npz").mkdir()
    with pytest.raises(StoreError, match="cannot be written"):
        save_lists(tmp_path / "ease.npz", LISTS, KEY)
