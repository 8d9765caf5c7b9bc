"""Locks on folders that several processes, and several runs, read and write."""

from __future__ import annotations

import errno
import fcntl
import os
import weakref
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from lightning_gans.core.files import close_in_children


class FolderLock:
    """A lock on a file in a folder, held exclusively by one process or shared by any number.

    It is held until :meth:`close`, until the object is gone, or until the process ends; processes that it forks do not
    hold it. On a file system without locks it has no effect.

    Args:
        path: the file, which is created with its folder if it is not there.
        notify: called once, without arguments, if another process must be waited for.

    Raises:
        OSError: if the file cannot be created or read.
    """

    def __init__(self, path: Path, notify: Callable[[], object]) -> None:
        self.path, self.notify = path, notify
        self._open()
        close_in_children(self)

    def acquire(self, *, exclusive: bool) -> None:
        """Wait for the lock, and hold it."""
        kind = fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH
        while True:
            if not self._try(kind):
                self.notify()
                with suppress(OSError):
                    fcntl.flock(self._descriptor, kind)
            if self._is_current():
                return
            # The process that was waited for has deleted the folder.
            self.close()
            self._open()

    def acquire_at_once(self) -> bool:
        """Hold the lock exclusively if no other process holds it and the file system has locks."""
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return self._is_current()

    def close(self) -> None:
        """Release the lock."""
        self._close()

    def _try(self, kind: int) -> bool:
        """Whether the lock is held now, or the file system has none."""
        try:
            fcntl.flock(self._descriptor, kind | fcntl.LOCK_NB)
        except OSError as error:
            return error.errno not in (errno.EWOULDBLOCK, errno.EACCES)
        return True

    def _open(self) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        except OSError as error:
            if error.errno not in (errno.EACCES, errno.EROFS, errno.EPERM):
                raise
            self._descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)  # to read the cache of another user
        self._close = weakref.finalize(self, os.close, self._descriptor)

    def _is_current(self) -> bool:
        """Whether the file that is locked is still at the path."""
        try:
            return os.path.samestat(self.path.stat(), os.fstat(self._descriptor))
        except OSError:
            return False
