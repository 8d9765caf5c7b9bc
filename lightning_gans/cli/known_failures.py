"""Failures outside this package whose cause is known, each reported in one sentence."""

from __future__ import annotations

import re

from lightning_gans.core.errors import RunEnded

RESUME_HINT = "resume with --ckpt_path last"

KNOWN_FAILURES = (
    # A data loader's process was killed, for example because memory ran out.
    (
        r"DataLoader worker \(pid\(?s?\)? ?[\d, ]+\) (?:is killed by signal: \w+|exited unexpectedly)",
        "{0}; such processes load images, and are the first to be killed when memory runs out: use fewer "
        "(data.num_workers)",
    ),
    # From gloo and NCCL, when the process at the other end of a connection has ended.
    (
        r"Connection closed by peer|Connection reset by peer|Broken pipe|remote process exited|Socket closed",
        "another process of this run has ended; see that process's output for the reason",
    ),
    (r"No space left on device", "no space is left on the device that the run writes to"),
    (r"Disk quota exceeded", "the quota of the disk that the run writes to is used up"),
)
"""Pairs of a regular expression and the sentence for an error whose message it matches; ``{0}`` is the match."""


def explain_known_failure(error: BaseException) -> RunEnded | None:
    """Explain a failure whose cause is known.

    Args:
        error: any exception that ended the run.

    Returns:
        The explanation in one sentence, with how to resume; None if the cause is not known, as for an error in code.
    """
    if type(error).__module__.partition(".")[0] == "wandb":
        reason = str(error).strip().splitlines()[0].rstrip(".")
        return RunEnded(
            f"W&B: {reason}; log in with `wandb login`, or log to this machine only with --trainer.logger.offline true"
        )
    if not isinstance(error, (RuntimeError, OSError)):
        return None
    for pattern, sentence in KNOWN_FAILURES:
        if match := re.search(pattern, str(error)):
            return RunEnded(f"{sentence.format(match.group())}; {RESUME_HINT}")
    return None
