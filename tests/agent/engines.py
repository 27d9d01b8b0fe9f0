"""The engines that pass the contract suite of test_models.py. A new one adds itself to ENGINES."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

from agent.models.base import VisionLanguageModel


@cache
def tiny_llava_folder() -> Path:
    from tests.agent.tiny_llava import save_tiny_llava

    folder = Path(tempfile.mkdtemp(prefix="tiny-llava-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return save_tiny_llava(folder)


def scripted() -> VisionLanguageModel:
    from agent.models.scripted import ScriptedModel

    return ScriptedModel(max_prompt_tokens=1600)


@cache
def tiny_transformers() -> VisionLanguageModel:
    from agent.models.transformers import TransformersModel

    return TransformersModel.open(str(tiny_llava_folder()))


ENGINES: dict[str, Callable[[], VisionLanguageModel]] = {"scripted": scripted, "transformers": tiny_transformers}
"""Name -> how to get one that is ready. What is slow to start is kept by the function."""
