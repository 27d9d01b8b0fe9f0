import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from retrieval.errors import CatalogError, EncoderMismatchError, WorkspaceLockedError
from retrieval.indexing import BATCH_ROWS, IndexReport, index_catalog
from retrieval.store import open_store
from retrieval.store_state import CONTENT_SPACES
from retrieval.vectors import Vector
from retrieval.workspace import Workspace
from tests.conftest import TinyShop
from tests.retrieval.words import COLOURS, WordEncoder

ROOT = Path(__file__).resolve().parents[2]


def write(folder: Path, rows: list[dict[str, object]]) -> Path:
    folder.mkdir(exist_ok=True)
    for colour in COLOURS:
        Image.new("RGB", (24, 32), colour).save(folder / f"{colour}.png")
    catalog = folder / "items.jsonl"
    catalog.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return catalog


def shop_rows(count: int = 4) -> list[dict[str, object]]:
    colours = list(COLOURS)
    return [
        {"id": f"i{row}", "title": f"{colours[row % 4]} lamp {row}", "price": row, "image": f"{colours[row % 4]}.png"}
        for row in range(count)
    ]


def contents(workspace: Workspace) -> dict[str, dict[str, Vector]]:
    """Every vector that the encoder made, straight from the store."""
    with open_store(workspace) as store:
        return {space: store.get(space, sorted(store.item_ids(space))) for space in CONTENT_SPACES}


def same(one: dict[str, dict[str, Vector]], other: dict[str, dict[str, Vector]]) -> bool:
    return all(
        one[space].keys() == other[space].keys()
        and all(np.array_equal(one[space][key], other[space][key]) for key in one[space])
        for space in CONTENT_SPACES
    )


@pytest.fixture
def free_workspace(tmp_path: Path) -> Iterator[Workspace]:
    """A workspace that no process has open."""
    with Workspace.create(tmp_path / "w") as workspace:
        yield workspace


@pytest.fixture
def workspace(free_workspace: Workspace) -> Iterator[Workspace]:
    """A workspace that is being served, so that its runs need not each start a server."""
    with open_store(free_workspace, serve=True):
        yield free_workspace


@pytest.fixture
def encoder() -> WordEncoder:
    return WordEncoder()


def test_a_catalogue_becomes_items_with_vectors(
    empty_workspace: Workspace, tiny_shop: TinyShop, encoder: WordEncoder
) -> None:
    steps: list[tuple[int, int]] = []
    report = index_catalog(
        empty_workspace, tiny_shop.catalog, encoder=encoder, progress=lambda done, total: steps.append((done, total))
    )
    assert (report.added, report.items, report.texts_embedded, report.pictures_embedded) == (12, 12, 12, 12)
    assert (report.rejected, report.rejects, report.warnings) == (0, None, ())
    assert steps == [(12, 12)]
    vectors = contents(empty_workspace)
    assert [len(vectors[space]) for space in CONTENT_SPACES] == [12, 12, 12]
    picture = encoder.embed_pictures([empty_workspace.media.original(empty_workspace.items.get("red-mug").images[0])])
    np.testing.assert_allclose(vectors["image"]["red-mug"], picture[0], atol=1e-6)
    blend = vectors["text"]["red-mug"] + vectors["image"]["red-mug"]
    np.testing.assert_allclose(vectors["content"]["red-mug"], blend / np.linalg.norm(blend), atol=1e-6)
    assert "Red mug. description: A plain mug, all red" in encoder.texts[0]


def test_the_settings_remember_the_encoder(workspace: Workspace, tmp_path: Path, encoder: WordEncoder) -> None:
    index_catalog(workspace, write(tmp_path / "c", shop_rows()), encoder=encoder)
    settings = Workspace.open(workspace.path).settings
    assert (settings.encoder, settings.encoder_fingerprint) == ("words", encoder.fingerprint)


def test_nothing_changed_embeds_nothing(workspace: Workspace, tmp_path: Path, encoder: WordEncoder) -> None:
    catalog = write(tmp_path / "c", shop_rows())
    index_catalog(workspace, catalog, encoder=encoder)
    before = contents(workspace)
    report = index_catalog(workspace, catalog, encoder=encoder)
    assert (report.added, report.updated, report.unchanged) == (0, 0, 4)
    assert (report.texts_embedded, report.pictures_embedded) == (0, 0)
    assert same(contents(workspace), before)


