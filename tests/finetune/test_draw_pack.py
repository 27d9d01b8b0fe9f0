"""Packs of drawn pictures come back as they were written."""

import json

import numpy as np
import pytest

from finetune.builtin.draw_pack import draw_pack, load_pack, save_pack, seeded_looks


def test_a_pack_comes_back_as_it_was_drawn(tmp_path):
    pictures, looks = draw_pack(3, px=32, seed=5)
    save_pack(tmp_path / "pack.npz", pictures, looks)
    again, looks_again = load_pack(tmp_path / "pack.npz")
    assert again.dtype == np.uint8
    assert again.shape == (3, 32, 32, 3)
    assert np.array_equal(again, pictures)
    assert looks_again == looks


def test_a_larger_pack_begins_with_the_smaller_one():
    assert list(seeded_looks(7, seed=1))[:4] == list(seeded_looks(4, seed=1))
    assert list(seeded_looks(4, seed=1)) != list(seeded_looks(4, seed=2))


def test_a_pack_of_another_version_is_refused(tmp_path):
    text = json.dumps({"version": 99, "looks": []}).encode()
    np.savez(tmp_path / "p.npz", pictures=np.zeros((0, 8, 8, 3), np.uint8), looks=np.frombuffer(text, np.uint8))
    with pytest.raises(ValueError, match=r"version 99, this code reads 1"):
        load_pack(tmp_path / "p.npz")
