"""The log: nothing twice, nothing lost, and the right answer to who wants what."""

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from retrieval.errors import InteractionError
from retrieval.interaction_files import EventRow, InteractionFile, parse_time
from retrieval.interactions import InteractionLog
from retrieval.rejects import Reject
from retrieval.types import Event, EventType, Item
from retrieval.workspace import Workspace, WorkspaceSettings

START = datetime(2026, 5, 1, tzinfo=UTC)
FULL = Event(
    "ann",
    "red-mug",
    EventType.REVIEW,
    START + timedelta(microseconds=123_457),
    value=4.5,
    text="Lovely «mug»; DROP TABLE events; 茶",
    session_id="s",
    request_id="r",
    position=3,
    source="ui",
    model="builtin",
    adapter="films-1",
)


def event(user: str, item: str, kind: EventType = EventType.LIKE, minute: int = 0, value: float | None = None) -> Event:
    return Event(user, item, kind, START + timedelta(minutes=minute), value)


def wanted_by(log: InteractionLog) -> Counter[str]:
    """How many users want each item."""
    return Counter(item_id for basket in log.user_baskets().values() for item_id in basket)


def items_of(events: list[Event]) -> list[str]:
    return [each.item_id for each in events]


@pytest.fixture
def log(shop_workspace: Workspace) -> InteractionLog:
    return shop_workspace.log


@pytest.fixture
def fresh(empty_workspace: Workspace) -> InteractionLog:
    """An empty log over items a to e."""
    empty_workspace.items.upsert([Item(item_id, item_id) for item_id in "abcde"])
    return empty_workspace.log


class TestAdding:
    def test_an_event_comes_back_whole(self, log: InteractionLog) -> None:
        assert log.add([FULL]).new == 1
        back = log.history("ann")[0]
        assert len(back.event_id) == 64
        assert replace(back, event_id="") == FULL

    def test_the_same_events_again_add_nothing(self, fresh: InteractionLog) -> None:
        twice = [event("u", "a"), event("u", "a"), event("u", "b")]
        first, second = fresh.add(twice), fresh.add(twice)
        assert (first.new, first.known, second.new, second.known) == (3, 0, 0, 3)
        assert fresh.count() == 3
        assert fresh.add([event("u", "a")] * 3).new == 1

    def test_the_same_event_from_another_source_is_the_same(self, fresh: InteractionLog) -> None:
        fresh.add([replace(event("u", "a"), source="one.csv", model="m1")])
        assert fresh.add([replace(event("u", "a"), source="two.csv", adapter="x")]).known == 1

    @pytest.mark.parametrize(
        "change",
        [
            {"user_id": "v"},
            {"item_id": "b"},
            {"type": EventType.BUY},
            {"timestamp": START + timedelta(microseconds=1)},
            {"value": 1.0},
            {"text": "t"},
            {"session_id": "s"},
            {"request_id": "r"},
            {"position": 0},
        ],
    )
    def test_any_difference_in_what_happened_is_another_event(
        self, fresh: InteractionLog, change: dict[str, Any]
    ) -> None:
        fresh.add([event("u", "a")])
        assert fresh.add([replace(event("u", "a"), **change)]).new == 1

    def test_unknown_items_are_refused_by_their_place(self, fresh: InteractionLog) -> None:
        added = fresh.add([event("u", "a"), event("u", "ghost"), event("u", "b")])
        assert (added.new, added.known) == (2, 0)
        assert [(refusal.index, refusal.reason) for refusal in added.refused] == [
            (1, "unknown item 'ghost'; index it, or use --create-items")
        ]

    def test_the_place_is_right_beyond_the_first_batch(self, fresh: InteractionLog) -> None:
        events = [event("u", "a", minute=minute) for minute in range(7000)]
        events[6001] = event("u", "ghost")
        assert [refusal.index for refusal in fresh.add(events).refused] == [6001]

    def test_items_can_be_made_of_ids(self, empty_workspace: Workspace) -> None:
        empty_workspace.items.upsert([Item("b", "Known")])
        added = empty_workspace.log.add([event("u", "z"), event("u", "b"), event("u", "a")], create_items=True)
        assert (added.new, added.created_items, added.refused) == (3, 2, ())
        assert [(item.item_id, item.title) for item in empty_workspace.items.all()] == [
            ("b", "Known"),
            ("z", "z"),
            ("a", "a"),
        ]

    def test_withdrawn_items_are_still_known(self, shop_workspace: Workspace) -> None:
        shop_workspace.items.withdraw(["red-mug"])
        assert shop_workspace.log.add([event("zoe", "red-mug")]).new == 1
        assert items_of(shop_workspace.log.history("ann")) == ["red-mug", "red-lamp"]

    @pytest.mark.parametrize(
        "change",
        [
            {"user_id": ""},
            {"user_id": "u" * 257},
            {"user_id": "a\0b"},
            {"session_id": ""},
            {"text": "\ud800"},
            {"timestamp": datetime(2026, 1, 1)},
            {"value": float("nan")},
            {"value": float("inf")},
            {"type": EventType.RATE},
            {"text": "x" * 100_001},
        ],
    )
    def test_an_event_that_cannot_be_stored_stores_none(self, fresh: InteractionLog, change: dict[str, Any]) -> None:
        with pytest.raises(InteractionError, match="event 1: "):
            fresh.add([event("u", "a"), replace(event("u", "b"), **change)])
        assert fresh.count() == 0

    def test_times_of_other_zones_are_kept_as_utc(self, fresh: InteractionLog) -> None:
        tokyo = datetime(2026, 5, 1, 9, tzinfo=timezone(timedelta(hours=9)))
        fresh.add([replace(event("u", "a"), timestamp=tokyo)])
        assert fresh.history("u")[0].timestamp == START
        assert fresh.history("u")[0].timestamp.tzinfo is UTC

    def test_the_version_rises_only_with_a_change(self, fresh: InteractionLog, empty_workspace: Workspace) -> None:
        with Workspace.open(empty_workspace.path) as other:
            assert other.log.version == 0
            fresh.add([event("u", "a")])
            raised = other.log.version
            fresh.add([event("u", "a")])
            fresh.add([])
            assert other.log.version == raised > 0


