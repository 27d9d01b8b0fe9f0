"""Several real processes on one store: each is a child that says when it is ready and goes on when it is told to."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest

from retrieval.errors import WorkspaceLockedError
from retrieval.store import StoreSettings, VectorStore, open_store
from retrieval.store_state import EncoderRecord, TowersRecord
from retrieval.workspace import Workspace

ROOT = Path(__file__).resolve().parents[2]
IMPATIENT = StoreSettings(wait_s=0.2)

PREAMBLE = """
import sys
import numpy as np
from retrieval.store import open_store
from retrieval.types import Item
from retrieval.workspace import Workspace

def put(workspace, store, item_ids):
    workspace.items.upsert([Item(i, i) for i in item_ids])
    store.upsert("text", item_ids, np.tile(np.float32([1, 0, 0]), (len(item_ids), 1)))
    workspace.items.mark_embedded("text", dict.fromkeys(item_ids, "0" * 64))

def pause():
    print("ready", flush=True)
    sys.stdin.readline()

workspace = Workspace.open(sys.argv[1])
"""

Child = subprocess.Popen[str]


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    with Workspace.create(tmp_path / "shop") as workspace:
        assert workspace.items.count() == 0  # the database is there before the children come
        yield workspace


@pytest.fixture
def start(workspace: Workspace) -> Iterator[Callable[[str], Child]]:
    """Runs a script in a process of its own, up to its first `pause()`."""
    children: list[Child] = []

    def start(script: str) -> Child:
        child = subprocess.Popen(
            [sys.executable, "-c", PREAMBLE + script, str(workspace.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        children.append(child)
        wait_for(child)
        return child

    yield start
    for child in children:
        child.kill()
        child.communicate()


def wait_for(child: Child) -> None:
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"


def go_on(child: Child) -> None:
    assert child.stdin is not None
    child.stdin.write("\n")
    child.stdin.flush()


def finish(child: Child) -> str:
    output, _ = child.communicate("\n", timeout=60)
    assert child.returncode == 0
    return output.strip()


def server_pid(workspace: Workspace) -> int:
    return int(json.loads((workspace.path / "locks" / "chroma.owner").read_text())["pid"])


def found(store: VectorStore) -> set[str]:
    query = np.float32([1, 0, 0])
    return {hit.item_id for hit in store.search("text", query, 1_000)}


EMBEDDED = "with open_store(workspace) as store:\n  put(workspace, store, ['a'])\n  pause()"
SERVING = "with open_store(workspace, serve=True) as store:\n  put(workspace, store, ['a'])\n  pause()"


def test_an_embedded_store_belongs_to_one_process(workspace: Workspace, start: Callable[[str], Child]) -> None:
    child = start(EMBEDDED)
    with pytest.raises(WorkspaceLockedError, match=f"process {child.pid} has the store .* run the command again"):
        open_store(workspace, settings=IMPATIENT)
    finish(child)
    with open_store(workspace, settings=IMPATIENT) as store:
        assert found(store) == {"a"}
        assert store.embedded


def test_who_waits_gets_the_store_when_it_is_free(workspace: Workspace, start: Callable[[str], Child]) -> None:
    holder = start(EMBEDDED)
    waiter = start("pause()\nwith open_store(workspace) as store: print(store.count('text'))")
    go_on(waiter)
    assert finish(holder) == ""
    assert finish(waiter) == "1"


def test_a_process_that_stays_lets_others_in(workspace: Workspace, start: Callable[[str], Child]) -> None:
    child = start(SERVING)
    with open_store(workspace, settings=IMPATIENT) as store:
        assert not store.embedded
        assert found(store) == {"a"}
        go_on(child)
        child.wait(timeout=60)
        assert found(store) == {"a"}, "the server stays while somebody uses it"
        server = psutil.Process(server_pid(workspace))
    assert not server.is_running() or server.status() == psutil.STATUS_ZOMBIE
    assert (workspace.path / "locks" / "chroma.owner").read_text() == ""


def test_writers_at_the_same_time_lose_nothing(workspace: Workspace, start: Callable[[str], Child]) -> None:
    script = """
pause()
with open_store(workspace, serve=True) as store:
    for row in range(0, 100, 10):
        put(workspace, store, [f"{NAME}{i}" for i in range(row, row + 10)])
