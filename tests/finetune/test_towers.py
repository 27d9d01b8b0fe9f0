"""Training of towers: it finds what was planted, goes on where it was cut off, and says what is wrong."""

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
import torch

from finetune.tower_data import history_batches, training_batches
from finetune.tower_fit import EpochReport, TowerFit, TowerTraining, all_item_vectors
from finetune.towers import Trained, fit_towers
from retrieval.errors import InteractionError, ModelError, SettingsError
from retrieval.towers import augmented
from retrieval.two_towers import TowerSettings
from retrieval.types import Event, EventType
from tests.finetune.tower_worlds import EACH, ITEMS, KINDS, kind_of, row_of, sequences, world

SMALL = TowerSettings(fusion="text", width=16, length=10, dropout=0.1)
QUICK = TowerTraining(learning_rate=0.01, epochs=30, positions=256, id_dropout=0.5)


COLD = 3


@pytest.fixture(scope="module")
def trained() -> Trained:
    return fit_towers(world(cold=COLD), settings=SMALL, training=QUICK)


def wanted(rows: list[int]) -> list[Event]:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    return [
        Event("u", f"item {row:02}", EventType.CLICK, start + timedelta(hours=place)) for place, row in enumerate(rows)
    ]


def same(one: torch.nn.Module, other: torch.nn.Module) -> bool:
    """Whether both have the same weights, bit for bit."""
    return all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))


def ranked(trained: Trained, rows: list[int]) -> list[int]:
    """Rows of all items, best first, for somebody who wanted these."""
    data = world(cold=COLD)
    texts = dict(zip(data.item_ids, data.content.text.numpy(), strict=True))
    vectors = trained.towers.item_vectors(data.item_ids, texts, {})
    user = trained.towers.user_vector(wanted(rows), dict(zip(data.item_ids, vectors, strict=True)))
    assert user is not None
    return np.argsort(-(vectors @ user)).tolist()


def test_next_kind_comes_first(trained: Trained) -> None:
    assert trained.ndcg > 0.4  # eight equally likely items: about .55 at best, .05 by chance
    for kind in range(KINDS):
        best = ranked(trained, [row_of((kind - 1) % KINDS, 0), row_of(kind, 0)])[: EACH - 2]
        assert {kind_of(row) for row in best} == {(kind + 1) % KINDS}


def test_item_that_nobody_has_wanted_is_found_by_its_content(trained: Trained) -> None:
    for row in range(ITEMS - COLD, ITEMS):
        assert row in ranked(trained, [row_of((kind_of(row) - 1) % KINDS, 1)])[: EACH + 2]


def test_last_click_counts_at_once(trained: Trained) -> None:
    first = ranked(trained, [row_of(0, 0)])
    after = ranked(trained, [row_of(0, 0), row_of(1, 2)])
    assert kind_of(first[0]) == 1
    assert kind_of(after[0]) == 2


def test_same_seed_same_towers_and_another_seed_others() -> None:
    few = replace(QUICK, epochs=2, refit=False)
    one, again, other = (fit_towers(world(40), settings=SMALL, training=few, seed=seed) for seed in (1, 1, 2))
    assert same(one.towers.network, again.towers.network)
    assert not same(one.towers.network, other.towers.network)


class CutOffError(Exception):
    """The machine goes away."""


@pytest.mark.parametrize("stage", ["validation", "refit"])
def test_training_that_was_cut_off_ends_with_the_same_weights(tmp_path: Path, stage: str) -> None:
    few = replace(QUICK, epochs=4)
    whole = fit_towers(world(40), settings=SMALL, training=few)
    told: list[tuple[str, int]] = []

    def cut_off(report: EpochReport) -> None:
        told.append((report.stage, report.epoch))
        if report.stage == stage and report.epoch == 2:
            raise CutOffError

    def go_on(report: EpochReport) -> None:
        told.append((report.stage, report.epoch))

    with pytest.raises(CutOffError):
        fit_towers(world(40), settings=SMALL, training=few, checkpoint=tmp_path, progress=cut_off)
    resumed = fit_towers(world(40), settings=SMALL, training=few, checkpoint=tmp_path, progress=go_on)
    assert len(told) == len(set(told)), "no epoch is trained twice"
    assert same(resumed.towers.network, whole.towers.network)
    assert resumed.history == whole.history


