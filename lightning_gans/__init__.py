"""lightning-gans: every GAN variant from its paper, on PyTorch Lightning, with scores that say how they were measured.

This module imports nothing, so that light commands start at once. The rooms:

* :mod:`lightning_gans.variants`: one finished class per paper;
* :mod:`lightning_gans.families`: how discriminator and generator alternate;
* :mod:`lightning_gans.networks`, :mod:`lightning_gans.metrics`, :mod:`lightning_gans.callbacks`;
* :mod:`datamodules`: the data, in a package of its own.
"""

__version__ = "0.1.0"
