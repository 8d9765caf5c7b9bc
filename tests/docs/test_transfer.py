"""docs/transfer.py finds the step at which a run has reached another's score."""

from __future__ import annotations

import pytest

from tests.support.docs_scripts import load_script
from tests.support.paths import ROOT

PATH = ROOT / "docs" / "transfer.py"

pytestmark = pytest.mark.skipif(not PATH.is_file(), reason="docs is not beside the tests")


def test_the_steps_to_the_median_of_the_first_runs_are_printed() -> None:
    module = load_script("transfer")
    random = [[(10, 0.9), (20, 0.5), (30, 0.6)], [(10, 0.8), (20, 0.7), (30, 0.4)], [(10, 0.7), (20, 0.6)]]
    other = [[(10, 0.5)], [(10, 0.6), (1020, 0.3)], [(10, 0.9)]]
    assert module.table(["random", "other"], [random, other]) == [
        "| Run | best relative_fid of each seed | steps to 0.5 |",
        "| --- | --- | --- |",
        "| random | 0.5, 0.4, 0.6 | 20, 30, not reached |",
        "| other | 0.5, 0.3, 0.9 | 10, 1,020, not reached |",
    ]
