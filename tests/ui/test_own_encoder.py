"""`index --train-encoder`, as it is typed."""

import sys
from pathlib import Path

import pytest

from finetune.builtin import own_encoder
from retrieval.encoders import BUILTIN, OWN
from retrieval.store import open_store
from retrieval.workspace import Workspace
from tests.finetune.test_own_encoder import SHORT, write_catalog
from ui import cli


@pytest.fixture(scope="module")
def catalog(tmp_path_factory) -> Path:
    return write_catalog(tmp_path_factory.mktemp("catalog") / "items", 120)


@pytest.fixture
def run(monkeypatch, capsys):
    """Runs a command; gives its status and what it printed."""
    monkeypatch.setattr(own_encoder, "LEAST_PICTURES", 100)
    monkeypatch.setattr(own_encoder, "settings_for", lambda items, seed: SHORT)

    def run(*arguments: object) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["tastemaker", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        captured = capsys.readouterr()
        return int(ended.value.code or 0), captured.out + captured.err

    return run


def test_the_workspace_is_indexed_with_its_own_encoder_and_keeps_it(run, catalog, tmp_path):
    workspace = tmp_path / "workspace"
    assert run("index", catalog, "--workspace", workspace)[0] == 0
    status, said = run("index", catalog, "--workspace", workspace, "--train-encoder")
    assert status == 0, said
    assert "trained on 108 pictures; of 12 items kept back" in said
    with Workspace.open(workspace) as opened, open_store(opened) as store:
        name, first = opened.settings.encoder, opened.settings.encoder_fingerprint
        assert name.startswith(OWN)
        assert store.encoder.fingerprint == first
    status, said = run("index", catalog, "--workspace", workspace)
    assert "0 added, 0 updated, 120 unchanged" in said
    status, said = run("recommend", "--workspace", workspace, "--image", catalog.parent / "images" / "0.png", "-k", "3")
    assert status == 0, said
    weights = workspace / "encoders" / f"{name}.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])
    status, said = run("index", catalog, "--workspace", workspace)
    assert (status, "it is damaged: train it again with" in said) == (1, True), said
    assert run("index", catalog, "--workspace", workspace, "--encoder", BUILTIN, "--rebuild")[0] == 0
    assert list((workspace / "encoders").iterdir()) == []


def test_bad_input_is_refused_before_anything_is_indexed(run, catalog, tmp_path):
    bare = write_catalog(tmp_path / "bare", 5, pictures=False)
    status, said = run("index", bare, "--workspace", tmp_path / "one", "--train-encoder")
    assert (status, "has no pictures that can be read" in said) == (2, True), said
    status, said = run(
        "index", catalog, "--workspace", tmp_path / "two", "--train-encoder", "--encoder", "multilingual"
    )
    assert (status, "leave out --encoder multilingual" in said) == (2, True), said
    assert not (tmp_path / "two").exists()
