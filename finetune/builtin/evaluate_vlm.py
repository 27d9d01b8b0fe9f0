"""Measure the exported built-in model on catalogues, words and looks that its training never used.

python -m finetune.builtin.evaluate_vlm --model agent/builtin --pack held.npz --lists 200

Prints JSON. The pack must have another seed than the training one; of it only held-out looks are taken.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from agent.models.base import Message, Part, Picture, Prompt
from agent.prompts import LETTERS, Detail, caption_prompt
from finetune.builtin.corpus import (
    LOOKS,
    Gallery,
    Ranking,
    Schema,
    Task,
    make_ranking,
    random_schema,
    shop_schema,
)
from finetune.builtin.draw_pack import load_pack
from finetune.builtin.drawing.look import held_out_look
from finetune.builtin.phrases import caption
from finetune.builtin.reasonings import Reasoning, make_reasoning

if TYPE_CHECKING:
    from PIL.Image import Image

    from agent.models.base import VisionLanguageModel

Paint = Callable[[int], "Image"]


def with_pixels(prompt: Prompt, paint: Paint) -> Prompt:
    """The prompt with real pictures in place of the gallery's row numbers."""

    def real(part: Part) -> Part:
        return Picture(paint(int(part.key)), f"row-{part.key}") if isinstance(part, Picture) else part

    return tuple(Message(message.role, tuple(real(part) for part in message.parts)) for message in prompt)


def held_out_schema(rng: random.Random) -> Schema:
    return random_schema(rng, held_out=True)


def measure_lists(
    model: VisionLanguageModel, gallery: Gallery, paint: Paint, *, lists: int, seed: int
) -> dict[str, dict[str, float]]:
    """Accuracy at 1 and NDCG@10 (the target alone is relevant) on lists of 20, by what decides them."""
    kinds: dict[str, tuple[Callable[[random.Random], Schema], str, bool]] = {
        "request, unseen catalogue": (held_out_schema, "request", False),
        "request, shop with pictures": (shop_schema, "request", True),
        "taste by text, unseen catalogue": (held_out_schema, "text", False),
        "taste by text, shop with pictures": (shop_schema, "text", True),
        "taste by look alone": (shop_schema, "look", True),
        "request and taste, shop with pictures": (shop_schema, "both", True),
    }
    figures = {}
    for name, (schema, kind, pictures) in kinds.items():
        rng = random.Random(f"{seed}/{name}")  # noqa: S311
        detail = Detail().shorter()  # what the product comes to with twenty pictures in a prompt
        task = Task(len(LETTERS), kind, pictures, detail, shuffled_letters=False)
        examples = [make_ranking(rng, schema(rng), task, gallery) for _ in range(lists)]
        figures[name] = rank_figures([_rank(model, example, paint) for example in examples])
    return figures


def _rank(model: VisionLanguageModel, example: Ranking, paint: Paint) -> int:
    """At which place, from 0, the model puts the target."""
    (scores,) = model.score([with_pixels(example.prompt, paint)], example.letters)
    target = scores[example.letters.index(example.answer)]
    return sum(score > target for score in scores)


def rank_figures(ranks: Sequence[int]) -> dict[str, float]:
    ndcg = [1 / math.log2(rank + 2) if rank < 10 else 0.0 for rank in ranks]
    return {
        "accuracy@1": round(float(np.mean([rank == 0 for rank in ranks])), 3),
        "ndcg@10": round(float(np.mean(ndcg)), 3),
    }


def measure_positions(model: VisionLanguageModel, *, lists: int, seed: int) -> dict[str, float]:
    """NDCG@10 with the target first, tenth and last, on the same lists otherwise."""
    figures = {}
    for place in (0, 9, 19):
        rng = random.Random(f"{seed}/positions")  # noqa: S311
        ranks = []
        for _ in range(lists):
            task = Task(len(LETTERS), "request", False, Detail(), shuffled_letters=False, target_place=place)
            ranks.append(_rank(model, make_ranking(rng, held_out_schema(rng), task, None), _no_paint))
        figures[f"place {place + 1}"] = rank_figures(ranks)["ndcg@10"]
    return figures


def _no_paint(row: int) -> Image:
    raise AssertionError(f"a list without pictures asked for picture {row}")


