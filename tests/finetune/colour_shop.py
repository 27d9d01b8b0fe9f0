"""A shop whose users want things of one colour each, with pictures and embedded, for whatever learns from its log."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import numpy as np

from retrieval.indexing import index_catalog
from retrieval.store import VectorStore, open_store
from retrieval.types import Event, EventType
from retrieval.workspace import Workspace
from tests.conftest import COLOURS, SHAPES, TinyShop
from tests.retrieval.words import WordEncoder

START = datetime(2026, 6, 1, tzinfo=UTC)
ENCODER = WordEncoder()


@contextmanager
def colour_shop(workspace: Workspace, shop: TinyShop, *, users: int) -> Iterator[VectorStore]:
    """The tiny shop, and users who each want all four things of a colour, in an order of their own."""
    index_catalog(workspace, shop.catalog, encoder=ENCODER)
    rng = np.random.default_rng(0)
    for user in range(users):
        colour = list(COLOURS)[user % len(COLOURS)]
        want(workspace, f"user {user}", [f"{colour}-{SHAPES[place]}" for place in rng.permutation(len(SHAPES))])
    with open_store(workspace) as store:
        yield store


def want(workspace: Workspace, user_id: str, item_ids: list[str], *, day: int = 0) -> None:
    """The user likes these items, one an hour."""
    begin = START + timedelta(days=day)
    workspace.log.add(
        Event(user_id, item_id, EventType.LIKE, begin + timedelta(hours=hour)) for hour, item_id in enumerate(item_ids)
    )