Change = Callable[[list[dict[str, object]]], None]
CHANGES: dict[str, tuple[Change, int, int]] = {
    "a new title": (lambda rows: rows[1].update(title="white mug"), 1, 0),
    "a new price": (lambda rows: rows[1].update(price=99), 1, 0),
    "another picture": (lambda rows: rows[1].update(image="white.png"), 0, 1),
    "one more item": (lambda rows: rows.append({"id": "new", "title": "red bag", "image": "red.png"}), 1, 1),
    "another order": (lambda rows: rows.reverse(), 0, 0),
}


@pytest.mark.parametrize("change", CHANGES)
def test_only_what_changed_is_embedded(workspace: Workspace, tmp_path: Path, encoder: WordEncoder, change: str) -> None:
    index_catalog(workspace, write(tmp_path / "c", shop_rows()), encoder=encoder)
    rows = shop_rows()
    edit, texts, pictures = CHANGES[change]
    edit(rows)
    catalog = write(tmp_path / "c", rows)
    report = index_catalog(workspace, catalog, encoder=encoder)
    assert (report.texts_embedded, report.pictures_embedded) == (texts, pictures)
    with Workspace.create(tmp_path / "fresh") as fresh:
        index_catalog(fresh, catalog, encoder=encoder)
        assert same(contents(workspace), contents(fresh))


def test_a_picture_that_is_gone_takes_its_vector_along(
    workspace: Workspace, tmp_path: Path, encoder: WordEncoder
) -> None:
    index_catalog(workspace, write(tmp_path / "c", shop_rows()), encoder=encoder)
    rows = shop_rows()
    del rows[1]["image"]
    index_catalog(workspace, write(tmp_path / "c", rows), encoder=encoder)
    vectors = contents(workspace)
    assert sorted(vectors["image"]) == ["i0", "i2", "i3"]
    np.testing.assert_allclose(vectors["content"]["i1"], vectors["text"]["i1"], atol=1e-6)


def test_several_pictures_are_averaged(workspace: Workspace, tmp_path: Path, encoder: WordEncoder) -> None:
    rows: list[dict[str, object]] = [{"id": "i", "title": "lamp", "images": ["red.png", "blue.png"]}]
    assert index_catalog(workspace, write(tmp_path / "c", rows), encoder=encoder).pictures_embedded == 2
    red, blue = encoder.embed_pictures([Image.new("RGB", (9, 9), colour) for colour in ("red", "blue")])
    mean = (red + blue) / np.linalg.norm(red + blue)
    np.testing.assert_allclose(contents(workspace)["image"]["i"], mean, atol=1e-6)


def write_clip(path: Path, colours: Sequence[str]) -> None:
    """A second for each colour."""
    with av.open(str(path), "w") as output:
        stream = output.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for colour in colours:
            for _ in range(10):
                output.mux(stream.encode(av.VideoFrame.from_image(Image.new("RGB", (64, 48), colour))))
        output.mux(stream.encode())