class TestReading:
    def test_history_is_oldest_first_and_the_last_ones(self, fresh: InteractionLog) -> None:
        fresh.add([event("u", item, minute=minute) for minute, item in ((3, "c"), (1, "a"), (2, "b"), (4, "d"))])
        assert items_of(fresh.history("u")) == ["a", "b", "c", "d"]
        assert items_of(fresh.history("u", limit=2)) == ["c", "d"]
        assert fresh.history("u", limit=0) == []
        before = START + timedelta(minutes=3)
        assert items_of(fresh.history("u", before=before)) == ["a", "b"]
        assert items_of(fresh.history("u", before=before, limit=1)) == ["b"]

    def test_equal_times_keep_the_order_of_the_log(self, fresh: InteractionLog) -> None:
        fresh.add([event("u", item) for item in "caebd"])
        assert items_of(fresh.history("u")) == list("caebd")
        assert items_of(fresh.positives("u", limit=2)) == ["b", "d"]
        assert list(fresh.user_baskets().values()) == [tuple("caebd")]

    def test_impressions_are_no_doing(self, fresh: InteractionLog) -> None:
        fresh.add([event("u", "a", EventType.IMPRESSION), event("u", "b", EventType.VIEW)])
        assert items_of(fresh.history("u")) == ["b"]
        assert items_of(fresh.history("u", types=[EventType.IMPRESSION])) == ["a"]
        assert fresh.seen("u") == {"b"}

    def test_a_stranger_has_done_nothing(self, log: InteractionLog) -> None:
        stranger = "'; DROP TABLE events; --"
        assert log.history(stranger) == log.positives(stranger) == []
        assert log.seen(stranger) == set()

    def test_the_planted_answers(self, log: InteractionLog) -> None:
        assert wanted_by(log) == {"red-lamp": 3, "red-mug": 3, "blue-scarf": 1}
        assert set(log.user_baskets().values()) == {("red-mug", "red-lamp"), ("red-lamp", "red-mug"), ("blue-scarf",)}
        assert log.users() == ["ann", "ben", "cleo", "dan", "eve"]
        assert log.seen("ben") == {"red-lamp", "red-mug", "blue-clock"}
        assert items_of(log.positives("ben")) == ["red-lamp", "red-mug"]
        assert log.seen("eve") == {"green-clock"}
        assert log.positives("eve") == []

    def test_the_last_opinion_counts(self, fresh: InteractionLog) -> None:
        rate = EventType.RATE
        fresh.add(
            [
                event("u", "a", rate, 1, 5.0),
                event("u", "a", rate, 9, 2.0),
                event("u", "b", EventType.DISLIKE, 2),
                event("u", "b", EventType.LIKE, 8),
                event("u", "c", rate, 3, 4.0),
                event("u", "c", EventType.VIEW, 7),
                event("u", "d", rate, 4, 3.9),
                event("u", "e", EventType.REVIEW, 5),
                event("u", "e", EventType.CLICK, 6),
            ]
        )
        assert items_of(fresh.positives("u")) == ["c", "e", "b"]
        assert items_of(fresh.positives("u", before=START + timedelta(minutes=8))) == ["a", "c", "e"]
        assert wanted_by(fresh) == {"b": 1, "c": 1, "e": 1}

    def test_one_person_counts_once(self, fresh: InteractionLog) -> None:
        fresh.add([event("u", "a", EventType.CLICK, minute) for minute in range(50)])
        fresh.add([event("v", "a"), event("v", "b")])
        assert wanted_by(fresh) == {"a": 2, "b": 1}
        assert [each.timestamp for each in fresh.positives("u")] == [START + timedelta(minutes=49)]

    def test_what_is_positive_is_a_setting(self, tmp_path: Path) -> None:
        settings = WorkspaceSettings(positive_types=(EventType.VIEW, EventType.RATE), positive_min_rating=2)
        with Workspace.create(tmp_path / "shop", settings) as workspace:
            events = [
                event("u", "a", EventType.LIKE),
                event("u", "b", EventType.VIEW),
                event("u", "c", EventType.RATE, value=2),
                event("u", "d", EventType.RATE, value=1.5),
                event("u", "e", EventType.REVIEW, value=5),
            ]
            workspace.log.add(events, create_items=True)
            assert items_of(workspace.log.positives("u")) == ["b", "c"]

    def test_every_event_in_the_order_of_time(self, log: InteractionLog) -> None:
        log.add([event("zoe", "red-mug", EventType.IMPRESSION, -99)])
        events = list(log.events())
        assert len(events) == log.count() == 11
        assert events[0].user_id == "zoe"
        assert [each.timestamp for each in events] == sorted(each.timestamp for each in events)


