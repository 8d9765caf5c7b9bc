"""The folder of a run: the only module that knows the names of the files in it."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple, Self

from lightning_gans.runs.json_lines import OnDamage, append_line, ignore_damage, is_after, keep_lines
from lightning_gans.runs.scores import ScoreRow, drop_later_scores, read_score_rows
from lightning_gans.runs.settings import Settings, read_settings

if TYPE_CHECKING:  # commands that only read files start without Lightning
    from lightning.pytorch import Trainer

SCORES = "scores.jsonl"
CONFIG = "config.yaml"
RESULTS = "results.json"
FIT = "fit.json"
METRICS = "metrics.csv"
WATCHDOG = "watchdog.jsonl"
SAMPLES = "samples"
CHECKPOINTS = "checkpoints"
ANALYSIS = "analysis"

BEST, LAST = "best", "last"
"""Names of checkpoints: the one with the best score, and the newest state of the run."""

EVIDENCE = (METRICS, CHECKPOINTS, SAMPLES, RESULTS)
"""A folder with a config and any of these is a run's folder."""

RUN_FILES = ("config*.yaml", METRICS, "*.jsonl", RESULTS, FIT, f"{SAMPLES}/*.png", f"{CHECKPOINTS}/*.ckpt")
"""Patterns of the files that a run writes. A report in its folder is not one of them."""

GRID = re.compile(r"(?P<test>test-)?epoch-(?P<epoch>\d+)-step-(?P<step>\d+)(?:-(?P<domain>.+))?\.png")

REAL = "real"
"""Name of the grids of real images."""

EXAMPLE = "example"
"""Name of the files of single real images."""

INTERRUPTED = "interrupted-"
"""Prefix of folders with the files of a run that was ended before its first checkpoint and has started again."""

VERSION = "version_"
"""Prefix of a version's folder, as Lightning's loggers have it."""

Split = Literal["val", "test"]


class GridFile(NamedTuple):
    """The file of a grid of samples.

    Attributes:
        path: the file.
        split: "val" or "test": the kind of evaluation that drew it.
        epoch: number of epochs begun.
        step: number of training steps.
        domain: of a translation's images; empty if there is only one.
    """

    path: Path
    split: Split
    epoch: int
    step: int
    domain: str


