"""Measure the speed of training steps: ``python benchmarks --help``."""

import sys
from pathlib import Path

# `python benchmarks` puts this folder on the path; `python -m benchmarks` does not.
sys.path.insert(0, str(Path(__file__).parent))

from speed.command import main

if __name__ == "__main__":
    main()
