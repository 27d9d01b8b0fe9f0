"""Training learns, stops and goes on without a trace, and names what does not fit."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from finetune.builtin.augment import augment
from finetune.builtin.draw_pack import draw_pack
from finetune.builtin.image_figures import neighbours, recall
from finetune.builtin.image_pupil import Pupil, kin_loss, labels_of, weights_at
from finetune.builtin.train_image_encoder import Lesson, Settings, train
from retrieval.builtin.image_tower import pixels_of

SETTINGS = Settings(steps=4, batch=8, captions=1, warm_up=2, save_every=2, report_every=2)


@pytest.fixture(scope="module")
def lesson() -> Lesson:
    """32 pictures whose captions are random directions, one for each category."""
    pictures, looks = draw_pack(32, px=96, seed=3)
    labels = labels_of(looks)
    directions = torch.nn.functional.normalize(torch.randn(20, 384, generator=torch.Generator().manual_seed(0)), dim=-1)
    told = torch.tensor([True, False, False, False, False]).expand(32, 1, 5)
    return Lesson(pictures, labels, directions[labels[:, 0]][:, None].half(), told)


def test_going_on_from_a_checkpoint_changes_nothing(lesson, tmp_path, monkeypatch):
    (tmp_path / "whole").mkdir()
    (tmp_path / "cut").mkdir()
    whole = train(lesson, SETTINGS, tmp_path / "whole", device="cpu").state_dict()
    monkeypatch.setattr("finetune.builtin.train_image_encoder._batch", _fails_at(3))
    with pytest.raises(KeyboardInterrupt):
        train(lesson, SETTINGS, tmp_path / "cut", device="cpu")
    monkeypatch.undo()
    cut = train(lesson, SETTINGS, tmp_path / "cut", device="cpu").state_dict()
    assert all(torch.allclose(cut[name], whole[name], atol=1e-6) for name in whole)


def _fails_at(step: int):
    from finetune.builtin.train_image_encoder import _batch

    def batch(lesson, now, *rest):
        if now == step:
            raise KeyboardInterrupt
        return _batch(lesson, now, *rest)

    return batch


def test_a_checkpoint_of_other_settings_is_refused(lesson, tmp_path):
    train(lesson, replace(SETTINGS, steps=2), tmp_path, device="cpu")
    with pytest.raises(ValueError, match="use another --run folder"):
        train(lesson, replace(SETTINGS, steps=2, learning_rate=1.0), tmp_path, device="cpu")
    history = [json.loads(line) for line in (tmp_path / "history.jsonl").read_text().splitlines()]
    assert [line["step"] for line in history] == [2]


def test_a_caption_that_tells_only_the_category_fits_every_picture_of_it():
    pupil = Pupil()
    labels = torch.tensor([[0, 0, 0, 0, 0], [0, 1, 1, 1, 1], [3, 9, 0, 0, 0], [3, 9, 1, 1, 1]])
    text = torch.eye(384)[[5, 5, 9, 9]]
    told = torch.tensor([[True, False, False, False, False]]).expand(4, 5)
    # two pictures fit each caption equally: the loss is the logarithm of two
    assert pupil.contrast(text, text, told, labels).item() == pytest.approx(np.log(2), abs=1e-3)
    assert pupil.contrast(text[[2, 3, 0, 1]], text, told, labels).item() > 5


def test_patterns_are_learned_first_and_the_text_comes_last():
    early, middle, late = weights_at(0.1), weights_at(0.32), weights_at(0.9)
    assert early.see[4] > 10 * max(early.see[:4])
    assert (early.join, middle.join, late.join) == (0, 0, 1)
    assert middle.see[0] > early.see[0]
    assert early.strength < middle.strength < late.strength == 1
    assert late.apart
    assert not middle.apart


def test_neighbours_that_share_more_are_kept_nearer():
    labels = torch.tensor([[0, 0, 0, 0, 0], [0, 0, 0, 0, 0], [0, 1, 1, 1, 1], [5, 9, 1, 1, 1]])
    shared = (labels[:, None] == labels[None]).float() @ torch.tensor([0.40, 0.05, 0.22, 0.11, 0.22])
    like_the_truth = torch.linalg.cholesky(0.4 + 0.6 * shared + 1e-4 * torch.eye(4))
    like_the_truth = torch.nn.functional.normalize(like_the_truth, dim=-1)
    assert kin_loss(like_the_truth, labels).item() == pytest.approx(0, abs=1e-3)
    assert kin_loss(like_the_truth[[2, 3, 0, 1]], labels).item() > 0.2


def test_augmented_pictures_stay_pictures_and_repeat_with_the_generator(lesson):
    pixels = pixels_of(lesson.pictures[:8])
    one = augment(pixels, torch.Generator().manual_seed(1))
    assert one.shape == pixels.shape
    assert one.min() >= 0
    assert one.max() <= 1
    assert torch.equal(one, augment(pixels, torch.Generator().manual_seed(1)))
    assert not torch.equal(one, augment(pixels, torch.Generator().manual_seed(2)))
    assert (one - pixels).abs().mean() > 0.01


def test_figures_of_perfect_and_of_shuffled_vectors():
    vectors = np.eye(20, 32, dtype=np.float32)
    assert recall(vectors, vectors, 20) == {"text_to_picture_recall_1": 1.0, "text_to_picture_recall_10": 1.0}
    assert recall(vectors, np.roll(vectors, 1, axis=0), 20)["text_to_picture_recall_1"] == 0.0
    pairs = np.repeat(np.eye(10, 32, dtype=np.float32), 2, axis=0)
    labels = np.repeat(np.arange(10), 2)[:, None].repeat(5, axis=1)
    assert set(neighbours(pairs[::2], labels[::2], pairs[1::2], labels[1::2]).values()) == {1.0}
