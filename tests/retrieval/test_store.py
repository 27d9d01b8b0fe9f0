import fcntl
import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from retrieval.chroma_access import SERVER, ChromaAccess
from retrieval.errors import (
    EncoderMismatchError,
    SettingsError,
    StoreError,
    WorkspaceError,
)
from retrieval.store import StoreSettings, VectorStore, open_store
from retrieval.store_state import EncoderRecord, TowersRecord
from retrieval.types import Item
from retrieval.vectors import Vectors
from retrieval.workspace import Workspace, WorkspaceSettings

ENCODER = EncoderRecord("tiny", "f1", 3)
FRUIT = {"apple": (1, 0, 0), "pear": (0.8, 0.6, 0), "plum": (0, 1, 0), "stone": (-0.6, 0, 0.8)}


def unit(*rows: tuple[float, ...]) -> Vectors:
    matrix = np.array(rows, dtype=np.float32)
    return matrix / np.linalg.norm(matrix, axis=1, keepdims=True)


def put(workspace: Workspace, store: VectorStore, space: str, vectors: dict[str, tuple[float, ...]]) -> None:
    """Store vectors as indexing does: items first, then vectors, then the mark."""
    workspace.items.upsert([Item(item_id, item_id) for item_id in vectors])
    store.upsert(space, list(vectors), unit(*vectors.values()))
    workspace.items.mark_embedded(space, dict.fromkeys(vectors, "0" * 64))


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    with Workspace.create(tmp_path / "shop") as workspace:
        yield workspace


@pytest.fixture
def store(workspace: Workspace) -> Iterator[VectorStore]:
    with open_store(workspace) as store:
        put(workspace, store, "text", FRUIT)
        yield store


def found(store: VectorStore, *args: object, **options: object) -> list[str]:
    return [hit.item_id for hit in store.search(*args, **options)]  # type: ignore[arg-type]


APPLE = unit((1, 0, 0))[0]


def test_the_nearest_come_first_with_their_cosines(store: VectorStore) -> None:
    hits = store.search("text", APPLE, 2)
    assert [hit.item_id for hit in hits] == ["apple", "pear"]
    assert [hit.score for hit in hits] == pytest.approx([1.0, 0.8], abs=1e-5)


def test_spaces_are_apart(store: VectorStore) -> None:
    store.upsert("image", ["stone"], unit((1, 0, 0)))
    assert found(store, "image", APPLE, 5) == ["stone"]
    assert found(store, "content", APPLE, 5) == []
    assert [store.count(space) for space in ("text", "image", "content")] == [4, 1, 0]


def test_excluded_items_make_room_for_the_next(store: VectorStore) -> None:
    assert found(store, "text", APPLE, 2, exclude=["apple"]) == ["pear", "plum"]


def test_only_allowed_items_are_found(store: VectorStore) -> None:
    allowed = {"pear", "stone", "unheard of"}
    assert found(store, "text", APPLE, 9, allowed=allowed) == ["pear", "stone"]
    assert found(store, "text", APPLE, 9, allowed=allowed, exclude={"pear"}) == ["stone"]
    assert found(store, "text", APPLE, 9, allowed=frozenset()) == []


def test_k_may_be_nothing_or_more_than_there_is(store: VectorStore) -> None:
    assert found(store, "text", APPLE, 0) == []
    assert len(found(store, "text", APPLE, 1_000)) == 4


def test_an_upsert_replaces_and_a_delete_removes(store: VectorStore) -> None:
    store.search("text", APPLE, 2, allowed=set(FRUIT))  # now in memory
    store.upsert("text", ["stone"], unit((1, 0, 0.01)))
    store.delete("text", ["apple", "unheard of"])
    assert found(store, "text", APPLE, 1) == found(store, "text", APPLE, 1, allowed=set(FRUIT)) == ["stone"]
    assert set(store.get("text", list(FRUIT))) == {"pear", "plum", "stone"}


def test_what_is_stored_is_there_when_opened_again(workspace: Workspace, store: VectorStore) -> None:
    store.close()
    with open_store(workspace) as again:
        np.testing.assert_allclose(again.get("text", ["pear"])["pear"], (0.8, 0.6, 0), atol=1e-6)


def test_search_without_a_filter_goes_through_chroma(store: VectorStore) -> None:
    name = next(c.name for c in store._access.client.list_collections() if c.name.endswith("text"))
    behind = store._access.client.get_collection(name, embedding_function=None)
    behind.add(ids=["stowaway"], embeddings=unit((1, 0, 0)))
    assert set(found(store, "text", APPLE, 2)) == {"apple", "stowaway"}
    hnsw = behind.configuration["hnsw"]
    assert (hnsw["space"], hnsw["ef_search"]) == ("cosine", StoreSettings().graph.ef_search)


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[VectorStore, list[str], Vectors]]:
    """6,000 items in 40 clusters."""
    chance = np.random.default_rng(7)
    centres = chance.normal(size=(40, 24))
    vectors = unit(*(centres[chance.integers(40, size=6_000)] + 0.6 * chance.normal(size=(6_000, 24))))
    item_ids = [f"item{row}" for row in range(len(vectors))]
    with Workspace.create(tmp_path_factory.mktemp("crowd") / "shop") as workspace, open_store(workspace) as store:
        store.upsert("text", item_ids, vectors)
        yield store, item_ids, vectors


