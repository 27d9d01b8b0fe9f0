"""A blend on the disk, and what it makes of lists."""

import math
from pathlib import Path

import pytest

from retrieval.blend import BLEND_NAME, Blend, BlendFile, forget_blend, load_blend, save_blend
from retrieval.errors import WorkspaceError
from retrieval.store import Hit


def test_log_probabilities_go_with_the_logarithms_of_the_ranks() -> None:
    blend = Blend({"people": 2.0, "look": 0.5}, depth=10)
    found = {"people": [Hit("a", 9), Hit("b", 8)], "look": [Hit("b", 1)], "other": [Hit("c", 1)]}
    strengths = blend.strengths(found)
    assert strengths["a"] == {"people": pytest.approx(2 * math.log(11))}
    assert sum(strengths["b"].values()) == pytest.approx(2 * math.log(11 / 2) + 0.5 * math.log(11))
    assert strengths["c"] == {"other": 0}


def test_no_deeper_than_it_was_fitted() -> None:
    assert list(Blend({"people": 1.0}, depth=1).strengths({"people": [Hit("a", 2), Hit("b", 1)]})) == ["a"]


def test_kept_and_read_again(tmp_path: Path) -> None:
    assert load_blend(tmp_path) is None
    blend = Blend({"people": 1.25, "look": 0.0}, depth=100, towers="v1")
    save_blend(blend, tmp_path)
    assert load_blend(tmp_path) == blend


def test_blend_of_other_towers_does_not_count(tmp_path: Path) -> None:
    now: list[str | None] = [None]
    file = BlendFile(tmp_path, lambda: now[0])
    assert file.current() is None
    without, with_towers = Blend({"people": 1.0}, depth=100), Blend({"people": 1.0}, depth=100, towers="v1")
    for blend, counts in ((without, None), (with_towers, "v1")):
        save_blend(blend, tmp_path)
        for version in (None, "v1", "v2"):
            now[0] = version
            assert file.current() == (blend if version == counts else None)
    forget_blend(tmp_path)
    now[0] = "v1"
    assert file.current() is None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "damaged"),
        ('{"weights": [1], "depth": 5}', "damaged"),
        ('{"weights": {"people": -1}, "depth": 5}', "weights"),
        ('{"weights": {"people": 1}, "depth": 0}', "depth 0"),
    ],
)
def test_damaged_file_is_told_with_what_to_do(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / BLEND_NAME).write_text(text)
    with pytest.raises(WorkspaceError, match=rf"{told}.*run tastemaker finetune towers again"):
        load_blend(tmp_path)
