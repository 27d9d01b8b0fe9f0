"""Every family that there is a preset for: both engines say the same of it, without and with an adapter."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

from agent.models.base import Message
from agent.models.transformers import TransformersModel
from agent.prompts import LETTERS
from agent.serving import find_vllm
from retrieval.errors import TastemakerError
from retrieval.workspace import Workspace
from tests.agent.rankings import rankings
from tests.agent.test_vllm import largest_difference
from tests.conformance.comparison import (
    CLOSE,
    LISTS,
    Tuned,
    decided,
    in_process,
    known,
    prepare,
    served,
)
from tests.conformance.families import FAMILIES, SMOLVLM2, Family
from tests.conformance.report import Half, Row, keep, table

QUICK = ("LLaVA-1.5", "Idefics3")
"""Families that are compared whenever anything is tested; the others take minutes more."""

each_family = pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)


@pytest.fixture(scope="session")
def measured(request: pytest.FixtureRequest) -> Iterator[Callable[[Row], None]]:
    """Takes what was measured of a family: printed at the end, and kept where all families are asked for."""
    rows: list[Row] = []

    def take(row: Row) -> None:
        rows.append(row)
        if request.config.getoption("markexpr") == "":
            keep(row, list(FAMILIES), lists=LISTS, python=find_vllm().python)

    yield take
    request.config.get_terminal_writer().line(f"\n\n{table(rows)}")


@pytest.fixture
def checkpoint(family: Family, tmp_path: Path) -> Iterator[str]:
    """The family's, by the name under which the product knows it."""
    folder = tmp_path / "model"
    folder.mkdir()
    family.save(folder)
    with known(family, folder) as name:
        yield name


@each_family
def test_kept_picture_features_say_what_pixels_say(family: Family, checkpoint: str) -> None:
    lists = rankings(2, candidates=4, liked=1, image_px=family.image_px)
    keeping, plain = (TransformersModel.open(checkpoint, device="cpu") for _ in range(2))
    plain._features = None
    assert largest_difference(keeping.score(lists, LETTERS), plain.score(lists, LETTERS)) < 1e-4
    if family.name != "Qwen3-VL":  # its language model takes features of several depths
        assert keeping._features is not None


@pytest.mark.parametrize("family", [SMOLVLM2], ids=["SmolVLM 2"])
def test_smolvlm_2_needs_neither_torchvision_nor_tiles(
    family: Family, checkpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from transformers.models.smolvlm import processing_smolvlm

    monkeypatch.setattr(processing_smolvlm, "num2words", str)  # the processor asks whether it is there
    engine = TransformersModel.open(checkpoint, device="cpu")
    (with_pictures,) = rankings(1, candidates=4, liked=0, image_px=56)
    words = tuple(Message(m.role, tuple(p for p in m.parts if isinstance(p, str))) for m in with_pictures)
    assert engine.count_tokens(with_pictures) - engine.count_tokens(words) == 4 * (4 + 3)
    assert all(score < 0 for score in engine.score([with_pictures], LETTERS)[0])


@pytest.mark.vllm
@pytest.mark.timeout(2400)
@pytest.mark.parametrize(
    "family",
    [pytest.param(f, id=name, marks=[] if name in QUICK else pytest.mark.conformance) for name, f in FAMILIES.items()],
)
def test_both_engines_say_the_same(
    family: Family, checkpoint: str, shop_workspace: Workspace, tmp_path: Path, measured: Callable[[Row], None]
) -> None:
    tuned = prepare(family, checkpoint, shop_workspace, tmp_path)
    row = compare(family, tuned, tmp_path)
    measured(row)
    assert row.reason == ""


def compare(family: Family, tuned: Tuned, folder: Path) -> Row:
    """Both engines in float32 and in bfloat16, one server after the other."""
    versions = (version("transformers"), find_vllm().version)
    try:
        exact, theirs = in_process(tuned, "float32"), served(tuned, "float32", folder / "float32")
        half, their_half = in_process(tuned, "bfloat16"), served(tuned, "bfloat16", folder / "bfloat16")
    except TastemakerError as error:
        return Row(family.name, *versions, reason=str(error).splitlines()[0])
    base = largest_difference(exact.base, theirs.base)
    adapter = largest_difference(exact.adapter, theirs.adapter)
    moves = largest_difference(theirs.base, theirs.adapter)
    clear = [
        (a, b) for one, other, sure in zip(half, their_half, exact, strict=True) for a, b in decided(one, other, sure)
    ]
    same = Half(sum(a == b for a, b in clear), len(clear))
    faults = [
        (max(base, adapter) > CLOSE, "the engines differ in float32"),
        (moves < 10 * CLOSE, "the adapter changes nothing"),
        (same.same < same.of or not same.of, "another first place in bfloat16"),
    ]
    reason = "; ".join(fault for found, fault in faults if found)
    return Row(family.name, *versions, base, adapter, moves, same, reason)