def write(folder: Path, text: str, name: str = "log.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def refused(report: Any) -> dict[int, str]:
    lines = [json.loads(line) for line in report.rejects.read_text(encoding="utf-8").splitlines()]
    return {line["line"]: line["reason"] for line in lines}


class TestImport:
    def test_a_second_import_and_an_overlapping_one_add_only_what_is_new(
        self, fresh: InteractionLog, tmp_path: Path
    ) -> None:
        head = "user_id,item_id,timestamp\n"
        january = write(tmp_path, head + "u,a,1\nu,a,1\nu,b,2\n", "january.csv")
        both = write(tmp_path, head + "u,b,2\nu,c,3\nu,a,1\nu,a,1\n", "both.csv")
        reports = [fresh.import_file(path) for path in (january, january, both)]
        assert [(report.new, report.known, report.refused) for report in reports] == [(3, 0, 0), (0, 3, 0), (1, 3, 0)]
        assert [report.rejects for report in reports] == [None] * 3
        assert fresh.history("u")[0].source == "january.csv"

    def test_ratings_clicks_or_what_the_file_says(self, fresh: InteractionLog, tmp_path: Path) -> None:
        fresh.import_file(write(tmp_path, "user_id,item_id,rating,timestamp\nr,a,4,1\n"))
        fresh.import_file(write(tmp_path, "user_id,item_id,timestamp\nc,a,1\n"))
        fresh.import_file(write(tmp_path, "user_id,item_id,event,value,timestamp,text\nt,a,Buy,2,1,\nt,b,,3,2,hm\n"))
        assert [(e.type, e.value) for e in fresh.history("r")] == [(EventType.RATE, 4.0)]
        assert [(e.type, e.value) for e in fresh.history("c")] == [(EventType.CLICK, None)]
        assert [(e.type, e.value, e.text) for e in fresh.history("t")] == [
            (EventType.BUY, 2.0, None),
            (EventType.RATE, 3.0, "hm"),
        ]

    def test_the_three_formats_are_the_same_events(self, fresh: InteractionLog, tmp_path: Path) -> None:
        rows = [
            {"user_id": 1, "item_id": "a", "rating": 5, "timestamp": 1_700_000_000},
            {"user_id": 2, "item_id": "b", "rating": 3.5, "timestamp": 1_700_000_001},
        ]
        pq.write_table(pa.Table.from_pylist(rows), tmp_path / "log.parquet")
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        text = "user_id,item_id,rating,timestamp\n1,a,5,1700000000\n2,b,3.5,1700000001.0\n"
        files = [write(tmp_path, text), write(tmp_path, lines, "log.jsonl"), tmp_path / "log.parquet"]
        assert [fresh.import_file(path).new for path in files] == [2, 0, 0]

    def test_what_an_event_has_can_be_imported(self, log: InteractionLog, tmp_path: Path) -> None:
        names = ("user_id", "item_id", "value", "text", "session_id", "request_id", "position", "model", "adapter")
        row = {name: getattr(FULL, name) for name in names} | {
            "type": "review",
            "timestamp": FULL.timestamp.isoformat(),
        }
        log.import_file(write(tmp_path, json.dumps(row), "log.jsonl"))
        assert replace(log.history("ann")[0], event_id="", source="ui") == FULL

    def test_refused_rows_are_told_and_the_rest_goes_in(self, fresh: InteractionLog, tmp_path: Path) -> None:
        text = (
            "user_id,item_id,type,value,timestamp,mood\n"
            "u,a,like,,2026-05-01,good\n"
            ",a,like,,1,\n"
            "u,,like,,1,\n"
            "u,ghost,like,,1,\n"
            "u,a,teleport,,1,\n"
            "u,a,like,,yesterday,\n"
            "u,a,like,,,\n"
            "u,a,rate,five,1,\n"
            "u,a,rate,,1,\n"
            "u,a,rate,nan,1,\n"
            "u,a\n"
            "u,a,like,,1e30,\n"
            f"{'u' * 300},a,like,,1,\n"
            "u,b,like,,2026-05-02,\n"
        )
        report = fresh.import_file(write(tmp_path, text))
        assert (report.new, report.known, report.refused, report.ignored_columns) == (2, 0, 12, ("mood",))
        assert items_of(fresh.history("u")) == ["a", "b"]
        reasons = refused(report)
        expected = {
            3: "user_id is missing",
            4: "item_id is missing",
            5: "unknown item 'ghost'",
            6: "found the type 'teleport', expected one of impression, view",
            7: "found the time 'yesterday', expected unix seconds or ISO 8601",
            8: "timestamp is missing",
            9: "found the rating 'five', expected a number",
            10: "a rating without its value",
            11: "found the rating 'nan', expected a number",
            12: "found 2 cells, the header has 6",
            13: "outside the years",
            14: "user_id has 300 characters",
        }
        assert sorted(reasons) == sorted(expected)
        assert all(expected[line] in reason for line, reason in reasons.items())
        first = json.loads(report.rejects.read_text(encoding="utf-8").splitlines()[0])  # type: ignore[union-attr]
        assert first["file"].endswith("log.csv")
        assert first["raw"] == ",a,like,,1,"

    @pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
    def test_without_times_the_order_of_the_lines_is_the_order_of_time(
        self, fresh: InteractionLog, tmp_path: Path, form: str
    ) -> None:
        def file(pairs: str) -> Path:
            rows = [{"user_id": pair[0], "item_id": pair[1]} for pair in pairs.split()]
            lines = "".join(json.dumps(row) + "\n" for row in rows)
            if form == "parquet":
                pq.write_table(pa.Table.from_pylist(rows), tmp_path / "log.parquet")
                return tmp_path / "log.parquet"
            table = "user_id,item_id\n" + "".join(f"{pair[0]},{pair[1]}\n" for pair in pairs.split())
            return write(tmp_path, lines if form == "jsonl" else table, f"log.{form}")

        reports = [
            fresh.import_file(file(pairs)) for pairs in ("uc va ua ub ua", "uc va ua ub ua", "uc va ua ub ua vb")
        ]
        assert [(report.new, report.known, report.refused) for report in reports] == [(5, 0, 0), (0, 5, 0), (1, 5, 0)]
        assert items_of(fresh.history("u")) == ["c", "a", "b", "a"]
        assert items_of(fresh.positives("u")) == ["c", "b", "a"]
        fresh.add([event("u", "d", EventType.CLICK)])
        assert fresh.history("u")[-1].item_id == "d", "what has a time comes later"

    def test_unknown_items_are_made_when_asked_for(self, empty_workspace: Workspace, tmp_path: Path) -> None:
        path = write(tmp_path, "user_id,item_id,timestamp\nu,x,0\nu,y,1\n")
        assert empty_workspace.log.import_file(path).refused == 2
        report = empty_workspace.log.import_file(path, create_items=True)
        assert (report.new, report.created_items, report.refused) == (2, 2, 0)
        assert empty_workspace.items.ids() == ["x", "y"]

    @pytest.mark.parametrize(
        ("name", "content", "message"),
        [
            ("log.csv", b"user_id,timestamp\nu,1\n", "no column item_id; found user_id, timestamp"),
            ("log.csv", b"user,item,time\n", "no column user_id and no item_id; found user, item, time"),
            ("log.csv", b"user_id,item_id,timestamp,type,event\n", "both type and event"),
            ("log.csv", b"user_id,item_id,timestamp,rating,value\n", "both rating and value"),
            ("log.csv", b"", "is empty"),
            ("log.csv", b"user_id,item_id,timestamp\n\xff,a,1\n", "is not UTF-8: byte 26"),
            ("log.txt", b"", "found .txt"),
        ],
    )
    def test_a_file_that_cannot_be_used(
        self, fresh: InteractionLog, tmp_path: Path, name: str, content: bytes, message: str
    ) -> None:
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InteractionError, match=message):
            fresh.import_file(tmp_path / name)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, "1970-01-01T00:00:00"),
        ("1", "1970-01-01T00:00:01"),
        (-1, "1969-12-31T23:59:59"),
        (881250949, "1997-12-04T15:55:49"),
        ("881250949.25", "1997-12-04T15:55:49.250000"),
        (1_700_000_000_123, "2023-11-14T22:13:20.123000"),
        (1_700_000_000_123_456, "2023-11-14T22:13:20.123456"),
        (1_700_000_000_123_456_789, "2023-11-14T22:13:20.123456"),
        ("2026-03-01", "2026-03-01T00:00:00"),
        ("2026-03-01T12:00:00Z", "2026-03-01T12:00:00"),
        ("2026-03-01 12:00+02:00", "2026-03-01T10:00:00"),
        (datetime(2026, 3, 1, 12), "2026-03-01T12:00:00"),
    ],
)
def test_times_are_read(value: object, expected: str) -> None:
    assert parse_time(value) == datetime.fromisoformat(expected).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    "value", ["", "now", "12:30", True, None, [1], 1e40, "9" * 40, float("nan"), "0001-01-01T00:00+14:00"]
)
def test_what_is_no_time_is_refused(value: object) -> None:
    with pytest.raises(InteractionError, match="time"):
        parse_time(value)


