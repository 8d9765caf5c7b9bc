"""Faults that others report, in one sentence each."""

from __future__ import annotations

import re

from lightning_gans.core.errors import RunEnded

GO_ON = "go on with --ckpt_path last"

SENTENCES = (
    # A loader's process that was killed, as by a machine short of memory.
    (
        r"DataLoader worker \(pid\(?s?\)? ?[\d, ]+\) (?:is killed by signal: \w+|exited unexpectedly)",
        "{0}; it loads images, and a machine short of memory kills such processes first (data.num_workers)",
    ),
    # What gloo and NCCL say when the process at the other end is no more.
    (
        r"Connection closed by peer|Connection reset by peer|Broken pipe|remote process exited|Socket closed",
        "another process of this run has ended; what it said itself tells why",
    ),
    (r"No space left on device", "no space is left on the device that the run writes to"),
    (r"Disk quota exceeded", "the quota of the disk that the run writes to is used up"),
)


def told(error: BaseException) -> RunEnded | None:
    """The end of a run whose reason is known, in one sentence; None for what looks like an error in code."""
    if type(error).__module__.partition(".")[0] == "wandb":
        reason = str(error).strip().splitlines()[0].rstrip(".")
        return RunEnded(
            f"W&B: {reason}; log in with `wandb login`, or log to this machine only with --trainer.logger.offline true"
        )
    if not isinstance(error, (RuntimeError, OSError)):
        return None
    for pattern, sentence in SENTENCES:
        if match := re.search(pattern, str(error)):
            return RunEnded(f"{sentence.format(match.group())}; {GO_ON}")
    return None
