"""Values that the text of an item leaves out, read off its picture.

The catalogue itself teaches how: items whose text tells a pattern or a colour show what it looks like. Which
attributes can be seen at all is found out the same way, by reading items whose text is known.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
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

Floats = npt.NDArray[np.float64]

FILE = "picture_values.safetensors"
LEAST_ITEMS, LEAST_EACH, MOST_VALUES = 60, 5, 50
"""Items that must tell an attribute, and a value of it; an attribute of more values than that is not read."""
MOST_ITEMS = 5_000
"""So many items that tell an attribute are learned from."""
_LONGEST = 60
_SURE = 0.5
_RIGHT, _OFTEN = 0.8, 0.5
_SHRINKAGE = 0.01
_FOLDS = 5


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads one attribute off image vectors: linear discriminant analysis (Fisher 1936; shrunk covariance).

    values: (n,) its values. weights: (n, d) float32. bias: (n,) float32. accuracy: share of items that it read rightly
    whose text it had not learned from, among those it was sure of, 0 to 1.
    """

    attribute: str
    values: tuple[str, ...]
    weights: Vectors
    bias: npt.NDArray[np.float32]
    accuracy: float

    def read(self, vectors: Vectors) -> list[str | None]:
        """The value of each vector (n, d), None where no value is likelier than all others together."""
        chances = _chances(np.asarray(vectors, np.float64), self.weights.astype(np.float64), self.bias)
        best = chances.argmax(axis=1)
        sure = chances.max(axis=1) >= _SURE
        return [self.values[row] if known else None for row, known in zip(best.tolist(), sure.tolist(), strict=True)]


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
    right, often = _tried(rows, labels, len(values))
    if right < _RIGHT or often < _OFTEN:
        return None
    weights, bias = _discriminant(rows, labels, len(values))
    return Reader(name, values, weights.astype(np.float32), bias.astype(np.float32), round(right, 4))


def _tried(rows: Floats, labels: npt.NDArray[np.int64], count: int) -> tuple[float, float]:
    """On items not learned from: how often it is right where it is sure, and how often it is sure."""
    fold = np.arange(len(rows)) % _FOLDS
    chances = np.zeros((len(rows), count))
    for held in range(_FOLDS):
        weights, bias = _discriminant(rows[fold != held], labels[fold != held], count)
        chances[fold == held] = _chances(rows[fold == held], weights, bias)
    sure = chances.max(axis=1) >= _SURE
    right = chances.argmax(axis=1) == labels
    return (float(right[sure].mean()) if sure.any() else 0.0), float(sure.mean())


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


def _chances(rows: Floats, weights: npt.NDArray[np.floating], bias: npt.NDArray[np.floating]) -> Floats:
    scores = rows @ weights.T + bias
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    chances: Floats = powers / powers.sum(axis=1, keepdims=True)
    return chances


def save_readers(folder: Path, readers: Sequence[Reader], *, encoder: str) -> None:
    """Keep the readers in the workspace's folder, whole or not at all. encoder: fingerprint of what made the vectors.

    Raises StoreError when they cannot be written.
    """
    from safetensors.numpy import save

    tensors = {f"{row}.{part}": getattr(one, part) for row, one in enumerate(readers) for part in ("weights", "bias")}
    told = [{"attribute": one.attribute, "values": one.values, "accuracy": one.accuracy} for one in readers]
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
            Reader(one["attribute"], tuple(one["values"]), weights, bias, float(one["accuracy"]))
            for one, (weights, bias) in zip(told, parts, strict=True)
        )
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise StoreError(f"{path} is damaged ({error}); make it again: tastemaker index CATALOG") from error


class Glance:
    """What the pictures of a workspace's items tell beside their text; follows the file when indexing renews it."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._stamp: tuple[int, int] | None = None
        self._readers: tuple[Reader, ...] = ()

    def seen(self, items: Sequence[Item], looks: Mapping[str, Vector]) -> dict[str, dict[str, str]]:
        """By item id the values, by attribute, that its text leaves out and its picture tells.

        looks: by item id the unit vector of its picture. Raises StoreError for a damaged file.
        """
        known = [item for item in items if item.item_id in looks]
        if not known or not (readers := self._current()):
            return {}
        rows = np.stack([looks[item.item_id] for item in known])
        read = {reader.attribute: reader.read(rows) for reader in readers}
        return {
            item.item_id: {
                name: value
                for name, values in read.items()
                if (value := values[row]) is not None and name not in item.attributes
            }
            for row, item in enumerate(known)
        }

    def _current(self) -> tuple[Reader, ...]:
        try:
            found = (self._workspace.path / FILE).stat()
        except FileNotFoundError:
            return ()
        stamp = (found.st_mtime_ns, found.st_ino)
        if stamp != self._stamp:
            encoder = self._workspace.settings.encoder_fingerprint
            self._readers, self._stamp = load_readers(self._workspace.path, encoder=encoder), stamp
        return self._readers


def learn_to_read(workspace: Workspace, store: VectorStore, *, encoder: str) -> tuple[Reader, ...]:
    """Fit the readers of the workspace's catalogue as it is, and keep them. Raises StoreError."""
    told = {name: _some(texts) for name, texts in told_texts(workspace.items.all()).items()}
    ids = {item_id for texts in told.values() for item_id in texts}
    readers = fit_readers(told, store.get("image", sorted(ids)))
    save_readers(workspace.path, readers, encoder=encoder)
    return tuple(readers)