"""
    with open_store(workspace, serve=True) as reader:
        writers = [start(script.replace("NAME", repr(name))) for name in ("x", "y")]
        for writer in writers:
            go_on(writer)
        for writer in writers:
            finish(writer)
        everything = {f"{name}{i}" for name in "xy" for i in range(100)}
        assert found(reader) == everything
        query = np.float32([1, 0, 0])
        allowed = {hit.item_id for hit in reader.search("text", query, 999, allowed=everything)}
        assert allowed == everything, "nothing stale in memory"


def test_a_server_that_dies_is_started_again(workspace: Workspace, start: Callable[[str], Child]) -> None:
    child = start(SERVING.replace("pause()", "pause()\n  print(store.count('text'))"))
    with open_store(workspace) as store:
        assert found(store) == {"a"}
        first = server_pid(workspace)
        os.kill(first, signal.SIGKILL)
        assert found(store) == {"a"}
        assert server_pid(workspace) != first
        assert finish(child) == "1", "the others find the new server"


def test_a_killed_command_leaves_the_store_free(workspace: Workspace, start: Callable[[str], Child]) -> None:
    child = start(EMBEDDED)
    child.kill()
    child.wait()
    with open_store(workspace, settings=IMPATIENT) as store:
        assert found(store) == {"a"}


def test_the_server_stops_when_its_last_user_is_killed(workspace: Workspace, start: Callable[[str], Child]) -> None:
    child = start(SERVING)
    server = psutil.Process(server_pid(workspace))
    assert server.pid != child.pid
    child.kill()
    child.wait()
    server.wait(timeout=60)
    with open_store(workspace) as store:
        assert store.embedded
        assert found(store) == {"a"}


def test_a_server_whose_starter_was_killed_is_joined(workspace: Workspace, start: Callable[[str], Child]) -> None:
    starter = start(SERVING)
    other = start("with open_store(workspace) as store:\n  pause()\n  print(store.embedded, store.count('text'))")
    starter.kill()
    starter.wait()
    with open_store(workspace) as store:
        assert found(store) == {"a"}
        assert finish(other) == "False 1"


def test_one_process_shares_its_store_with_itself(workspace: Workspace) -> None:
    first = open_store(workspace)
    assert first.embedded
    with open_store(workspace, serve=True) as second:
        second.upsert("text", ["a"], np.float32([[1, 0, 0]]))
        assert found(first) == found(second) == {"a"}
        assert not first.embedded, "serving, since one of them stays"
        first.close()
        assert found(second) == {"a"}
    with open_store(workspace, settings=IMPATIENT) as third:
        assert third.embedded


def test_a_rebuild_in_another_process_is_seen(workspace: Workspace, start: Callable[[str], Child]) -> None:
    script = """
from retrieval.store_state import EncoderRecord
with open_store(workspace, serve=True) as store:
    put(workspace, store, ["a"])
    pause()
    with store.rebuild(EncoderRecord("new", "f", 3)) as fresh:
        fresh.upsert("text", ["b"], np.float32([[1, 0, 0]]))
        pause()
    pause()
"""
    child = start(script)
    with open_store(workspace) as store:
        assert found(store) == {"a"}
        go_on(child)
        wait_for(child)
        assert found(store) == {"a"}
        go_on(child)
        wait_for(child)
        assert found(store) == {"b"}
        go_on(child)
        child.wait(timeout=60)


def test_a_killed_rebuild_leaves_the_old_vectors(workspace: Workspace, start: Callable[[str], Child]) -> None:
    script = """
from retrieval.store_state import EncoderRecord
with open_store(workspace) as store:
    put(workspace, store, ["a"])
    with store.rebuild(EncoderRecord("new", "f", 3)) as fresh:
        fresh.upsert("text", ["b"], np.float32([[1, 0, 0]]))
        pause()
"""
    child = start(script)
    child.kill()
    child.wait()
    with open_store(workspace) as store:
        assert found(store) == {"a"}
        with store.rebuild(EncoderRecord("new", "f", 3)) as fresh:
            fresh.upsert("text", ["c"], np.float32([[1, 0, 0]]))
        assert found(store) == {"c"}
        assert len(store._access.client.list_collections()) == 3


PUBLISHING = """
from retrieval.store_state import TowersRecord
import retrieval.generations
with open_store(workspace, serve=True) as store:
    put(workspace, store, ["a"])
    store.publish_towers(TowersRecord("old", 2, None), ["a"], np.float32([[1, 0]]))
    pause()
    write = retrieval.generations.Generation.upsert
    def upsert(self, *args):
        write(self, *args)
        pause()
    retrieval.generations.Generation.upsert = upsert
    store.publish_towers(TowersRecord("new", 3, None), ["b"], np.float32([[1, 0, 0]]))
    pause()
"""


def learned(store: VectorStore, dimensions: int) -> list[str]:
    hits = store.search("behaviour", np.eye(1, dimensions, dtype=np.float32)[0], 9)
    return [hit.item_id for hit in hits]


def test_towers_that_another_process_publishes_are_seen_when_they_are_whole(
    workspace: Workspace, start: Callable[[str], Child]
) -> None:
    child = start(PUBLISHING)
    with open_store(workspace) as store:
        assert learned(store, 2) == ["a"]
        go_on(child)
        wait_for(child)
        assert (store.towers and store.towers.version, learned(store, 2)) == ("old", ["a"])
        go_on(child)
        wait_for(child)
        assert (store.towers and store.towers.version, learned(store, 3)) == ("new", ["b"])
        assert found(store) == {"a"}
        go_on(child)
        child.wait(timeout=60)


def test_a_killed_publish_leaves_the_old_towers_and_is_cleared_away(
    workspace: Workspace, start: Callable[[str], Child]
) -> None:
    child = start(PUBLISHING)
    go_on(child)
    wait_for(child)
    child.kill()
    child.wait()
    with open_store(workspace) as store:
        assert (store.towers and store.towers.version, learned(store, 2)) == ("old", ["a"])
        assert len(store._access.client.list_collections()) == 5
        store.publish_towers(TowersRecord("newer", 2, None), ["c"], np.float32([[1, 0]]))
        assert learned(store, 2) == ["c"]
        assert len(store._access.client.list_collections()) == 4
