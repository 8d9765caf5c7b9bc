"""Measure what sending gradients while the backward pass runs gains on a slow link.

    OMP_NUM_THREADS=1 python benchmarks/overlap.py [--mbit 1000] [--pairs 8]        # Linux, as root; ten minutes

Two processes with gloo and one thread each train the networks of `pix2pix/synthetic` with instance normalization, which
sends nothing but gradients. The link is the loopback interface of a private network namespace, limited by `tc` to a
rate that the two directions share. Two ways alternate within one run, as in `benchmarks/strategies.py`: one message for
each network after its backward pass, and buckets; or one message, and nothing sent at all. The last is no training, but
shows the time that sending adds.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from statistics import median
from typing import Any

import torch
import torch.distributed as dist
from lightning.pytorch.strategies import DDPStrategy
from moved import alone, join, missing, processes
from strategies import Way, pix2pix, ratio, side_by_side
from torch import Tensor
from traffic import FLOAT, numbers

from lightning_gans.distributed.strategy import AlternatingDDP
from lightning_gans.training import filter_warnings

BATCH = 4
"""Images per process."""
BUCKETS = (25.0, 5.0, 1.0)
"""Sizes of the messages that are compared, in MiB; the first is the default."""


class Silent(AlternatingDDP):
    """Our strategy, except that it sends no gradients."""

    def backward(self, closure_loss: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        """Backward pass of each process alone."""
        with self.block_backward_sync():
            return super().backward(closure_loss, *args, **kwargs)


def buckets_of(size: float) -> Way:
    """Train with messages of at most ``size`` MiB."""

    def strategy() -> DDPStrategy:
        return AlternatingDDP(process_group_backend="gloo", bucket_cap_mb=size)

    return pix2pix, strategy


def silent() -> DDPStrategy:
    """Create a strategy that sends no gradients."""
    return Silent(process_group_backend="gloo")


def worker(pairs: int) -> None:
    """Measure in one of the two processes; rank 0 prints."""
    filter_warnings()
    first = join() == 0
    sizes = {name: FLOAT * numbers(side.parameters) / 1e6 for name, side in pix2pix().sides.items()}
    if first:
        print(f"Gradients of G {sizes['g']:.1f} MB, of D {sizes['d']:.1f} MB; threads: {torch.get_num_threads()}\n")
        print("| | Step | Step with one message | Ratio of times (quartiles) | Added by sending, hidden |")
        print("| --- | --- | --- | --- | --- |", flush=True)
    one = buckets_of(1e6)
    ways = {"nothing sent": (pix2pix, silent), **{f"messages of {size:g} MiB": buckets_of(size) for size in BUCKETS}}
    added = 0.0
    for name, way in ways.items():
        clock, base = side_by_side((way, one), BATCH, pairs)
        gained = median(a - b for a, b in zip(base.seconds, clock.seconds, strict=True))
        added = added or gained
        cells = [f"{median(each.seconds) * 1e3:.0f} ms" for each in (clock, base)]
        cells += [ratio(clock.seconds, base.seconds), f"{added * 1e3:.0f} ms, {gained / added:.0%}"]
        if first:
            print(f"| {name} | {' | '.join(cells)} |", flush=True)
    dist.barrier()
    dist.destroy_process_group()


def main() -> None:
    """Start two processes in a private network namespace with a slow link."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mbit", type=int, default=1000, help="rate of the link, in Mbit/s, for both directions")
    parser.add_argument("--pairs", type=int, default=8, help="measured turns of each of two ways")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    given = ["--mbit", str(arguments.mbit), "--pairs", str(arguments.pairs)]
    if "RANK" in os.environ:
        worker(arguments.pairs)
    elif arguments.inside:
        limit = ["rate", f"{arguments.mbit}mbit", "burst", "256kb", "latency", "400ms"]
        subprocess.run(["tc", "qdisc", "add", "dev", "lo", "root", "tbf", *limit], check=True)
        sys.exit(processes(__file__, given))
    elif (why := missing()) is not None or shutil.which("tc") is None:
        sys.exit(f"the link cannot be limited here: {why or 'tc is missing'}")
    else:
        sys.exit(subprocess.run(alone([sys.executable, __file__, "--inside", *given]), check=False).returncode)


if __name__ == "__main__":
    main()
