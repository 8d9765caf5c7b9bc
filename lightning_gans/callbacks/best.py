"""The best checkpoint of a run, and its best score."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.utilities import rank_zero_warn

from lightning_gans.callbacks.evaluation import Evaluation
from lightning_gans.callbacks.expected_scores import HEADLINES, ExpectedScores
from lightning_gans.runs.scores import BETTER, better

FIRST_CHOICE = f"val/{HEADLINES[0]}"


class BestCheckpoint(ModelCheckpoint):
    """Lightning's ModelCheckpoint for the best validation score, which is chosen before training from those to come.

    Written to ``checkpoints/best.ckpt`` after the validation that has the score.

    Args:
        dirpath: folder of the checkpoints; by default ``checkpoints`` in the run's folder.
        filename: name of the checkpoint, without its suffix.
        monitor: the score, such as ``val/kid`` or ``val/b/miou``. None chooses FID if features are compared, otherwise
            the mean IoU of label maps or SSIM if there are true images, of domain b if there are two. If there is none
            of these, no best checkpoint is kept, and a warning says so.
        mode: whether the least or the greatest value is the best; None for what is better of this score.
        enable_version_counter: whether an existing file is kept under the same name.
        save_on_train_epoch_end: whether checkpoints are written at the end of an epoch in place of a validation's.
        **kwargs: see ModelCheckpoint.

    Raises:
        ValueError: if ``mode`` contradicts what is better of the score; or, before training, if validation will not
            measure the score.
    """

    def __init__(
        self,
        dirpath: str | Path | None = None,
        filename: str | None = "best",
        monitor: str | None = None,
        mode: Literal["min", "max"] | None = None,
        enable_version_counter: bool = False,
        # A resumed run passes the end of its last epoch once more.
        save_on_train_epoch_end: bool | None = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            dirpath,
            filename,
            monitor=monitor or FIRST_CHOICE,
            mode=direction(monitor or FIRST_CHOICE, mode),
            enable_version_counter=enable_version_counter,
            save_on_train_epoch_end=save_on_train_epoch_end,
            **kwargs,
        )
        self._monitor, self._mode, self._save_top_k = monitor, mode, self.save_top_k

    @property
    def state_key(self) -> str:
        """The key of the state in checkpoints. It does not depend on the score that is chosen: a test chooses none."""
        return f"{type(self).__qualname__}{ {'monitor': self._monitor} }"

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the best score so far, unless it is another score than that of this run."""
        if state_dict["monitor"] == self.monitor:
            super().load_state_dict(state_dict)

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Choose the score, or check that validation will measure it."""
        callbacks: list[Any] = trainer.callbacks  # type: ignore[attr-defined]  # set outside __init__
        evaluation = next((callback for callback in callbacks if isinstance(callback, Evaluation)), None)
        if stage == "fit" and evaluation is not None:
            expected = evaluation.expected_scores(trainer, pl_module)
            if expected is not None:
                self._settle(expected, trainer)
        super().setup(trainer, pl_module, stage)

    def _settle(self, expected: ExpectedScores, trainer: Trainer) -> None:
        if self._monitor is not None:
            if refusal := expected.refusal(str(self.monitor)):
                raise ValueError(f"monitor is {self.monitor}, {refusal}")
            return
        self.save_top_k = self._save_top_k if expected.headline else 0
        if expected.headline is None:
            if trainer.fast_dev_run:  # type: ignore[attr-defined]  # set outside __init__
                return  # a dry run keeps no checkpoint
            rank_zero_warn(
                f"Validation will measure {', '.join(expected.sure) or 'no scores'}. None of these says which "
                f"checkpoint is the best, so that only last.ckpt is kept; {', '.join(HEADLINES)} would, for which "
                "evaluation.extractor or true images are needed, and best.monitor chooses any other score."
            )
        elif expected.headline != self.monitor:
            self.monitor, self.mode = expected.headline, direction(expected.headline, self._mode)
            self.kth_value = torch.tensor(torch.inf if self.mode == "min" else -torch.inf)


def direction(monitor: str, mode: Literal["min", "max"] | None) -> Literal["min", "max"]:
    """Whether the least or the greatest value of a score is the best.

    Args:
        monitor: the score.
        mode: what was asked for; None for what is better of this score, and the least of one that is not known.

    Raises:
        ValueError: if ``mode`` contradicts the score, or is None for a score of which neither is better.
    """
    if not monitor.startswith("val/"):
        return mode or "min"
    known = better(monitor)
    if known is None and mode is None and monitor.rpartition("/")[2] in BETTER:
        raise ValueError(f"mode is None, but neither less nor more of {monitor} is better; expected min or max")
    if None not in (known, mode) and known != mode:
        raise ValueError(f"mode is {mode}, but of {monitor} {known} is better; expected {known}, or no value")
    return mode or known or "min"
