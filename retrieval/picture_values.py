"""Values that the text of an item leaves out, read off its picture.

The catalogue itself teaches how: items whose text tells a pattern or a colour show what it looks like. Which
attributes can be seen at all is found out the same way, by reading items whose text is known.
"""

from __future__ import annotations

import json
import logging
import math
import os
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from retrieval.errors import StoreError

if TYPE_CHECKING:
    from retrieval.store import VectorStore
    from retrieval.types import Item
    from retrieval.vectors import Vector, Vectors
    from retrieval.workspace import Workspace

logger = logging.getLogger(__name__)
Floats = npt.NDArray[np.float64]

FILE = "picture_values.safetensors"
LEAST_ITEMS, LEAST_EACH, MOST_VALUES = 60, 5, 50
"""Items that must tell an attribute, and a value of it; an attribute of more values than that is not read."""
MOST_ITEMS = 5_000
"""So many items that tell an attribute are learned from."""
_LONGEST = 60
_SURE = 0.5
_RIGHT, _OFTEN = 0.8, 0.5
"""Least share of readings that must be right, and of items that must be read, for an attribute to be one to be seen."""
_BEYOND_DOUBT, _CLEAR = 0.985, 0.3
"""Least share of the readings with a lead that must be right, and of items that must be that clear."""
_SHRINKAGE = 0.01
_FOLDS = 5
_TOLD = ("attribute", "values", "accuracy", "lead")


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads one attribute off image vectors: linear discriminant analysis (Fisher 1936; shrunk covariance).

    values: (n,) its values. weights: (n, d) float32. bias: (n,) float32. accuracy: share of items that it read rightly
    whose text it had not learned from, among those it read, 0 to 1. lead: by how much the best score must exceed the
    next one for a reading to be beyond doubt: right in 985 of 1,000 cases; infinite where few pictures are that clear.
    """

    attribute: str
    values: tuple[str, ...]
    weights: Vectors
    bias: npt.NDArray[np.float32]
    accuracy: float
    lead: float

    def read(self, vectors: Vectors) -> list[str | None]:
        """The value of each vector (n, d), None where no value is likelier than all others together."""
        scores = self._scores(vectors)
        best, likely = scores.argmax(axis=1).tolist(), _likely(scores).tolist()
        return [self.values[row] if known else None for row, known in zip(best, likely, strict=True)]

    def contradicting(self, vectors: Vectors, *, want: Sequence[str] = (), avoid: Sequence[str] = ()) -> list[bool]:
        """Which of the pictures (n, d) do not show a wanted value beyond doubt, or may well show an avoided one."""
        scores = self._scores(vectors)
        wanted, avoided = self._columns(want), self._columns(avoid)
        out = np.zeros(len(scores), dtype=np.bool_)
        if want:
            out |= ~(_best(scores, wanted) >= _best(scores, ~wanted) + self.lead)
        if avoid:
            out |= _best(scores, avoided) > _best(scores, ~avoided) - self.lead
        return list(out.tolist())

    def _scores(self, vectors: Vectors) -> Floats:
        return np.asarray(vectors, np.float64) @ self.weights.T.astype(np.float64) + self.bias

    def _columns(self, some: Sequence[str]) -> npt.NDArray[np.bool_]:
        return np.array([value in some for value in self.values])


def told_texts(items: Iterable[Item]) -> dict[str, dict[str, str]]:
    """By attribute the short text that each item (by id) has for it; attributes with lists or numbers are left out."""
    told: dict[str, dict[str, str]] = {}
    other: set[str] = set()
    for item in items:
        for name, value in item.attributes.items():
            if isinstance(value, str) and 0 < len(value) <= _LONGEST:
                told.setdefault(name, {})[item.item_id] = value
            else:
                other.add(name)
    return {name: texts for name, texts in told.items() if name not in other}


def _some(texts: Mapping[str, str]) -> dict[str, str]:
    """At most MOST_ITEMS of the items, always the same ones of the same items."""
    ids = sorted(texts)
    order = np.random.default_rng(0).permutation(len(ids))[:MOST_ITEMS].tolist()
    return {ids[place]: texts[ids[place]] for place in order}


def fit_readers(told: Mapping[str, Mapping[str, str]], vectors: Mapping[str, Vector]) -> list[Reader]:
    """Readers of the attributes that pictures show.

    told: by attribute and item id its value. vectors: by item id its picture's unit vector (d,).
    """
    found = [
        _fitted(name, {i: text for i, text in texts.items() if i in vectors}, vectors) for name, texts in told.items()
    ]
    return [reader for reader in found if reader is not None]


def _fitted(name: str, texts: Mapping[str, str], vectors: Mapping[str, Vector]) -> Reader | None:
    """The reader of an attribute; None where the pictures do not show it, or too few items tell."""
    counts = Counter(texts.values())
    values = tuple(sorted(value for value, count in counts.items() if count >= LEAST_EACH))
    ids = [item_id for item_id, value in texts.items() if value in values]
    if len(ids) < LEAST_ITEMS or not 2 <= len(values) <= MOST_VALUES:
        return None
    rows = np.stack([vectors[item_id] for item_id in ids]).astype(np.float64)
    place_of = {value: place for place, value in enumerate(values)}
    labels = np.array([place_of[texts[item_id]] for item_id in ids])
    scores = _tried(rows, labels, len(values))
    right, read = scores.argmax(axis=1) == labels, _likely(scores)
    if read.mean() < _OFTEN or right[read].mean() < _RIGHT:
        return None
    weights, bias = _discriminant(rows, labels, len(values))
    accuracy, lead = round(float(right[read].mean()), 4), _clear_lead(scores, right)
    return Reader(name, values, weights.astype(np.float32), bias.astype(np.float32), accuracy, lead)


def _tried(rows: Floats, labels: npt.NDArray[np.int64], count: int) -> Floats:
    """(n, count) the scores of each item's values by what was learned from others."""
    fold = np.arange(len(rows)) % _FOLDS
    scores = np.zeros((len(rows), count))
    for held in range(_FOLDS):
        weights, bias = _discriminant(rows[fold != held], labels[fold != held], count)
        scores[fold == held] = rows[fold == held] @ weights.T + bias
    return scores


