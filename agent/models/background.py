"""A private event loop on a thread of its own, so that sync callers can use async code from anywhere."""

from __future__ import annotations

import asyncio
import threading
import weakref
from collections.abc import AsyncIterator, Coroutine, Iterator
from typing import Any, TypeVar, cast

T = TypeVar("T")
_END = object()


class BackgroundLoop:
    """Runs coroutines on one loop, whichever thread or loop the caller is on.

    A connection pool belongs to the loop that opened it; with a loop of their own, the pools of an engine outlive
    the callers' loops, and the sync methods work inside a running loop too (they block it, as any sync call does). The
    thread ends when nobody holds this any more.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._closed = False
        self._abandoned: weakref.finalize[Any, Any] | None = None

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """The coroutine's result; the calling thread waits for it."""
        future = asyncio.run_coroutine_threadsafe(coroutine, self._started(coroutine))
        try:
            return future.result()
        except BaseException:
            future.cancel()  # an interrupted caller leaves no work behind
            raise

    async def wait(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """The coroutine's result; the calling loop goes on meanwhile. Cancelling the caller cancels the coroutine."""
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(coroutine, self._started(coroutine)))

    def iterate(self, pieces: AsyncIterator[T]) -> Iterator[T]:
        """The async iterator's pieces, for a caller without a loop."""
        try:
            while True:
                if (piece := self.run(_next(pieces))) is _END:
                    return
                yield cast(T, piece)
        finally:
            if not self._closed:
                self.run(_close(pieces))

    async def aiterate(self, pieces: AsyncIterator[T]) -> AsyncIterator[T]:
        """The async iterator's pieces, for a caller on another loop."""
        try:
            while True:
                if (piece := await self.wait(_next(pieces))) is _END:
                    return
                yield cast(T, piece)
        finally:
            if not self._closed:
                await self.wait(_close(pieces))

    def close(self) -> None:
        """Cancel what runs, stop the loop and its thread; the second call does nothing."""
        with self._lock:
            loop, thread = self._loop, self._thread
            self._loop, self._thread, self._closed = None, None, True
        if self._abandoned is not None:
            self._abandoned.detach()
        if loop is not None and thread is not None:
            asyncio.run_coroutine_threadsafe(_cancel_others(), loop).result()
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()

    @property
    def closed(self) -> bool:
        return self._closed

    def _started(self, coroutine: Coroutine[Any, Any, Any]) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._closed:
                coroutine.close()
                raise RuntimeError(f"{self._name} is closed; open it again to use it")
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(target=self._loop.run_forever, name=self._name, daemon=True)
                self._thread.start()
                self._abandoned = weakref.finalize(self, self._loop.call_soon_threadsafe, self._loop.stop)
                self._abandoned.atexit = False
            return self._loop


async def _next(pieces: AsyncIterator[T]) -> T | object:
    return await anext(pieces, _END)


async def _close(pieces: AsyncIterator[Any]) -> None:
    close = getattr(pieces, "aclose", None)
    if close is not None:
        await close()


async def _cancel_others() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    await asyncio.get_running_loop().shutdown_asyncgens()
