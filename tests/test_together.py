"""The page, index, log and recommend at work on one workspace at the same time, each in a process of its own."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from gradio_client import Client

from retrieval.store import open_store
from retrieval.types import EventType
from retrieval.workspace import Workspace
from tests.conftest import ROOT, SHAPES, TinyShop, shop_rows
from tests.ui.page_process import page

ROUNDS = 2
NEW_PER_ROUND = 4
LOGS_PER_ROUND = 2
EVENTS_PER_LOG = 60
PROCESS_LIMIT_S = 240

Command = subprocess.Popen[str]


def start(*arguments: object) -> Command:
    command = [sys.executable, "-m", "ui.cli", *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT)


def finish(*started: Command) -> list[str]:
    """What the commands printed; each must have ended well."""
    try:
        ended = [command.communicate(timeout=PROCESS_LIMIT_S) for command in started]
    finally:
        for command in started:
            command.kill()
    assert [command.returncode for command in started] == [0] * len(started), ended
    return [out for out, _ in ended]


def kettles(rounds: int) -> set[str]:
    """The items that are new in the first so many rounds."""
    return {f"kettle-{number}-{place}" for number in range(rounds) for place in range(NEW_PER_ROUND)}


def write_catalog(folder: Path, rounds: int) -> Path:
    """The tiny shop, whose pictures lie in the folder, and the kettles of the rounds so far."""
    new = [
        {"id": item_id, "title": f"Violet kettle {item_id}", "kind": "kettle", "image": "images/red-mug.png"}
        for item_id in sorted(kettles(rounds))
    ]
    catalog = folder / f"items-{rounds}.jsonl"
    catalog.write_text("".join(json.dumps(row) + "\n" for row in [*shop_rows(), *new]), encoding="utf-8")
    return catalog


def write_log(folder: Path, name: str) -> tuple[Path, list[tuple[str, str]]]:
    """A file of likes of users of its own, and who likes what in it."""
    likes = [(f"{name}-{n}", f"red-{SHAPES[n % len(SHAPES)]}") for n in range(EVENTS_PER_LOG)]
    lines = [f"{user},{item},like,2026-05-01T10:00:00Z\n" for user, item in likes]
    file = folder / f"{name}.csv"
    file.write_text("user_id,item_id,type,timestamp\n" + "".join(lines), encoding="utf-8")
    return file, likes


def item_ids(answer: dict[str, Any]) -> list[str]:
    return [entry["item_id"] for entry in answer["recommendations"]]


def test_page_index_log_and_recommend_work_at_the_same_time(tiny_shop: TinyShop, tmp_path: Path) -> None:
    workspace, catalogs = tmp_path / "shop", tmp_path / "catalogs"
    shutil.copytree(tiny_shop.folder, catalogs)
    only_kettles = ("--where", "kind='kettle'", "-k", "50", "--json")
    finish(start("index", tiny_shop.catalog, "--workspace", workspace))
    likes: list[tuple[str, str]] = []
    shown: list[str] = []
    with page("ui", "--workspace", workspace) as address:
        client = Client(address, verbose=False)
        for number in range(ROUNDS):
            logs = [write_log(tmp_path, f"round{number}log{place}") for place in range(LOGS_PER_ROUND)]
            started = [start("index", write_catalog(catalogs, number + 1), "--workspace", workspace)]
            started += [start("log", file, "--workspace", workspace) for file, _ in logs]
            started.append(start("recommend", "--workspace", workspace, "--query", "a red mug", "-k", "5", "--json"))
            meanwhile = client.predict(query="a blue scarf", k=5, api_name="/recommend")
            indexed, *logged, told = finish(*started)
            assert indexed.startswith(f"{NEW_PER_ROUND} added, 0 updated, {12 + number * NEW_PER_ROUND} unchanged")
            assert logged == [f"{EVENTS_PER_LOG} new events, 0 already known, 0 refused\n"] * LOGS_PER_ROUND
            likes += [like for _, each in logs for like in each]
            # The page has had the workspace open all the time; it must know what has come since.
            now = client.predict(query="a kettle", where="kind='kettle'", k=50, api_name="/recommend")
            assert sorted(item_ids(now)) == sorted(kettles(number + 1))
            shown += [item for answer in (meanwhile, json.loads(told), now) for item in item_ids(answer)]
        (told,) = finish(start("recommend", "--workspace", workspace, "--query", "a kettle", *only_kettles))
        assert sorted(item_ids(json.loads(told))) == sorted(kettles(ROUNDS))
        shown += item_ids(json.loads(told))
    with Workspace.open(workspace) as opened, open_store(opened) as store:
        expected = sorted({row["id"] for row in shop_rows()} | kettles(ROUNDS))
        assert store.embedded, "the page's server is gone"
        assert sorted(opened.items.ids()) == expected
        assert store.count("text") == store.count("image") == len(expected)
        events = list(opened.log.events())
    assert Counter((e.user_id, e.item_id) for e in events if e.type is EventType.LIKE) == Counter(likes)
    assert Counter(e.item_id for e in events if e.type is EventType.IMPRESSION) == Counter(shown)
    assert len(events) == len(likes) + len(shown)
