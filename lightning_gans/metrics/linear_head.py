"""A linear classifier of labeled images by their features, for extractors that are no classifiers of these images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import torch
from sklearn.linear_model import LogisticRegression
from torch import Tensor

INVERSE_PENALTY = 3.0
"""scikit-learn's C. On CIFAR-10, in the features of EfficientNet-Lite0, it was the best of 0.03, 0.1, 0.3, 1, 3 and 10,
with 2,000, 5,000 and 10,000 training images, by the accuracy on 10,000 other training images."""

TOLERANCE = 1e-6
"""Largest component of the gradient at the end. With scikit-learn's 1e-4, 36 of 10,000 images had other classes than at
the optimum; with this, 1."""

MAX_ITERATIONS = 2000
"""Ten times as many as were needed there."""


@dataclass(frozen=True)
class LinearHead:
    """Assigns images to classes by a linear function of their features.

    Attributes:
        weight: (K, D), float64.
        bias: (K,), float64; -inf for classes without training images.
    """

    weight: Tensor
    bias: Tensor

    @classmethod
    def fit(cls, features: Tensor, labels: Tensor, num_classes: int) -> Self:
        """Fit a multinomial logistic regression with an L2 penalty.

        The features' mean is subtracted, and all are divided by one number, so that feature vectors have a mean squared
        norm of 1 and the penalty means the same for all extractors.

        Args:
            features: (N, D) of the training images.
            labels: (N,), int64, in [0, K).
            num_classes: number of classes K.

        Raises:
            ValueError: if all labels are equal.
        """
        present = torch.bincount(labels).nonzero().flatten().cpu()
        if len(present) < 2:
            raise ValueError(f"labels are all {present.tolist()}; expected at least two classes")
        given = features.double().cpu()
        mean = given.mean(dim=0)
        scale = (given - mean).square().sum(dim=1).mean().sqrt()
        scale = torch.where(scale > 0, scale, 1)
        regression = LogisticRegression(C=INVERSE_PENALTY, tol=TOLERANCE, max_iter=MAX_ITERATIONS)
        regression.fit(((given - mean) / scale).numpy(), labels.cpu().numpy())
        found, offset = torch.from_numpy(regression.coef_), torch.from_numpy(regression.intercept_)
        if len(present) == 2:  # of two classes scikit-learn has the logit of the second only
            found, offset = torch.cat([torch.zeros_like(found), found]), torch.cat([torch.zeros_like(offset), offset])
        found = found / scale
        weight = torch.zeros(num_classes, features.shape[1], dtype=torch.float64)
        bias = torch.full((num_classes,), -torch.inf, dtype=torch.float64)
        weight[present], bias[present] = found, offset - found @ mean
        return cls(weight, bias)

    def classify(self, features: Tensor) -> Tensor:
        """The classes (N,), int64, of images with features (N, D)."""
        weight, bias = self.weight.to(features.device), self.bias.to(features.device)
        return (features.double() @ weight.T + bias).argmax(dim=1)

    def accuracy(self, features: Tensor, labels: Tensor) -> float:
        """Fraction of the images with features (N, D) whose class is their label (N,); NaN without images."""
        return float((self.classify(features) == labels).double().mean())
