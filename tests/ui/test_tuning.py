"""`tastemaker finetune lora`, `learn` and `adapters` as they are typed."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.registry import Adapters
from retrieval.types import Event, EventType
from retrieval.workspace import Workspace
from tests.agent.test_registry import card
from tests.conftest import TinyShop
from tests.finetune.colour_shop import START, want
from tests.ui.test_cli import Run, assert_one_line, run

__all__ = ["run"]

QUICK = [
    *("--set", "rank=4", "--set", "epochs=1", "--set", "evaluations=1", "--set", "size=4", "--set", "sampled=1"),
    *("--set", "depth=6", "--set", "report_to=none", "--set", "checked=45", "--set", "asked=45", "--device", "cpu"),
]
USERS = 45


@pytest.fixture
def folder(run: Run, tiny_shop: TinyShop, tmp_path: Path) -> Path:
    """The tiny shop, indexed as people do it, and users who each want the four things of a colour."""
    path = tmp_path / "shop"
    assert run("index", tiny_shop.catalog, "-w", path).status == 0
    with Workspace.open(path) as workspace:
        for user in range(USERS):
            colour = ("red", "green", "blue")[user % 3]
            want(workspace, f"user {user}", [f"{colour}-{shape}" for shape in ("mug", "lamp", "scarf", "clock")])
    return path


def test_the_log_is_tuned_on_told_used_and_taken_back(run: Run, folder: Path) -> None:
    """The whole loop: the first run of `learn`, by force; then the commands around it."""
    first = run("finetune", "lora", "-w", folder, "--force", *QUICK)
    assert first.status == 0, first.err
    for row in ("retriever: ", "base: ", "in use: ", "tuned: ", "tuned without pictures: ", "tuned over base: "):
        assert row in first.out
    assert "lora-1 is used from now on" in first.out
    listed = run("adapters", "list", "-w", folder).out
    assert listed.startswith("* lora-1: builtin, ")
    assert f"learned from {USERS:,} users" in listed
    assert run("learn", "-w", folder, *QUICK).out == "nothing was logged since the last time\n"
    with Workspace.open(folder) as workspace:
        workspace.log.add([Event("user 1", "red-mug", EventType.LIKE, START)])
    again = run("learn", "-w", folder, *QUICK)
    assert again.status == 0, again.err
    assert "1 events of 1 users since the last time" in again.out
    assert "nothing is learned yet: the log has too few training cases: 2, " in again.out
    assert run("adapters", "rollback", "-w", folder).out == "the model without an adapter is used from now on\n"
    assert run("adapters", "use", "lora-1", "-w", folder).out == "lora-1 is used from now on\n"
    assert_one_line(run("adapters", "delete", "lora-1", "-w", folder), 2, says="lora-1 is in use")
    assert run("adapters", "rollback", "-w", folder).status == 0
    assert run("adapters", "delete", "lora-1", "-w", folder).out == "lora-1 is deleted\n"


def test_learn_first_uses_what_a_run_that_was_cut_off_had_made(
    run: Run, shop_workspace: Workspace, adapter_folder: Path
) -> None:
    adapters = Adapters(shop_workspace.path)
    newest = shop_workspace.log.newest_row()
    for better in (True, True, False):
        adapters.register(adapter_folder, card(better=better, newest_row=newest))
    adapters.point_to("lora-1")
    taken, idle = "lora-2 is used from now on", "nothing was logged since the last time\n"
    told = run("learn", "-w", shop_workspace.path).out
    assert told.startswith(taken)
    assert told.endswith(idle)
    assert adapters.current() == "lora-2"
    adapters.roll_back()
    assert run("learn", "-w", shop_workspace.path).out == idle, "it was taken back"
    assert adapters.current() == "lora-1"


def test_without_adapters_the_list_says_how_to_get_one(run: Run, shop_workspace: Workspace) -> None:
    told = run("adapters", "list", "-w", shop_workspace.path)
    assert told.out == f"no adapters yet; train one with: tastemaker finetune lora --workspace {shop_workspace.path}\n"


def test_an_adapter_that_is_no_better_is_told_so(run: Run, shop_workspace: Workspace, adapter_folder: Path) -> None:
    Adapters(shop_workspace.path).register(adapter_folder, card(better=False))
    told = run("adapters", "list", "-w", shop_workspace.path).out
    assert told.startswith("  lora-1: ")
    assert "not better than what was used before" in told


def test_a_damaged_card_is_told_and_can_be_deleted(run: Run, shop_workspace: Workspace, adapter_folder: Path) -> None:
    adapters = Adapters(shop_workspace.path)
    adapters.register(adapter_folder, card())
    (adapters.path("lora-1") / "card.json").write_text('{"name": "lora-1", ')
    told = run("adapters", "list", "-w", shop_workspace.path).out
    assert told.startswith("  lora-1: its card is damaged; remove it: tastemaker adapters delete lora-1 ")
    assert run("adapters", "delete", "lora-1", "-w", shop_workspace.path).status == 0
    assert run("adapters", "list", "-w", shop_workspace.path).out.startswith("no adapters yet")


def test_the_list_tells_which_learned_from_a_forgotten_person(
    run: Run, shop_workspace: Workspace, adapter_folder: Path
) -> None:
    for name, users in (("anns", ("ann",)), ("bens", ("ben",))):
        Adapters(shop_workspace.path).register(adapter_folder, card(name, users=users))
    assert run("forget", "ann", "--yes", "-w", shop_workspace.path).status == 0
    anns, bens = run("adapters", "list", "-w", shop_workspace.path).out.splitlines()
    assert anns.endswith("to be trained again: learned from a forgotten person")
    assert "trained again" not in bens


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("finetune", "lora", "--set", "wide=3"), "expected NAME=VALUE, the name one of rank, alpha"),
        (("finetune", "lora", "--set", "rank=0"), "rank is 0; expected 1 or more"),
        (("finetune", "lora", "--base", "bultin"), "no model is called 'bultin'"),
        (("finetune", "lora", "--set", "report_to=none"), ", of 5 users; expected 40 or more; log more events first"),
        (("adapters", "use", "lora-7"), "there is no adapter 'lora-7'"),
        (("adapters", "rollback"), "there is nothing to go back to"),
    ],
)
def test_what_is_wrong_is_one_line(run: Run, shop_workspace: Workspace, arguments: tuple[str, ...], says: str) -> None:
    assert_one_line(run(*arguments, "-w", shop_workspace.path), 2, says=says)


def test_a_small_log_is_nothing_to_learn_from_yet(run: Run, shop_workspace: Workspace) -> None:
    told = run("learn", "-w", shop_workspace.path)
    assert told.status == 0, "a timer need not know"
    assert "nothing is learned yet" in told.out


@pytest.mark.parametrize("damage", ["cut off", "a byte", "another base"])
def test_an_adapter_that_is_damaged_or_of_another_base_is_not_gone_on_from(
    run: Run, shop_workspace: Workspace, adapter_folder: Path, damage: str
) -> None:
    adapters = Adapters(shop_workspace.path)
    base = {"base_hash": "0" * 64} if damage == "another base" else {}
    adapters.register(adapter_folder, card(newest_row=0, **base))
    adapters.point_to("lora-1")
    weights = adapters.path("lora-1") / "adapter_model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= damage == "a byte"
    weights.write_bytes(content[:-9] if damage == "cut off" else content)
    told = run("learn", "-w", shop_workspace.path, "--set", "report_to=none")
    assert told.status == 0, told.err
    says = "was trained on another model" if damage == "another base" else "is damaged: its SHA-256 is"
    assert "lora-1 cannot be gone on from: " in told.out
    assert says in told.out
    assert "no adapter is gone on from: all of the log is learned from" in told.out
