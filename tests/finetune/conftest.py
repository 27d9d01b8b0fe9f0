"""What tests of the built-in models share."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from finetune.builtin import words
from retrieval.builtin import SHOP_FOLDER

SMALL = 50
"""Items of the small shop."""


@pytest.fixture(scope="module")
def short_word_list() -> Iterator[None]:
    """Fewer words than the corpus has: reading all of the standard library's English takes too long for a test."""
    before = words.english_words
    words.english_words = lambda: ()
    words.catalogue_words.cache_clear()
    yield
    words.english_words = before
    words.catalogue_words.cache_clear()


@pytest.fixture(scope="session")
def small_shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shop's first products with their pictures, and what was done with them."""
    folder = tmp_path_factory.mktemp("shop")
    rows = [json.loads(line) for line in (SHOP_FOLDER / "items.jsonl").read_text(encoding="utf-8").splitlines()[:SMALL]]
    (folder / "images").mkdir()
    for row in rows:
        row.pop("video", None)
        shutil.copy(SHOP_FOLDER / row["image"], folder / row["image"])
    (folder / "items.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    shutil.copy(SHOP_FOLDER / "truth.json", folder)
    kept = {row["id"] for row in rows}
    with (SHOP_FOLDER / "interactions.csv").open(newline="") as whole, (folder / "interactions.csv").open("w") as part:
        reader = csv.DictReader(whole)
        writer = csv.DictWriter(part, fieldnames=list(reader.fieldnames or ()))
        writer.writeheader()
        writer.writerows(row for row in reader if row["item_id"] in kept)
    return folder