@pytest.mark.parametrize("share", [0.01, 0.2, 0.5, 0.9, 1.0])
def test_filtered_search_answers_as_exact_search_does(
    crowd: tuple[VectorStore, list[str], Vectors], share: float
) -> None:
    store, item_ids, vectors = crowd
    chance = np.random.default_rng(3)
    for query in (vectors[5], unit(tuple(chance.normal(size=24)))[0]):
        rows = np.flatnonzero(chance.random(len(item_ids)) < share)
        best = rows[np.argsort(-(vectors[rows] @ query))[:50]]
        allowed = frozenset(item_ids[row] for row in rows)
        assert found(store, "text", query, 50, allowed=allowed) == [item_ids[row] for row in best]


def test_a_filter_against_the_query_still_gives_k_items(crowd: tuple[VectorStore, list[str], Vectors]) -> None:
    store, item_ids, vectors = crowd
    order = np.argsort(-(vectors @ vectors[0]))
    allowed = [item_ids[row] for row in order[1_500:]]  # three quarters, and none of the nearest
    assert found(store, "text", vectors[0], 30, allowed=allowed) == allowed[:30]


def test_changes_by_others_are_seen(workspace: Workspace, store: VectorStore) -> None:
    with open_store(workspace) as other:
        assert found(other, "text", APPLE, 1, allowed=set(FRUIT)) == ["apple"]
        put(workspace, store, "text", {"apple": (0, 0, 1), "fig": (1, 0, 0)})
        assert found(other, "text", APPLE, 1, allowed={*FRUIT, "fig"}) == ["fig"]
        store.delete("text", ["fig"])
        workspace.items.forget_embedded("text", ["fig"])
        assert found(other, "text", APPLE, 1, allowed={*FRUIT, "fig"}) == ["pear"]


def test_a_rebuild_counts_when_it_is_done(workspace: Workspace, store: VectorStore) -> None:
    store.claim(ENCODER)
    with open_store(workspace) as reader:
        with store.rebuild(EncoderRecord("wide", "f2", 2)) as fresh:
            fresh.upsert("text", ["plum"], unit((1, 0)))
            assert found(reader, "text", APPLE, 1) == ["apple"]
        assert found(reader, "text", unit((1, 0))[0], 5) == ["plum"]
        assert found(reader, "text", unit((1, 0))[0], 5, allowed=set(FRUIT)) == ["plum"]
        assert (reader.state.generation, reader.encoder) == (2, EncoderRecord("wide", "f2", 2))
        assert len(reader._access.client.list_collections()) == 3


def test_vectors_of_another_encoder_are_not_used_by_a_process_that_expects_its_own(
    workspace: Workspace, store: VectorStore
) -> None:
    store.claim(ENCODER)
    with open_store(workspace) as reader:
        reader.expect(ENCODER)
        assert found(reader, "text", APPLE, 1) == ["apple"]
        other = EncoderRecord("other", "f2", 3)
        with store.rebuild(other) as fresh:
            fresh.upsert("text", ["plum"], unit((1, 0, 0)))
            assert found(reader, "text", APPLE, 1) == ["apple"], "the old ones count until then"
        told = r"indexed anew with other, 3 dim.*still has tiny, 3 dim.*restart.*--encoder tiny --rebuild"
        for search in (lambda: reader.search("text", APPLE, 1), lambda: reader.get("text", ["plum"])):
            with pytest.raises(EncoderMismatchError, match=told):
                search()
        assert reader.encoder == other
        with store.rebuild(ENCODER) as fresh:
            fresh.upsert("text", ["pear"], unit((1, 0, 0)))
        assert found(reader, "text", APPLE, 1) == ["pear"], "its own encoder again"


def test_a_rebuild_that_fails_changes_nothing(workspace: Workspace, store: VectorStore) -> None:
    store.claim(ENCODER)
    with pytest.raises(ValueError, match="zero"), store.rebuild(ENCODER) as fresh:
        fresh.upsert("text", ["plum", "fig"], np.array([(1, 0, 0), (0, 0, 0)], dtype=np.float32))
    assert found(store, "text", APPLE, 1) == ["apple"]
    assert store.state.generation == 1
    assert len(store._access.client.list_collections()) == 3


TOWERS = TowersRecord("v1", 2, ENCODER.fingerprint)
EAST = unit((1, 0))[0]


