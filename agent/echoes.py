"""What a candidate has in common with what was liked: told in the prompt, so that the model weighs and need not count.

A value that liked items have, and a picture that looks like theirs, is followed by `|n`: so many in ten of them.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from agent.facts import shareable_values
from agent.prompts import Shown
from agent.wording import fold

_NEAR_SHARE = 0.25
"""A liked item's look comes back in this share of the candidates: in those that are nearest to it."""


def with_echoes(candidates: Sequence[Shown], liked: Sequence[Shown]) -> list[Shown]:
    """The candidates, each with what of it the liked items have, in tenths of them, rounded up (1 to 10).

    Values are compared without differences of case, as `agent.evidence` does. Looks are compared where both sides have
    one: an item looks like a liked one when it is among the quarter of the candidates whose vectors are nearest.
    """
    counts = Counter(
        pair for shown in liked for pair in {(name, fold(text)) for name, text in shareable_values(shown.whole)}
    )
    alike = _alike(candidates, liked)
    return [
        replace(
            shown,
            echoes={
                (name, text): _tenths(count, len(liked))
                for name, text in shareable_values(shown.whole)
                if (count := counts[name, fold(text)])
            },
            alike=alike[row],
        )
        for row, shown in enumerate(candidates)
    ]


def tenths_wanted(wanted_by: Sequence[int]) -> list[int]:
    """Of each item, how many of all are wanted by no more people than it, itself too: tenths, rounded up (1 to 10).

    wanted_by: how many people want each. All are 0 where nobody wants any.
    """
    counts = np.array(wanted_by)
    return [_tenths(int((counts <= count).sum()), len(counts)) if counts.any() else 0 for count in wanted_by]


def _alike(candidates: Sequence[Shown], liked: Sequence[Shown]) -> list[int]:
    """(n_candidates,) tenths of the liked looks to which each candidate is one of the nearest; 0 without a look."""
    seen = [row for row, shown in enumerate(candidates) if shown.look is not None]
    past = [shown.look for shown in liked if shown.look is not None]
    found = [0] * len(candidates)
    if len(seen) < 2 or not past:
        return found
    near = np.stack(past) @ np.stack([look for row in seen if (look := candidates[row].look) is not None]).T
    places = math.ceil(_NEAR_SHARE * len(seen))
    ranks = np.argsort(np.argsort(-near, axis=1, kind="stable"), axis=1)
    for row, count in zip(seen, (ranks < places).sum(axis=0).tolist(), strict=True):
        found[row] = _tenths(count, len(past))
    return found


def _tenths(count: int, of: int) -> int:
    return math.ceil(10 * count / of)
