"""Tune the built-in model on the built-in shop's log: the adapter that the demo begins with.

    python -m finetune.builtin.tune_shop --run runs/shop-adapter --name shop-4

By `finetune.tune`, as `tastemaker finetune lora` does it, in a workspace that has never heard of test shoppers, of test
items, or of anything from the window on. What `tastemaker evaluate --builtin` asks about was therefore never learned.
Started again with the same --run, it goes on from the last checkpoint.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from agent.registry import Adapters
from agent.shipped import BUILTIN
from finetune.builtin.past_shop import index_whole, shop_events, write_events
from finetune.builtin.truth import load_truth
from finetune.devices import device_option
from finetune.lora_settings import LoraTraining
from finetune.tune import Told, Tuned, Tuning, tune
from retrieval.builtin import SHOP_FOLDER
from retrieval.encoders import open_encoder
from retrieval.errors import SettingsError
from retrieval.indexing import index_catalog
from retrieval.store import open_store
from retrieval.workspace import Workspace

if TYPE_CHECKING:
    from finetune.list_trainer import Step

TRAINING = LoraTraining(lists=4_000, window=24, epochs=2, patience=3, checked=2_000, asked=2_000)


def index_known(folder: Path, shop: Path = SHOP_FOLDER) -> None:
    """Make a workspace of what may be learned from: other items, other shoppers, and the time before the window."""
    truth = load_truth(shop)
    with TemporaryDirectory() as made, Workspace.create(folder) as workspace:
        known = Path(shutil.copytree(shop, Path(made) / "shop"))
        lines = (shop / "items.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
        items = [line for line in lines if json.loads(line)["id"] not in truth.test_items]
        (known / "items.jsonl").write_text("".join(items), encoding="utf-8")
        events = [
            row
            for row in shop_events(shop)
            if datetime.fromisoformat(row["timestamp"]) < truth.window_start
            and row["user_id"] not in truth.test_shoppers
            and row["item_id"] not in truth.test_items
        ]
        write_events(events, known / "interactions.csv")
        index_catalog(workspace, known / "items.jsonl", encoder=open_encoder())
        workspace.log.import_file(known / "interactions.csv")


def tune_shop(run: Path, name: str, *, device: str | None, seed: int, told: Told) -> Tuned:
    """Tune in the run's folder, which keeps the workspace. Raises as `finetune.tune.tune` does."""
    if not Workspace.exists(run):
        index_whole(run, index_known)
    tuning = Tuning(training=TRAINING, name=name, device=device, seed=seed)
    with Workspace.open(run) as workspace, open_store(workspace, serve=True) as store:
        return tune(workspace, store, open_encoder(), tuning, told=told)


def ship(made: Path, name: str, folder: Path = BUILTIN) -> None:
    """Put the adapter of the workspace `made` in the place of those that the package brings.

    Raises SettingsError for one that is not better than the model without it, and for a name that is shipped already:
    workspaces that have it would not take another one of that name.
    """
    adapters, shipped = Adapters(made), Adapters(folder)
    card = adapters.check(name)
    if not card.better:
        raise SettingsError(f"{name} is not better than the model without it, beyond doubt; it is not shipped")
    before = shipped.all()
    shipped.register(adapters.path(name), replace(card, newest_row=0))
    for old in before:
        shutil.rmtree(shipped.path(old.name))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, required=True, help="folder of the run, which keeps what it makes")
    parser.add_argument("--name", required=True, help="of the adapter: another one than the one that is shipped")
    parser.add_argument("--device", type=device_option, choices=("cpu", "cuda"), default=None)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    told = Told(_print_lists, _print_step)
    if arguments.name not in Adapters(arguments.run):
        tune_shop(arguments.run, arguments.name, device=arguments.device, seed=arguments.seed, told=told)
    for figure in Adapters(arguments.run).card(arguments.name).figures:
        print(
            f"{figure.name}: {figure.mean:.4f}",
            end="\n" if figure.low is None else f" ({figure.low:.4f} to {figure.high:.4f})\n",
        )
    ship(arguments.run, arguments.name)
    print(f"{arguments.name} is what the demo begins with from now on")


def _print_lists(stage: str, done: int, total: int) -> None:
    if done == total or done % 200 == 0:
        print(f"{stage}: {done:,} of {total:,}", file=sys.stderr)


def _print_step(step: Step) -> None:
    if step.step % 10 == 0:
        print(f"step {step.step} of {step.steps}, {step.per_s:.2f} {step.of}/s, loss {step.loss:.4f}", file=sys.stderr)


if __name__ == "__main__":
    main()
