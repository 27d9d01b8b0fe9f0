"""What tests of the built-in models' corpus share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from finetune.builtin import words


@pytest.fixture(scope="module")
def short_word_list() -> Iterator[None]:
    """Fewer words than the corpus has: reading all of the standard library's English takes too long for a test."""
    before = words.english_words
    words.english_words = lambda: ()
    words.catalogue_words.cache_clear()
    yield
    words.english_words = before
    words.catalogue_words.cache_clear()
