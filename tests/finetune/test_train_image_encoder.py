"""Training learns, stops and goes on without a trace, and names what does not fit."""

import json
from dataclasses import asdict, replace
from itertools import count

import numpy as np
import pytest
import torch

from finetune.builtin.augment import augment
from finetune.builtin.draw_pack import draw_pack
from finetune.builtin.image_figures import neighbours, recall
from finetune.builtin.image_lesson import DRAWN, Attribute, Lesson, embed_texts_once, labels_of
from finetune.builtin.image_pupil import Pupil, Weights, kin_loss, wave_tower, weights_at
from finetune.builtin.train_image_encoder import Settings, _lookalikes, train
from retrieval.builtin.image_tower import TowerSettings, pixels_of
from retrieval.errors import StoreError

SETTINGS = Settings(steps=4, batch=8, captions=1, warm_up=2, last_steps=0, save_every=2, report_every=2)
SMALL = TowerSettings(widths=(16, 24), blocks=(1, 1))


@pytest.fixture(scope="module")
def lesson() -> Lesson:
    """64 pictures whose captions are random directions, one for each category."""
    pictures, looks = draw_pack(64, px=96, seed=3)
    labels = labels_of(looks)
    directions = torch.nn.functional.normalize(torch.randn(20, 384, generator=torch.Generator().manual_seed(0)), dim=-1)
    told = torch.tensor([True, False, False, False, False]).expand(64, 1, 5)
    return Lesson(pictures, DRAWN, labels, directions[labels[:, 0]][:, None].half(), told)


def test_training_brings_pictures_beside_their_captions(lesson, tmp_path):
    settings = replace(SETTINGS, steps=40, batch=24, first_lesson=False)
    tower = train(lesson, settings, tmp_path, start=wave_tower(SMALL))
    with torch.inference_mode():
        cosines = tower(pixels_of(lesson.pictures)) @ lesson.vectors[:, 0].float().T
    best = cosines.argmax(dim=1)
    right = (lesson.labels[best, 0] == lesson.labels[:, 0]).float().mean()
    assert right > 0.4  # chance is one in twenty
    lines = [json.loads(line) for line in (tmp_path / "history.jsonl").read_text().splitlines()]
    assert lines[-1]["step"] == 40
    assert {"loss", "contrast", "kin", "pattern", "colour"} <= lines[-1].keys()


def test_the_last_lesson_changes_the_projection_alone_and_brings_kin_nearer(lesson, tmp_path):
    before = train(lesson, SETTINGS, tmp_path, start=wave_tower(SMALL))
    checkpoint = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    longer = replace(SETTINGS, last_steps=60, last_batch=64)
    torch.save({**checkpoint, "settings": asdict(longer)}, tmp_path / "checkpoint.pt")
    after = train(lesson, longer, tmp_path, start=wave_tower(SMALL))
    changed = [name for name, weight in after.state_dict().items() if not weight.equal(before.state_dict()[name])]
    assert changed
    assert all(name.startswith("projection.") for name in changed)
    with torch.inference_mode():
        pixels = pixels_of(lesson.pictures)
        assert kin_loss(after(pixels), lesson.labels, DRAWN) < 0.8 * kin_loss(before(pixels), lesson.labels, DRAWN)


def test_a_run_that_was_cut_off_ends_like_one_that_was_not(lesson, tmp_path, monkeypatch):
    start = wave_tower(SMALL)
    told = {name: tensor.clone() for name, tensor in start.state_dict().items()}
    for name in ("whole", "cut"):
        (tmp_path / name).mkdir()
    whole = train(lesson, SETTINGS, tmp_path / "whole", start=start).state_dict()
    again = wave_tower(SMALL)
    again.load_state_dict(told)
    seconds = count()
    monkeypatch.setattr("time.process_time", lambda: next(seconds))
    with monkeypatch.context() as cut_off:
        cut_off.setattr("finetune.builtin.train_image_encoder._batch", _fails_at(3))
        with pytest.raises(KeyboardInterrupt):
            train(lesson, SETTINGS, tmp_path / "cut", start=again)
    with (tmp_path / "cut" / "history.jsonl").open("a") as history:
        history.write('{"step": 3, "loss": 1.0}\n')  # told, then lost with the checkpoint that did not come
    cut = train(lesson, SETTINGS, tmp_path / "cut", start=wave_tower(SMALL)).state_dict()
    lines = [json.loads(line) for line in (tmp_path / "cut" / "history.jsonl").read_text().splitlines()]
    assert [(line["step"], line["processor_s"]) for line in lines] == [(2, 1), (4, 2)], "what was spent before counts"
    assert all(torch.allclose(cut[name], whole[name], atol=1e-5) for name in whole)