def test_frames_of_a_video_are_pictures_of_the_item(workspace: Workspace, tmp_path: Path, encoder: WordEncoder) -> None:
    rows: list[dict[str, object]] = [
        {"id": "clip", "title": "lamp", "image": "white.png", "video": "clip.mp4"},
        {"id": "only", "title": "lamp", "video": "clip.mp4"},
        {"id": "broken", "title": "lamp", "video": "broken.mp4"},
    ]
    catalog = write(tmp_path / "c", rows)
    write_clip(tmp_path / "c" / "clip.mp4", ("red", "red", "blue", "blue"))
    (tmp_path / "c" / "broken.mp4").write_bytes(b"\0\0\0\x18ftypmp42, and no more")
    report = index_catalog(workspace, catalog, encoder=encoder)
    assert (report.added, report.rejected, report.pictures_refused) == (3, 0, 1)
    clip, only, broken = workspace.items.all()
    assert clip.video == only.video == hashlib.sha256((tmp_path / "c" / "clip.mp4").read_bytes()).hexdigest()
    assert clip.images[1:] == only.images, "the picture, then the frames in the order of time"
    reds, blues = only.images[: len(only.images) // 2], only.images[len(only.images) // 2 :]
    for shas, word in ((reds, "red"), (blues, "blue")):
        seen = encoder.embed_pictures([workspace.media.original(sha) for sha in shas])
        assert np.allclose(seen, encoder.embed_text([word]), atol=1e-6)
    assert (broken.video, broken.images) == (None, ())
    assert report.rejects is not None
    assert "video left out: " in report.rejects.read_text()
    vectors = contents(workspace)["image"]
    assert sorted(vectors) == ["clip", "only"]
    np.testing.assert_allclose(vectors["only"] @ encoder.embed_text(["red blue"])[0], 1, atol=1e-2)
    again = index_catalog(workspace, catalog, encoder=encoder)
    assert (again.unchanged, again.pictures_embedded) == (3, 0)


def test_only_sync_withdraws(workspace: Workspace, tmp_path: Path, encoder: WordEncoder) -> None:
    index_catalog(workspace, write(tmp_path / "c", shop_rows()), encoder=encoder)
    fewer = write(tmp_path / "c", shop_rows(3))
    assert index_catalog(workspace, fewer, encoder=encoder).withdrawn == 0
    assert "i3" in contents(workspace)["text"]
    assert index_catalog(workspace, fewer, encoder=encoder, sync=True).withdrawn == 1
    assert [sorted(vectors) for vectors in contents(workspace).values()] == [["i0", "i1", "i2"]] * 3
    assert workspace.items.get("i3").withdrawn
    report = index_catalog(workspace, write(tmp_path / "c", shop_rows()), encoder=encoder)
    assert (report.updated, report.texts_embedded) == (1, 1), "it comes back"
    assert len(contents(workspace)["content"]) == 4


def test_sync_keeps_the_items_of_refused_rows(workspace: Workspace, tmp_path: Path, encoder: WordEncoder) -> None:
    index_catalog(workspace, write(tmp_path / "c", shop_rows()), encoder=encoder)
    rows = shop_rows(3)
    rows[1]["title"] = ""
    rows[2]["price"] = {"EUR": 2}
    report = index_catalog(workspace, write(tmp_path / "c", [*rows, {"title": "no id"}]), encoder=encoder, sync=True)
    assert (report.rejected, report.withdrawn, report.warnings) == (3, 1, ())
    assert workspace.items.ids() == ["i0", "i1", "i2"]
    assert sorted(contents(workspace)["content"]) == ["i0", "i1", "i2"]


def test_sync_withdraws_nothing_while_a_row_cannot_be_read(
    workspace: Workspace, tmp_path: Path, encoder: WordEncoder
) -> None:
    index_catalog(workspace, write(tmp_path / "c", shop_rows()), encoder=encoder)
    catalog = write(tmp_path / "c", shop_rows(2))
    whole = catalog.read_text(encoding="utf-8")
    catalog.write_text(whole + '{"id": "i2", "title": "cut o', encoding="utf-8")
    report = index_catalog(workspace, catalog, encoder=encoder, sync=True)
    assert (report.rejected, report.withdrawn) == (1, 0)
    assert "1 rows could not be read" in report.warnings[0]
    assert workspace.items.count() == 4
    catalog.write_text(whole, encoding="utf-8")
    assert index_catalog(workspace, catalog, encoder=encoder, sync=True).withdrawn == 2


def test_refused_rows_and_pictures_are_told_and_the_rest_goes_in(
    workspace: Workspace, tmp_path: Path, encoder: WordEncoder
) -> None:
    rows = [
        *shop_rows(2),
        {"title": "no id"},
        {"id": "i0", "title": "again"},
        {"id": "up", "title": "x", "image": "../w"},
    ]
    rows += [{"id": "broken", "title": "red bag", "images": ["broken.png", "red.png"]}]
    catalog = write(tmp_path / "c", rows)
    (tmp_path / "c" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n, and no more")
    report = index_catalog(workspace, catalog, encoder=encoder)
    assert (report.added, report.rejected, report.pictures_refused) == (4, 2, 2)
    assert report.rejects is not None
    told = [json.loads(line) for line in report.rejects.read_text().splitlines()]
    assert sorted(line["line"] for line in told) == [3, 4, 5, 6]
    assert sorted(contents(workspace)["image"]) == ["broken", "i0", "i1"]


def test_a_csv_column_that_stays_text_is_warned_about(
    workspace: Workspace, tmp_path: Path, encoder: WordEncoder
) -> None:
    catalog = tmp_path / "items.csv"
    catalog.write_text("id,title,size\n1,red shoe,42\n2,red bag,40\n3,red scarf,long\n", encoding="utf-8")
    report = index_catalog(workspace, catalog, encoder=encoder)
    assert (report.added, len(report.warnings)) == (3, 1)
    assert "size stays text: 2 of 3 values" in report.warnings[0]


def test_a_catalogue_without_a_usable_row_changes_nothing(
    workspace: Workspace, tmp_path: Path, encoder: WordEncoder
) -> None:
    index_catalog(workspace, write(tmp_path / "c", shop_rows()), encoder=encoder)
    before = contents(workspace)
    bad = tmp_path / "c" / "bad.jsonl"
    bad.write_text('{"id": "", "title": "x"}\n{"id": "b", "title": ""}\n')
    with pytest.raises(CatalogError, match="no usable row; 2 refused, see"):
        index_catalog(workspace, bad, encoder=encoder, sync=True)
    assert same(contents(workspace), before)


@pytest.mark.parametrize("name", ["typo.jsonl", "folder.csv", "items.xlsx"])
def test_what_is_no_catalogue_file_is_told_before_the_store_is_opened(
    free_workspace: Workspace, tmp_path: Path, encoder: WordEncoder, name: str
) -> None:
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(CatalogError, match=name):
        index_catalog(free_workspace, tmp_path / name, encoder=encoder)
    assert not (free_workspace.path / "store.json").exists()
    assert not (free_workspace.path / "locks").exists()


def test_indexing_a_file_that_is_not_there_leaves_no_workspace_behind(tmp_path: Path) -> None:
    from ui.cli import index

    with pytest.raises(CatalogError, match=r"typo\.jsonl cannot be read \(No such file"):
        index(tmp_path / "typo.jsonl", tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_another_encoder_needs_a_rebuild(workspace: Workspace, tmp_path: Path, encoder: WordEncoder) -> None:
    catalog = write(tmp_path / "c", shop_rows())
    index_catalog(workspace, catalog, encoder=encoder)
    wide = WordEncoder("wide", extra=5)
    expected = rf"{encoder.dimensions} dimensions.*wide, {wide.dimensions} dimensions.*index CATALOG.*--rebuild"
    with pytest.raises(EncoderMismatchError, match=expected):
        index_catalog(workspace, catalog, encoder=wide)
    fewer = write(tmp_path / "c", shop_rows(2))
    report = index_catalog(workspace, fewer, encoder=wide, rebuild=True)
    assert report.texts_embedded == 4, "items that this catalogue does not have keep their place"
    assert {vector.shape for vector in contents(workspace)["text"].values()} == {(wide.dimensions,)}
    assert workspace.settings.encoder == "wide"
    assert index_catalog(workspace, fewer, encoder=wide).texts_embedded == 0


def test_an_encoder_without_eyes_indexes_the_text(workspace: Workspace, tmp_path: Path, encoder: WordEncoder) -> None:
    encoder.sees = False
    report = index_catalog(workspace, write(tmp_path / "c", shop_rows()), encoder=encoder)
    assert (report.texts_embedded, report.pictures_embedded) == (4, 0)
    assert [len(vectors) for vectors in contents(workspace).values()] == [4, 0, 4]


def test_items_known_only_by_their_id_are_not_embedded(
    workspace: Workspace, tmp_path: Path, encoder: WordEncoder
) -> None:
    events = tmp_path / "events.csv"
    events.write_text("user_id,item_id,type,timestamp\nann,B0001,like,2026-05-01T10:00:00Z\n")
    workspace.log.import_file(events, create_items=True)
    index_catalog(workspace, write(tmp_path / "c", shop_rows()), encoder=encoder)
    assert "B0001" not in contents(workspace)["text"]


def test_text_that_the_encoder_does_not_know_is_warned_about(
    workspace: Workspace, tmp_path: Path, encoder: WordEncoder
) -> None:
    rows: list[dict[str, object]] = [{"id": "i", "title": "红色 灯 red lamp"}]
    report = index_catalog(workspace, write(tmp_path / "c", rows), encoder=encoder)
    assert report.unknown_text_share == 0.5
    assert "50% of the catalogue's text" in report.warnings[0]
    assert "--encoder multilingual --rebuild" in report.warnings[0]


def test_the_unknown_share_is_of_tokens_over_all_batches(
    workspace: Workspace, tmp_path: Path, encoder: WordEncoder
) -> None:
    known: list[dict[str, object]] = [{"id": f"i{row}", "title": "lamp " * 3} for row in range(BATCH_ROWS)]
    report = index_catalog(
        workspace, write(tmp_path / "c", [*known, {"id": "long", "title": "灯 " * 3 * BATCH_ROWS}]), encoder=encoder
    )
    assert report.unknown_text_share == pytest.approx(0.5), "one text of many, half of the words"
    assert len(report.warnings) == 1


RUN = """
import os, resource, signal, sys
from retrieval.errors import TastemakerError
from retrieval.indexing import index_catalog
from retrieval.workspace import Workspace
from tests.retrieval.words import WordEncoder

path, catalog, limit = sys.argv[1:]

def progress(done, total):
    print(done, flush=True)
    if limit == "kill":
        os.kill(os.getpid(), signal.SIGKILL)

if limit.isdigit():
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), resource.RLIM_INFINITY))
with Workspace.open(path) as workspace:
    try:
        index_catalog(workspace, catalog, encoder=WordEncoder(), progress=progress)
    except TastemakerError as error:
        print(type(error).__name__, error, flush=True)
"""


def run(workspace: Workspace, catalog: Path, limit: str) -> list[str]:
    """Index in a process of its own; its output, a line for each batch that was acknowledged."""
    command = [sys.executable, "-c", RUN, str(workspace.path), str(catalog), limit]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300).stdout.splitlines()


@pytest.fixture
def long_catalog(tmp_path: Path) -> Path:
    return write(tmp_path / "long", shop_rows(3 * BATCH_ROWS + 7))


def uninterrupted(tmp_path: Path, catalog: Path) -> tuple[IndexReport, dict[str, dict[str, Vector]]]:
    with Workspace.create(tmp_path / "clean") as clean:
        return index_catalog(clean, catalog, encoder=WordEncoder()), contents(clean)


def test_a_killed_run_goes_on_to_exactly_the_same_store(
    free_workspace: Workspace, tmp_path: Path, long_catalog: Path, encoder: WordEncoder
) -> None:
    assert run(free_workspace, long_catalog, "kill") == [str(BATCH_ROWS)]
    assert sorted(contents(free_workspace)["content"]) == sorted(f"i{row}" for row in range(BATCH_ROWS))
    report = index_catalog(free_workspace, long_catalog, encoder=encoder)
    assert report.texts_embedded == 2 * BATCH_ROWS + 7
    clean, vectors = uninterrupted(tmp_path, long_catalog)
    assert clean.items == report.items
    assert same(contents(free_workspace), vectors)


def test_vectors_that_were_written_but_not_marked_are_made_again(
    workspace: Workspace, tmp_path: Path, long_catalog: Path, encoder: WordEncoder
) -> None:
    index_catalog(workspace, long_catalog, encoder=encoder)
    workspace.items.forget_embedded("image", ["i3"])
    with open_store(workspace) as store:
        store.delete("text", ["i5"])
    report = index_catalog(workspace, long_catalog, encoder=encoder)
    assert (report.texts_embedded, report.pictures_embedded) == (1, 1)
    assert same(contents(workspace), uninterrupted(tmp_path, long_catalog)[1])


@pytest.mark.parametrize("room", [20_000, 400_000])
def test_a_full_disk_is_a_clear_error_and_loses_nothing(
    room: int, free_workspace: Workspace, tmp_path: Path, long_catalog: Path, encoder: WordEncoder
) -> None:
    index_catalog(free_workspace, write(tmp_path / "first", shop_rows(1)), encoder=encoder)
    largest = max(path.stat().st_size for path in free_workspace.path.rglob("*") if path.is_file())
    *acknowledged, error = run(free_workspace, long_catalog, str(largest + room))
    assert error.startswith("StoreError")
    assert "cannot be" in error
    done = int(acknowledged[-1]) if acknowledged else 0
    assert {f"i{row}" for row in range(done)} <= contents(free_workspace)["content"].keys()
    index_catalog(free_workspace, long_catalog, encoder=encoder)
    assert same(contents(free_workspace), uninterrupted(tmp_path, long_catalog)[1])


def test_two_runs_at_once_are_refused(workspace: Workspace, long_catalog: Path, encoder: WordEncoder) -> None:
    def second(done: int, total: int) -> None:
        with pytest.raises(WorkspaceLockedError, match=f"process {os.getpid()} is indexing"):
            index_catalog(workspace, long_catalog, encoder=encoder)

    index_catalog(workspace, long_catalog, encoder=encoder, progress=second)


def test_a_reader_in_another_process_sees_what_is_indexed(
    workspace: Workspace, tmp_path: Path, long_catalog: Path, encoder: WordEncoder
) -> None:
    with open_store(workspace, serve=True) as store:
        assert store.search("text", encoder.embed_text(["lamp"])[0], 5) == []
        assert run(workspace, long_catalog, "none")[-1] == str(3 * BATCH_ROWS + 7)
        assert len(store.search("text", encoder.embed_text(["lamp"])[0], 999)) == 3 * BATCH_ROWS + 7
        everything = frozenset(workspace.items.ids())
        assert len(store.search("content", encoder.embed_text(["lamp"])[0], 999, allowed=everything)) == len(everything)
