"""Study files, and a runner whose runs take no second."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import yaml

from lightning_gans.studies.budget import BatchSizes
from lightning_gans.studies.runner import Runner, StudySignals
from lightning_gans.studies.study import Study
from lightning_gans.studies.study_file import read_study
from tests.support.paths import ROOT

GOOD: dict[str, Any] = {
    "budget": {"steps": 10},
    "seeds": [0, 1, 2],
    "methods": {
        "one": {"config": "methods/minimax", "overrides": {"score": 2.0}},
        "two": {"config": "methods/hinge", "overrides": {"score": 1.0}},
    },
}
"""The fit of the fake program takes the key ``score``."""

SEARCH: dict[str, Any] = {"search": {"score": {"min": 1.0, "max": 12.0}}, "settings": 3, "fresh_seeds": [7, 8]}
"""A search of the method's score."""

FAKE = [sys.executable, str(ROOT / "tests" / "support" / "fake_study_run.py")]


def study_of(folder: Path, **changes: Any) -> Study:
    """A good study with these changes, without what is changed to None."""
    path = folder / "small.yaml"
    content = {key: value for key, value in (GOOD | changes).items() if value is not None}
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    return read_study(path)


def fake_runner(study: Study, said: list[str] | None = None, jobs: int = 1, **changes: Any) -> Runner:
    """A runner of fake runs below the folder ``studies``."""
    sizes = BatchSizes({(data.name, method.name): 4 for data in study.data for method in study.methods})
    say = print if said is None else said.append
    return Runner(study, Path("studies") / study.name, [], sizes, jobs, StudySignals(), say, FAKE, **changes)
