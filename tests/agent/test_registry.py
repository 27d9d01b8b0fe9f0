"""Adapters of a workspace: registered whole, used by name, refused where something is wrong with them."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict
from pathlib import Path

import pytest

from agent.base_hash import base_hash
from agent.registry import Adapters, Card, Figure
from retrieval.errors import SettingsError, WeightsError
from tests.agent.engines import tiny_llava_folder


def card(name: str = "", **changes: object) -> Card:
    values = {
        "name": name,
        "base": "builtin",
        "base_hash": base_hash("builtin"),
        "data_hash": "d" * 64,
        "settings": {"rank": 8},
        "alpha": 2.5,
        "figures": (Figure("NDCG@10 tuned", 0.5, 0.4, 0.6),),
        "better": True,
        "users": ("ann", "ben"),
        "newest_row": 7,
        "created": "2026-11-01T00:00:00+00:00",
        "files": {},
    }
    return Card(**{**values, **changes})  # type: ignore[arg-type]


@pytest.fixture
def adapters(tmp_path: Path) -> Adapters:
    return Adapters(tmp_path)


def test_what_is_registered_is_found_again(adapters: Adapters, adapter_folder: Path) -> None:
    written = adapters.register(adapter_folder, card())
    assert written.name == "lora-1"
    assert adapters.all() == [written] == [adapters.card("lora-1")]
    assert adapters.check("lora-1") == written
    assert adapters.current() is None, "nothing uses it yet"
    assert adapters.known("lora-1") == written
    assert adapters.known("lora-2") is None
    assert set(written.files) >= {"adapter_model.safetensors", "adapter_config.json"}


def test_each_gets_the_next_free_name_or_its_own(adapters: Adapters, adapter_folder: Path) -> None:
    names = [adapters.register(adapter_folder, card(name)).name for name in ("", "autumn", "")]
    assert names == ["lora-1", "autumn", "lora-2"]
    for taken in ("autumn", "../evil", ".hidden", "a/b"):
        with pytest.raises(SettingsError, match="cannot be called"):
            adapters.register(adapter_folder, card(taken))


def test_use_roll_back_and_delete(adapters: Adapters, adapter_folder: Path) -> None:
    for _ in range(2):
        adapters.register(adapter_folder, card())
    with pytest.raises(SettingsError, match="nothing to go back to"):
        adapters.roll_back()
    for name in ("lora-1", "lora-2"):
        adapters.point_to(name)
        assert adapters.current() == name
    with pytest.raises(SettingsError, match="in use"):
        adapters.delete("lora-2")
    adapters.roll_back()
    assert adapters.current() == "lora-1"
    adapters.delete("lora-2")
    assert [each.name for each in adapters.all()] == ["lora-1"]
    adapters.roll_back()
    assert adapters.current() is None


def test_what_is_better_and_never_was_used_waits(adapters: Adapters, adapter_folder: Path) -> None:
    assert adapters.waiting() is None
    for better in (True, True, False, True):
        adapters.register(adapter_folder, card(better=better))
    adapters.point_to("lora-1")
    for name in ("lora-4", "lora-2"):
        found = adapters.waiting()
        assert found is not None
        assert found.name == name
        adapters.delete("lora-4") if name == "lora-4" else adapters.point_to(name)
    adapters.roll_back()
    assert adapters.waiting() is None, "it was gone back from"
    assert adapters.register(adapter_folder, card("lora-5")) == adapters.waiting()
    adapters.set_aside("lora-5")
    assert adapters.waiting() is None


def test_where_it_is_not_told_what_was_used_nothing_waits(adapters: Adapters, adapter_folder: Path) -> None:
    for _ in range(2):
        adapters.register(adapter_folder, card())
    adapters.pointer.write_text(json.dumps({"used": [None, "lora-1"]}))
    assert adapters.waiting() is None


def test_what_was_deleted_is_not_gone_back_to(adapters: Adapters, adapter_folder: Path) -> None:
    for name in ("lora-1", "lora-2"):
        adapters.register(adapter_folder, card())
        adapters.point_to(name)
    adapters.delete("lora-1")
    adapters.roll_back()
    assert adapters.current() is None


def test_an_unknown_name_lists_the_known_ones(adapters: Adapters, adapter_folder: Path) -> None:
    adapters.register(adapter_folder, card())
    for name in ("lora-9", "../lora-1", ""):
        with pytest.raises(SettingsError, match="there are: lora-1"):
            adapters.card(name)
        assert name not in adapters


def test_a_changed_file_is_refused(adapters: Adapters, adapter_folder: Path) -> None:
    adapters.register(adapter_folder, card())
    weights = adapters.path("lora-1") / "adapter_model.safetensors"
    damaged = bytearray(weights.read_bytes())
    damaged[-1] ^= 1
    weights.write_bytes(damaged)
    with pytest.raises(WeightsError, match=r"adapter_model\.safetensors is damaged: its SHA-256 is"):
        adapters.check("lora-1")
    weights.unlink()
    with pytest.raises(WeightsError, match="no file"):
        adapters.check("lora-1")


def test_another_base_is_refused_by_its_hash(adapters: Adapters, adapter_folder: Path) -> None:
    adapters.register(adapter_folder, card())
    with pytest.raises(WeightsError, match="was trained on another model"):
        adapters.check("lora-1", base=str(tiny_llava_folder()))
    adapters.register(adapter_folder, card(base_hash="0" * 64))
    with pytest.raises(WeightsError, match="was trained on another model than builtin"):
        adapters.check("lora-2")


def test_a_base_has_one_hash_wherever_it_lies(tmp_path: Path) -> None:
    folder = tiny_llava_folder()
    shutil.copytree(folder, tmp_path / "copy")
    assert base_hash(str(tmp_path / "copy")) == base_hash(str(folder)) != base_hash("builtin")
    weights = next((tmp_path / "copy").glob("*.safetensors"))
    changed = bytearray(weights.read_bytes())
    changed[-1] ^= 1
    weights.write_bytes(changed)
    assert base_hash(str(tmp_path / "copy")) != base_hash(str(folder))


NO_TABLE = json.dumps(asdict(card("lora-1", settings=["popularity"])))


@pytest.mark.parametrize("text", ["{", "[]", '{"name": "lora-1"}', NO_TABLE])
def test_a_damaged_card_is_told_and_left_out_of_the_list(adapters: Adapters, adapter_folder: Path, text: str) -> None:
    adapters.register(adapter_folder, card())
    (adapters.path("lora-1") / "card.json").write_text(text)
    assert adapters.all() == []
    with pytest.raises(WeightsError, match=r"card\.json is damaged"):
        adapters.card("lora-1")
    adapters.delete("lora-1")
    assert not adapters.path("lora-1").exists(), "it can be got rid of"


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"used": 7}'])
def test_a_damaged_pointer_is_told(adapters: Adapters, text: str) -> None:
    adapters.folder.mkdir()
    adapters.pointer.write_text(text)
    with pytest.raises(WeightsError, match=r"current\.json is damaged"):
        adapters.current()
    adapters.point_to(None)
    assert adapters.current() is None, "to say it again repairs it"


def test_a_pointer_to_elsewhere_points_to_nothing(adapters: Adapters) -> None:
    adapters.folder.mkdir()
    adapters.pointer.write_text(json.dumps({"used": ["../../etc", 7, None]}))
    assert adapters.current() is None


def test_what_no_server_takes_is_not_registered(adapters: Adapters, adapter_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(adapter_folder, tmp_path / "dora")
    config = json.loads((tmp_path / "dora" / "adapter_config.json").read_text())
    (tmp_path / "dora" / "adapter_config.json").write_text(json.dumps({**config, "use_dora": True}))
    with pytest.raises(WeightsError, match="use_dora"):
        adapters.register(tmp_path / "dora", card())
    assert adapters.all() == []
