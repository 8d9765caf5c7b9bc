"""Frechet distance between two sets of features."""

from __future__ import annotations

import tempfile
from pathlib import Path

from safetensors.torch import load_file, save
from torch import Tensor, nn
from torchmetrics.image.fid import FrechetInceptionDistance

REAL_STATES = ("real_features_sum", "real_features_cov_sum", "real_features_num_samples")


class _Ready(nn.Module):
    """Stands where torchmetrics expects a network: the features are computed once, outside, for all metrics."""

    def __init__(self, num_features: int) -> None:
        super().__init__()
        self.num_features = num_features

    def forward(self, features: Tensor) -> Tensor:
        return features.double()


class FrechetDistance(FrechetInceptionDistance):
    """torchmetrics' FID on ready features, beside the same number relative to the spread of the real ones.

    FID scales with the extractor's features. Divided by the trace of the real features' covariance it does not: 0 is a
    perfect match, and a generator that always gives the mean image scores 1.

    Args:
        num_features: length D of a feature vector.
    """

    def __init__(self, num_features: int) -> None:
        super().__init__(feature=_Ready(num_features))

    def compute(self) -> dict[str, Tensor]:  # type: ignore[override]
        """``fid`` and ``relative_fid``, float64 scalars.

        Raises:
            RuntimeError: with fewer than two real or two generated images.
        """
        fid = super().compute()
        count = self.real_features_num_samples
        mean = self.real_features_sum / count
        spread = (self.real_features_cov_sum.trace() - count * mean.dot(mean)) / (count - 1)
        return {"fid": fid, "relative_fid": fid / spread}

    def real_state(self) -> dict[str, Tensor]:
        """The real images' statistics seen by this process so far."""
        return {name: getattr(self, name).detach().cpu().clone() for name in REAL_STATES}

    def load_real_state(self, state: dict[str, Tensor]) -> None:
        """Set the real images' statistics, in place of updating with the images."""
        for name in REAL_STATES:
            setattr(self, name, state[name].to(self.device))
        self._update_count = max(self._update_count, 1)


def read_statistics(path: Path) -> dict[str, Tensor] | None:
    """Cached statistics, or None where there are none that can be read."""
    try:
        state = load_file(path)
    except Exception:  # whatever is wrong with a cache file, the statistics are computed again
        return None
    return state if set(state) == set(REAL_STATES) else None


def write_statistics(path: Path, state: dict[str, Tensor]) -> None:
    """Cache statistics; another process that reads or writes the same file sees the old or the new, never half."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=path.name, delete=False) as file:
        file.write(save(state))
    Path(file.name).replace(path)
