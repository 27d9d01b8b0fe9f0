"""The model that answers now, and the next one as soon as there is one."""

from __future__ import annotations

import gc
import logging
import threading
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING
from weakref import WeakSet

from retrieval.errors import TastemakerError

if TYPE_CHECKING:
    from agent.models.base import VisionLanguageModel

logger = logging.getLogger(__name__)


class CurrentModel:
    """Loads the model when it is first asked for, and again whenever `version` says another value.

    Who holds a model may go on with it; one that nobody holds any more is freed. While the next one loads, and where
    it cannot be loaded, the one before answers.
    """

    def __init__(self, make: Callable[[], VisionLanguageModel], version: Callable[[], object] = lambda: None) -> None:
        self._make = make
        self._version = version
        self._lock = threading.Lock()
        self._model: VisionLanguageModel | None = None
        self._seen: object = None
        self._freed = threading.Event()
        self._before: WeakSet[VisionLanguageModel] = WeakSet()

    def get(self) -> VisionLanguageModel:
        """The model. Raises what loading the first one raises."""
        if self._freed.is_set():
            self._freed.clear()
            gc.collect()  # networks are in cycles, and a full collection comes late in a process that serves
        version = self._version()
        with self._lock:
            if self._model is None:
                self._model, self._seen = self._make(), version
            if version == self._seen:
                return self._model
            self._seen = version  # who notices the change loads; the others go on with what there is
            before = self._model
        return self._changed(before, version)

    def close(self) -> None:
        """Close every model, those before included that somebody still holds."""
        with self._lock:
            for model in [*self._before, *([] if self._model is None else [self._model])]:
                model.close()
            self._before, self._model = WeakSet(), None

    def _changed(self, before: VisionLanguageModel, version: object) -> VisionLanguageModel:
        try:
            fresh = self._make()
        except TastemakerError as error:
            logger.warning("the model stays as it is, the next one cannot be used: %s", error)
            return before
        with self._lock:
            if self._seen != version or self._model is None:  # a later one is coming, or nobody needs one any more
                fresh.close()
                return before
            self._before.add(self._model)
            weakref.finalize(self._model, self._freed.set).atexit = False
            self._model = fresh
        logger.info("%s now answers with the adapter %s", fresh.info.name, fresh.info.adapter)
        return fresh
