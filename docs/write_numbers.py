r"""Write every figure of the documentation whose runs have a record in docs/records.

    make numbers                    # or: python docs/write_numbers.py

A record is a run's folder without its checkpoints and pictures: config.yaml, scores.jsonl and fit.json. Written are the
tables of docs/results.md; from these the short table of README.md and the scores of the same runs on other pages; and
the figures in the headers of the configs and the minutes in the pages' lists of configs. A test fails where one of them
differs from its record.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lightning_gans.cli.commands.common import run_command
from lightning_gans.core.errors import InputError, exit_on_known_errors
from lightning_gans.reporting.runs import Run, ScoreChoice, read_run
from lightning_gans.reporting.table import format_cell, replace_table
from lightning_gans.runs.below import scored_runs_below
from lightning_gans.runs.folder import RunFolder

ROOT = Path(__file__).resolve().parents[1]

TABLES = {
    "pacgan": ["--scores", "class_kl,modes,relative_fid,kid,precision,recall,density,coverage"],
    "cifar10": [
        *("--extractor", "efficientnet_lite0"),
        *("--scores", "relative_fid,kid,precision,recall,density,coverage,head/label_accuracy"),
    ],
    "few_images": ["--scores", "relative_fid,kid,precision,recall,density,coverage"],
    "flowers": [
        *("--extractor", "efficientnet_lite0"),
        *("--scores", "relative_fid,kid,precision,recall,density,coverage"),
    ],
    "flowers-lite1": [
        *("--extractor", "tf_efficientnet_lite1"),
        *("--scores", "relative_fid,kid,precision,recall,density,coverage"),
    ],
}
"""Tables, and the options of `lightning-gans table` for each. The folder of its records is the name up to a hyphen."""

SHORT = ("cifar10",)
"""Tables of docs/results.md whose runs are in the README."""

COLUMNS = {"Variant": "Variant", "Seeds": "Seeds", "relative_fid": "Relative FID", "coverage": "Coverage"}
"""Columns of those tables that the README has, and their titles there; the config is the first one."""

HEADER_SCORES = {
    "relative_fid": r"relative FID of (\.\d+)",
    "kid": r"KID of (\.\d+)",
    "head/label_accuracy": r"label accuracy of (\.\d+)",
    "class_kl": r"reverse KL \(class KL\) of (\.\d+)",
}
"""Scores in the header of a config, and the words around them."""

HEADER_MINUTES = r"after (\d+) minutes on one"
"""The training time in the header of a config."""

LISTED_MINUTES = r"(?m)^\| `%s` \| [^|\n]* \| (\d+) minutes on one"
"""The training time of a config in a page's list."""


def write_tables(root: Path) -> None:
    """Write the tables of the records, and of their training times, into docs/results.md."""
    page = root / "docs" / "results.md"
    for name, options in TABLES.items():
        run_command("table", [str(records_of(root, name)), "--name", name, *options, "--write", str(page)])
    for records in sorted(path for path in (root / "docs" / "records").iterdir() if path.is_dir()):
        replace_table(page, f"{records.name}-times", times(records))


def records_of(root: Path, table: str) -> Path:
    """The folder of a table's records."""
    return root / "docs" / "records" / table.partition("-")[0]


def times(records: Path) -> str:
    """A Markdown table of the training times of a folder of records, with versions and dates."""
    lines = ["| Run | Minutes of training | Started | torch |", "| --- | --- | --- | --- |"]
    for folder in sorted(path for path in records.iterdir() if path.is_dir()):
        runs = sorted(scored_runs_below(folder), key=lambda run: run.path.name)
        facts = [read_facts(run) for run in runs]
        names = [run.path.name.replace("-", " ") for run in runs]
        minutes = ", ".join(
            f"{fact['train_seconds'] / 60:.0f} ({name})" for name, fact in zip(names, facts, strict=True)
        )
        days = ", ".join(sorted({str(fact["started"])[:10] for fact in facts}))
        torch = ", ".join(sorted({str(fact["versions"]["torch"]) for fact in facts}))
        lines.append(f"| {folder.name} | {minutes} | {days} | {torch} |")
    return "\n".join(lines) + "\n"


def read_facts(run: RunFolder) -> dict[str, Any]:
    """When, with what and for how long a run was trained."""
    facts: dict[str, Any] = json.loads(run.fit_facts.read_text(encoding="utf-8"))
    return facts


def write_short_table(root: Path) -> None:
    """Write the README's table from those of docs/results.md."""
    configs = {re.sub("[/_]", "-", name): name for name in shipped(root)}
    lines = [["Config", *COLUMNS.values()], ["---"] * (1 + len(COLUMNS))]
    for name in SHORT:
        for row in rows_of(root / "docs" / "results.md", name):
            lines.append([f"`{configs[row['Run']]}`", *(format_cell(row[column]) for column in COLUMNS)])
    replace_table(root / "README.md", "short", "".join(f"| {' | '.join(line)} |\n" for line in lines))


