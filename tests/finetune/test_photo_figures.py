"""Neighbours by simple looks, on pictures whose neighbours are planted."""

import numpy as np
import pytest

from finetune.builtin.own_encoder import Illustrated
from finetune.builtin.photo_figures import alike, histograms, raw_pixels
from retrieval.types import Item

RED, BLUE = (220, 20, 30), (20, 40, 220)


def shown(colour, *, left: bool) -> np.ndarray:
    picture = np.full((96, 96, 3), 255, dtype=np.uint8)
    picture[:, :32] = colour if left else 255
    picture[:, 64:] = 255 if left else colour
    return picture


@pytest.fixture
def shelf() -> Illustrated:
    """Four looks twice: the colour is in the histogram, the side only in the pixels."""
    looks = [(name, colour, left) for name, colour in (("red", RED), ("blue", BLUE)) for left in (True, False)] * 2
    items = [
        Item(str(row), name, {"colour": name, "article_type": "left" if left else "right"})
        for row, (name, _, left) in enumerate(looks)
    ]
    return Illustrated(items, np.stack([shown(colour, left=left) for _, colour, left in looks]))


def test_histograms_know_colours_and_no_sides(shelf):
    vectors = histograms(shelf.pictures)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1)
    assert np.allclose(vectors[0], vectors[1])
    kept = np.arange(8) >= 4
    assert alike(vectors, shelf, kept)["neighbour_colour"] == 1
    assert alike(vectors, shelf, kept)["neighbour_article_type"] == 0.5


def test_pixels_know_both(shelf):
    assert alike(raw_pixels(shelf.pictures), shelf, np.arange(8) >= 4) == {
        "neighbour_article_type": 1.0,
        "neighbour_colour": 1.0,
    }
