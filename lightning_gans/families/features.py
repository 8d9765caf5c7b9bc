"""The features from which a discriminator computes its logits."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from lightning_gans.networks.base import AnyDiscriminator


def features_of(discriminator: AnyDiscriminator, images: Tensor, labels: Tensor) -> Tensor:
    """The output of the last of a discriminator's feature blocks, in a forward pass of its own.

    Args:
        discriminator: the network; see :meth:`.AnyDiscriminator.feature_blocks`.
        images: (N, C, H, W).
        labels: (N,) int64.

    Returns:
        (N, K), differentiable.

    Raises:
        ValueError: if the network has no feature blocks, or does not call the last one.
    """
    name = type(discriminator).__name__
    blocks = discriminator.feature_blocks()
    if not blocks:
        raise ValueError(f"{name} has no features: its logits are one layer of the image; expected more layers")
    found: list[Tensor] = []

    def keep(_module: nn.Module, _given: Any, output: Any) -> None:
        if isinstance(output, Tensor):
            found.append(output)

    hook = blocks[-1][-1].register_forward_hook(keep)
    try:
        discriminator(images, labels)
    finally:
        hook.remove()
    if not found:
        raise ValueError(f"{name} does not call the last module of its feature blocks; expected one that it calls")
    return found[-1].flatten(1)
