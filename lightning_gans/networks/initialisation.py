"""How pix2pix's and CycleGAN's networks start."""

from __future__ import annotations

from torch import nn

from lightning_gans.networks.norms import BatchNorm


def initialise(module: nn.Module) -> None:
    """Weights of convolutions from N(0, .02), those of normalisation layers from N(1, .02), biases 0."""
    if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
        nn.init.normal_(module.weight, 0.0, 0.02)
    elif isinstance(module, BatchNorm):
        nn.init.normal_(module.weight, 1.0, 0.02)
    else:
        return
    if module.bias is not None:
        nn.init.zeros_(module.bias)
