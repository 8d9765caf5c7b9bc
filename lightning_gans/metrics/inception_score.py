"""The Inception score, from ready logits."""

from __future__ import annotations

import warnings
from typing import Any

import torch
from torch import Tensor, nn
from torchmetrics.image.inception import InceptionScore as ScoreOfImages
from torchmetrics.utilities import dim_zero_cat


class InceptionScore(ScoreOfImages):
    r"""``inception_score``, :math:`\exp E_x KL(p(y|x) \| p(y))`, and ``inception_score_std``, its spread over parts.

    (Salimans et al., 2016, section 4.) From 1 to the number of classes: high where the classifier is sure of each
    image and all classes occur. It never sees a real image, and means something only for the classes of ImageNet. The
    formula is torchmetrics'; here the ten parts are the same however the images came in.

    Args:
        num_classes: length of the logits.
    """

    def __init__(self, num_classes: int) -> None:
        with warnings.catch_warnings():
            # That it keeps the logits in memory is no news.
            warnings.simplefilter("ignore", UserWarning)
            super().__init__(feature=nn.Identity())
        self.num_classes = num_classes
        # Theirs cannot be exchanged between processes that have had different numbers of batches.
        self.add_state("features", [], dist_reduce_fx="cat")

    def sync(self, *args: Any, **kwargs: Any) -> None:
        """Exchange the logits between processes; one without an image takes part with none."""
        if not self.features:
            self.features.append(torch.empty(0, self.num_classes, device=self.device))
        super().sync(*args, **kwargs)

    def compute(self) -> dict[str, Tensor]:  # type: ignore[override]  # names instead of a tuple
        """Both scores; NaN without images."""
        # In double precision: a probability that is 0 in all images, as small ones are in single, makes the score NaN.
        logits = dim_zero_cat(self.features).double()
        self.features = [logits[logits[:, 0].argsort()]]
        # The shuffle draws from the global generator, whose state belongs to others.
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            mean, spread = super().compute()
        return {"inception_score": mean.double(), "inception_score_std": spread.double()}