def measure_reasons(
    model: VisionLanguageModel, schema: Callable[[random.Random], Schema], *, count: int, seed: int
) -> dict[str, float]:
    """How often a reason names only what the evidence names, says at least one of its facts, and is unique."""
    rng = random.Random(f"{seed}/reasons")  # noqa: S311
    examples = [make_reasoning(rng, schema(rng), Detail(), None) for _ in range(count)]
    texts: list[str] = []
    for start in range(0, count, 10):
        texts += model.generate([example.prompt for example in examples[start : start + 10]], max_tokens=80)
    faithful = [is_faithful(text, example) for text, example in zip(texts, examples, strict=True)]
    return {
        "faithful": round(float(np.mean(faithful)), 3),
        "says a fact": round(float(np.mean([_says(t, e) for t, e in zip(texts, examples, strict=True)])), 3),
        "unique": round(len(set(texts)) / count, 3),
    }


_WORD = re.compile(r"[\w'-]+")


def is_faithful(text: str, example: Reasoning) -> bool:
    """Whether every word is of the evidence or one that reasons are made of; so no value or name is made up."""
    cited = " ".join(fact.evidence.text for fact in example.facts)
    allowed = set(_WORD.findall(cited.lower())) | _plain_words()
    return bool(text.strip()) and all(word in allowed for word in _WORD.findall(text.lower()))


def _plain_words() -> set[str]:
    return set(
        "you asked for and this is what its says it as the that like shares with liked which has too looks to eye "  # noqa: SIM905
        "close your picture people who those enjoyed went on one many popular answers wish speaks of so a both their "
        "among in common include have taken whole similar much description request".split()
    )


def _says(text: str, example: Reasoning) -> bool:
    named = [fact.evidence.value or fact.evidence.title for fact in example.facts]
    return any(name is None or name in text for name in named)


def measure_captions(model: VisionLanguageModel, gallery: Gallery, paint: Paint, *, count: int) -> dict[str, float]:
    """Share of pictures whose caption names each part of the look rightly."""
    rows = range(min(count, len(gallery.looks)))
    prompts = [caption_prompt(Picture(paint(row), f"row-{row}")) for row in rows]
    texts: list[str] = []
    for start in range(0, len(prompts), 20):
        texts += model.generate(prompts[start : start + 20], max_tokens=24)
    figures = {}
    for name in LOOKS:
        right = [_named(texts[row], gallery, row, name) for row in rows]
        figures[name] = round(float(np.mean(right)), 3)
    figures["all"] = round(float(np.mean([texts[row] == caption(gallery.looks[row]) for row in rows])), 3)
    return figures


def _named(text: str, gallery: Gallery, row: int, name: str) -> bool:
    look = gallery.looks[row]
    if name == "accent":
        return text.endswith(f"accent {look.accent}")
    if name == "colour":
        return text.startswith(f"a {look.colour} ")
    return str(getattr(look, name)) in text


def measure(model: VisionLanguageModel, pack: Path, *, lists: int, seed: int = 1) -> dict[str, Any]:
    """All figures of the model card."""
    from PIL import Image

    pictures, looks = load_pack(pack)
    rows = [row for row, look in enumerate(looks) if held_out_look(look)]
    gallery = Gallery.of([looks[row] for row in rows])

    def paint(row: int) -> Image.Image:
        return Image.fromarray(pictures[rows[row]])

    return {
        "lists of 20": measure_lists(model, gallery, paint, lists=lists, seed=seed),
        "positions": measure_positions(model, lists=lists, seed=seed),
        "reasons, shop": measure_reasons(model, shop_schema, count=lists, seed=seed),
        "reasons, unseen catalogues": measure_reasons(model, held_out_schema, count=lists, seed=seed),
        "captions": measure_captions(model, gallery, paint, count=lists),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="agent/builtin")
    parser.add_argument("--pack", type=Path, required=True)
    parser.add_argument("--lists", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    from agent.models.transformers import TransformersModel

    model = TransformersModel.open(options.model)
    print(json.dumps(measure(model, options.pack, lists=options.lists, seed=options.seed), indent=2))


if __name__ == "__main__":
    main()