def test_a_full_disk_keeps_the_last_checkpoint(lesson, tmp_path, monkeypatch):
    save = torch.save

    def full(state, path):
        if state["step"] == 4:
            path.write_bytes(b"half of it")
            raise OSError(28, "No space left on device")
        save(state, path)

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(StoreError, match=r"No space left on device.*the one before is kept"):
        train(lesson, SETTINGS, tmp_path, start=wave_tower(SMALL))
    assert torch.load(tmp_path / "checkpoint.pt", weights_only=True)["step"] == 2
    assert not (tmp_path / "checkpoint.draft").exists()


def _fails_at(step: int):
    from finetune.builtin.train_image_encoder import _batch

    def batch(lesson, now, *rest):
        if now == step:
            raise KeyboardInterrupt
        return _batch(lesson, now, *rest)

    return batch


def test_a_checkpoint_of_other_settings_is_refused(lesson, tmp_path):
    short = replace(SETTINGS, steps=2)
    train(lesson, short, tmp_path, start=wave_tower(SMALL))
    with pytest.raises(ValueError, match="use another --run folder"):
        train(lesson, replace(short, adam_rate=1.0), tmp_path, start=wave_tower(SMALL))
    history = [json.loads(line) for line in (tmp_path / "history.jsonl").read_text().splitlines()]
    assert [line["step"] for line in history] == [2]


def test_a_caption_that_tells_only_the_category_fits_every_picture_of_it():
    pupil = Pupil(DRAWN, wave_tower(SMALL))
    labels = torch.tensor([[0, 0, 0, 0, 0], [0, 1, 1, 1, 1], [3, 9, 0, 0, 0], [3, 9, 1, 1, 1]])
    text = torch.eye(384)[[5, 5, 9, 9]]
    told = torch.tensor([[True, False, False, False, False]]).expand(4, 5)
    # two pictures fit each caption equally: the loss is the logarithm of two
    assert pupil.contrast(text, text, told, labels).item() == pytest.approx(np.log(2), abs=1e-3)
    assert pupil.contrast(text[[2, 3, 0, 1]], text, told, labels).item() > 5


def test_a_tower_that_begins_learns_names_that_go_into_its_vectors():
    pupil = Pupil(DRAWN)
    assert pupil.tower.settings.names == tuple(attribute.values for attribute in DRAWN)
    assert pupil.heads is pupil.tower.heads
    pooled = torch.randn(3, pupil.tower.seen)
    before = pupil.tower.vectors(pooled)
    with torch.no_grad():
        pupil.heads[2].bias[4] += 50  # now everything is surely of one colour
    assert (before - pupil.tower.vectors(pooled)).norm(dim=1).min() > 1e-3


def test_a_tower_that_goes_on_keeps_its_names_and_the_pupil_has_those_of_the_new_catalogue():
    tower = wave_tower(replace(SMALL, names=(4, 3)))
    pupil = Pupil((Attribute("sleeves", 2, effort=1.0, share=1.0), Attribute("title", 9, effort=0.0, share=0.0)), tower)
    assert [head.out_features for head in pupil.heads] == [2]
    assert [head.out_features for head in pupil.tower.heads] == [4, 3]


