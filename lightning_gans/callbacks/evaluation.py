"""Scores in training and in tests, each with its stamp."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from jsonargparse.typing import lazy_instance
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.utilities import rank_zero_only
from torch import Tensor

from lightning_gans.callbacks.run_folder import run_folder, writes
from lightning_gans.families.adversarial import Adversarial
from lightning_gans.families.sampled import Domains
from lightning_gans.metrics.digits import DigitFeatures
from lightning_gans.metrics.features import FeatureExtractor
from lightning_gans.metrics.frechet import FrechetDistance, read_statistics, write_statistics
from lightning_gans.metrics.perceptual import PerceptualDistance
from lightning_gans.metrics.scores import Scores
from lightning_gans.metrics.stamp import Stamp
from lightning_gans.pixels import to_uint8

SHOWN = ("fid", "ssim", "miou")
"""Scores in the progress bar."""


def default_cache() -> Path:
    """``lightning-gans`` in the user's cache folder."""
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "lightning-gans"


class Evaluation(Callback):
    """Compares real and generated images in an extractor's features at every validation and test.

    Logs ``val/fid`` and the like, with the stamp among the hyperparameters as ``stamp/val``, and appends each score and
    its stamp to ``scores.jsonl`` in the run's folder. The real images' statistics are computed once and cached under
    all that they depend on. Blind to the variant: it reads what ``validation_step`` returns, one score set for each
    domain.

    Args:
        extractor: in whose features to compare; null compares with the truth alone, where the data have it.
        perceptual: network of LPIPS, for translation where the truth is known.
        kid: measure KID as well, which needs no more than a few images, but the real ones anew at every evaluation.
        cache: folder of the real statistics; by default in the user's cache folder.
    """

    def __init__(
        self,
        extractor: FeatureExtractor | None = lazy_instance(DigitFeatures),  # noqa: B008 (lazy until called)
        perceptual: PerceptualDistance | None = None,
        kid: bool = False,
        cache: Path | None = None,
    ) -> None:
        self.extractor = extractor
        self.perceptual = perceptual
        self.kid = kid
        self.cache = default_cache() if cache is None else Path(cache)
        self._lines: dict[str, str] = {}
        self._last: dict[str, Any] | None = None
        self._scores: dict[str, Scores] = {}
        self._real: dict[str, dict[str, Tensor]] = {}
        self._cached: dict[str, bool] = {}
        self._logged: dict[str, Stamp] = {}
        self._split = ""

    @property
    def last_lines(self) -> str:
        """The newest scores with their stamps, a line for each domain."""
        return "\n".join(self._lines.values())

    # The loop: the same for validation and test.

    def _start(self, trainer: Trainer, pl_module: LightningModule, split: str) -> None:
        for network in (self.extractor, self.perceptual):
            if network is not None:
                network.to(pl_module.device)
        self._split = split
        self._scores, self._cached = {}, {}

    def _add(self, trainer: Trainer, pl_module: LightningModule, domains: Domains) -> None:
        for domain, sampled in domains.items():
            if domain not in self._scores:
                palette = getattr(trainer.datamodule, "palettes", {}).get(domain)  # type: ignore[attr-defined]
                self._scores[domain] = Scores(self.extractor, palette, self.perceptual, self.kid).to(pl_module.device)
                self._cached[domain] = self._load_real(trainer, domain)
            scores, fake = self._scores[domain], to_uint8(sampled.fake)
            if not self._cached[domain] and len(sampled.real):
                scores.update_real(to_uint8(sampled.real))
            if not len(fake):
                continue
            scores.update_fake(fake, sampled.labels)
            if sampled.truth is not None:
                scores.update_truth(fake, to_uint8(sampled.truth))
            if sampled.cycled is not None and sampled.source is not None:
                scores.update_cycle(to_uint8(sampled.cycled), to_uint8(sampled.source))

    def _finish(self, trainer: Trainer, pl_module: Adversarial) -> None:
        for domain, scores in self._scores.items():
            prefix = self._split if len(self._scores) == 1 else f"{self._split}/{domain}"
            if not self._cached[domain]:
                self._store_real(trainer, domain)
            values = scores.compute()
            for name, value in values.items():
                # The same on all ranks already; Lightning warns of what is not reduced.
                pl_module.log(f"{prefix}/{name}", value, prog_bar=name in SHOWN, sync_dist=True)
            self._note(trainer, pl_module, domain, prefix, values)
        self._scores = {}

    def _note(
        self, trainer: Trainer, pl_module: Adversarial, domain: str, prefix: str, values: dict[str, float]
    ) -> None:
        real, fake = (self._total(trainer, count) for count in self._scores[domain].counts())
        stamp = Stamp(
            extractor=self._description,
            real=real,
            fake=fake,
            split=self._split_label(trainer),
            weights=pl_module.weights_kind,
            batch_norm=pl_module.batch_norm,
            dropout=pl_module.dropout,
            pixels="uint8-rounded",
            seed=pl_module.run_seed,
        )
        epoch, step = pl_module.progress
        result = {
            "step": step,
            "epoch": epoch,
            "scores": {f"{prefix}/{name}": value for name, value in values.items()},
            "stamp": stamp.as_dict(),
        }
        if not writes(trainer):
            return
        self._last = result
        self._write(trainer, result)
        if self._logged.get(prefix) != stamp:
            self._logged[prefix] = stamp
            for logger in trainer.loggers:
                logger.log_hyperparams({f"stamp/{prefix}": str(stamp)})
        shown = ", ".join(f"{prefix}/{name} {value:.4g}" for name, value in values.items())
        self._lines[domain] = f"{shown} [{stamp}]"

    @property
    def _description(self) -> str:
        networks = [network.description for network in (self.extractor, self.perceptual) if network is not None]
        return "+".join(networks) or "none"

    @rank_zero_only
    def _write(self, trainer: Trainer, result: dict[str, Any]) -> None:
        path = run_folder(trainer) / "scores.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a") as file:
            file.write(json.dumps(result) + "\n")

    @staticmethod
    def _total(trainer: Trainer, count: Tensor) -> int:
        return int(trainer.strategy.reduce(count.clone(), reduce_op="sum"))

    def _split_label(self, trainer: Trainer) -> str:
        label = getattr(trainer.datamodule, "split_label", None)  # type: ignore[attr-defined]
        return str(label(self._split)) if label else self._split

    # Real statistics: in memory for this run, on disk for the next.

    def _key(self, trainer: Trainer, domain: str) -> str | None:
        """All that the real statistics depend on; None where the data cannot say what it is."""
        fingerprint = getattr(trainer.datamodule, "fingerprint", None)  # type: ignore[attr-defined]
        # KID wants the real images' features themselves, which are not cached.
        if fingerprint is None or self.extractor is None or self.kid:
            return None
        counts = trainer.num_val_batches if self._split == "val" else trainer.num_test_batches
        batch_size = getattr(trainer.datamodule, "eval_batch_size", 0)  # type: ignore[attr-defined]
        seen = f"{sum(counts)}x{batch_size}x{trainer.world_size}"
        return f"{fingerprint(self._split)}-{domain}-{seen}-{self.extractor.description}"

    def _load_real(self, trainer: Trainer, domain: str) -> bool:
        """Set the real statistics if they are known; the same answer on all ranks."""
        key = self._key(trainer, domain)
        if key is None:
            return False
        state = self._real.get(key)
        if state is None and trainer.is_global_zero:
            state = read_statistics(self.cache / f"{key}.safetensors")
        if not trainer.strategy.broadcast(state is not None):
            return False
        if state is not None:
            self._real[key] = state
            # Ranks are summed: rank 0 holds all, the others nothing.
            if trainer.is_global_zero:
                self._frechet(domain).load_real_state(state)
        return True

    def _store_real(self, trainer: Trainer, domain: str) -> None:
        """Keep the real statistics, summed over ranks, in memory and on disk."""
        key = self._key(trainer, domain)
        if key is None:
            return
        frechet = self._frechet(domain)
        state = {
            name: trainer.strategy.reduce(value.to(frechet.device), reduce_op="sum").cpu()
            for name, value in frechet.real_state().items()
        }
        self._real[key] = state
        if trainer.is_global_zero:
            write_statistics(self.cache / f"{key}.safetensors", state)

    def _frechet(self, domain: str) -> FrechetDistance:
        frechet = self._scores[domain].frechet
        assert frechet is not None
        return frechet

    # Hooks.

    def on_validation_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start a score set."""
        self._start(trainer, pl_module, "val")

    def on_test_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start a score set."""
        self._start(trainer, pl_module, "test")

    def on_validation_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Add a batch."""
        self._add(trainer, pl_module, outputs)

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Compute, log and note the scores."""
        assert isinstance(pl_module, Adversarial)
        self._finish(trainer, pl_module)

    # Which split it is was noted at the start.
    on_test_batch_end = on_validation_batch_end
    on_test_epoch_end = on_validation_epoch_end

    def state_dict(self) -> dict[str, Any]:
        """The last scores with their stamps, so that a checkpoint says how good it is; never the extractor."""
        return {"last": self._last}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take the last scores over."""
        self._last = state_dict["last"]