def test_behaviour_is_a_space_of_its_own_once_towers_are_published(store: VectorStore) -> None:
    store.claim(ENCODER)
    assert store.towers is None
    assert found(store, "behaviour", EAST, 5) == []
    assert (store.get("behaviour", ["apple"]), store.count("behaviour"), store.item_ids("behaviour")) == ({}, 0, [])
    store.delete("behaviour", ["apple"])
    with pytest.raises(StoreError, match=r"no towers are published.*finetune towers"):
        store.upsert("behaviour", ["apple"], unit((1, 0)))
    store.publish_towers(TOWERS, ["apple", "plum"], unit((1, 0), (0, 1)))
    assert store.towers == TOWERS
    assert found(store, "behaviour", EAST, 1) == ["apple"], "of other dimensions than the encoder's"
    store.upsert("behaviour", ["fig"], unit((1, 0.1)))
    assert found(store, "behaviour", EAST, 5, exclude=["apple"]) == ["fig", "plum"]
    assert found(store, "behaviour", EAST, 5, allowed=set(FRUIT)) == ["apple", "plum"]
    assert found(store, "text", APPLE, 1) == ["apple"]


def test_new_towers_count_for_every_reader_at_once(workspace: Workspace, store: VectorStore) -> None:
    store.claim(ENCODER)
    store.publish_towers(TOWERS, ["apple", "plum"], unit((1, 0), (0, 1)))
    with open_store(workspace) as reader:
        assert found(reader, "behaviour", EAST, 1) == ["apple"]
        assert found(reader, "text", APPLE, 1, allowed=set(FRUIT)) == ["apple"]
        store.publish_towers(TowersRecord("v2", 3, None), ["plum"], unit((1, 0, 0)))
        assert reader.towers == TowersRecord("v2", 3, None)
        assert found(reader, "behaviour", APPLE, 5) == found(reader, "behaviour", APPLE, 5, allowed=FRUIT) == ["plum"]
        assert found(reader, "text", APPLE, 1, allowed=set(FRUIT)) == ["apple"]
    assert len(store._access.client.list_collections()) == 4, "the old ones are dropped"


def test_a_publish_that_fails_changes_nothing(store: VectorStore) -> None:
    store.claim(ENCODER)
    store.publish_towers(TOWERS, ["apple"], unit((1, 0)))
    with pytest.raises(ValueError, match="zero"):
        store.publish_towers(TowersRecord("v2", 2, None), ["plum"], np.zeros((1, 2), dtype=np.float32))
    assert (store.towers, store.item_ids("behaviour")) == (TOWERS, ["apple"])
    assert len(store._access.client.list_collections()) == 4


def test_towers_go_with_the_encoder_that_they_were_trained_on(store: VectorStore) -> None:
    store.claim(ENCODER)
    store.publish_towers(TOWERS, ["apple"], unit((1, 0)))
    with store.rebuild(ENCODER):
        assert store.item_ids("behaviour") == ["apple"]
    assert (store.towers, store.item_ids("behaviour")) == (TOWERS, ["apple"]), "the same encoder"
    with store.rebuild(EncoderRecord("wide", "f2", 2)):
        assert store.item_ids("behaviour") == ["apple"], "until then"
    assert (store.towers, store.item_ids("behaviour")) == (None, [])
    assert len(store._access.client.list_collections()) == 3
    with pytest.raises(EncoderMismatchError, match=r"trained on vectors of another encoder.*finetune towers"):
        store.publish_towers(TOWERS, ["apple"], unit((1, 0)))


def test_towers_that_read_no_content_go_with_any_encoder(store: VectorStore) -> None:
    ids_alone = TowersRecord("v1", 2, None)
    store.publish_towers(ids_alone, ["apple"], unit((1, 0)))
    store.claim(ENCODER)
    with store.rebuild(EncoderRecord("wide", "f2", 2)):
        pass
    assert (store.towers, store.item_ids("behaviour")) == (ids_alone, ["apple"])


def test_a_store_of_before_there_were_towers_can_be_opened(workspace: Workspace, store: VectorStore) -> None:
    store.claim(ENCODER)
    path = workspace.path / "store.json"
    values = json.loads(path.read_text())
    del values["learned"]
    path.write_text(json.dumps(values))
    assert (store.encoder, store.towers) == (ENCODER, None)
    assert found(store, "text", APPLE, 1) == ["apple"]


def test_what_is_read_while_towers_change_is_read_anew(store: VectorStore) -> None:
    store.publish_towers(TowersRecord("v1", 2, None), ["apple"], unit((1, 0)))
    seen: list[TowersRecord | None] = []

    def read(towers: TowersRecord | None) -> list[str]:
        seen.append(towers)
        if len(seen) == 1:
            store.publish_towers(TowersRecord("v2", 3, None), ["plum"], unit((1, 0, 0)))
        return found(store, "behaviour", EAST if len(seen) == 1 else APPLE, 1)

    assert store.steadily(read) == ["plum"]
    assert [towers and towers.version for towers in seen] == ["v1", "v2"]
    with pytest.raises(StoreError, match="dimension"):
        store.steadily(lambda towers: found(store, "behaviour", EAST, 1))


