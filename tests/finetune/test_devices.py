"""A device that is not there is one line, not a traceback."""

import argparse
import sys
from importlib import import_module

import pytest

from finetune.builtin import train_vlm
from finetune.devices import check_device, device_option
from retrieval.errors import SettingsError


def test_the_cpu_is_there() -> None:
    assert check_device("cpu").type == "cpu"


@pytest.mark.parametrize("device", ["gpu", "", "cuda:99", "cpu:x"])
def test_a_device_that_is_not_there_is_refused(device: str) -> None:
    with pytest.raises(SettingsError, match=f"device is {device}, and torch finds no such device here; use --device"):
        check_device(device)


def test_on_a_command_line_it_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def absent(device: str) -> None:
        raise SettingsError(f"device is {device}, and torch finds no such device here; use --device cpu")

    monkeypatch.setattr("finetune.devices.check_device", absent)
    monkeypatch.setattr(sys, "argv", ["train_vlm", "--run", "none", "--device", "cuda"])
    with pytest.raises(SystemExit):
        train_vlm.main()
    assert (
        capsys.readouterr()
        .err.splitlines()[-1]
        .endswith("argument --device: device is cuda, and torch finds no such device here; use --device cpu")
    )


@pytest.mark.parametrize("stage", ["train_eyes", "train_image_encoder", "train_vlm", "tune_shop", "photo_figures"])
def test_every_stage_checks_its_device(stage: str, monkeypatch: pytest.MonkeyPatch) -> None:
    options: dict[str, object] = {}

    def noted(_self: argparse.ArgumentParser, *names: str, **how: object) -> None:
        options[names[0]] = how.get("type")

    monkeypatch.setattr(argparse.ArgumentParser, "add_argument", noted)
    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", None)
    with pytest.raises(TypeError):
        import_module(f"finetune.builtin.{stage}").main()
    assert options["--device"] is device_option
