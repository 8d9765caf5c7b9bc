"""README, docs and configs have the figures that `make numbers` writes from the records in the repository."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.support.docs_scripts import load_script
from tests.support.paths import ROOT

SCRIPT = ROOT / "docs" / "write_numbers.py"

pytestmark = pytest.mark.skipif(not SCRIPT.is_file(), reason="docs is not beside the tests")


@pytest.fixture(scope="module")
def script() -> Any:
    return load_script("write_numbers")


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A copy of what the script reads and writes."""
    shutil.copy(ROOT / "README.md", tmp_path)
    shutil.copytree(ROOT / "configs", tmp_path / "configs")
    shutil.copytree(ROOT / "docs", tmp_path / "docs", ignore=shutil.ignore_patterns("images", "*.py", "__pycache__"))
    return tmp_path


def texts(root: Path) -> dict[str, str]:
    """Every file that has figures, by its path."""
    paths = [root / "README.md", *(root / "docs").glob("*.md"), *(root / "configs").rglob("*.yaml")]
    return {str(path.relative_to(root)): path.read_text(encoding="utf-8") for path in paths}


def test_every_figure_is_that_of_its_record(script: Any, copied: Path) -> None:
    script.main(copied)
    assert texts(copied) == texts(ROOT), "`make numbers` writes the figures"


