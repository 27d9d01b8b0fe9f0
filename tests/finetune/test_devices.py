"""A device that is not there is one line, not a traceback."""

import pytest

from finetune.devices import check_device
from retrieval.errors import SettingsError


def test_the_cpu_is_there() -> None:
    assert check_device("cpu").type == "cpu"


@pytest.mark.parametrize("device", ["gpu", "", "cuda:99", "cpu:x"])
def test_a_device_that_is_not_there_is_refused(device: str) -> None:
    with pytest.raises(SettingsError, match=f"device is {device}, and torch finds no such device here; use --device"):
        check_device(device)
