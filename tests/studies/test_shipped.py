"""Every shipped study with the real parser."""

from __future__ import annotations

from pathlib import Path

import pytest

from lightning_gans.cli.study_check import lines_to_check, parse_lines
from lightning_gans.core.errors import InputError
from lightning_gans.core.shipped_configs import config_folder, study_names
from lightning_gans.studies.cells import first_cells, fresh_cells
from lightning_gans.studies.study_file import find_study, read_study
from tests.support.studies import study_of


@pytest.mark.slow  # a parser takes half a second, and a study has many lines
@pytest.mark.parametrize("path", sorted((config_folder() / "studies").glob("*.yaml")), ids=lambda path: path.stem)
def test_the_parser_takes_every_method_and_the_ends_of_every_range(path: Path) -> None:
    study = read_study(path)
    extra = ["--data.root=data"] if path.stem != "quick" else []
    sizes = parse_lines([line for _, _, line in lines_to_check(study, extra)])
    assert {1: {"emoji", "facades"}, 32: {"quick"}, 64: {"mnist", "cifar10", "lucic"}}[sizes[0] or 0] >= {path.stem}
    assert None not in sizes


def test_the_parser_names_the_line_that_it_rejects(tmp_path: Path) -> None:
    study = study_of(tmp_path, methods={"a": "methods/hinge", "b": {"config": "base", "overrides": {"model": "No"}}})
    with pytest.raises(InputError, match=r"^line 1: .*model.* is No"):
        parse_lines([line for _, _, line in lines_to_check(study, [])])


def test_the_shipped_studies_are_as_large_as_they_say() -> None:
    counts = {}
    for name in study_names():
        study = read_study(find_study(name))
        counts[study.name] = len(first_cells(study)) + len(fresh_cells(study))
    assert counts == {"emoji": 12, "facades": 15, "quick": 12, "mnist": 45, "cifar10": 18, "lucic": 4200}
