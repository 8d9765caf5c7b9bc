"""Base classes of all networks, and checks of the arguments that they share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from lightning_gans.core.arguments import StoresArguments
from lightning_gans.core.images import Size, height_width
from lightning_gans.networks.blocks import weighted_blocks


class Network(StoresArguments, nn.Module, ABC):
    """Base class of all networks."""

    from_largest_map: ClassVar[tuple[str, ...]] = ()
    """Names of the sequences of layers that are numbered from the largest feature map to the smallest.

    A run that starts from the weights of a network for images of another size takes the layers of equal names. Those of
    such a sequence are compared by their position from its end instead, so that maps of the same side have the same
    layers.
    """


class Generator(Network):
    """Base class of networks that map latent vectors, and labels if the network is conditional, to images.

    The command line passes ``channels``, ``size`` and ``num_classes`` of the data to the arguments of these names of a
    class that has them.

    Args:
        channels: channels of the images.
        size: (height, width) of the images in pixels, or one number for a square.
        latent_dim: length of a latent vector.
        num_classes: number of classes of the data; unused if the network is not conditional.
        conditional: whether the network uses labels.

    Attributes:
        channels: channels of the images.
        size: (height, width) of the images in pixels.
        latent_dim: length of a latent vector.
        num_classes: number of classes of the labels that the network uses; 0 if it ignores labels.
        needs_mean_image: whether :meth:`use_mean_image` is called before the first step of a run.

    Raises:
        ValueError: if an argument is out of range, or a conditional network is built for data without classes.
    """

    needs_mean_image: bool = False

    def __init__(
        self, channels: int, size: Size, latent_dim: int, num_classes: int | None = None, conditional: bool = False
    ) -> None:
        super().__init__()
        check_positive(channels=channels, latent_dim=latent_dim)
        self.channels, self.size, self.latent_dim = channels, height_width(size), latent_dim
        self.num_classes = used_classes(num_classes, conditional)

    @abstractmethod
    def forward(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return images (N, channels, height, width), in evaluation mode in [-1, 1].

        Args:
            latent: latent vectors (N, latent_dim).
            labels: (N,) int64; or (N, num_classes) floats that sum to 1, the weight of each class. Ignored if the
                network is not conditional.
        """

    def differentiable_pass(self, latent: Tensor, labels: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return images and the vectors that they are made from, by which a penalty differentiates them.

        Args:
            latent: latent vectors (N, latent_dim) without history.
            labels: as in :meth:`forward`.

        Returns:
            The latent vectors (N, latent_dim); or what the network maps them to first, for each layer, (N, L, D). Then
            images (N, channels, height, width).
        """
        latent = latent.requires_grad_()
        images: Tensor = self(latent, labels)
        return latent, images

    def latent_weights(self) -> list[Tensor]:
        """Return the weights of the layers that are given the latent vector z, or w if there is a mapping network.

        :mod:`lightning_gans.analysis.directions` finds from them the directions in which images change most.

        Returns:
            The matrix (outputs, latent_dim) of each layer that multiplies z; with a mapping network, that (outputs,
            style_dim) of each layer that is given a w, in their order. Weights of labels are not part of them. An empty
            list if the class does not say, as here.
        """
        return []

    def use_mean_image(self, mean: Tensor) -> None:
        """Initialize weights from the mean training image; the base class does nothing.

        Args:
            mean: (channels, height, width) in [-1, 1].
        """


def weights_of_latent(layer: nn.Module, latent_dim: int) -> Tensor:
    """Return the matrix (outputs, latent_dim) by which a layer multiplies the first ``latent_dim`` of its inputs.

    Args:
        layer: a linear layer, or a transposed convolution of maps of one pixel, whose outputs are all of its values.
        latent_dim: length of the latent vector.
    """
    assert isinstance(layer, (nn.Linear, nn.ConvTranspose2d))
    weight = layer.weight.T if isinstance(layer, nn.Linear) else layer.weight.flatten(1)
    return weight[:latent_dim].T


class AnyDiscriminator(Network):
    """Base class of the networks that judge images.

    Attributes:
        gives_energies: whether its logits are minus an energy, at most 0, as those of an autoencoder.
    """

    gives_energies: bool = False

    def feature_blocks(self) -> list[list[nn.Module]]:
        """Return consecutive parts of the network without its last layers, the one next to the image first.

        ``model.freeze_d`` counts them. By default each consists of one convolution, linear layer or other module with
        weights of at least two dimensions, and what follows it: normalization, an activation. A network whose blocks
        have several such layers says so here.

        Returns:
            The modules of each part. The layers that compute the logits from the features are in none.
        """
        return weighted_blocks(self)[:-1]


class Discriminator(AnyDiscriminator):
    """Base class of networks that map images, and labels if the network is conditional, to logits.

    The command line passes ``channels``, ``size`` and ``num_classes`` of the data to the arguments of these names of a
    class that has them.

    Args:
        channels: channels of the images.
        size: (height, width) of the images in pixels, or one number for a square.
        num_classes: number of classes of the data; unused if the network is not conditional.
        conditional: whether the network uses labels.

    Attributes:
        channels: channels of the images.
        size: (height, width) of the images in pixels.
        num_classes: number of classes of the labels that the network uses; 0 if it ignores labels.
        judges_in: name of the frozen network in whose features it judges, as in stamps; empty if there is none.
        joint_batch_safe: whether real and generated images may be concatenated to one batch, which is faster in dense
            layers. Only true if the logit of an image depends on that image and its label alone: not on the rest of
            the batch, and not on random numbers.

    Raises:
        ValueError: if an argument is out of range, or a conditional network is built for data without classes.
    """

    judges_in: str = ""
    joint_batch_safe: bool = False

    def __init__(self, channels: int, size: Size, num_classes: int | None = None, conditional: bool = False) -> None:
        super().__init__()
        check_positive(channels=channels)
        self.channels, self.size = channels, height_width(size)
        self.num_classes = used_classes(num_classes, conditional)

    @abstractmethod
    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return logits, high for real images: (N,), or (N, K) if the network judges K patches of each image.

        A loss is a mean over all of them. Where one logit for each image is needed, it is the mean over its patches.

        Args:
            images: (N, channels, height, width) in [-1, 1].
            labels: (N,) int64; ignored if the network is not conditional.
        """


class Stage(NamedTuple):
    """One of several consecutive parts of a translator, whose output sides are those of its input times ``scale``.

    Attributes:
        module: maps feature maps (N, C, H, W) to (N, C', H * scale, W * scale).
        margin: how far, in input pixels, an output pixel depends on the input above, below, left and right of its own
            position, while the statistics of normalization layers are fixed.
        scale: output side divided by input side.
        multiple: input sides, and the offsets of tiles cut from the input, have to be multiples of this number.
    """

    module: nn.Module
    margin: int
    scale: Fraction = Fraction(1)
    multiple: int = 1


class Translator(Network):
    """Base class of networks that map images of one domain to images of another, of the same height and width.

    A family builds its translators itself: it calls the class with ``channels_in``, ``channels_out`` and ``size``, in
    this order. Images larger than those of the training are translated in tiles; a class may describe by :meth:`stages`
    how to obtain from tiles the result for the whole image.

    Args:
        channels_in: channels of the input images.
        channels_out: channels of the output images.

    Attributes:
        channels_in: channels of the input images.
        channels_out: channels of the output images.

    Raises:
        ValueError: if an argument is less than 1.
    """

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        check_positive(channels_in=channels_in, channels_out=channels_out)
        self.channels_in, self.channels_out = channels_in, channels_out

    def stages(self) -> list[Stage]:
        """Return consecutive parts of the network, each of which sees only a few pixels around a position.

        Returns:
            The parts; an empty list if the network cannot be divided in this way.
        """
        return []

    @abstractmethod
    def forward(self, images: Tensor) -> Tensor:
        """Return images (N, channels_out, H, W) in [-1, 1] for ``images`` (N, channels_in, H, W) in [-1, 1]."""


def check_equal_channels(translator: Translator, reason: str = "") -> None:
    """Check that a translator whose output has parts of its input has as many channels for both.

    Args:
        translator: the network.
        reason: why, as the end of the message.

    Raises:
        ValueError: if the numbers differ.
    """
    if translator.channels_in != translator.channels_out:
        raise ValueError(
            f"channels_out is {translator.channels_out} but channels_in is {translator.channels_in}; expected the same "
            f"for {type(translator).__name__}{reason}"
        )


class IdentityTranslator(Translator):
    """Returns its input, as a baseline for the scores of a translation.

    The input is multiplied by a trainable number that starts at 1, since an optimizer needs a parameter.

    Args:
        channels_in: channels of the input images.
        channels_out: channels of the output images, the same number.
        size: (height, width) of the images in pixels, or one number for a square; any.

    Raises:
        ValueError: if the numbers of channels differ, or an argument is out of range.
    """

    def __init__(self, channels_in: int, channels_out: int, size: Size) -> None:
        super().__init__(channels_in, channels_out)
        check_equal_channels(self)
        height_width(size)
        self.gain = nn.Parameter(torch.ones(()))

    def stages(self) -> list[Stage]:
        """Return the network as a single part, whose output pixels depend on one input pixel each."""
        return [Stage(self, margin=0)]

    def forward(self, images: Tensor) -> Tensor:
        """Return ``images`` (N, C, H, W)."""
        return self.gain * images


MakeTranslator = Callable[[int, int, Size], Translator]
"""Takes ``channels_in``, ``channels_out`` and ``size``, and returns a translator, as a class does."""


class PatchDiscriminator(AnyDiscriminator):
    """Base class of networks that map an image to one logit for each of many patches.

    A family builds its discriminators itself: it calls the class with ``channels``.

    Args:
        channels: channels of the input, an image or two concatenated images.

    Attributes:
        channels: channels of the input.

    Raises:
        ValueError: if an argument is less than 1.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        check_positive(channels=channels)
        self.channels = channels

    @abstractmethod
    def forward(self, images: Tensor) -> Tensor:
        """Return logits (N, 1, h, w), high for real images, for ``images`` (N, channels, H, W) in [-1, 1]."""


def check_positive(**arguments: Sequence[int] | int) -> None:
    """Check that arguments, or the entries of those that are sequences, are at least 1.

    Raises:
        ValueError: if a number is less than 1, or a sequence is empty.
    """
    for name, value in arguments.items():
        if isinstance(value, int):
            if value < 1:
                raise ValueError(f"{name} is {value}; expected at least 1")
        elif not value or min(value) < 1:
            raise ValueError(f"{name} is {list(value)}; expected at least one number, each at least 1")


def used_classes(num_classes: int | None, conditional: bool) -> int:
    """Return the number of classes that a network uses: 0 if it is not conditional.

    Raises:
        ValueError: if a conditional network is built for data without classes.
    """
    if not conditional:
        return 0
    if num_classes is None or num_classes < 1:
        raise ValueError(
            f"num_classes is {num_classes}, as of data without labels; expected at least 1 for a conditional network "
            "(an image folder needs one folder for each class)"
        )
    return num_classes
