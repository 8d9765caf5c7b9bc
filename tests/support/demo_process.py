"""`lightning-gans demo` as a process of its own, as a user starts and ends it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

WAIT = 200
"""Seconds that a busy machine may take for anything."""


class Demo(NamedTuple):
    """A page that is served.

    Attributes:
        process: the command.
        url: what it says where it is.
        temporary: its $TMPDIR.
        errors: what it writes to stderr.
    """

    process: subprocess.Popen[str]
    url: str
    temporary: Path
    errors: Path

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    @property
    def folder(self) -> Path:
        """Where it keeps the pictures that it shows."""
        return next(self.temporary.glob("lightning-gans-demo-*"))

    def end(self, how: signal.Signals = signal.SIGINT) -> int:
        """Its exit status."""
        self.process.send_signal(how)
        return self.process.wait(WAIT)


@contextmanager
def demo(run: Path, folder: Path, *options: str, first_on_path: Path | None = None) -> Iterator[Demo]:
    """The page of a run, at any free port.

    Args:
        run: CKPT.
        folder: an empty one, for temporary files and what is written to stderr.
        options: of the command.
        first_on_path: a folder with programs that the server finds before those of the machine.
    """
    temporary, errors = folder / "tmp", folder / "errors.txt"
    temporary.mkdir(parents=True)
    command = [sys.executable, "-m", "lightning_gans", "demo", str(run), "--port", "0", "--no_browser", *options]
    environment = {**os.environ, "TMPDIR": str(temporary), "OMP_NUM_THREADS": "1"}
    if first_on_path:
        environment["PATH"] = f"{first_on_path}{os.pathsep}{environment['PATH']}"
    with (
        errors.open("w") as stderr,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, text=True, env=environment) as process,
    ):
        assert process.stdout is not None
        try:
            said = process.stdout.readline()
            assert said.startswith("page: http://"), errors.read_text()
            yield Demo(process, said.removeprefix("page: ").strip(), temporary, errors)
        finally:
            process.kill()
