"""Learned retrieval from a log: towers are trained, the retrievers' weights are fitted, and both are put to use."""

from __future__ import annotations

import logging
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from finetune.blend import blend_of_validation
from finetune.devices import check_device
from finetune.newcomers import fit_newcomers
from finetune.tower_data import Sequences, TowerData, read_tower_data
from finetune.tower_fit import EpochReport, Progress, TowerFit, TowerTraining, all_item_vectors, plain
from retrieval.behavioural import towers_folder
from retrieval.blend import Blend, forget_blend, save_blend
from retrieval.errors import InteractionError
from retrieval.locks import alone
from retrieval.publishing import publish_towers
from retrieval.store import open_store
from retrieval.towers import TowerFacts, Towers, save_towers
from retrieval.two_towers import TowerSettings, TwoTowers

if TYPE_CHECKING:
    from retrieval.store import VectorStore
    from retrieval.workspace import Workspace

__all__ = ["EpochReport", "LearnedReport", "Progress", "TowerTraining", "Trained", "fit_towers", "train_towers"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Trained:
    """Towers, and how they came about.

    towers: the ones to serve. validated: those that have not seen each user's last event, of the best epoch.
    ndcg: NDCG@10 of `validated` on those events. epochs: the best number of them.
    """

    towers: Towers
    validated: Towers
    ndcg: float
    epochs: int
    history: tuple[EpochReport, ...]


@dataclass(frozen=True, slots=True)
class LearnedReport:
    """What was learned and put to use.

    version: of the towers. items, users: that they were trained on. blend: the retrievers' weights, None where there
    were too few users to fit them; then `note` says so.
    """

    version: str
    items: int
    users: int
    ndcg: float
    epochs: int
    blend: Blend | None
    note: str | None


def train_towers(
    workspace: Workspace,
    settings: TowerSettings | None = None,
    training: TowerTraining | None = None,
    *,
    device: str = "cpu",
    seed: int = 0,
    progress: Progress | None = None,
) -> LearnedReport:
    """Train towers on the workspace's log, fit the retrievers' weights, and serve both.

    A run that was killed goes on at its last whole epoch; until the end, the towers before are served.
    Raises InteractionError (nobody has two events), ModelError (the loss is not finite), StoreError (disk full),
    WorkspaceLockedError (another run), SettingsError.
    """
    training = training or TowerTraining()
    check_device(device)
    folder = towers_folder(workspace)
    with (
        alone(workspace.path, doing="is training towers in", lock_name="towers"),
        open_store(workspace, serve=True) as store,
    ):
        data = read_tower_data(
            workspace, store, type_weights=training.type_weights, rating_weights=training.rating_weights
        )
        encoder = store.encoder.fingerprint if store.encoder and data.has_content else None
        trained = fit_towers(
            data,
            settings=settings,
            training=training,
            encoder=encoder,
            device=device,
            seed=seed,
            checkpoint=folder / "training",
            progress=progress,
        )
        blend, note = _blend(workspace, store, trained)
        version = save_towers(trained.towers, folder)
        publish_towers(workspace, store, trained.towers, version)
        if blend is None:
            forget_blend(workspace.path)
        else:
            blend = replace(blend, towers=version)
            save_blend(blend, workspace.path)
        _drop_others(folder, version)
    return LearnedReport(version, len(data.item_ids), len(data.sequences), trained.ndcg, trained.epochs, blend, note)


def _blend(workspace: Workspace, store: VectorStore, trained: Trained) -> tuple[Blend | None, str | None]:
    try:
        return blend_of_validation(workspace, store, trained.validated), None
    except InteractionError as error:
        return None, str(error)


def _drop_others(folder: Path, version: str) -> None:
    """Forget the checkpoint and the towers before: they no longer count."""
    shutil.rmtree(folder / "training", ignore_errors=True)
    for path in (*folder.glob("*.safetensors"), *folder.glob("*.json")):
        if path.stem != version:
            path.unlink(missing_ok=True)


def fit_towers(
    data: TowerData,
    *,
    settings: TowerSettings | None = None,
    training: TowerTraining | None = None,
    encoder: str | None = None,
    device: str = "cpu",
    seed: int = 0,
    checkpoint: Path | None = None,
    progress: Progress | None = None,
) -> Trained:
    """Towers for these items and users; nothing is written but the checkpoint.

    checkpoint: a folder that keeps each finished epoch; a run that was cut off goes on from there, and ends with the
    same weights. Raises InteractionError when nobody has two events, ModelError when the loss is not finite,
    SettingsError.
    """
    check_device(device)
    settings, training = settings or TowerSettings(), training or TowerTraining()
    if not data.has_content and settings.fusion != "none":
        settings = replace(settings, fusion="none", ids=True)
    seasoned = data.sequences.longer_than(1)
    if not len(seasoned):
        raise InteractionError(
            f"nobody of the {len(data.sequences)} users in the log wants two items or more, so there is no next item "
            "to learn; log more events first"
        )
    before = seasoned.without_last()
    first = TowerFit("validation", data, settings, training, seed, torch.device(device), checkpoint)
    history = list(first.run(before, seasoned, training.epochs, progress))
    best = max(history, key=lambda report: report.ndcg or 0.0)
    validated = network = first.best
    if training.refit:
        again = TowerFit("refit", data, settings, training, seed, torch.device(device), checkpoint)
        history += again.run(seasoned, None, best.epoch, progress)
        network = again.network
    network = network.to("cpu").eval()
    told = {"seed": seed, "data": data.hash, "epochs": best.epoch, "ndcg": best.ndcg, **plain(training)}

    def towers(made: TwoTowers, train: Sequences) -> Towers:
        fit_newcomers(made, data, train)
        longest = float(all_item_vectors(made, data).norm(dim=1).max())
        return Towers(
            made, TowerFacts(settings, data.item_ids[: data.wanted], encoder, data.content.text.shape[1], longest, told)
        )

    served = towers(network, seasoned if training.refit else before)
    return Trained(served, towers(validated, before), best.ndcg or 0.0, best.epoch, tuple(history))
