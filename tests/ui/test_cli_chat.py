"""`tastemaker chat`, as it is typed and as it is piped."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from retrieval.encoders import open_encoder
from retrieval.indexing import index_catalog
from retrieval.workspace import Workspace
from tests.conftest import ROOT, TinyShop
from ui import cli

Chat = Callable[..., str]


@pytest.fixture(scope="module")
def shop(tiny_shop: TinyShop, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("chat") / "shop"
    with Workspace.create(folder) as workspace:
        index_catalog(workspace, tiny_shop.catalog, encoder=open_encoder())
    return folder


@pytest.fixture
def chat(shop: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Chat:
    """What the command prints for these lines."""

    def chat(*lines: str | bytes, options: tuple[str, ...] = ()) -> str:
        command = ["tastemaker", "chat", "-w", str(shop), "--engine", "scripted", "-k", "3", *options]
        data = b"".join((line.encode() if isinstance(line, str) else line) + b"\n" for line in lines)
        monkeypatch.setattr(sys, "argv", command)
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data), encoding="utf-8"))
        with pytest.raises(SystemExit) as ended:
            cli.main()
        captured = capsys.readouterr()
        assert not ended.value.code, captured.err
        return captured.out

    return chat


def test_a_piped_conversation_is_answered_line_by_line(shop: Path) -> None:
    command = [sys.executable, "-m", "ui.cli", "chat", "-w", str(shop), "--engine", "scripted"]
    done = subprocess.run(
        command, input="a mug\ncheaper\n", capture_output=True, text=True, check=False, cwd=ROOT, timeout=300
    )
    assert (done.returncode, done.stderr) == (0, "")
    first, _, second = done.stdout.partition("[kind mug]\n")
    shown = {line.partition(". ")[2] for line in first.splitlines() if line[:1].isdigit()}
    assert shown == {"Red mug  €12.50", "Green mug  €30.00", "Blue mug  €55.00"}
    lines = second.splitlines()
    assert lines[1] == "1. Red mug  €12.50"
    assert lines[2].startswith("   ")
    assert lines[3:] == ["[kind mug] [price at most 29.99]"]


def test_steps_are_taken_back_and_conversations_begun_anew(chat: Chat) -> None:
    out = chat("a lamp", "not green", "/undo", "", "/new", "red", "/help", "/quit", "a mug")
    undone = out.partition("Back to: kind lamp.\n")[2]
    assert {"Red lamp", "Green lamp", "Blue lamp"} == {line[3:].split("  ")[0] for line in undone.splitlines()[:6:2]}
    anew = out.partition("A new conversation.\n")[2]
    assert "[colour red]" in anew
    assert "lamp]" not in anew
    assert "There is no /help; there are /undo, /new and /quit." in anew
    assert "[kind mug]" not in out


def test_hostile_lines_are_answered_as_text(chat: Chat) -> None:
    lines = [
        "\x1b[2J mug",
        "<script>alert(1)</script>",
        "[bold]lamp[/nope]",
        "x" * 10_000,
        b"\xff\xfe mug",
        "'\\\" mug",
    ]
    out = chat(*lines, "I need a lamp now", options=("--user", "nobody-knows-me"))
    assert "\x1b" not in out
    assert out.endswith("[kind lamp]\n")
