"""An encoder whose answers are known: it counts the words of a small vocabulary and sees one colour."""

from collections.abc import Sequence

import numpy as np
from PIL.Image import Image

from retrieval.encoders import TokenCount
from retrieval.vectors import Vectors

COLOURS = {"red": (255, 0, 0), "green": (0, 128, 0), "blue": (0, 0, 255), "white": (255, 255, 255)}
WORDS = (*COLOURS, "shoe", "lamp", "bag", "mug", "scarf", "clock", "warm", "leather")


class WordEncoder:
    """One dimension a word, and one for everything else; a picture is the word of its strongest colour."""

    sees = True

    def __init__(self, name: str = "words", extra: int = 1) -> None:
        self.name = name
        self.fingerprint = f"{name}-{extra}"
        self.dimensions = len(WORDS) + extra
        self.texts: list[str] = []
        self.pictures = 0

    def embed_text(self, texts: Sequence[str]) -> Vectors:
        self.texts += texts
        return self._unit([[text.lower().count(word) for word in WORDS] for text in texts])

    def embed_pictures(self, pictures: Sequence[Image]) -> Vectors:
        self.pictures += len(pictures)
        return self._unit([[float(word == _colour(picture)) for word in WORDS] for picture in pictures])

    def count_tokens(self, texts: Sequence[str]) -> TokenCount:
        words = " ".join(texts).split()
        return TokenCount(len(words), sum(not word.isascii() for word in words))

    def _unit(self, counts: Sequence[Sequence[float]]) -> Vectors:
        vectors = np.full((len(counts), self.dimensions), 0.1, dtype=np.float32)
        if counts:
            vectors[:, : len(WORDS)] = counts
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def _colour(picture: Image) -> str:
    """The vocabulary's word for the picture's most colourful pixel."""
    pixels = np.asarray(picture.convert("RGB").resize((16, 16)), dtype=float).reshape(-1, 3)
    pixel = pixels[np.argmax(pixels.max(axis=1) - pixels.min(axis=1))]
    return min(COLOURS, key=lambda name: float(np.abs(pixel - COLOURS[name]).sum()))
