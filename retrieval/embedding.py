"""Items into vectors: what has changed since it was embedded, and nothing else."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from retrieval.encoders import TokenCount
from retrieval.passages import passage
from retrieval.store_state import BEHAVIOUR, SPACES, Learned

if TYPE_CHECKING:
    from PIL.Image import Image

    from retrieval.encoders import Encoder
    from retrieval.items import ItemTable
    from retrieval.media import MediaStore
    from retrieval.store_state import StoreState
    from retrieval.towers import Towers
    from retrieval.types import Item
    from retrieval.vectors import Vector, Vectors

PICTURES_AT_ONCE = 32
"""Pictures decoded ahead while the encoder works: at 1,024 px, 3 MB each."""


class Target(Protocol):
    """Where vectors go: the store, or the generation of a rebuild."""

    def upsert(self, space: str, item_ids: Sequence[str], vectors: Vectors) -> None: ...

    def delete(self, space: str, item_ids: Sequence[str]) -> None: ...

    def get(self, space: str, item_ids: Sequence[str]) -> dict[str, Vector]: ...


@dataclass(frozen=True, slots=True)
class Embedded:
    """What a batch cost: texts and pictures embedded, and the tokens of those texts."""

    texts: int
    pictures: int
    tokens: TokenCount


class ItemEmbedder:
    """Writes the vectors of items whose content, encoder or build of the store is not the one they were made from.

    Each space has a hash per item: of the encoder's fingerprint, the build, and the passage (text) or the SHA-256s
    of the pictures (image); the one of `content` is of both, and that of `behaviour` of the
    hashes of both and the towers' version. It is kept when the vector is on disk, so that a run
    that is killed goes on where it was: the batch in hand is made again, of the same items and so bit for bit.
    """

    def __init__(
        self,
        items: ItemTable,
        media: MediaStore,
        encoder: Encoder,
        target: Target,
        state: StoreState,
        present: Mapping[str, frozenset[str]],
        pool: Executor,
        towers: Towers | None = None,
    ) -> None:
        """present: by space, the items that have a vector in the target. towers: those of the state, where they can be
        had; without them the behaviour vectors stay as they are.
        """
        self._items = items
        self._media = media
        self._encoder = encoder
        self._target = target
        self._towers = towers
        self._learned = state.learned
        self._made_with = f"{encoder.fingerprint} {state.build}"
        self._pool = pool
        self._known = {
            space: {key: value for key, value in items.embedded(space).items() if key in present[space]}
            for space in SPACES
        }

    def write(self, items: Sequence[Item]) -> Embedded:
        """Bring the vectors of these items up to date; on disk when it returns. Raises StoreError, MediaError."""
        texts = {item.item_id: passage(item) for item in items}
        images = {item.item_id: item.images for item in items if item.images and self._encoder.sees}
        hashes = {
            "text": {key: _hash(self._made_with, text) for key, text in texts.items()},
            "image": {key: _hash(self._made_with, *shas) for key, shas in images.items()},
        }
        hashes["content"] = {
            key: _hash(self._made_with, text, hashes["image"].get(key, "")) for key, text in hashes["text"].items()
        }
        if self._learned and self._towers:
            hashes[BEHAVIOUR] = behaviour_hashes(self._learned, texts, hashes["text"], hashes["image"])
        else:
            hashes[BEHAVIOUR] = {}
        self._remove("image", [key for key in texts if key in self._known["image"] and key not in images])

        due = {
            space: [key for key in hashes[space] if self._known[space].get(key) != hashes[space][key]]
            for space in SPACES
        }
        texts_due = [texts[key] for key in due["text"]]
        self._keep("text", dict(zip(due["text"], self._encoder.embed_text(texts_due), strict=True)), hashes["text"])
        self._keep("image", self._embed_images({key: images[key] for key in due["image"]}), hashes["image"])
        self._keep("content", self._blend(due["content"], with_image=images.keys()), hashes["content"])
        if self._towers is not None:
            self._keep(BEHAVIOUR, behaviour_vectors(self._towers, self._target, due[BEHAVIOUR]), hashes[BEHAVIOUR])
        pictures = sum(len(images[key]) for key in due["image"])
        return Embedded(len(due["text"]), pictures, self._encoder.count_tokens(texts_due))

    def remove(self, item_ids: Sequence[str]) -> None:
        """Forget the items' vectors in every space."""
        for space in SPACES:
            self._remove(space, item_ids)

    def _embed_images(self, images: Mapping[str, Sequence[str]]) -> dict[str, Vector]:
        """Per item the normalised mean of its pictures' vectors."""
        shas = [sha for pictures in images.values() for sha in pictures]
        rows = [self._encoder.embed_pictures(chunk) for chunk in self._decoded(shas)]
        vectors = iter(np.concatenate(rows) if rows else ())
        return {key: _mean([next(vectors) for _ in pictures]) for key, pictures in images.items()}

    def _decoded(self, shas: Sequence[str]) -> Iterator[list[Image]]:
        """The pictures, some at a time; while the caller is busy with these, the pool decodes the next."""
        chunks = [shas[start : start + PICTURES_AT_ONCE] for start in range(0, len(shas), PICTURES_AT_ONCE)]
        ahead: list[Future[Image]] = []
        for chunk in [*chunks, ()]:
            ready, ahead = ahead, [self._pool.submit(self._media.original, sha) for sha in chunk]
            if ready:
                yield [future.result() for future in ready]

    def _blend(self, item_ids: Sequence[str], *, with_image: Collection[str]) -> dict[str, Vector]:
        """The normalised mean of text and pictures, both as Chroma keeps them: it rounds, and so a mean of what the
        encoder gave would depend on whether the other side was embedded in this run or an earlier one.
        """
        texts = self._target.get("text", item_ids)
        images = self._target.get("image", [key for key in item_ids if key in with_image])
        return {key: _mean([texts[key], images[key]] if key in images else [texts[key]]) for key in item_ids}

    def _keep(self, space: str, vectors: Mapping[str, Vector], hashes: Mapping[str, str]) -> None:
        if vectors:
            self._target.upsert(space, list(vectors), np.stack(list(vectors.values())))
            made = {key: hashes[key] for key in vectors}
            self._items.mark_embedded(space, made)
            self._known[space].update(made)

    def _remove(self, space: str, item_ids: Sequence[str]) -> None:
        if item_ids:
            # Forgotten first: should this process be killed in between, the vectors are made again, never missed.
            self._items.forget_embedded(space, item_ids)
            self._target.delete(space, item_ids)
            for item_id in item_ids:
                self._known[space].pop(item_id, None)


