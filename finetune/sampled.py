"""The sampled protocol of older papers, for those who must see its figures; nothing else uses it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from finetune.metrics import DEPTH, target_accuracy
from finetune.systems import top_rows

if TYPE_CHECKING:
    from finetune.event_table import Floats
    from finetune.splits import Part
    from finetune.systems import Scorer

_CASES_AT_ONCE = 256


def sampled_not_comparable(scorer: Scorer, part: Part, *, negatives: int = 100, seed: int = 0) -> dict[str, Floats]:
    """Accuracy of each case, (n_cases,) by metric, where the target is ranked among a few random items only.

    negatives: so many items, drawn without replacement from what the user has not seen. These figures are far higher
    than those of a ranking of all items, can order systems differently (Krichene & Rendle 2020), and stand beside no
    others.
    """
    rng = np.random.default_rng(seed)
    lists = [np.zeros((0, DEPTH), dtype=np.int64)]
    for begin in range(0, len(part), _CASES_AT_ONCE):
        rows = np.arange(begin, min(begin + _CASES_AT_ONCE, len(part)))
        queries, target = part.queries.take(rows), part.target[rows]
        scores = scorer.allowed_scores(queries)
        chances = rng.random(scores.shape, dtype=np.float32)
        chances[~scorer.allowed(queries)] = -np.inf
        chances[np.arange(len(rows)), target] = np.inf
        drawn = top_rows(chances, negatives + 1)
        kept = np.full_like(scores, -np.inf)
        places, ranks = np.nonzero(drawn >= 0)
        kept[places, drawn[places, ranks]] = scores[places, drawn[places, ranks]]
        lists.append(top_rows(kept, DEPTH))
    return target_accuracy(np.concatenate(lists), part.target)