def test_checkpoint_of_another_catalogue_is_not_gone_on_with(tmp_path: Path) -> None:
    few = replace(QUICK, epochs=2, refit=False)
    fit_towers(world(40), settings=SMALL, training=few, checkpoint=tmp_path)
    other = world(40, seed=9)
    told: list[int] = []
    again = fit_towers(
        other, settings=SMALL, training=few, checkpoint=tmp_path, progress=lambda report: told.append(report.epoch)
    )
    assert told == [1, 2]
    fresh = fit_towers(other, settings=SMALL, training=few)
    assert same(again.towers.network, fresh.towers.network)


def test_damaged_checkpoint_begins_again(tmp_path: Path) -> None:
    few = replace(QUICK, epochs=2, refit=False)
    whole = fit_towers(world(40), settings=SMALL, training=few, checkpoint=tmp_path)
    (file,) = tmp_path.iterdir()
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    again = fit_towers(world(40), settings=SMALL, training=few, checkpoint=tmp_path)
    assert same(again.towers.network, whole.towers.network)


def test_epochs_without_a_better_one_end_it() -> None:
    hopeless = replace(world(40), sequences=sequences([np.array([0, 1])] * 30))
    trained = fit_towers(hopeless, settings=SMALL, training=replace(QUICK, epochs=30, patience=2))
    assert len([report for report in trained.history if report.stage == "validation"]) < 30


def test_validation_items_are_not_learned_from_before_the_refit() -> None:
    """The last item of each user is told to nobody: changing it changes no weight."""
    data = world(40)
    other = replace(
        data, sequences=sequences([np.append(rows[:-1], (rows[-1] + 1) % ITEMS) for rows in data.sequences.rows])
    )
    few = replace(QUICK, epochs=1, refit=False)
    one, two = (fit_towers(each, settings=SMALL, training=few).towers.network for each in (data, other))
    assert same(one, two)


def test_without_content_the_ids_speak_alone() -> None:
    data = world()
    bare = replace(data, content=replace(data.content, present=torch.zeros_like(data.content.present)))
    trained = fit_towers(bare, settings=replace(SMALL, dropout=0.0), training=QUICK)
    assert trained.towers.facts.settings.fusion == "none"
    assert trained.ndcg > 0.3


def test_sampled_negatives_come_near_to_all_of_them() -> None:
    data = world()
    full = fit_towers(data, settings=SMALL, training=replace(QUICK, refit=False))
    sampled = fit_towers(data, settings=SMALL, training=replace(QUICK, refit=False, negatives=16, negative_power=0.5))
    assert sampled.ndcg > 0.8 * full.ndcg


def test_logq_correction_makes_sampled_softmax_that_of_all_items() -> None:
    """With fixed scores, the mean over draws of the sum of corrected weights is the sum over all items."""
    data = world()
    fit = TowerFit(
        "validation", data, SMALL, replace(QUICK, negatives=20, negative_power=0.7), 0, torch.device("cpu"), None
    )
    scores = torch.linspace(-1, 1, ITEMS)
    torch.manual_seed(0)
    sums = []
    for _ in range(3_000):
        rows, corrections = fit.draw()
        sums.append(float(torch.exp(scores[rows] + corrections).sum()))
    assert np.mean(sums) == pytest.approx(float(torch.exp(scores).sum()), rel=0.02)


def test_weights_of_events_weigh() -> None:
    """Two kinds of users who want different things next: the one whose events weigh more wins."""
    rows = [np.array([0, 1]), np.array([0, 2])] * 20
    data = replace(world(), sequences=sequences([np.append(each, 40) for each in rows]))
    heavy = tuple(np.array([1, 9 if row[1] == 2 else 1, 0], dtype=np.float32) for row in rows)
    data = replace(data, sequences=replace(data.sequences, weights=heavy))
    trained = fit_towers(data, settings=replace(SMALL, fusion="none"), training=replace(QUICK, refit=False))
    assert ranked(trained, [0])[0] == 2


def test_batches_hold_every_pair_of_neighbours_once() -> None:
    data = world(30).sequences
    batches = training_batches(data, length=10, positions=64, generator=np.random.default_rng(0))
    found = []
    for batch in batches:
        for rows, targets in zip(batch.rows.tolist(), batch.targets.tolist(), strict=True):
            found += [(row, target) for row, target in zip(rows, targets, strict=True) if target >= 0]
    expected = [pair for rows in data.rows for pair in zip(rows[:-1].tolist(), rows[1:].tolist(), strict=True)]
    assert sorted(found) == sorted(expected)