def _clear_lead(scores: Floats, right: npt.NDArray[np.bool_]) -> float:
    """The smallest lead of the best score over the next at which readings are right often enough."""
    ordered = np.sort(scores, axis=1)
    leads = ordered[:, -1] - ordered[:, -2]
    surest = np.argsort(-leads)
    shares = np.cumsum(right[surest]) / np.arange(1, len(right) + 1)
    enough = np.flatnonzero(shares >= _BEYOND_DOUBT)
    if not len(enough) or enough[-1] + 1 < _CLEAR * len(right):
        return math.inf
    return float(leads[surest[enough[-1]]])


def _discriminant(
    rows: Floats, labels: npt.NDArray[np.int64], count: int
) -> tuple[npt.NDArray[np.floating], npt.NDArray[np.floating]]:
    """Weights (count, d) and bias (count,) whose softmax is the chance of each value."""
    sizes = np.bincount(labels, minlength=count)
    sums = np.zeros((count, rows.shape[1]))
    np.add.at(sums, labels, rows)
    means = sums / np.maximum(sizes, 1)[:, None]
    apart = rows - means[labels]
    spread = apart.T @ apart / len(rows)
    level = max(float(np.trace(spread)) / len(spread), 1e-12)
    spread = (1 - _SHRINKAGE) * spread + _SHRINKAGE * level * np.eye(len(spread))
    weights = np.ascontiguousarray(np.linalg.solve(spread, means.T).T)  # files keep no other order of the numbers
    bias = np.log(np.maximum(sizes, 1e-3) / len(rows)) - (weights * means).sum(axis=1) / 2
    return weights, bias


def _likely(scores: Floats) -> npt.NDArray[np.bool_]:
    """(n,) whether the best value is likelier than all others together. scores: (n, n_values), logs of chances."""
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    likely: npt.NDArray[np.bool_] = powers.sum(axis=1) * _SURE <= 1
    return likely


def _best(scores: Floats, columns: npt.NDArray[np.bool_]) -> Floats:
    """(n,) the highest of each row's scores in these columns; minus infinity where there are none."""
    best: Floats = np.where(columns, scores, -np.inf).max(axis=1)
    return best


def save_readers(folder: Path, readers: Sequence[Reader], *, encoder: str) -> None:
    """Keep the readers in the workspace's folder, whole or not at all. encoder: fingerprint of what made the vectors.

    Raises StoreError when they cannot be written.
    """
    from safetensors.numpy import save

    tensors = {f"{row}.{part}": getattr(one, part) for row, one in enumerate(readers) for part in ("weights", "bias")}
    told = [{name: getattr(one, name) for name in _TOLD} for one in readers]
    about = {"encoder": encoder, "readers": json.dumps(told)}
    path, fresh = folder / FILE, folder / f".new-{FILE}"
    try:
        with fresh.open("wb") as file:
            file.write(save(tensors, metadata=about))
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except OSError as error:
        raise StoreError(f"{path} cannot be written ({error}); free some space and index again") from error