@pytest.mark.parametrize(
    ("moment", "reason"),
    [
        ("-5", "before 1970"),
        ("1969-12-31", "before 1970"),
        ("1777680001", "in the future"),
        ("99991231235959", "in the future"),
        ("1e30", "outside the years"),
    ],
)
def test_a_time_when_nothing_can_have_happened_is_refused(tmp_path: Path, moment: str, reason: str) -> None:
    path = tmp_path / "log.csv"
    path.write_text(f"user_id,item_id,timestamp\nann,a,{moment}\nann,b,1777680000\nann,c,0\n", encoding="utf-8")
    refused, soon, first = InteractionFile(path, now=START)
    assert isinstance(refused, Reject)
    assert reason in refused.reason
    assert isinstance(soon, EventRow)
    assert soon.event.timestamp == START + timedelta(days=1), "zones and clocks differ"
    assert isinstance(first, EventRow)


def running(code: str, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


LIKE = """
import sys
from datetime import datetime, timedelta, timezone
from retrieval.types import Event, EventType
from retrieval.workspace import Workspace
start = datetime(2026, 5, 1, tzinfo=timezone.utc)
with Workspace.open(sys.argv[1]) as workspace:
    for minute in range(60):
        added = workspace.log.add([Event(sys.argv[2], "a", EventType.LIKE, start + timedelta(minutes=minute))])
        assert added.new == 1
"""
IMPORT = """
import sys
from retrieval.workspace import Workspace
with Workspace.open(sys.argv[1]) as workspace:
    report = workspace.log.import_file(sys.argv[2])
    print(report.new, report.known)
"""


def test_importing_while_people_click_loses_nothing(
    fresh: InteractionLog, empty_workspace: Workspace, tmp_path: Path
) -> None:
    rows = "".join(f"u{number % 97},{'abcde'[number % 5]},{number}\n" for number in range(12_000))
    path = write(tmp_path, "user_id,item_id,timestamp\n" + rows)
    folder = empty_workspace.path
    likers = [running(LIKE, folder, f"liker{number}") for number in range(2)]
    importers = [running(IMPORT, folder, path) for _ in range(2)]
    with ThreadPoolExecutor(4) as pool:  # threads of this process write beside the others
        likes = pool.map(lambda n: fresh.add([event(f"thread{n % 4}", "b", minute=n)]).new, range(100))
        assert sum(likes) == 100
    assert [process.communicate()[1] for process in likers] == ["", ""]
    counts = [process.communicate() for process in importers]
    assert [errors for _, errors in counts] == ["", ""]
    assert sum(int(printed.split()[0]) for printed, _ in counts) == 12_000
    assert fresh.count() == 12_000 + 2 * 60 + 100


ADD_AND_TELL = """
import sys
from datetime import datetime, timedelta, timezone
from retrieval.types import Event, EventType
from retrieval.workspace import Workspace
start = datetime(2026, 5, 1, tzinfo=timezone.utc)
with Workspace.open(sys.argv[1]) as workspace:
    for batch in range(1_000_000):
        times = (start + timedelta(minutes=batch * 20 + i) for i in range(20))
        workspace.log.add([Event("u", "a", EventType.LIKE, when) for when in times])
        print(batch, flush=True)
"""


def test_what_was_acknowledged_survives_a_kill(fresh: InteractionLog, empty_workspace: Workspace) -> None:
    process = running(ADD_AND_TELL, empty_workspace.path)
    assert process.stdout is not None
    acknowledged = [process.stdout.readline() for _ in range(25)]
    os.kill(process.pid, signal.SIGKILL)
    told = len(acknowledged) + len(process.communicate()[0].splitlines())
    with Workspace.open(empty_workspace.path) as workspace:
        count = workspace.log.count()
        assert count >= told * 20
        assert count % 20 == 0  # and no batch is there in part
        assert workspace.log.version == count


@pytest.fixture(scope="module")
def films(movielens: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    from retrieval.catalog import CatalogRow, read_catalog

    with Workspace.create(tmp_path_factory.mktemp("films") / "films") as workspace:
        rows = read_catalog(movielens / "items.jsonl")
        workspace.items.upsert(row.item for row in rows if isinstance(row, CatalogRow))
        yield workspace


def test_movielens_goes_in_whole_and_once(films: Workspace, movielens: Path) -> None:
    assert films.items.count() == 1682
    reports = [films.log.import_file(movielens / "interactions.csv") for _ in range(2)]
    assert [(report.new, report.known, report.refused) for report in reports] == [(100_000, 0, 0), (0, 100_000, 0)]
    assert len(films.log.users()) == 943
    most_liked = wanted_by(films.log).most_common(1)[0][0]
    assert films.items.get(most_liked).title == "Star Wars"
    history = films.log.history("42")
    assert len(history) == 183
    assert [each.timestamp for each in history] == sorted(each.timestamp for each in history)


def test_amazon_beauty_positions_are_an_order(amazon_beauty: Path, empty_workspace: Workspace, tmp_path: Path) -> None:
    lines = (amazon_beauty / "interactions.csv").read_text(encoding="utf-8").splitlines()[:3000]
    report = empty_workspace.log.import_file(write(tmp_path, "\n".join(lines)), create_items=True)
    assert (report.new, report.refused) == (2999, 0)
    first_user = lines[1].split(",")[0]
    expected = [line.split(",")[1] for line in lines[1:] if line.split(",")[0] == first_user]
    assert items_of(empty_workspace.log.positives(first_user)) == expected
