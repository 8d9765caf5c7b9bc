"""Comparison of the discriminator's logits of training, held-out and generated images."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def compare_logits(train: Tensor, fake: Tensor, held_out: Tensor | None) -> dict[str, float | None]:
    """Compare the discriminator's logits.

    Args:
        train: logits (N,) of training images.
        fake: logits (M,) of generated images.
        held_out: logits (L,) of real images that were not trained on; None if there are none.

    Returns:
        - ``mean_train``, ``mean_fake``, ``mean_held_out``, ``std_held_out``.
        - ``discriminator_overfit``: mean of ``train`` minus mean of ``held_out``, in standard deviations of
          ``held_out``; 0 if the discriminator does not separate training images from other real images.
        - ``auc_train`` and ``auc_held_out``: :func:`auc` of real against generated images.

        Values that need ``held_out`` are None without it.
    """
    numbers: dict[str, float | None] = {
        "mean_train": float(train.double().mean()),
        "mean_fake": float(fake.double().mean()),
        "mean_held_out": None,
        "std_held_out": None,
        "discriminator_overfit": None,
        "auc_train": auc(train, fake),
        "auc_held_out": None,
    }
    if held_out is not None:
        spread, mean = torch.std_mean(held_out.double(), correction=0)
        numbers["mean_held_out"], numbers["std_held_out"] = float(mean), float(spread)
        numbers["discriminator_overfit"] = float((train.double().mean() - mean) / spread)
        numbers["auc_held_out"] = auc(held_out, fake)
    return numbers


def auc(higher: Tensor, lower: Tensor) -> float:
    """Area under the ROC curve: the fraction of pairs from (N,) and (M,) whose first value is larger; ties count half.

    Returns:
        1 if all of ``higher`` exceed all of ``lower``, 1/2 at chance level; NaN if a value is not finite.
    """
    if not (higher.isfinite().all() and lower.isfinite().all()):
        return math.nan
    above = (higher[:, None] > lower).double().mean() + (higher[:, None] == lower).double().mean() / 2
    return float(above)
