"""Spectral normalisation of any network."""

from __future__ import annotations

from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from lightning_gans.core.errors import InputError


def normalise_spectrally(network: nn.Module) -> None:
    """Divide the weight of each convolution, linear layer and embedding by its largest singular value.

    The value is followed by one step of power iteration at each forward pass in training (Miyato et al., 2018, section
    2.1 and appendix A); convolutions count as matrices with one row for each output channel.

    Raises:
        InputError: if a weight is all zero, as at the end of a residual block that starts as the identity.
    """
    for name, module in list(network.named_modules()):
        if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear, nn.Embedding)):
            if not module.weight.any():
                raise InputError(
                    f"model.discriminator is {type(network).__name__}, whose layer {name} starts at 0; expected "
                    "weights that can be divided by their largest singular value"
                )
            spectral_norm(module)