def test_naming_comes_first_then_the_text_and_neighbours_last():
    early, middle, late = weights_at(0.1), weights_at(0.3), weights_at(0.9)
    assert (early.join, middle.join, late.join) == (0, 1, 1)
    assert early.kin == middle.kin < late.kin
    assert middle.strength > 3 * early.strength
    assert middle.strength > 3 * late.strength


def test_the_first_look_is_of_waves_fine_ones_louder():
    weight = wave_tower(SMALL).look.weight.detach().flatten(1)
    lengths = weight.norm(dim=1)
    assert torch.allclose(weight @ weight.T, torch.diag(lengths**2), atol=1e-5)
    assert torch.equal(lengths, lengths.sort().values[torch.argsort(torch.argsort(lengths))])
    assert lengths.max() > 5 * lengths.min()


def test_neighbours_that_share_more_are_kept_nearer():
    labels = torch.tensor([[0, 0, 0, 0, 0], [0, 0, 0, 0, 0], [0, 1, 1, 1, 1], [5, 9, 1, 1, 1]])
    shares = torch.tensor([attribute.share for attribute in DRAWN])
    assert shares.sum().item() == pytest.approx(1)
    shared = (labels[:, None] == labels[None]).float() @ shares
    like_the_truth = torch.linalg.cholesky(0.4 + 0.6 * shared + 1e-4 * torch.eye(4))
    like_the_truth = torch.nn.functional.normalize(like_the_truth, dim=-1)
    assert kin_loss(like_the_truth, labels, DRAWN).item() == pytest.approx(0, abs=1e-3)
    assert kin_loss(like_the_truth[[2, 3, 0, 1]], labels, DRAWN).item() > 0.1


def test_what_is_unknown_is_neither_named_nor_shared():
    pupil = Pupil(DRAWN, wave_tower(SMALL))
    labels = torch.full((4, 5), -1)
    text = torch.nn.functional.normalize(torch.randn(4, 384), dim=-1)
    losses = pupil.losses(torch.rand(4, 3, 96, 96), text, torch.zeros(4, 5, dtype=torch.bool), labels, Weights())
    assert losses["pattern"].item() == losses["category"].item() == 0
    alike = torch.nn.functional.normalize(torch.ones(4, 384), dim=-1)
    assert kin_loss(alike, labels, DRAWN).item() == pytest.approx(0, abs=1e-5)


def test_batches_of_lookalikes_are_of_few_values(lesson):
    colours = Lesson(lesson.pictures, DRAWN[2:], lesson.labels[:, 2:], lesson.vectors, lesson.told[..., 2:])
    rows = _lookalikes(colours, SETTINGS, torch.Generator().manual_seed(0))
    assert len(rows) == len(set(rows.tolist())) == 8
    assert len(set(colours.labels[rows, 0].tolist())) <= 3
    apart = Attribute("title", 64, effort=0.0, share=0.0)
    titles = Lesson(lesson.pictures, (apart,), torch.arange(64)[:, None], lesson.vectors, lesson.told[..., :1])
    assert len(_lookalikes(titles, SETTINGS, torch.Generator().manual_seed(0))) == 8


def test_each_text_is_embedded_once_and_again_only_when_texts_change(tmp_path):
    asked = []

    def embed(texts):
        asked.append(list(texts))
        return np.array([[len(text), 1] for text in texts], dtype=np.float32)

    written = [["a", "bb"], ["bb", "ccc"]]
    vectors = embed_texts_once(written, embed, tmp_path / "cache.npz")
    assert vectors.tolist() == [[[1, 1], [2, 1]], [[2, 1], [3, 1]]]
    assert torch.equal(embed_texts_once(written, embed, tmp_path / "cache.npz"), vectors)
    assert asked == [["a", "bb", "ccc"]]
    embed_texts_once([["a", "dd"]], embed, tmp_path / "cache.npz")
    assert len(asked) == 2


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
    assert set(neighbours(pairs, labels).values()) == {1.0}  # each has its twin among the others
    assert set(neighbours(pairs[::2], labels[::2]).values()) == {0.0}
