"""The speed of training steps: ``python benchmarks --help``."""

import sys
from pathlib import Path

# `python -m benchmarks` does not look for modules here, as `python benchmarks` does.
sys.path.insert(0, str(Path(__file__).parent))

from speed.command import main

if __name__ == "__main__":
    main()