@dataclass(frozen=True)
class RunFolder:
    """The folder of a run. Its properties are paths, whether or not there is a file.

    Attributes:
        path: of the folder.
    """

    path: Path

    @classmethod
    def of(cls, trainer: Trainer) -> Self:
        """The folder of a trainer's run: ``save_dir/name/version`` of its first logger, as in ModelCheckpoint.

        Without a logger, or with one that writes nothing to disk, it is the trainer's ``default_root_dir``.
        """
        logger = trainer.loggers[0] if trainer.loggers else None
        if logger is None or logger.save_dir is None:
            return cls(Path(trainer.default_root_dir))
        return cls(Path(logger.save_dir) / str(logger.name) / version_name(logger.version))

    @classmethod
    def containing(cls, path: Path) -> Self | None:
        """The folder of the run that a checkpoint belongs to; None if it lies elsewhere.

        Args:
            path: a checkpoint file, the folder ``checkpoints`` or the run's folder.
        """
        place = path.resolve()
        if not place.is_dir():
            return cls(place.parent.parent) if place.parent.name == CHECKPOINTS else None
        folder = cls(place.parent if place.name == CHECKPOINTS else place)
        return folder if folder.checkpoints.is_dir() else None

    def __str__(self) -> str:
        return str(self.path)

    def __fspath__(self) -> str:
        return str(self.path)

    @property
    def scores(self) -> Path:
        """A line of scores for each evaluation."""
        return self.path / SCORES

    @property
    def results(self) -> Path:
        """Scores, versions, machine and settings of the newest test."""
        return self.path / RESULTS

    @property
    def fit_facts(self) -> Path:
        """When and where the run was trained."""
        return self.path / FIT

    @property
    def metrics(self) -> Path:
        """Lightning's CSV log."""
        return self.path / METRICS

    @property
    def curves(self) -> Path:
        """The figure of the CSV log."""
        return self.path / "curves.png"

    @property
    def watchdog(self) -> Path:
        """A line for each warning of the watchdog."""
        return self.path / WATCHDOG

    @property
    def report(self) -> Path:
        """The report of this run alone."""
        return self.path / "report.html"

    @property
    def lock(self) -> Path:
        """The file that a running ``fit`` locks."""
        return self.path / ".lock"

    @property
    def wandb_runs(self) -> Path:
        """Ids of the run's W&B runs."""
        return self.path / "wandb.json"

    @property
    def samples(self) -> Path:
        """The folder of sample grids."""
        return self.path / SAMPLES

    @property
    def predictions(self) -> Path:
        """The folder of images that ``predict`` writes."""
        return self.path / "predictions"

    @property
    def analysis(self) -> Path:
        """The folder of the analysis of the trained model."""
        return self.path / ANALYSIS

    @property
    def analysis_numbers(self) -> Path:
        """The numbers of the analysis."""
        return self.analysis / f"{ANALYSIS}.json"

    @property
    def checkpoints(self) -> Path:
        """The folder of checkpoints."""
        return self.path / CHECKPOINTS

    @property
    def last_checkpoint(self) -> Path:
        """The newest state of the run."""
        return self.checkpoint(LAST)

    def checkpoint(self, name: str) -> Path:
        """The checkpoint of a name, such as "best" or "last"."""
        return self.checkpoints / f"{name}.ckpt"

    def kept_checkpoint(self, step: int) -> Path:
        """The checkpoint that is kept of a step."""
        return self.checkpoint(f"step-{step:07d}")

    def all_checkpoints(self) -> list[Path]:
        """All checkpoints that are there, by name."""
        return sorted(self.checkpoints.glob("*.ckpt"))

    def grid(self, split: Split, epoch: int, step: int, domain: str = "") -> Path:
        """The file of a grid of samples; see :class:`GridFile`."""
        prefix = "test-" if split == "test" else ""
        suffix = f"-{domain}" if domain else ""
        return self.samples / f"{prefix}epoch-{epoch:03d}-step-{step:07d}{suffix}.png"

    def grids(self, split: Split | None = None) -> list[GridFile]:
        """The grids that are there, by domain and step; only those of a split, if one is given."""
        found = []
        for path in self.samples.iterdir() if self.samples.is_dir() else ():
            if match := GRID.fullmatch(path.name):
                test, epoch, step, domain = match.group("test", "epoch", "step", "domain")
                found.append(GridFile(path, "test" if test else "val", int(epoch), int(step), domain or ""))
        wanted = [grid for grid in found if split in (None, grid.split)]
        return sorted(wanted, key=lambda grid: (grid.domain, grid.step, grid.epoch))

    def real_grid(self, domain: str = "") -> Path:
        """The file of a grid of real images, beside those of samples."""
        return self.samples / (f"{REAL}-{domain}.png" if domain else f"{REAL}.png")

    def example(self, domain: str, number: int) -> Path:
        """The file of a real image of a domain, one of the first that evaluation translates."""
        return self.samples / f"{EXAMPLE}-{domain}-{number}.png"

    def examples(self, domain: str) -> list[Path]:
        """The files of real images of a domain that are there."""
        return sorted(self.samples.glob(f"{EXAMPLE}-{domain}-[0-9].png"))

    def timeline(self, domain: str = "") -> Path:
        """The animation of a domain's validation grids."""
        return self.samples / (f"timeline-{domain}.gif" if domain else "timeline.gif")

    def timelines(self) -> list[Path]:
        """The animations that are there."""
        return sorted(self.samples.glob("timeline*.gif"))

    def configs(self) -> list[Path]:
        """The configs that are there, oldest first: a resumed run writes ``config-2.yaml`` and so on."""
        first = self.path / CONFIG
        later = sorted(self.path.glob("config-[0-9]*.yaml"), key=lambda path: (len(path.name), path.name))
        return [first, *later] if first.is_file() else later

    @property
    def config(self) -> Path:
        """The newest config, which may have other limits than the first; ``config.yaml`` if there is none."""
        return next(reversed(self.configs()), self.path / CONFIG)

    @property
    def first_config(self) -> Path:
        """The config that the run started with."""
        return next(iter(self.configs()), self.path / CONFIG)

    def next_config(self) -> Path:
        """Where to write the next config."""
        count = len(self.configs())
        return self.path / (f"config-{count + 1}.yaml" if count else CONFIG)

    def is_run(self) -> bool:
        """Whether this is a run's folder: it has scores, or a config and another file of a run."""
        if self.scores.is_file():
            return True
        return (self.path / CONFIG).is_file() and any((self.path / name).exists() for name in EVIDENCE)

    def read_settings(self) -> Settings:
        """The settings of the newest config.

        Raises:
            InputError: if the config is missing or cannot be read.
        """
        return read_settings(self.config)

    def read_scores(self, on_damage: OnDamage = ignore_damage) -> list[ScoreRow]:
        """The scores, oldest first; see :func:`.read_score_rows`."""
        return read_score_rows(self.scores, on_damage)

    def append_scores(self, row: ScoreRow) -> None:
        """Add a row of scores."""
        append_line(self.scores, row.as_dict())

    def resume_at(self, step: int) -> None:
        """Repair the files of lines for a run that is resumed at ``step``.

        Validation scores and warnings of later steps, which a killed run wrote after the checkpoint, and damaged lines
        are dropped: the resumed run writes them again. Scores of tests stay.
        """
        drop_later_scores(self.scores, step)
        keep_lines(self.watchdog, lambda row: not is_after(row, step))

    @property
    def resume_command(self) -> str:
        """The command that continues the run, as it is typed."""
        return f"lightning-gans fit --resume {shlex.quote(str(self))}"

    def has_run(self) -> bool:
        """Whether a run has written scores, a log, grids or checkpoints here."""
        files = (self.scores, self.metrics, self.results, self.last_checkpoint)
        return any(path.is_file() for path in files) or bool(self.all_checkpoints() or self.grids())

    def set_aside(self) -> Path:
        """Move everything in the folder into a new folder in it, ``interrupted-1`` and so on, and return that one.

        A run's folder is not searched for runs, so what is there is not shown as a run of its own.
        """
        number = 1
        while (target := self.path / f"{INTERRUPTED}{number}").exists():
            number += 1
        moved = [path for path in self.path.iterdir() if path != self.lock and not path.name.startswith(INTERRUPTED)]
        target.mkdir()
        for path in moved:
            path.rename(target / path.name)
        return target

    def archive_results(self) -> None:
        """Rename the results of an earlier test to ``results-1.json`` and so on."""
        if self.results.exists():
            count = len(list(self.path.glob("results-*.json")))
            self.results.rename(self.path / f"results-{count + 1}.json")


def version_name(version: int | str | None) -> str:
    """The name of a version's folder, as Lightning's loggers have it."""
    return version if isinstance(version, str) else f"{VERSION}{version}"


def parse_version(name: str) -> int | str:
    """The version of a folder of this name; the inverse of :func:`version_name`."""
    number = name.removeprefix(VERSION)
    return int(number) if number != name and number.isdigit() else name


def writes_files(trainer: Trainer) -> bool:
    """Whether a trainer may write files now: not in the sanity check, and not with ``fast_dev_run``."""
    fast: bool | int = trainer.fast_dev_run  # type: ignore[attr-defined]  # set outside __init__
    return not trainer.sanity_checking and not fast
