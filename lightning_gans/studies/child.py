"""Child processes of a study: what they take, their log, and how they end with it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lightning_gans.core.errors import InputError, os_reason

POLL_SECONDS = 0.2
"""Seconds between two looks at a child."""

PATIENCE = 120.0
"""Seconds that a child has to end after a signal, before it is killed: it finishes its step, or its validation."""

ERROR_PREFIX = "lightning-gans: "
"""Beginning of the line with which our command line ends after an error."""

LAST_LINES = 40
"""Lines at the end of a log among which the error is looked for."""


@dataclass(frozen=True)
class Ended:
    """How a child has ended.

    Attributes:
        status: exit status, or minus the number of the signal that has killed it.
        seconds: for how long it ran.
        core_seconds: its CPU time and that of the processes that it waited for.
        peak_mib: the most memory that it has had, in MiB.
        was_asked: whether this process has asked it to end.
    """

    status: int
    seconds: float
    core_seconds: float
    peak_mib: float
    was_asked: bool


@contextmanager
def claimed(path: Path) -> Iterator[int | None]:
    """Context in which a file is locked, or None is yielded since another process has locked it.

    Children inherit the lock with the descriptor that is yielded: it is held until all of them have ended, also where
    this process was killed before.

    Args:
        path: the file, which is created if necessary.

    Raises:
        InputError: if it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError as error:
        raise InputError(f"{path} cannot be written ({os_reason(error)})") from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield None
        except OSError:  # a file system without locks
            yield descriptor
        else:
            yield descriptor
    finally:
        os.close(descriptor)


def run_child(
    command: list[str],
    log: Path,
    environment: Mapping[str, str],
    signal_noted: Callable[[], int],
    lock: int | None = None,
    output: Path | None = None,
) -> Ended:
    """Run a command until it ends; a signal that this process has noted is passed on.

    Args:
        command: the program and its arguments.
        log: file to which stdout and stderr are appended.
        environment: variables beside those of this process.
        signal_noted: the number of the signal that this process has received; 0 for none.
        lock: descriptor that the child inherits, see :func:`claimed`.
        output: file to which stdout is written instead.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    with contextlib.ExitStack() as files:
        errors = files.enter_context(log.open("ab"))
        stdout = errors if output is None else files.enter_context(output.open("wb"))
        # In a session of its own: Ctrl-C in the terminal reaches this process only, which passes it on.
        child = subprocess.Popen(
            command,
            env={**os.environ, **environment, "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=errors,
            start_new_session=True,
            pass_fds=() if lock is None else (lock,),
        )
        asked: float | None = None
        try:
            while True:
                # Not `child.poll`, which forgets what the child has used.
                process, status, used = os.wait4(child.pid, os.WNOHANG)
                if process:
                    break
                number = signal_noted()
                if number and asked is None:
                    asked = time.monotonic()
                    child.send_signal(number)
                if asked is not None and time.monotonic() - asked > PATIENCE:
                    child.kill()
                time.sleep(POLL_SECONDS)
        except BaseException:
            child.kill()
            raise
        child.returncode = os.waitstatus_to_exitcode(status)
        # Processes that load images; the session may be empty by now.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
    return Ended(
        status=child.returncode,
        seconds=time.monotonic() - started,
        core_seconds=used.ru_utime + used.ru_stime,
        peak_mib=peak_mib(used),
        was_asked=asked is not None,
    )


def peak_mib(used: resource.struct_rusage) -> float:
    """The most memory that a process has had, in MiB."""
    return used.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def error_line(log: Path, start: int, status: int) -> str:
    """The line of a log that says why a command has failed.

    Args:
        log: the file.
        start: bytes of the file before the command.
        status: exit status of the command.
    """
    try:
        text = log.read_bytes()[start:].decode(errors="replace")
    except OSError:
        text = ""
    lines = [line.strip() for line in text.splitlines() if line.strip()][-LAST_LINES:]
    ours = [line.removeprefix(ERROR_PREFIX) for line in lines if line.startswith(ERROR_PREFIX)]
    ours = [line.removeprefix("error: ") for line in ours]
    last = next(iter(reversed(ours)), lines[-1] if lines else "")
    return last or f"exit status {status}"
