"""The training itself: epoch by epoch, each told, kept, and able to be gone on with."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from finetune.precision import mixed_precision
from finetune.tower_checkpoint import TowerCheckpoint
from finetune.tower_data import Batch, Sequences, TowerData, history_batches, training_batches
from retrieval.errors import ModelError, SettingsError
from retrieval.two_towers import TowerSettings, TwoTowers
from retrieval.types import EventType

K = 10
"""Of the NDCG that chooses the epoch."""

_WARM_UP = 200
_LAST_RATE = 0.05
_CLIP = 5.0
_ITEMS_AT_ONCE = 4_096


@dataclass(frozen=True, slots=True)
class TowerTraining:
    """How towers are trained.

    epochs: at most. patience: so many epochs without a better validation NDCG@10 end the training. positions: padded
    events in a batch. negatives: items drawn for each batch, with the logQ correction (Yi et al. 2019); all items when
    there are no more than twice as many. negative_power: items are drawn by their number of events to this power; 0 is
    uniform. id_dropout: share of items whose id vector is left out, so that content learns to speak alone
    (Volkovs et al. 2017). type_weights: of events in the loss, 1 unless given. rating_weights: ratings weigh by value.
    refit: train again on everything, validation events included, for as many epochs as were best.
    validation_users: so many of them at most.
    """

    learning_rate: float = 3e-3
    epochs: int = 24
    patience: int = 8
    positions: int = 1_024
    negatives: int = 2_000
    negative_power: float = 0.0
    id_dropout: float = 0.1
    weight_decay: float = 0.0
    type_weights: Mapping[EventType, float] = field(default_factory=lambda: MappingProxyType({}))
    rating_weights: bool = False
    refit: bool = True
    validation_users: int = 50_000

    def __post_init__(self) -> None:
        if min(self.epochs, self.patience, self.positions, self.negatives, self.validation_users) < 1:
            raise SettingsError(
                f"epochs {self.epochs}, patience {self.patience}, positions {self.positions}, negatives "
                f"{self.negatives}, validation users {self.validation_users}; expected 1 or more"
            )
        if not (0 < self.learning_rate < 1 and 0 <= self.id_dropout < 1):
            raise SettingsError(
                f"learning rate {self.learning_rate}, id dropout {self.id_dropout}; expected 0 to 1, and 0 to less "
                "than 1"
            )
        if not all(
            0 <= each < math.inf for each in (self.weight_decay, self.negative_power, *self.type_weights.values())
        ):
            raise SettingsError(
                f"weight decay {self.weight_decay}, negative power {self.negative_power}, type weights "
                f"{dict(self.type_weights)}; expected 0 or more, and finite"
            )


@dataclass(frozen=True, slots=True)
class EpochReport:
    """One epoch. stage: validation or refit. loss: mean per event, in nats. ndcg: of validation, None in a refit."""

    stage: str
    epoch: int
    epochs: int
    loss: float
    ndcg: float | None


Progress = Callable[[EpochReport], None]


class TowerFit:
    """One training, epoch by epoch; each draws its chance from the seed and its number, and so can be gone on with."""

    def __init__(
        self,
        stage: str,
        data: TowerData,
        settings: TowerSettings,
        training: TowerTraining,
        seed: int,
        device: torch.device,
        checkpoint: Path | None,
    ) -> None:
        self._stage, self._data, self._settings, self._training = stage, data, settings, training
        self._seed, self._device = seed, device
        torch.manual_seed(seed)
        dimensions = data.content.text.shape[1]
        self.network = TwoTowers(settings, data.wanted, dimensions, dimensions).to(device)
        self.best = TwoTowers(settings, data.wanted, dimensions, dimensions)
        self._content = data.content.to(device)
        self._optimizer = torch.optim.AdamW(
            self.network.parameters(),
            lr=training.learning_rate,
            weight_decay=training.weight_decay,
            betas=(0.9, 0.98),
            fused=True,
        )
        self._saver = None if checkpoint is None else TowerCheckpoint(checkpoint / stage, self._identity())
        self.draw = _Negatives(data, training, device)

    def run(
        self, train: Sequences, validation: Sequences | None, epochs: int, progress: Progress | None
    ) -> Iterator[EpochReport]:
        """Train on the sequences; with validation, keep the epoch that ranks each user's last event best."""
        reports = self._resumed()
        for report in reports:
            yield report
        for epoch in range(len(reports), epochs):
            if validation is not None and _exhausted(reports, self._training.patience):
                break
            loss = self._epoch(train, epoch, epochs)
            ndcg = None if validation is None else self._ndcg(validation)
            report = EpochReport(self._stage, epoch + 1, epochs, loss, ndcg)
            if ndcg is None or all(ndcg > (past.ndcg or 0.0) for past in reports):
                self.best.load_state_dict(self.network.state_dict())
            reports.append(report)
            if self._saver is not None:
                self._saver.save(self.network, self.best, self._optimizer, [asdict(each) for each in reports])
            if progress is not None:
                progress(report)
            yield report

    def _epoch(self, train: Sequences, epoch: int, epochs: int) -> float:
        generator = np.random.default_rng([self._seed, epoch])
        torch.manual_seed(int(generator.integers(2**31)))
        self.network.train()
        batches = training_batches(
            train, length=self._settings.length, positions=self._training.positions, generator=generator
        )
        total = count = 0.0
        for number, batch in enumerate(batches):
            self._set_rate(epoch + number / len(batches), epochs, len(batches))
            loss, weight = self._loss(batch.to(self._device))
            value = float(loss.detach())
            if not math.isfinite(value):
                raise ModelError(
                    f"the loss of epoch {epoch + 1} is {value}; the towers before it are kept: lower the learning rate"
                )
            self._optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(self.network.parameters(), _CLIP)
            self._optimizer.step()
            total, count = total + value * weight, count + weight
        return total / max(count, 1e-9)

    def _set_rate(self, epoch: float, epochs: int, steps: int) -> None:
        """Warm up, over a tenth of the training at most, then half a cosine down to a twentieth.

        epoch: how many of the epochs are done, with the part of the one in hand. steps: in an epoch.
        """
        share = _LAST_RATE + (1 - _LAST_RATE) * (1 + math.cos(math.pi * epoch / epochs)) / 2
        warm = min(1.0, (epoch * steps + 1) / min(_WARM_UP, 1 + epochs * steps / 10))
        for group in self._optimizer.param_groups:
            group["lr"] = self._training.learning_rate * share * warm

    def _loss(self, batch: Batch) -> tuple[Tensor, float]:
        """Mean cross-entropy of the batch's targets, and their weight."""
        wanted = batch.targets >= 0
        targets, weights = batch.targets[wanted], batch.weights[wanted]
        negatives, corrections = self.draw()
        needed, places = torch.unique(torch.cat([batch.rows.flatten(), targets, negatives]), return_inverse=True)
        vectors = self._items(needed)
        history, aims, drawn = places.split([batch.rows.numel(), len(targets), len(negatives)])
        users = self.network.user(vectors[history].view(*batch.rows.shape, -1), batch.circumstances)[wanted]
        with mixed_precision(self._device.type):  # enough for the logits
            positive = (users * vectors[aims]).sum(1, keepdim=True)
            others = users @ vectors[drawn].T
        others = (others.float() + corrections).masked_fill(negatives == targets[:, None], -torch.inf)
        logits = torch.cat([positive.float(), others], dim=1)
        losses = functional.cross_entropy(logits, torch.zeros_like(targets), reduction="none")
        weight = float(weights.sum())
        return (losses * weights).sum() / max(weight, 1e-9), weight

    def _items(self, rows: Tensor) -> Tensor:
        """Vectors of the items; in training some without their id."""
        known = torch.rand(len(rows), device=rows.device) >= self._training.id_dropout
        vectors: Tensor = self.network.item(self._content.of(rows), rows, known | (self.network.item.fusion is None))
        return vectors

    @torch.inference_mode()
    def _ndcg(self, users: Sequences) -> float:
        """NDCG@10 of each user's last event, among all items that the user did not want before."""
        self.network.eval()
        some = users.first(self._training.validation_users)
        items = all_item_vectors(self.network, self._data).to(self._device)
        gain = 0.0
        for mine, batch in history_batches(some.without_last(), length=self._settings.length):
            scores = _last_user_vectors(self.network, items, batch.to(self._device)) @ items.T
            wanted = [some.rows[user] for user in mine]
            places = np.repeat(np.arange(len(mine)), [len(rows) - 1 for rows in wanted])
            known = np.concatenate([rows[:-1] for rows in wanted])
            scores[torch.from_numpy(places), torch.from_numpy(known)] = -torch.inf
            targets = torch.tensor([int(rows[-1]) for rows in wanted], device=self._device)
            ranks = (scores >= scores.gather(1, targets[:, None])).sum(1) - 1  # of equal ones the target is last
            gain += float((1 / torch.log2(ranks[ranks < K] + 2.0)).sum())
        return gain / max(1, len(some))

    def _resumed(self) -> list[EpochReport]:
        if self._saver is None:
            return []
        return [EpochReport(**each) for each in self._saver.load(self.network, self.best, self._optimizer)]

    def _identity(self) -> str:
        """What a checkpoint must agree on to be gone on with."""
        told = [self._data.hash, asdict(self._settings), plain(self._training), self._seed, self._stage]
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


