"""Shell blocks of a page: their commands, and the files that the page has a reader write."""

from __future__ import annotations

import multiprocessing
import os
import re
import runpy
import shlex
import signal
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

BLOCK = re.compile(r"^```(sh|python|yaml)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMENT = re.compile(r"(^|\s)# .*")
ASSIGNED = re.compile(r"[A-Z_]+=\S+")
WAIT = 600
"""Seconds that a command may take on a busy machine."""


class Written(NamedTuple):
    """A file that the page has its reader write: a Python block that starts with its name, or a YAML block below it."""

    name: str
    text: str


class Ended(NamedTuple):
    """What a command has done."""

    status: int
    output: str


def steps(text: str) -> Iterator[str | Written]:
    """The commands of a page's shell blocks, each on one line and without its comment, and the files between them."""
    for block in BLOCK.finditer(text):
        kind, content = block.groups()
        if kind == "sh":
            for line in re.sub(r"\\\n\s*", "", content).splitlines():
                if command := COMMENT.sub("", line).strip():
                    yield command
            continue
        before = text[: block.start()]
        named = re.match(r"# (\w+\.py)\n", content) if kind == "python" else re.search(r"`(\w+\.yaml)`:\s*$", before)
        if named:
            yield Written(named[1], content)


def commands(text: str) -> list[str]:
    return [step for step in steps(text) if isinstance(step, str)]


def words_of(command: str) -> list[str]:
    """The words of a command, without variables before it and without the file to which it appends."""
    words = shlex.split(command.partition(" >> ")[0])
    while ASSIGNED.fullmatch(words[0]):
        words.pop(0)
    return words


def in_fork(act: Callable[[], None], log: Path, stop_at: str = "") -> Ended:
    """Call a function in a forked process, in which everything is imported already.

    Args:
        act: the function.
        log: the file for what it prints.
        stop_at: a text after which the process gets Ctrl-C; empty for none.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    process = multiprocessing.get_context("fork").Process(target=_redirected, args=(act, log))
    process.start()
    assert process.pid is not None
    until = time.monotonic() + WAIT
    while process.is_alive() and time.monotonic() < until:
        process.join(0.1)
        if stop_at and log.exists() and stop_at in log.read_text(errors="replace"):
            os.kill(process.pid, signal.SIGINT)
            process.join(until - time.monotonic())
    if process.is_alive():
        process.kill()
        process.join()
    status = process.exitcode
    assert status is not None
    return Ended(status, log.read_text(errors="replace"))


def _redirected(act: Callable[[], None], log: Path) -> None:
    """Call a function as a process of its own would: with its own outputs and Python's default warnings."""
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(file, 1)
    os.dup2(file, 2)
    sys.stdout, sys.stderr = (os.fdopen(number, "w", buffering=1) for number in (1, 2))
    warnings.resetwarnings()
    warnings.simplefilter("default")
    signal.signal(signal.SIGINT, signal.default_int_handler)
    act()


def program(arguments: list[str]) -> Callable[[], None]:
    """``lightning-gans`` with these arguments."""

    def call() -> None:
        from lightning_gans.__main__ import main

        sys.argv = ["lightning-gans", *arguments]
        main()

    return call


def script(path: str) -> Callable[[], None]:
    """``python`` with this file."""

    def call() -> None:
        runpy.run_path(path, run_name="__main__")

    return call
