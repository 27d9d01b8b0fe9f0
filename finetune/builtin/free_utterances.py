"""150 messages written by hand, and how well a way to understand messages does on them.

They are for this measurement only: nothing is trained or tuned on them. How they are labelled: free_utterances.md.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.dialogue import Facet, Update, parse_update
from agent.linker import link
from agent.mentions import Embed
from finetune.builtin.drawing.look import CATEGORIES, COLOURS, PATTERNS
from finetune.builtin.measures_talk import f1, field_f1, same_update
from finetune.builtin.products import BRANDS, MATERIALS, OCCASIONS, ROOMS, STYLES

UTTERANCES = Path(__file__).with_suffix(".jsonl")


@dataclass(frozen=True, slots=True)
class FreeCase:
    """A message, what it is said to, and what it changes.

    facets: the attributes to speak of. standing: what holds so far, in words. shown: titles of the list shown last.
    """

    facets: tuple[Facet, ...]
    standing: str | None
    shown: tuple[str, ...]
    message: str
    update: Update


def shop_facets() -> tuple[Facet, ...]:
    """The built-in shop's attributes with all their values."""
    return (
        Facet("category", CATEGORIES),
        Facet("colour", COLOURS),
        Facet("pattern", PATTERNS),
        Facet("accent", COLOURS),
        Facet("material", tuple(dict.fromkeys(value for values in MATERIALS.values() for value in values))),
        Facet("style", STYLES),
        Facet("room", tuple(dict.fromkeys(value for values in ROOMS.values() for value in values))),
        Facet("occasion", OCCASIONS),
        Facet("brand", tuple(BRANDS)),
        Facet("price"),
    )


def free_cases() -> tuple[FreeCase, ...]:
    """All cases, in the file's order."""
    return tuple(_case(json.loads(line)) for line in UTTERANCES.read_text(encoding="utf-8").splitlines())


def _case(told: dict[str, Any]) -> FreeCase:
    facets = shop_facets() if told["facets"] == "shop" else _facets(told["facets"])
    update = parse_update(json.dumps(told["update"]), facets)
    return FreeCase(facets, told["standing"], tuple(told["shown"]), told["message"], update)


def _facets(told: dict[str, list[str]]) -> tuple[Facet, ...]:
    return tuple(Facet(name, tuple(values)) for name, values in told.items())


def measure_free(predict: Callable[[FreeCase], Update]) -> dict[str, float]:
    """How often the whole update is right (0 to 1), and its micro field F1 (0 to 1): over all cases and by action."""
    counts: dict[str, list[tuple[float, float, float]]] = {"all": []}
    exact = 0
    for case in (cases := free_cases()):
        predicted = predict(case)
        counted = field_f1(predicted, case.update)
        counts["all"].append(counted)
        counts.setdefault(f"f1_{case.update.action}", []).append(counted)
        exact += same_update(predicted, case.update)
    figures = {name: f1(_summed(counted)) for name, counted in counts.items()}
    return {"f1": figures.pop("all"), "exact": exact / len(cases), "cases": len(cases), **figures}


def _summed(counted: list[tuple[float, float, float]]) -> tuple[float, float, float]:
    tp, fp, fn = (sum(column) for column in zip(*counted, strict=True))
    return tp, fp, fn


def linked(embed: Embed) -> Callable[[FreeCase], Update]:
    """The linker without a language model, which a model has to beat."""

    def predict(case: FreeCase) -> Update:
        return link(case.message, case.facets, standing=case.standing, shown=case.shown, embed=embed)

    return predict


def main() -> None:
    """Print the linker's figures: python -m finetune.builtin.free_utterances."""
    from retrieval.encoders import open_encoder

    for name, figure in measure_free(linked(open_encoder().embed_text)).items():
        print(f"{name:12} {figure:.3f}")


if __name__ == "__main__":
    main()
