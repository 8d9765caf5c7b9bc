"""The best score so far, as a metric of its own."""

from __future__ import annotations

from typing import Any, Literal

from lightning.pytorch import Callback, LightningModule, Trainer

from lightning_gans.core.errors import InputError


class BestScore(Callback):
    """Logs the best validation score so far: ``best/fid`` beside ``val/fid``.

    W&B takes a metric's last value for the run's result, and so do its sweeps; the last of this one is the best.

    Args:
        score: a name after ``val/``, such as ``fid`` or ``b/miou``.
        mode: whether the least or the greatest value is the best.

    Raises:
        InputError: if there is no such score.
    """

    def __init__(self, score: str = "fid", mode: Literal["min", "max"] = "min") -> None:
        self.score = score
        self.mode = mode
        self.best: float | None = None

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Compare with the newest score, which all other callbacks have logged by now."""
        if trainer.sanity_checking:
            return
        scores = {name: value for name, value in trainer.callback_metrics.items() if name.startswith("val/")}
        if f"val/{self.score}" not in scores:
            known = ", ".join(name.removeprefix("val/") for name in scores) or "none"
            raise InputError(f"BestScore score is {self.score}; validation has {known}")
        value = float(scores[f"val/{self.score}"])
        better = min if self.mode == "min" else max
        # A score that is no number is never the best, and no number is better than one.
        if value == value:
            self.best = value if self.best is None else better(self.best, value)
        if self.best is not None:
            for logger in trainer.loggers:
                # As Lightning logs by itself: the index of the step that was done last.
                logger.log_metrics({f"best/{self.score}": self.best}, step=max(0, trainer.global_step - 1))

    def state_dict(self) -> dict[str, Any]:
        """The best so far, for a run that is resumed."""
        return {"best": self.best}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take the best so far over."""
        self.best = state_dict["best"]