def edit(path: Path, pattern: str, replacement: str) -> None:
    text, count = re.subn(pattern, replacement, path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert count == 1, f"{pattern} is {count} times in {path}"
    path.write_text(text, encoding="utf-8")


def test_wrong_figures_are_put_right(script: Any, copied: Path) -> None:
    edit(copied / "README.md", r"^(\| `lsgan/cifar10` \| LSGAN \| \d \| )[\d.]+", r"\g<1>0.1")
    edit(copied / "docs" / "results.md", r"^(\| lsgan-cifar10 \| LSGAN \| \d \|  \| 6500 \| )[\d.]+", r"\g<1>0.1")
    edit(copied / "docs" / "results.md", r"^(\| lsgan-cifar10 \| )\d+ \(seed 0\)", r"\g<1>1 (seed 0)")
    edit(copied / "docs" / "lsgan.md", r"^(\| `lsgan/cifar10` .*\| )\d+ minutes", r"\g<1>1 minutes")
    edit(copied / "docs" / "lsgan.md", r"^(\| lsgan-mnist \| 3 \| 3 \| )[\d.]+", r"\g<1>0.1")
    config = copied / "configs" / "lsgan" / "cifar10.yaml"
    edit(config, r"relative FID of \.\d+ and a KID of \.\d+", "relative FID of .1 and a KID of .2")
    edit(config, r"after \d+$", "after 1")
    script.main(copied)
    changed = {name for name, text in texts(copied).items() if text != texts(ROOT)[name]}
    assert changed == {"configs/lsgan/cifar10.yaml"}  # it had figures of two digits, and now of one
    assert "relative FID of .5 and a KID of .6 " in config.read_text()


def test_a_new_record_changes_the_tables(script: Any, copied: Path) -> None:
    seed = copied / "docs" / "records" / "cifar10" / "lsgan-cifar10" / "seed-0"
    other = seed.with_name("seed-7")
    runs = len(list(seed.parent.iterdir())) + 1
    shutil.copytree(seed, other)
    for name, old, new in (
        ("scores.jsonl", '"seed": 0', '"seed": 7'),
        ("config.yaml", "seed_everything: 0", "seed_everything: 7"),
    ):
        text = (other / name).read_text()
        assert old in text
        (other / name).write_text(text.replace(old, new))
    facts = json.loads((other / "fit.json").read_text())
    (other / "fit.json").write_text(json.dumps({**facts, "train_seconds": 60.0}))
    script.main(copied)
    page = (copied / "docs" / "results.md").read_text()
    assert re.search(rf"^\| lsgan-cifar10 \| LSGAN \| {runs} \| ", page, re.MULTILINE)
    assert re.search(r"^\| lsgan-cifar10 \| \d+ \(seed 0\), .*1 \(seed 7\) \| ", page, re.MULTILINE)
    assert f"| `lsgan/cifar10` | LSGAN | {runs} | " in (copied / "README.md").read_text()


def test_every_recorded_config_says_what_to_expect(script: Any) -> None:
    """So that no figure in the words of a header is passed over by the script's patterns."""
    names = [name for name, _, _ in script.recorded(ROOT)]
    assert len(names) > 5
    for name in names:
        header = (ROOT / "configs" / f"{name}.yaml").read_text()
        scores = [words for words in script.HEADER_SCORES.values() if re.search(script.in_header(words), header)]
        assert scores, name
        assert re.search(script.in_header(script.HEADER_MINUTES), header), name


def test_pictures_that_show_nothing_are_worse_than_every_run_in_color(script: Any) -> None:
    names = ("each image one color, its mean", "all images red", "uniform noise")
    lines = (ROOT / "docs" / "evaluation.md").read_text(encoding="utf-8").splitlines()
    (head,) = [script.cells(line) for line in lines if line.startswith("| Degradation | ")][-1:]
    empty = [dict(zip(head, row, strict=True)) for line in lines if (row := script.cells(line)) and row[0] in names]
    assert len(empty) == len(names)
    runs = script.rows_of(ROOT / "docs" / "results.md", "cifar10")
    for score, title in (("relative_fid", "Relative FID"), ("kid", "KID")):
        worst = max(float(number) for run in runs for number in re.findall(r"[\d.]+", run[score]))
        assert worst < min(float(row[title]) for row in empty), score
    for score in ("precision", "recall", "density", "coverage"):
        worst = min(float(number) for run in runs for number in re.findall(r"[\d.]+", run[score]))
        assert worst > max(float(row[score.capitalize()]) for row in empty), score


def test_every_figure_of_the_study_is_that_of_its_record(copied: Path) -> None:
    studies = load_script("write_studies")
    studies.write_tables(copied)
    assert texts(copied) == texts(ROOT), "`make numbers` writes the figures"
    edit(copied / "README.md", r"^(\| `\w+` \| [^|]* \| `spectral_norm` \| |\| `spectral_norm` \| )[\d.]+", r"\g<1>0.1")
    edit(copied / "docs" / "studies.md", r"^(\| \d+ \| `spectral_norm` \| )[\d.]+", r"\g<1>0.1")
    assert texts(copied) != texts(ROOT)
    studies.write_tables(copied)
    assert texts(copied) == texts(ROOT)


def test_methods_of_a_study_are_sorted_and_compared(tmp_path: Path) -> None:
    studies = load_script("write_studies")
    record = tmp_path / "record.csv"
    scores = {"bad": (3, 4, 5), "good": (1, 1.2, 1.1), "middle": (1.15, 2, 1.3), "also_good": (1.05, 1.3, 1.12)}
    rows = [f"{name},{value},10" for name, values in scores.items() for value in values]
    record.write_text("\n".join(["method,relative_fid,steps", *rows]) + "\n")
    methods = studies.read_methods(record)
    assert [method.name for method in methods] == ["good", "also_good", "middle", "bad"]
    assert studies.alike(methods) == ["2, 3", "1, 3", "1, 2", ""]
    assert studies.table(methods, {"steps": "Steps"}).splitlines()[2:4] == [
        "| 1 | `good` | 1.1 [1, 1.2] | 2, 3 | 10 |",
        "| 2 | `also_good` | 1.12 [1.05, 1.3] | 1, 3 | 10 |",
    ]
    assert studies.short_table(methods).splitlines()[2:] == [
        "| `good` | 1.1 [1, 1.2] | `middle` | 1.3 [1.15, 2] |",
        "| `also_good` | 1.12 [1.05, 1.3] | `bad` | 4 [3, 5] |",
    ]
    assert studies.ranges([1, 3, 4, 5, 7, 8]) == "1, 3 to 5, 7, 8"