class _Negatives:
    """Draws the items that a batch's targets are held against: of those that somebody wants.

    What nobody has wanted yet was never offered; to learn that it is not wanted would keep it from ever being.
    """

    def __init__(self, data: TowerData, training: TowerTraining, device: torch.device) -> None:
        items = data.wanted
        self._count, self._device = training.negatives, device
        self._all = items <= 2 * training.negatives
        wanted = np.concatenate(data.sequences.rows)
        chances = np.maximum(np.bincount(wanted, minlength=items), 1.0) ** training.negative_power
        self._chances = torch.from_numpy(chances / chances.sum()).to(device)
        self._ends = self._chances.cumsum(0)

    def __call__(self) -> tuple[Tensor, Tensor]:
        """Rows of items, (n,), and what is added to their logits, (n,): -log of how often each is expected."""
        if self._all:
            rows = torch.arange(len(self._chances), device=self._device)
            return rows, torch.zeros(len(rows), device=self._device)
        points = torch.rand(self._count, dtype=self._ends.dtype, device=self._device) * self._ends[-1]
        rows = torch.searchsorted(self._ends, points).clamp(max=len(self._ends) - 1)
        return rows, -torch.log(self._count * self._chances[rows]).float()


def _last_user_vectors(network: TwoTowers, items: Tensor, batch: Batch) -> Tensor:
    """(n_users, width): what each wants after the batch's events."""
    hidden: Tensor = network.user(items[batch.rows], batch.circumstances)
    return hidden[torch.arange(len(hidden), device=hidden.device), batch.lengths - 1]


