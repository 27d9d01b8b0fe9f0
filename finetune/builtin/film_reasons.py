"""Reasons for films: a catalogue with posters and plots that the built-in model has never seen anything of."""

from __future__ import annotations

import random
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from finetune.builtin.told_reasons import told_reasons
from retrieval.candidates import CandidateFinder
from retrieval.encoders import open_encoder
from retrieval.errors import SettingsError
from retrieval.indexing import index_catalog
from retrieval.store import open_store
from retrieval.workspace import Workspace

if TYPE_CHECKING:
    from agent.models.base import VisionLanguageModel
    from finetune.builtin.told_reasons import Told
    from retrieval.types import AttributeValue


def film_reasons(model: VisionLanguageModel, data: Path, folder: Path, *, users: int, seed: int) -> list[Told]:
    """Five recommendations each for users drawn by the seed; every second one asks for a genre in words.

    data: with items.jsonl and interactions.csv. folder: where the workspace is made. Raises SettingsError without data.
    """
    catalog, log = data / "items.jsonl", data / "interactions.csv"
    missing = [path.name for path in (catalog, log) if not path.is_file()]
    if missing:
        raise SettingsError(f"{data} lacks {' and '.join(missing)}")
    with Workspace.create(folder) as workspace:
        encoder = open_encoder()
        index_catalog(workspace, catalog, encoder=encoder)
        workspace.log.import_file(log)
        rng = random.Random(seed)  # noqa: S311
        asked = rng.sample(sorted(workspace.log.users()), min(users, len(workspace.log.users())))
        genres = sorted({genre for item in workspace.items.all() for genre in _genres(item.attributes)})
        requests = {
            user: f"a good {rng.choice(genres).lower()} film" if row % 2 and genres else None
            for row, user in enumerate(asked)
        }
        with open_store(workspace) as store:
            return told_reasons(model, workspace, CandidateFinder(workspace, store, encoder), store, requests)


def _genres(attributes: Mapping[str, AttributeValue]) -> tuple[str, ...]:
    held = attributes.get("genres")
    return held if isinstance(held, tuple) else ()
