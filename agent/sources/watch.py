"""Wakes a waiting reader when a file of the database changes. Events only shorten the wait; they are never the truth."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer

if TYPE_CHECKING:
    from pathlib import Path

    from watchdog.observers.api import BaseObserver

logger = logging.getLogger(__name__)

_CHANGES = frozenset({"modified", "created", "moved", "deleted"})


class FileWatch(FileSystemEventHandler):
    """Watches the folder of a database for changes of the file itself and of what stands beside it under its name."""

    def __init__(self, path: Path) -> None:
        self._name = path.name
        self._changed = threading.Event()
        self._observer: BaseObserver | None = Observer()
        self._observer.schedule(self, str(path.absolute().parent))
        try:
            self._observer.start()
        except OSError as error:  # no watches left, or a file system without events: polling goes on
            logger.warning("file events are not available: %s", error.strerror)
            self._observer = None

    def on_any_event(self, event: FileSystemEvent) -> None:
        """Called by the observer's thread."""
        paths = (str(event.src_path), str(event.dest_path))
        if event.event_type in _CHANGES and any(self._name in path for path in paths):
            self._changed.set()

    def wait(self, timeout_s: float) -> bool:
        """Sleep until a change or the timeout."""
        changed = self._changed.wait(timeout_s)
        self._changed.clear()
        return changed

    def close(self) -> None:
        """End the observer's thread."""
        if self._observer is not None:
            self._observer.stop()
            self._observer.join()
            self._observer = None
