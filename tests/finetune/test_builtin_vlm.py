"""The built-in model: its corpus, its trainer, its export, and the weights that are shipped."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from agent.models.base import Picture
from agent.models.presets import PRESETS
from agent.prompts import LETTERS, Detail, rank_prompt
from finetune.builtin import words
from finetune.builtin.batches import IGNORED, LESSONS, Encoder, Material, Mixture, collate, draw_batch
from finetune.builtin.drafts import Drafts
from finetune.builtin.drawing.look import held_out_look, random_look
from finetune.builtin.export import file_sha256, vllm_name
from finetune.builtin.gallery import Gallery
from finetune.builtin.model import Size, build_model
from finetune.builtin.rankings import Task, make_ranking
from finetune.builtin.reasonings import make_reasoning
from finetune.builtin.schemas import random_schema, shop_schema
from finetune.builtin.taste_lists import Shelves, TasteTask, make_taste_list
from finetune.builtin.tokenizer import add_quoted_words, render
from finetune.builtin.train_vlm import start_quoted_words
from retrieval.types import EvidenceKind

BUILTIN = Path(__file__).parents[2] / "agent" / "builtin"


@pytest.fixture(scope="module")
def gallery() -> Gallery:
    rng = random.Random(3)
    return Gallery.of([random_look(rng) for _ in range(2000)])


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    from tokenizers import Tokenizer

    return Encoder(Tokenizer.from_file(str(BUILTIN / "tokenizer.json")), picture_tokens=16)


def text_of(prompt: object) -> str:
    return "".join(part for message in prompt for part in message.parts if isinstance(part, str))  # type: ignore[attr-defined]


@pytest.mark.parametrize("kind", ["request", "text", "both"])
def test_every_list_has_one_best_candidate_and_it_is_the_answer(kind: str) -> None:
    rng = random.Random(1)
    for _ in range(30):
        example = make_ranking(rng, random_schema(rng), Task(12, kind, False, Detail()), None)
        best = max(example.relevance)
        assert best == 1.0
        assert example.relevance.count(best) == 1
        assert example.letters[example.relevance.index(best)] == example.answer


def test_the_target_of_a_request_holds_every_word_that_was_asked_for() -> None:
    rng = random.Random(2)
    for _ in range(30):
        example = make_ranking(rng, random_schema(rng, most=3), Task(6, "request", False, Detail(300)), None)
        lines = text_of(example.prompt).split("Candidates:\n")[1].splitlines()
        target = next(line for line in lines if line.startswith(f"{example.answer} "))
        assert all(value in target for _, value in example.wanted)


def test_a_taste_for_a_look_is_never_told_in_words(gallery: Gallery) -> None:
    rng = random.Random(3)
    for _ in range(20):
        example = make_ranking(rng, shop_schema(rng), Task(6, "look", True, Detail(300)), gallery)
        told = text_of(example.prompt)
        assert not any(f"; {name} " in told for name, _ in example.wanted)
        target = example.relevance.index(1.0)
        rows = [int(part.key) for part in example.prompt[1].parts if isinstance(part, Picture)][-6:]
        assert all(getattr(gallery.looks[rows[target]], name) == value for name, value in example.wanted)


def test_the_letters_of_short_lists_come_from_all_twenty() -> None:
    rng = random.Random(4)
    used = {
        letter
        for _ in range(60)
        for letter in make_ranking(rng, random_schema(rng), Task(3, "request", False, Detail()), None).letters
    }
    assert used == set(LETTERS)


def test_junk_in_titles_leaves_the_target_as_it_is() -> None:
    plain, junk = (
        make_ranking(
            random.Random(5), random_schema(random.Random(6)), Task(6, "request", False, Detail(), junk_titles=j), None
        )
        for j in (False, True)
    )
    assert junk.relevance == plain.relevance
    assert junk.answer == plain.answer


def test_words_that_are_held_out_are_in_no_training_catalogue() -> None:
    rng = random.Random(7)
    used = {
        word.lower()
        for _ in range(60)
        for one in random_schema(rng).fields
        if not any(value[:1].isdigit() for value in one.values)
        for value in one.values
        for word in value.split()[:1]
        if word.lower() in words.catalogue_words(held_out=True)
    }
    assert used == set()
    held = random_schema(rng, held_out=True)
    spoken = [v.lower() for one in held.fields for v in one.values if " " not in v]
    assert spoken
    assert all(words.is_held_out(value) for value in spoken)


def test_a_reason_of_the_corpus_is_made_of_its_evidence() -> None:
    rng = random.Random(8)
    for index in range(200):
        schema = shop_schema(rng) if index % 2 else random_schema(rng)
        example = make_reasoning(rng, schema, Detail(), None)
        assert all(fact.evidence.text in text_of(example.prompt) for fact in example.facts)


def test_evidence_of_the_corpus_reads_as_the_product_writes_it() -> None:
    from agent.evidence import Trace, gather_evidence
    from agent.facts import CatalogueFacts
    from finetune.builtin.phrases import asked_fact, looks_fact, people_fact, popular_fact, shared_fact
    from retrieval.types import Item

    liked = Item("1", "Old Lamp", {"colour": "teal"})
    item = Item("2", "New Lamp", {"colour": "teal", "material": "oak"})
    others = [Item(str(n), f"Thing {n}", {"colour": f"hue {n}", "material": f"stuff {n}"}) for n in range(3, 30)]
    traces = [Trace("look", liked), Trace("people", liked), Trace("popular")]
    facts = CatalogueFacts([liked, item, *others])
    found = gather_evidence(item, request="oak", history=[liked], traces=traces, facts=facts, max_facts=9)
    ours = [
        asked_fact("material", "oak"),
        shared_fact("colour", "teal", "Old Lamp"),
        looks_fact("Old Lamp"),
        people_fact("Old Lamp"),
        popular_fact(),
    ]
    assert [evidence.text for evidence in found] == [fact.evidence.text for fact in ours]
    assert found[0].kind == EvidenceKind.REQUEST


def test_each_letter_is_one_token_after_the_assistant_mark(encoder: Encoder) -> None:
    for letter in LETTERS:
        ids = encoder.tokenizer.encode(f"<|assistant|>{letter}").ids
        assert ids[1:] == [encoder.letters[letter]]


def test_a_batch_knows_where_answers_candidates_and_matches_are(encoder: Encoder) -> None:
    rng = random.Random(10)
    example = make_ranking(rng, random_schema(rng, most=2), Task(3, "request", False, Detail(200)), None)
    encoded = encoder.ranking(example)
    batch = collate([encoded], pad=0)
    (answer,) = batch.targets[0][batch.targets[0] != IGNORED].tolist()
    assert answer == encoder.letters[example.answer]
    assert batch.relevance[0][batch.relevance[0] >= 0].tolist() == pytest.approx(list(example.relevance))
    marked = [encoder.tokenizer.decode(encoded.ids[: place + 1]) for place, hit in encoded.match.items() if hit == 1]
    assert marked
    assert all(any(text.endswith(value) for _, value in example.wanted) for text in marked)


@pytest.mark.parametrize("kind", ["rank", "taste", "reason", "update", "compare", "answer", "caption"])
def test_a_step_depends_on_its_seed_alone(encoder: Encoder, gallery: Gallery, kind: str) -> None:
    nothing = dict.fromkeys(("rank", "taste", "reason", "update", "compare", "answer"), 0.0)
    mixture = replace(Mixture(), **(nothing if kind == "caption" else nothing | {kind: 1.0}))
    drafts = Drafts(lambda texts: np.zeros((len(texts), 8), np.float32))
    material = Material(gallery, Shelves.of(gallery.looks, seed=0), drafts)
    one, other = (
        draw_batch(random.Random("0/7"), encoder, material, mixture, level=len(LESSONS) - 1, tokens=2000)
        for _ in range(2)
    )
    assert one.ids.tolist() == other.ids.tolist()
    assert one.pictures.tolist() == other.pictures.tolist()
    assert (one.targets != IGNORED).any(dim=1).all()
    lists = kind in ("rank", "taste")
    assert one.chances.sum(dim=1).tolist() == pytest.approx([float(lists)] * len(one.kinds))


def test_the_likeliest_letter_is_the_one_to_say(encoder: Encoder, gallery: Gallery) -> None:
    rng = random.Random(14)
    shelves = Shelves.of(gallery.looks, seed=0)
    example = make_taste_list(rng, shelves, TasteTask(6, pictures=True, request=True, detail=Detail()))
    batch = collate([encoder.taste(example)], pad=0)
    (answer,) = batch.targets[0][batch.targets[0] != IGNORED].tolist()
    best = max(range(6), key=example.chances.__getitem__)
    assert answer == encoder.letters[example.letters[best]]
    assert batch.chances[0, LETTERS.index(example.letters[best])] == pytest.approx(max(example.chances))


def test_quoted_words_are_tokens_that_begin_as_the_plain_words() -> None:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(BUILTIN / "tokenizer.json"))
    add_quoted_words(tokenizer)
    text = '{"action":"search","want":{"category":["mug"]}}'
    encoding = tokenizer.encode(text)
    assert {'"action"', '"search"', '"mug"'} <= set(encoding.tokens)
    assert tokenizer.decode(encoding.ids) == text
    model = build_model(Size(eye_width=64, eye_layers=1, layers=2), tokenizer)
    start_quoted_words(model, tokenizer)
    (quoted,), (_, plain) = tokenizer.encode('"mug"').ids, tokenizer.encode("a mug").ids
    for weight in (model.model.language_model.embed_tokens.weight, model.lm_head.weight):
        assert torch.equal(weight[quoted], weight[plain])


def test_held_out_looks_are_a_tenth_and_never_change() -> None:
    rng = random.Random(11)
    looks = [random_look(rng) for _ in range(3000)]
    share = sum(map(held_out_look, looks)) / len(looks)
    assert 0.06 < share < 0.14


def test_names_become_the_ones_that_vllm_reads() -> None:
    assert vllm_name("model.language_model.layers.0.mlp.up_proj.weight") == (
        "language_model.model.layers.0.mlp.up_proj.weight"
    )
    assert vllm_name("model.vision_tower.embeddings.class_embedding") == (
        "vision_tower.vision_model.embeddings.class_embedding"
    )
    assert vllm_name("lm_head.weight") == "language_model.lm_head.weight"
    with pytest.raises(ValueError, match="no place in a LLaVA file"):
        vllm_name("model.ears.weight")


def test_the_shipped_files_are_the_ones_that_were_exported() -> None:
    sums = json.loads((BUILTIN / "checksums.json").read_text())
    assert "model.safetensors" in sums
    assert {name: file_sha256(BUILTIN / name) for name in sums} == sums
    assert sum((BUILTIN / name).stat().st_size for name in sums) < 24_000_000


def test_the_shipped_model_reads_training_prompts_as_training_wrote_them() -> None:
    from PIL import Image
    from transformers import AutoProcessor

    from finetune.builtin.eyes import pixels

    processor = AutoProcessor.from_pretrained(BUILTIN)
    image = Image.fromarray(np.random.default_rng(0).integers(0, 255, (96, 96, 3), dtype=np.uint8))
    rng = random.Random(12)
    example = make_reasoning(rng, shop_schema(rng), Detail(), Gallery.of([random_look(rng)]))
    content = [
        {"type": "text", "text": part} if isinstance(part, str) else {"type": "image", "image": image}
        for part in example.prompt[1].parts
    ]
    messages = [{"role": "system", "content": example.prompt[0].parts[0]}, {"role": "user", "content": content}]
    text = processor.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
    inputs = processor(text=text, images=[image], return_tensors="pt")
    from tokenizers import Tokenizer

    own = Tokenizer.from_file(str(BUILTIN / "tokenizer.json")).encode(render(example.prompt, 16)).ids
    assert inputs["input_ids"][0].tolist() == own
    assert (inputs["pixel_values"][0] - pixels(np.asarray(image)[None].copy())[0]).abs().max() < 1e-6


def test_a_full_list_with_pictures_fits_the_prompt_budget(encoder: Encoder, gallery: Gallery) -> None:
    rng = random.Random(13)
    example = make_ranking(rng, shop_schema(rng), Task(20, "both", True, Detail()), gallery)
    assert len(encoder.prompt(example.prompt)) <= PRESETS["builtin"].max_prompt_tokens


def test_shuffled_letters_need_as_many_letters_as_candidates() -> None:
    with pytest.raises(ValueError, match="3 candidates, at most 2"):
        rank_prompt([], None, [None] * 3, Detail(), letters="AB")  # type: ignore[list-item]