def load_readers(folder: Path, *, encoder: str | None) -> tuple[Reader, ...]:
    """The readers of the workspace's folder; none where there are none, or where they go with another encoder.

    Raises StoreError for a damaged file.
    """
    from safetensors import SafetensorError, safe_open

    path = folder / FILE
    if not path.exists():
        return ()
    try:
        with safe_open(path, "numpy") as file:
            about = file.metadata() or {}
            if about.get("encoder") != encoder:
                return ()
            told = json.loads(about["readers"])
            parts = [(file.get_tensor(f"{row}.weights"), file.get_tensor(f"{row}.bias")) for row in range(len(told))]
        return tuple(
            Reader(one["attribute"], tuple(one["values"]), weights, bias, float(one["accuracy"]), float(one["lead"]))
            for one, (weights, bias) in zip(told, parts, strict=True)
        )
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise StoreError(f"{path} is damaged ({error}); make it again: tastemaker index CATALOG") from error


class Glance:
    """What the pictures of a workspace's items tell beside their text; follows the file when indexing renews it."""

    def __init__(self, workspace: Workspace, store: VectorStore) -> None:
        self._workspace = workspace
        self._store = store
        self._known: tuple[tuple[int, int] | None, tuple[Reader, ...]] = (None, ())

    def seen(self, items: Sequence[Item]) -> dict[str, dict[str, str]]:
        """By item id the values, by attribute, that its text leaves out and its picture tells.

        Raises StoreError when the vectors cannot be read.
        """
        readers = self._readers()
        asked = [item for item in items if item.images and any(r.attribute not in item.attributes for r in readers)]
        looks = self._store.get("image", [item.item_id for item in asked])
        known = [item for item in asked if item.item_id in looks]
        if not known:
            return {}
        rows = np.stack([looks[item.item_id] for item in known])
        found: dict[str, dict[str, str]] = {item.item_id: {} for item in known}
        for reader in readers:
            for item, value in zip(known, reader.read(rows), strict=True):
                if value is not None and reader.attribute not in item.attributes:
                    found[item.item_id][reader.attribute] = value
        return found

    def readable(self, names: Collection[str]) -> frozenset[str]:
        """Which of the attributes clear pictures tell beyond doubt."""
        return frozenset(r.attribute for r in self._readers() if r.attribute in names and math.isfinite(r.lead))

    def contradicting(
        self, name: str, item_ids: Sequence[str], *, want: Sequence[str] = (), avoid: Sequence[str] = ()
    ) -> frozenset[str]:
        """Those of the items whose pictures do not show a wanted value beyond doubt, or may well show an avoided one.

        name: of a readable attribute. An item without a picture shows no wanted value. Raises StoreError.
        """
        reader = next((reader for reader in self._readers() if reader.attribute == name), None)
        if reader is None:  # indexing has made others since it was asked for
            return frozenset()
        looks = self._store.get("image", item_ids)
        out = set(item_ids) - looks.keys() if want else set()
        if looks:
            judged = reader.contradicting(np.stack(list(looks.values())), want=want, avoid=avoid)
            out |= {item_id for item_id, contradicts in zip(looks, judged, strict=True) if contradicts}
        return frozenset(out)

    def _readers(self) -> tuple[Reader, ...]:
        try:
            found = (self._workspace.path / FILE).stat()
        except FileNotFoundError:
            return ()
        stamp = (found.st_mtime_ns, found.st_ino)
        if self._known[0] != stamp:
            self._known = stamp, self._load()
        return self._known[1]

    def _load(self) -> tuple[Reader, ...]:
        try:
            return load_readers(self._workspace.path, encoder=self._workspace.settings.encoder_fingerprint)
        except StoreError as error:
            logger.warning("values are not read off pictures: %s", error)
            return ()


def learn_to_read(workspace: Workspace, store: VectorStore, *, encoder: str) -> tuple[Reader, ...]:
    """Fit the readers of the workspace's catalogue as it is, and keep them. Raises StoreError."""
    told = {name: _some(texts) for name, texts in told_texts(workspace.items.all()).items()}
    ids = {item_id for texts in told.values() for item_id in texts}
    readers = fit_readers(told, store.get("image", sorted(ids)))
    save_readers(workspace.path, readers, encoder=encoder)
    return tuple(readers)