def behaviour_vectors(towers: Towers, content: Target, item_ids: Sequence[str]) -> dict[str, Vector]:
    """The vectors by the item tower, of those items that it can say something of."""
    vectors = towers.item_vectors(item_ids, content.get("text", item_ids), content.get("image", item_ids))
    told = np.flatnonzero(vectors[:, :-1].any(axis=1))  # the last dimension only fills up the length
    return {item_ids[row]: vectors[row] for row in told.tolist()}


def behaviour_hashes(
    learned: Learned, item_ids: Iterable[str], texts: Mapping[str, str], images: Mapping[str, str]
) -> dict[str, str]:
    """By item, what its behaviour vector is made from. texts, images: by item, what their vectors are made from."""
    made_with = f"{learned.towers.version} {learned.build}"
    return {key: _hash(made_with, texts.get(key, ""), images.get(key, "")) for key in item_ids}


def _hash(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _mean(vectors: Sequence[Vector]) -> Vector:
    """Their mean at length 1; the first where they cancel out, or where there is no other."""
    if len(vectors) == 1:
        return vectors[0]
    total = np.sum(vectors, axis=0, dtype=np.float32)
    length = float(np.linalg.norm(total))
    return np.asarray(total / length if length > 1e-6 else vectors[0], dtype=np.float32)