@torch.inference_mode()
def all_item_vectors(network: TwoTowers, data: TowerData) -> Tensor:
    """(n_items, width) of every item: as trained where somebody wants it, else guessed from its content.

    Raises ModelError when one is not finite.
    """
    rows = torch.arange(len(data.item_ids))
    place = next(network.parameters()).device
    parts = []
    for start in range(0, len(rows), _ITEMS_AT_ONCE):
        some = rows[start : start + _ITEMS_AT_ONCE]
        content, known = data.content.of(some).to(place), (some < data.wanted).to(place)
        trained = network.item(content, some.clamp(max=data.wanted - 1).to(place), known)
        parts.append(torch.where(known[:, None], trained, network.item.guess(content)))
    vectors = torch.cat(parts).cpu()
    broken = int((~vectors.isfinite()).any(dim=1).sum())
    if broken:
        raise ModelError(
            f"{broken:,} of {len(vectors):,} item vectors are not finite; the towers before it are kept: lower the "
            "learning rate, or index the catalogue with --rebuild if its vectors are damaged"
        )
    return vectors


def _exhausted(reports: list[EpochReport], patience: int) -> bool:
    """Whether the last epochs, so many, were all worse than an earlier one."""
    gains = [report.ndcg or 0.0 for report in reports]
    return len(gains) > patience and max(gains[-patience:]) <= max(gains[:-patience])


def plain(training: TowerTraining) -> dict[str, Any]:
    """The settings as JSON has them."""
    values = {each.name: getattr(training, each.name) for each in fields(training)}
    return {**values, "type_weights": {kind.value: weight for kind, weight in training.type_weights.items()}}