def test_long_histories_are_read_at_their_end_and_trained_on_everywhere() -> None:
    data = sequences([np.arange(40), np.arange(3)])
    ((_, batch),) = history_batches(data, length=10)
    assert batch.rows.tolist()[1] == list(range(30, 40))
    assert batch.lengths.tolist() == [3, 10]
    seen = set()
    for seed in range(60):
        for batch in training_batches(data, length=10, positions=64, generator=np.random.default_rng(seed)):
            seen |= {target for row in batch.targets.tolist() for target in row if target >= 0}
    assert seen == set(range(1, 40))


def test_augmented_vectors_keep_the_order_of_dot_products() -> None:
    rng = np.random.default_rng(0)
    items = rng.normal(size=(200, 8)).astype(np.float32) * rng.uniform(0.1, 3, size=(200, 1)).astype(np.float32)
    user = rng.normal(size=8).astype(np.float32)
    longest = float(np.linalg.norm(items, axis=1).max())
    made = augmented(items, longest)
    np.testing.assert_allclose(np.linalg.norm(made, axis=1), 1, atol=1e-5)
    cosines = made @ np.append(user / np.linalg.norm(user), 0)
    assert np.argsort(-cosines)[:50].tolist() == np.argsort(-(items @ user))[:50].tolist()
    assert np.linalg.norm(augmented(items * 9, longest), axis=1) == pytest.approx(1, abs=1e-5)


def test_served_vectors_are_the_trained_ones(trained: Trained) -> None:
    data = world(cold=COLD)
    texts = dict(zip(data.item_ids, data.content.text.numpy(), strict=True))
    scale = trained.towers.facts.scale
    raw = all_item_vectors(trained.towers.network, data).numpy()
    np.testing.assert_allclose(trained.towers.item_vectors(data.item_ids, texts, {}), augmented(raw, scale), atol=1e-6)


def test_users_without_a_next_item_are_told() -> None:
    with pytest.raises(InteractionError, match="nobody of the 2 users in the log wants two items"):
        fit_towers(replace(world(), sequences=sequences([np.array([1]), np.array([4])])), settings=SMALL)


def test_loss_that_is_not_finite_stops_with_advice() -> None:
    data = world(20)
    broken = replace(data, content=replace(data.content, text=data.content.text * torch.nan))
    with pytest.raises(ModelError, match="the loss of epoch 1 is nan"):
        fit_towers(broken, settings=SMALL, training=QUICK)


def test_item_vectors_that_are_not_finite_stop_it(trained: Trained) -> None:
    """Also those that no loss has seen: of items that nobody wants yet."""
    data = world(cold=COLD)
    text = data.content.text.clone()
    text[-1] = torch.nan
    broken = replace(data, content=replace(data.content, text=text))
    with pytest.raises(ModelError, match=f"1 of {ITEMS} item vectors are not finite"):
        fit_towers(broken, settings=SMALL, training=replace(QUICK, epochs=1))


def test_ties_are_no_success() -> None:
    """Who scores all items alike has found nothing."""
    data = world(40)
    fit = TowerFit("validation", data, SMALL, QUICK, 0, torch.device("cpu"), None)
    with torch.no_grad():
        for parameter in fit.network.item.parameters():
            parameter.zero_()
    assert fit._ndcg(data.sequences) == 0


def test_device_that_is_not_there_is_told() -> None:
    with pytest.raises(SettingsError, match="device is abacus"):
        fit_towers(world(40), settings=SMALL, training=QUICK, device="abacus")


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"epochs": 0}, "epochs 0"),
        ({"learning_rate": 0.0}, "learning rate 0.0"),
        ({"id_dropout": 1.0}, "id dropout"),
        ({"negative_power": math.nan}, "negative power nan"),
        ({"negative_power": -0.5}, "negative power -0.5"),
        ({"weight_decay": math.inf}, "weight decay inf"),
        ({"type_weights": {EventType.CLICK: -1.0}}, "type weights .*-1.0"),
        ({"type_weights": {EventType.CLICK: math.nan}}, "type weights .*nan"),
    ],
)
def test_training_out_of_range_is_refused(changed: dict[str, object], told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        TowerTraining(**changed)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changed", "told"),
    [({"fusion": "sum"}, "no fusion 'sum'"), ({"width": 10, "heads": 3}, "heads 3"), ({"dropout": 1.0}, "dropout")],
)
def test_towers_out_of_range_are_refused(changed: dict[str, object], told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        TowerSettings(**changed)  # type: ignore[arg-type]