def test_another_encoder_is_refused_with_the_way_out(store: VectorStore) -> None:
    store.check_encoder(ENCODER)
    store.claim(ENCODER)
    store.claim(ENCODER)
    with pytest.raises(EncoderMismatchError, match=r"tiny, 3 dimensions.*wide, 512 dim.*--workspace .*shop --rebuild"):
        store.claim(EncoderRecord("wide", "f2", 512))


@pytest.mark.parametrize("vector", [(0.0, 0.0, 0.0), (float("nan"), 1.0, 0.0), (float("inf"), 0.0, 0.0)])
def test_vectors_without_a_direction_are_refused(store: VectorStore, vector: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="zero or not finite"):
        store.upsert("text", ["plum"], np.array([vector], dtype=np.float32))


def test_vectors_and_items_must_be_as_many(store: VectorStore) -> None:
    with pytest.raises(ValueError, match="one row each"):
        store.upsert("text", ["plum", "fig"], unit((1, 0, 0)))


def test_vectors_of_another_size_are_refused(store: VectorStore) -> None:
    with pytest.raises(StoreError, match="dimension"):
        store.upsert("text", ["plum"], unit((1, 0)))


def test_an_unknown_space_names_the_known_ones(store: VectorStore) -> None:
    with pytest.raises(ValueError, match="text, image, content"):
        store.count("smell")


def test_a_damaged_state_file_says_what_to_do(workspace: Workspace, store: VectorStore) -> None:
    (workspace.path / "store.json").write_text('{"store_id"')
    with pytest.raises(WorkspaceError, match="--rebuild"):
        store.count("text")


def test_a_store_that_cannot_be_read_is_let_go(workspace: Workspace, store: VectorStore) -> None:
    state = (workspace.path / "store.json").read_text()
    store.close()
    store.close()
    (workspace.path / "store.json").write_text("{}")
    with pytest.raises(WorkspaceError):
        open_store(workspace)
    (workspace.path / "store.json").write_text(state)
    access = ChromaAccess(workspace.path, serve=False, wait_s=0)  # as another process would
    assert access.embedded
    access.close()


def test_a_remote_server_may_be_started_again(tmp_path: Path) -> None:
    folder = _folder(tmp_path / "elsewhere")
    server = ChromaAccess(folder, serve=True)
    settings = WorkspaceSettings(chroma_url=f"http://127.0.0.1:{server.port}")
    with Workspace.create(tmp_path / "w", settings) as workspace, open_store(workspace) as store:
        put(workspace, store, "text", FRUIT)
        server.close()
        with pytest.raises(StoreError, match="no Chroma server answers"):
            store.count("text")
        users = folder / "locks" / "chroma.users"
        command = [sys.executable, "-P", str(SERVER), str(folder / "chroma"), str(server.port), str(users)]
        with users.open() as used:
            fcntl.flock(used, fcntl.LOCK_SH)  # the server stays while it has a user
            again = subprocess.Popen(command, stdout=subprocess.DEVNULL)
            try:
                while not _listens(server.port):
                    assert again.poll() is None
                assert found(store, "text", APPLE, 1) == ["apple"]
            finally:
                again.kill()
                again.wait()


def _listens(port: int | None) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_a_remote_server_is_one_setting(tmp_path: Path) -> None:
    server = ChromaAccess(_folder(tmp_path / "elsewhere"), serve=True)
    try:
        settings = WorkspaceSettings(chroma_url=f"http://127.0.0.1:{server.port}")
        for name, vector in (("one", (1, 0, 0)), ("two", (0, 1, 0))):
            with Workspace.create(tmp_path / name, settings) as workspace, open_store(workspace) as store:
                put(workspace, store, "text", {name: vector})
                assert found(store, "text", APPLE, 5) == [name]
                assert not store.embedded
    finally:
        server.close()
    with Workspace.open(tmp_path / "one") as workspace, pytest.raises(StoreError, match="no Chroma server answers"):
        open_store(workspace)


@pytest.mark.parametrize("url", ["localhost:8000", "ftp://host", "http://"])
def test_a_server_address_must_be_one(tmp_path: Path, url: str) -> None:
    with (
        pytest.raises(SettingsError, match="http://HOST:PORT"),
        Workspace.create(tmp_path / "w", WorkspaceSettings(chroma_url=url)) as workspace,
    ):
        open_store(workspace)


def _folder(path: Path) -> Path:
    path.mkdir()
    return path
