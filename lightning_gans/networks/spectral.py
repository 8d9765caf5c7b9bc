"""Spectral normalisation of any network."""

from __future__ import annotations

from torch import nn
from torch.nn.utils.parametrizations import spectral_norm


def normalise_spectrally(network: nn.Module) -> None:
    """Divide the weight of each convolution, linear layer and embedding by its largest singular value.

    The value is followed by one step of power iteration at each forward pass in training (Miyato et al., 2018, section
    2.1 and appendix A); convolutions count as matrices with one row for each output channel.
    """
    for module in list(network.modules()):
        if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear, nn.Embedding)):
            spectral_norm(module)
