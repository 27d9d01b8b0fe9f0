"""Simulated shoppers find what they look for, in a copy of the workspace that knows nothing of it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from finetune.shopper import Claim, Kind, Message, Seen, Shopper
from finetune.shopper_cases import cases_of
from finetune.simulate import Simulation, SimulationSettings, obeys, simulate
from retrieval.encoders import open_encoder
from retrieval.errors import InteractionError, SettingsError
from retrieval.indexing import index_catalog
from retrieval.types import EventType
from retrieval.workspace import Workspace
from tests.conftest import TinyShop

TARGET = Seen(
    "t", {"kind": frozenset({"mug"}), "colour": frozenset({"red"}), "shape": frozenset({"round"})}, {"price": 20}
)
OTHERS = [
    Seen(f"o{price}", {"kind": frozenset({"mug"}), "colour": frozenset({colour})}, {"price": price})
    for price, colour in ((30, "blue"), (40, "blue"), (50, "green"))
]
NEAR = Seen("n", {"kind": frozenset({"mug"})}, {"price": 20})


@pytest.fixture(scope="module")
def shop(tiny_shop: TinyShop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    with Workspace.create(tmp_path_factory.mktemp("simulated") / "shop") as workspace:
        index_catalog(workspace, tiny_shop.catalog, encoder=open_encoder())
        workspace.log.import_file(tiny_shop.interactions)
        yield workspace


@pytest.fixture(scope="module")
def simulation(shop: Workspace) -> Simulation:
    return simulate(shop, SimulationSettings(users=2, k=3), retriever_only=True)


def test_in_a_small_shop_everybody_finds_it(simulation: Simulation) -> None:
    assert simulation.talks
    assert (simulation.success.mean, simulation.model) == (1.0, "none (the retriever's order)")
    for talk in simulation.talks:
        assert talk.found == len(talk.exchanges)
        assert talk.case.target.item_id in talk.exchanges[-1].shown
        assert all(talk.case.target.item_id not in exchange.shown for exchange in talk.exchanges[:-1])


def test_nothing_of_it_is_left_in_the_workspace(shop: Workspace, simulation: Simulation) -> None:
    assert simulation.talks
    assert not any(event.type is EventType.IMPRESSION for event in shop.log.events())
    assert list(shop.path.glob(".past-*")) == []


def test_what_is_looked_for_is_not_in_the_copys_log(shop: Workspace) -> None:
    cases = cases_of(shop, 5, seed=0, develop=False)
    for case in cases.cases:
        known = [event for event in cases.known(shop.log) if event.user_id == case.user_id]
        assert case.target.item_id not in {event.item_id for event in known}
        assert shop.log.positives(case.user_id)[-1].item_id == case.target.item_id


def test_who_is_there_to_develop_on_is_nobody_whom_results_are_told_of(shop: Workspace) -> None:
    halves = []
    for develop in (True, False):
        try:
            halves.append({case.user_id for case in cases_of(shop, 99, seed=0, develop=develop).cases})
        except InteractionError:
            halves.append(set())
    assert halves[0] | halves[1] == {"ann", "ben", "cleo"}
    assert not halves[0] & halves[1]


def test_settings_that_make_no_sense_are_refused() -> None:
    with pytest.raises(SettingsError, match="expected 1 or more"):
        SimulationSettings(turns=0)


def shopper(seed: int) -> Shopper:
    return Shopper(TARGET, "kind", {"colour": 1.0, "shape": 1.0}, "price", random.Random(seed))


def test_whatever_a_shopper_claims_is_true_of_the_target() -> None:
    kinds = set()
    for seed in range(200):
        one = shopper(seed)
        messages = [one.opens(), *(one.criticises(OTHERS) for _ in range(4)), *(one.criticises([NEAR]) for _ in "12")]
        claims = [claim for message in messages for claim in message.claims]
        kinds |= {claim.kind for claim in claims}
        assert all(claim.kept_by(TARGET) for claim in claims)
        wanted = [claim.attribute for claim in claims if claim.kind is Kind.WANT]
        assert len(wanted) == len(set(wanted))
    assert kinds == {Kind.WANT, Kind.AVOID, Kind.AT_MOST, Kind.LIKE, Kind.OTHERS}


def test_claims_are_kept_or_not() -> None:
    blue = OTHERS[0]
    assert not Claim(Kind.WANT, "colour", "red").kept_by(blue)
    assert not Claim(Kind.WANT, "shape", "round").kept_by(blue)
    assert Claim(Kind.AVOID, "shape", "round").kept_by(blue)
    assert not Claim(Kind.AVOID, "colour", "blue").kept_by(blue)
    assert not Claim(Kind.AT_MOST, "price", number=29).kept_by(blue)
    assert Claim(Kind.AT_LEAST, "price", number=30).kept_by(blue)
    assert not Claim(Kind.AT_LEAST, "weight", number=0).kept_by(blue)


def test_a_critique_is_obeyed_when_all_that_is_shown_is_as_it_says() -> None:
    want = Message("", (Claim(Kind.WANT, "colour", "blue"),))
    assert obeys(want, OTHERS, OTHERS[:2])
    assert not obeys(want, OTHERS, OTHERS)
    assert not obeys(want, OTHERS, [])
    others = Message("", (Claim(Kind.OTHERS),))
    assert obeys(others, OTHERS, [TARGET])
    assert not obeys(others, OTHERS, [TARGET, OTHERS[1]])
    like = Message("", (Claim(Kind.LIKE, number=1.0),))
    assert obeys(like, OTHERS, [OTHERS[1]])
    assert not obeys(like, OTHERS[:2], [Seen("x", {}, {})])


def test_a_catalogue_without_a_log_has_nobody(tmp_path: Path) -> None:
    with (
        Workspace.create(tmp_path / "empty") as workspace,
        pytest.raises(InteractionError, match="nobody has anything"),
    ):
        cases_of(workspace, 3, seed=0, develop=False)
