"""The model of now: loaded once, changed when its version does, and the one before goes on for who holds it."""

from __future__ import annotations

import gc
import logging
import threading
import weakref

import pytest

from agent.current_model import CurrentModel
from agent.models.base import Message
from agent.models.scripted import ScriptedModel
from agent.models.vllm import VllmModel
from retrieval.errors import WeightsError
from tests.agent.stand_in import stand_in


class Counted(ScriptedModel):
    closed = 0

    def close(self) -> None:
        self.closed += 1


class Network:
    def __init__(self) -> None:
        self.parent = self


class Cyclic(ScriptedModel):
    def __init__(self) -> None:
        super().__init__()
        self.network = Network()


def test_it_is_loaded_once_and_again_when_the_version_changes() -> None:
    version = [1]
    made: list[Counted] = []

    def make() -> Counted:
        made.append(Counted())
        return made[-1]

    current = CurrentModel(make, lambda: version[0])
    assert current.get() is current.get() is made[0]
    version[0] = 2
    assert current.get() is current.get() is made[1]
    assert made[0].closed == 0, "a request may still hold it"
    current.close()
    assert [model.closed for model in made] == [1, 1]


def test_the_one_before_is_freed_when_its_last_request_ends() -> None:
    """Its weights too, which are in a cycle."""
    version = [1]
    current = CurrentModel(Cyclic, lambda: version[0])
    held = current.get()
    weights = weakref.ref(held.network)  # type: ignore[attr-defined]
    version[0] = 2
    current.get()
    gc.collect()
    assert weights() is not None
    gc.disable()
    try:
        del held
        current.get()
        assert weights() is None
    finally:
        gc.enable()


def test_a_server_that_nobody_asks_any_more_leaves_no_thread() -> None:
    with stand_in() as server:
        before = set(threading.enumerate())
        model = VllmModel(server.url)
        model.count_tokens((Message("user", ("?",)),))
        (mine,) = [thread for thread in set(threading.enumerate()) - before if thread.name == "tastemaker-vllm"]
        del model
        gc.collect()
        mine.join(60)
        assert not mine.is_alive()


def test_what_cannot_be_loaded_leaves_the_one_before(caplog: pytest.LogCaptureFixture) -> None:
    version = [1]

    def make() -> ScriptedModel:
        if version[0] == 2:
            raise WeightsError("it is damaged")
        return ScriptedModel()

    current = CurrentModel(make, lambda: version[0])
    first = current.get()
    version[0] = 2
    with caplog.at_level(logging.WARNING):
        assert current.get() is current.get() is first
    assert caplog.text.count("it is damaged") == 1, "told once, not for every request"
    version[0] = 3
    assert current.get() is not first


def test_the_first_one_must_load() -> None:
    def make() -> ScriptedModel:
        raise WeightsError("it is damaged")

    with pytest.raises(WeightsError, match="damaged"):
        CurrentModel(make).get()


def test_others_go_on_with_the_one_before_while_the_next_one_loads() -> None:
    version = [1]
    loading, go = threading.Event(), threading.Event()

    def make() -> ScriptedModel:
        if version[0] == 2:
            loading.set()
            assert go.wait(60)
        return ScriptedModel()

    current = CurrentModel(make, lambda: version[0])
    first = current.get()
    version[0] = 2
    changing = threading.Thread(target=current.get)
    changing.start()
    assert loading.wait(60)
    assert current.get() is first
    go.set()
    changing.join()
    assert current.get() is not first
