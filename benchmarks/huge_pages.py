"""Measure how long a training step on a CPU takes with PyTorch's memory in huge pages, against pages of 4 KiB.

    OMP_NUM_THREADS=1 python benchmarks/huge_pages.py      # Linux; about two minutes

A step is one update of DCGAN's D and one of its G with the hinge loss, batches of 64, images of 64 x 64 in color, in
bfloat16 and in float32. PyTorch asks the system for huge pages if THP_MEM_ALLOC_ENABLE is 1 when it allocates for the
first time, as in every command of `lightning-gans`, so each measurement has its own process. Both kinds take turns, and
the best CPU time of each counts. Most is gained on virtual machines, where finding a page takes long.
/sys/kernel/mm/transparent_hugepage/enabled must be `madvise` or `always`; with `always` both are the same.
"""

from __future__ import annotations

import os
import subprocess
import sys

import torch
from bfloat16 import Step

from lightning_gans.networks import DCGANDiscriminator, DCGANGenerator

VARIABLE = "THP_MEM_ALLOC_ENABLE"
SIZE, STEPS, TURNS = 64, 6, 3


def step_times(bfloat16: bool) -> list[float]:
    """CPU times of training steps in seconds, without those of the first two."""
    torch.set_num_threads(1)
    step = Step(DCGANGenerator(3, SIZE), DCGANDiscriminator(3, SIZE))
    return [step.run(bfloat16) for _ in range(STEPS + 2)][2:]


def measure(huge: bool, bfloat16: bool) -> float:
    """The best time of a step in a process of its own, in milliseconds."""
    environment = {**os.environ, VARIABLE: "1" if huge else "0"}
    command = [sys.executable, __file__, "bfloat16" if bfloat16 else "float32"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return float(done.stdout)


def main() -> None:
    """Measure and print the table."""
    print("| Precision | Pages of 4 KiB, ms | Huge pages, ms | Ratio |\n| --- | --: | --: | --: |")
    for precision in ("bfloat16", "float32"):
        turns = [[measure(huge, precision == "bfloat16") for huge in (False, True)] for _ in range(TURNS)]
        small, huge = (min(times) for times in zip(*turns, strict=True))
        print(f"| {precision} | {small:.0f} | {huge:.0f} | {small / huge:.2f} |", flush=True)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(1000 * min(step_times(sys.argv[1] == "bfloat16")))
    else:
        main()
