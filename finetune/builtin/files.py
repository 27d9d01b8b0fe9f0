"""Files that are written whole or not at all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path


def save_whole(write: Callable[[Path], object], path: Path) -> None:
    """Let `write` fill a new file beside `path` and put it in its place: a kill leaves the last good file.

    Raises OSError, saying that the last file is kept, where there is no room; what was written so far is removed.
    """
    fresh = path.with_name(f"{path.name}.new")
    try:
        write(fresh)
    except (OSError, RuntimeError) as error:  # torch reports a full disk as a RuntimeError
        fresh.unlink(missing_ok=True)
        kept = f"the last one, {path}, is kept" if path.exists() else "there is none yet"
        raise OSError(f"no checkpoint written ({error}); {kept}; make room and run the same command again") from error
    fresh.replace(path)
