"""What picture tokens say: the words of a look, learned by the vision tower."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from agent.models.presets import PRESETS
from finetune.builtin import eyes
from finetune.builtin.draw_pack import seeded_looks
from finetune.builtin.drawing import draw
from finetune.builtin.drawing.look import CATEGORIES, COLOURS, PATTERNS, Look, held_out_look, random_look
from finetune.builtin.export import load_exported
from finetune.builtin.eyes import EyeSettings, EyeTrainer, Lines, load_eyes, said, save_eyes, word_loss
from finetune.builtin.model import Size, build_model
from finetune.builtin.train_eyes import measure_eyes

if TYPE_CHECKING:
    from tokenizers import Tokenizer

BUILTIN = Path(PRESETS["builtin"].model_id)
TINY = Size(eye_width=64, eye_layers=1)


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    from tokenizers import Tokenizer

    return Tokenizer.from_file(str(BUILTIN / "tokenizer.json"))


@pytest.fixture(scope="module")
def looks() -> list[Look]:
    rng = random.Random(1)
    return [random_look(rng) for _ in range(300)]


def test_every_look_fits_the_tokens_of_a_picture_and_reads_back(tokenizer: Tokenizer, looks: list[Look]) -> None:
    lines = Lines(tokenizer, TINY.picture_tokens)
    assert {look.category for look in looks} == set(CATEGORIES)
    ids = lines.ids(looks)
    assert ids.shape == (300, 16)
    for text, look in zip(lines.read(ids), looks, strict=True):
        assert text.startswith(said(look))


def test_a_picture_with_too_few_tokens_is_refused(tokenizer: Tokenizer, looks: list[Look]) -> None:
    with pytest.raises(ValueError, match=r"takes 1\d tokens, a picture has 9; give it more patches"):
        Lines(tokenizer, 9).ids(looks)


def test_colours_and_patterns_are_one_token_each(tokenizer: Tokenizer) -> None:
    """So that the places at which they stand in a line are the same for all looks."""
    for value in (*COLOURS, *PATTERNS):
        assert len(tokenizer.encode(f"a {value}").ids) == 2, value


def test_the_loss_is_least_at_the_words_themselves() -> None:
    torch.manual_seed(0)
    words = 10 * torch.nn.functional.normalize(torch.randn(12, 32), dim=1)
    places = torch.randint(12, (5, 4))
    at_words, shares = word_loss(words[places], places, words)
    beside, _ = word_loss(words[places] + 0.5, places, words)
    elsewhere, wrong = word_loss(words[(places + 1) % 12], places, words)
    assert at_words < beside < elsewhere
    assert shares.tolist() == [1.0] * 4
    assert wrong.tolist() == [0.0] * 4


def test_a_tower_comes_nearer_to_the_words_and_a_run_goes_on_where_it_stopped(
    tokenizer: Tokenizer, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    look = random_look(random.Random(5))
    noise = np.random.default_rng(0).integers(0, 40, size=(64, 96, 96, 3))
    dark = (np.arange(64) % 2 == 0)[:, None, None, None]
    drawn = np.where(dark, noise, 255 - noise).astype(np.uint8)
    told = [replace(look, colour=("black", "white")[row % 2]) for row in range(64)]
    model = build_model(TINY, tokenizer)
    load_exported(model, BUILTIN, decoder_only=True)
    lines = Lines(tokenizer, TINY.picture_tokens)
    figures: list[dict[str, float]] = []
    short, longer = (EyeSettings(epochs=n, batch=16, adam_lr=1e-2, warmup_steps=5) for n in (4, 8))
    EyeTrainer(model, lines, short, tmp_path, "cpu").train(drawn, told, figures.append)
    again = EyeTrainer(model, lines, longer, tmp_path, "cpu")
    assert again.resume()
    again.train(drawn, told, figures.append)
    assert [line["epoch"] for line in figures] == list(range(1, 9))
    assert figures[-1]["loss"] < figures[3]["loss"] < figures[0]["loss"]
    fresh = build_model(TINY, tokenizer)
    save_eyes(model, tmp_path)
    load_eyes(fresh, tmp_path)
    trained = model.model.multi_modal_projector.linear_2.weight
    assert torch.equal(fresh.model.multi_modal_projector.linear_2.weight, trained.bfloat16().float())


def test_the_shipped_eyes_read_pictures_of_looks_that_no_training_saw(tokenizer: Tokenizer) -> None:
    """60 looks that were held out; colour and category are nearly always right, patterns mostly."""
    size = Size()
    model = build_model(size, tokenizer)
    load_exported(model, BUILTIN, decoder_only=True)
    load_eyes(model, Path(eyes.__file__).parent / "weights")
    looks = [look for look in seeded_looks(1500, 77) if held_out_look(look)][:60]
    drawn = np.stack([np.asarray(draw(look, px=size.image_px)) for look in looks])
    figures = measure_eyes(model, Lines(tokenizer, size.picture_tokens), drawn, looks, "cpu")
    assert figures["category"] > 0.95
    assert figures["colour"] > 0.9
    assert figures["accent"] > 0.85
    assert figures["pattern"] > 0.6
