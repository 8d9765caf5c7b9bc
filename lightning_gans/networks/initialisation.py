"""How networks start: the weights that DCGAN, LSGAN, SNGAN, InfoGAN, pix2pix and CycleGAN share."""

from __future__ import annotations

from torch import nn

from lightning_gans.networks.norms import BatchNorm


def normal_weights(module: nn.Module) -> None:
    """Weights of convolutions and linear layers from N(0, .02), biases 0; other layers stay as torch starts them."""
    if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
        nn.init.normal_(module.weight, 0.0, 0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def he_weights(module: nn.Module) -> None:
    """Weights of convolutions and linear layers from He's distribution for LeakyReLU (slope .2), biases 0."""
    if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
        nn.init.kaiming_normal_(module.weight, a=0.2)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def initialise(module: nn.Module) -> None:
    """As :func:`normal_weights`; normalisation layers' weights from N(1, .02), biases 0 (Radford et al., 2016)."""
    if isinstance(module, (nn.BatchNorm2d, BatchNorm)):
        nn.init.normal_(module.weight, 1.0, 0.02)
        nn.init.zeros_(module.bias)
    else:
        normal_weights(module)