def rows_of(page: Path, name: str) -> list[dict[str, str]]:
    """The rows of a page's table between its markers, by the titles of their columns."""
    text = page.read_text(encoding="utf-8").split(f"<!-- table {name} -->\n")[1].split("<!-- end -->")[0]
    head, _, *rows = [cells(line) for line in text.splitlines() if line.startswith("| ")]
    return [dict(zip(head, row, strict=True)) for row in rows]


def cells(line: str) -> list[str]:
    """The cells of a row in Markdown."""
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip())[1:-1]] if line.startswith("|") else []


def write_pages(root: Path) -> None:
    """Write the scores of docs/results.md into other pages' tables of the same runs, which have some of its columns."""
    results = root / "docs" / "results.md"
    names = re.findall(r"^<!-- table (\w+) -->$", results.read_text(encoding="utf-8"), re.MULTILINE)
    known = {row["Run"]: row for name in names for row in rows_of(results, name)}
    for page in sorted((root / "docs").glob("*.md")):
        if page != results:
            page.write_bytes(with_scores(page.read_bytes().decode(), known).encode())


def with_scores(text: str, known: dict[str, dict[str, str]]) -> str:
    """A page whose tables with a column "Run" have the scores of these runs; blocks of output are left as they are."""
    head: list[str] = []
    lines = text.split("\n")
    quoted = False
    for number, line in enumerate(lines):
        quoted ^= line.startswith("```")
        row = [] if quoted else cells(line)
        if not row or row[0] == "Run":
            head = row
        elif head and len(row) == len(head) and row[0] in known:
            found = [known[row[0]].get(column, cell) for column, cell in zip(head, row, strict=True)]
            if found != row:
                lines[number] = f"| {' | '.join(found)} |"
    return "\n".join(lines)


def shipped(root: Path) -> list[str]:
    """Names of all configs."""
    folder = root / "configs"
    return sorted(path.relative_to(folder).with_suffix("").as_posix() for path in folder.rglob("*.yaml"))


def write_configs(root: Path) -> None:
    """Write the scores and minutes of seed 0 of each recorded config into its header, and its minutes into pages."""
    for name, run, minutes in recorded(root):
        config = root / "configs" / f"{name}.yaml"
        text = config.read_bytes().decode()
        end = re.search(r"^[^#\n]", text, re.MULTILINE)
        header, rest = (text[: end.start()], text[end.start() :]) if end else (text, "")
        for score, words in HEADER_SCORES.items():
            if score in run.scores:
                header = put(in_header(words), run.scores[score], header)
        config.write_bytes((put(in_header(HEADER_MINUTES), minutes, header) + rest).encode())
        for page in sorted((root / "docs").glob("*.md")):
            page.write_bytes(put(LISTED_MINUTES % re.escape(name), minutes, page.read_bytes().decode()).encode())


def recorded(root: Path) -> Iterator[tuple[str, Run, float]]:
    """The name of each config with a record of seed 0, with that run and its minutes of training."""
    configs = {re.sub("[/_]", "-", name): name for name in shipped(root)}
    for name, options in TABLES.items():
        extractor = options[1] if options[0] == "--extractor" else ""
        for folder in sorted(records_of(root, name).iterdir()):
            run = RunFolder(folder / "seed-0")
            if folder.name in configs and run.path.is_dir():
                minutes = read_facts(run)["train_seconds"] / 60
                yield configs[folder.name], read_run(run, ScoreChoice("test", extractor), fail), minutes


def put(words: str, value: float, text: str) -> str:
    """A text with a value in the place of the figure that the pattern's group is, rounded to as many digits."""

    def replaced(match: re.Match[str]) -> str:
        digits = len(match[1].partition(".")[2])
        start, end = (place - match.start() for place in match.span(1))
        return f"{match[0][:start]}{f'{value:.{digits}f}'.removeprefix('0')}{match[0][end:]}"

    return re.sub(words, replaced, text)


def in_header(words: str) -> str:
    """A pattern of words in a comment, where a line may end between any two of them."""
    return words.replace(" ", r"(?: |\n# )")


def fail(sentence: str) -> None:
    """Refuse a damaged line of a record.

    Raises:
        InputError: always.
    """
    raise InputError(sentence)


def main(root: Path = ROOT) -> None:
    """Write all figures."""
    write_tables(root)
    write_short_table(root)
    write_pages(root)
    write_configs(root)


if __name__ == "__main__":
    if sys.argv[1:]:
        sys.exit("python docs/write_numbers.py takes no arguments")
    with exit_on_known_errors():
        main()
