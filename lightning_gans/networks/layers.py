"""Layers and weight initialization that several networks share."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations, parametrize

from lightning_gans.distributed.synced_batch_norm import Synchronizable, batch_norm


class Norm(nn.Module):
    """Base class of the normalization layers of translators and patch discriminators.

    A convolution in front of one needs no bias: the normalization would subtract it again.

    Args:
        channels: channels of the feature maps.

    Attributes:
        fixed_statistics: mean and variance, each of shape (C,), to use in place of those of the input, as for one tile
            of a larger image; None uses those of the input. Only used in evaluation mode, and only where
            ``supports_fixed_statistics`` is true.
        supports_fixed_statistics: whether the class uses ``fixed_statistics``.
        uses_input_statistics: whether the class normalizes by statistics of its input in evaluation mode, so that a
            tile of an image needs those of the whole image.
    """

    fixed_statistics: tuple[Tensor, Tensor] | None = None
    supports_fixed_statistics: bool = False
    uses_input_statistics: bool = True

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels


class InstanceNorm(Norm):
    """Normalizes each channel of each image to mean 0 and variance 1 (Ulyanov et al., 2016).

    It has no weights and no running statistics.

    Args:
        channels: channels of the feature maps.
    """

    supports_fixed_statistics = True

    def forward(self, maps: Tensor) -> Tensor:
        """Normalize feature maps (N, C, H, W); the output has the same shape."""
        if self.fixed_statistics is not None and not self.training:
            return F.batch_norm(maps, *self.fixed_statistics)
        return F.instance_norm(maps)


class BatchNorm(Norm, Synchronizable):
    """Batch normalization without running statistics: of the batch in training, of each single image in evaluation.

    pix2pix keeps its networks in training mode and tests them with batches of one image (Isola et al., 2017, section
    3.3). This layer gives the same output for test batches of any size, and the output for an image does not depend on
    the other images of its batch. In distributed training the statistics are those of the batches of all processes,
    unless ``synchronized`` is False.

    Args:
        channels: channels of the feature maps.
    """

    supports_fixed_statistics = True

    def __init__(self, channels: int) -> None:
        super().__init__(channels)
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, maps: Tensor) -> Tensor:
        """Normalize feature maps (N, C, H, W); the output has the same shape."""
        if self.training:
            return batch_norm(maps, None, self.weight, self.bias, synchronized=self.synchronized)
        if self.fixed_statistics is not None:
            return F.batch_norm(maps, *self.fixed_statistics, self.weight, self.bias)
        return F.instance_norm(maps, weight=self.weight, bias=self.bias)


MakeNorm = Callable[[int], Norm]
"""Takes the number of channels and returns a layer, as the classes of this module do."""


def widen(kernel: Tensor) -> Tensor:
    """Return the sum of a 3 x 3 kernel (A, B, 3, 3) and its copies shifted by one pixel along each axis and both.

    Args:
        kernel: (A, B, 3, 3).

    Returns:
        (A, B, 4, 4).
    """
    for axis in (2, 3):
        a, b, c = kernel.unbind(axis)
        kernel = torch.stack((a, a + b, b + c, c), axis)
    return kernel


def like_format(kernel: Tensor, weight: Tensor) -> Tensor:
    """Return a kernel in the memory format of a weight, so that a convolution's output has that format, as usual."""
    channels_last = weight.stride(1) == 1
    return kernel.contiguous(memory_format=torch.channels_last) if channels_last else kernel


class Conv3x3(nn.Conv2d):
    """A 3 x 3 convolution with padding 1, whose kernel other layers combine with a change of size.

    Args:
        channels_in: channels of the input.
        channels_out: channels of the output.
        bias: whether to add a bias.
    """

    def __init__(self, channels_in: int, channels_out: int, bias: bool = True) -> None:
        super().__init__(channels_in, channels_out, 3, padding=1, bias=bias)


class UpsampleConv(Conv3x3):
    """Nearest-neighbor upsampling by 2 and a 3 x 3 convolution with padding 1, computed as one transposed convolution.

    It needs 16/36 of the multiplications of the two separate layers: the weights that are multiplied with the same
    input pixel are added up first. Weight and bias have the shapes of the 3 x 3 convolution, and their gradients are
    the same, so the layer is initialized, normalized and saved like one.
    """

    def kernel(self) -> Tensor:
        """Return the kernel of the transposed convolution with stride 2, (channels_in, channels_out, 4, 4).

        The sums are taken in the precision of the weight, also under autocast.
        """
        weight = self.weight  # once: with spectral normalization each access is a step of its power iteration
        return like_format(widen(weight.flip(2, 3).transpose(0, 1)), weight)

    def forward(self, input: Tensor) -> Tensor:
        """Return feature maps (N, channels_out, 2 H, 2 W) for ``input`` (N, channels_in, H, W)."""
        # On a CPU 1.6 to 3.3 times as fast as the two layers, forward and backward, for both memory formats and the
        # shapes of these networks; a 2 x 2 convolution to four times the channels and pixel_shuffle takes .9 to 1.7
        # times as long as the two layers.
        return F.conv_transpose2d(input, self.kernel(), self.bias, stride=2, padding=1)


class DownsampleConv(Conv3x3):
    """A 3 x 3 convolution with padding 1 and the average over 2 x 2 pixels, computed as one strided convolution.

    It needs 16/36 of the multiplications of the two separate layers, as :class:`UpsampleConv`. Weight and bias have the
    shapes of the 3 x 3 convolution, and their gradients are the same.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Return feature maps (N, channels_out, H / 2, W / 2) for ``input`` (N, channels_in, H, W)."""
        weight = self.weight  # once, as in UpsampleConv
        kernel = like_format(widen(weight) / 4, weight)
        return F.conv2d(input, kernel, self.bias, stride=2, padding=1)


def reflection_pad(maps: Tensor, padding: tuple[int, int]) -> Tensor:
    """Pad feature maps (N, C, H, W) by reflection at their borders.

    With :func:`torch.use_deterministic_algorithms`, as set by Lightning's ``deterministic``, maps that require a
    gradient are padded by mirrored parts of themselves, because the gradient of PyTorch's padding is not deterministic
    on CUDA, where it raises an error. Values are the same, and gradients are equal up to rounding.

    Args:
        maps: (N, C, H, W).
        padding: pixels at the top and at the bottom, and at the left and at the right; less than H and W.

    Returns:
        (N, C, H + 2 padding[0], W + 2 padding[1]).

    Raises:
        ValueError: if the padding is too large, in the deterministic case; PyTorch raises RuntimeError.
    """
    rows, columns = padding
    if not (maps.requires_grad and torch.are_deterministic_algorithms_enabled()):
        return F.pad(maps, [columns, columns, rows, rows], mode="reflect")
    for axis, name, width in ((2, "height", rows), (3, "width", columns)):
        length = maps.shape[axis]
        if width >= length:
            raise ValueError(f"{name} is {length}; expected more than the padding, {width}")
        if width:
            before = maps.narrow(axis, 1, width).flip(axis)
            after = maps.narrow(axis, length - 1 - width, width).flip(axis)
            maps = torch.cat([before, maps, after], axis)
    return maps


class ReflectionConv2d(nn.Conv2d):
    """A convolution with stride 1 whose input is padded by :func:`reflection_pad`.

    It equals ``nn.Conv2d(..., padding_mode="reflect")``, and has the same weights.

    Args:
        channels_in: channels of the input.
        channels_out: channels of the output.
        kernel_size: side of the kernel.
        padding: pixels on each side.
        bias: whether to add a bias.
    """

    def __init__(self, channels_in: int, channels_out: int, kernel_size: int, padding: int, bias: bool = True) -> None:
        super().__init__(channels_in, channels_out, kernel_size, padding=padding, bias=bias, padding_mode="reflect")
        self.border = (padding, padding)

    def forward(self, input: Tensor) -> Tensor:
        """Return feature maps (N, channels_out, H', W') for ``input`` (N, channels_in, H, W)."""
        return F.conv2d(reflection_pad(input, self.border), self.weight, self.bias)


def normal_init(module: nn.Module) -> None:
    """Draw the weights of a convolution or linear layer from N(0, 0.02^2) and set its bias to 0; for ``apply``."""
    if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
        nn.init.normal_(module.weight, 0.0, 0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def he_init(module: nn.Module) -> None:
    """Draw the weights of a convolution or linear layer from He's normal distribution for LeakyReLU(0.2), bias 0."""
    if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
        nn.init.kaiming_normal_(module.weight, a=0.2)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def scale_uniform(layer: nn.Conv2d | nn.ConvTranspose2d, dense: bool) -> None:
    """Draw weights from a uniform distribution scaled by the layer's size, bias 0, as in the code of WGAN-GP.

    The variance is 4 / (fan-in + fan-out), of a dense layer 2 / (fan-in + fan-out) (Gulrajani et al., 2017; their
    ``tflib/ops``). A fan of a strided convolution counts the connections of a unit: a kernel of k^2 pixels with stride
    s has k^2 / s^2 of them on the side of the larger map for each channel.

    Args:
        layer: a convolution or transposed convolution.
        dense: whether the layer connects a single pixel with a map as large as the kernel, like a linear layer.
    """
    kernel = layer.kernel_size[0] * layer.kernel_size[1]
    shared = kernel / (kernel if dense else layer.stride[0] * layer.stride[1])
    if isinstance(layer, nn.ConvTranspose2d):
        fans = layer.in_channels * shared + layer.out_channels * kernel
    else:
        fans = layer.in_channels * kernel + layer.out_channels * shared
    bound = math.sqrt(3 * (2 if dense else 4) / fans)
    nn.init.uniform_(layer.weight, -bound, bound)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)


def dcgan_init(module: nn.Module) -> None:
    """Initialize as :func:`normal_init`, and batch normalization with weights from N(1, 0.02^2) and bias 0.

    It is the initialization of DCGAN (Radford et al., 2016, section 4, and the authors' code), LSGAN, pix2pix and
    CycleGAN.
    """
    if isinstance(module, (nn.BatchNorm2d, BatchNorm)):
        nn.init.normal_(module.weight, 1.0, 0.02)
        nn.init.zeros_(module.bias)
    else:
        normal_init(module)


class SpectralNormShapes(nn.Module):
    """Has the buffers of torch's spectral normalization and returns the weight, for layers on the meta device.

    There, where a network is built to count its parameters, torch's own takes a second for a hundred layers.

    Args:
        layer: the layer.
    """

    def __init__(self, layer: nn.Conv2d | nn.ConvTranspose2d | nn.Linear | nn.Embedding) -> None:
        super().__init__()
        rows = layer.weight.shape[1 if isinstance(layer, nn.ConvTranspose2d) else 0]
        self.register_buffer("_u", layer.weight.new_empty(rows))
        self.register_buffer("_v", layer.weight.new_empty(layer.weight.numel() // rows))

    def forward(self, weight: Tensor) -> Tensor:
        """Return ``weight``."""
        return weight

    def right_inverse(self, weight: Tensor) -> Tensor:
        """Return ``weight``."""
        return weight


BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm, BatchNorm)


def has_batch_norm(network: nn.Module) -> bool:
    """Whether a network has batch normalization, of torch or of this module."""
    return any(isinstance(module, BATCH_NORMS) for module in network.modules())


def apply_spectral_norm(network: nn.Module) -> None:
    """Divide the weight of every convolution, linear layer and embedding by its largest singular value.

    The singular value is estimated by one step of power iteration in each forward pass in training mode (Miyato et al.,
    2018, section 2.1 and appendix A). The weight of a convolution counts as a matrix with one row per output channel.
    Weights that are not parameters are left as they are: those of a frozen network, and those that are normalized.

    Args:
        network: the module to change in place.

    Raises:
        ValueError: if a weight is all zero, as that of the last layer of a residual block that starts as the identity.
    """
    for name, module in list(network.named_modules()):
        if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear, nn.Embedding)):
            if not isinstance(module.weight, nn.Parameter):
                continue
            if module.weight.is_meta:
                parametrize.register_parametrization(module, "weight", SpectralNormShapes(module))
                continue
            if not module.weight.any():
                raise ValueError(
                    f"{type(network).__name__} has a layer, {name}, whose weight is all zero; expected weights that "
                    "can be divided by their largest singular value"
                )
            parametrizations.spectral_norm(module)


def stored_weight(layer: nn.Module) -> Tensor:
    """Return the parameter that a layer's weight is computed from; to read a normalized weight is a power iteration."""
    normalized = parametrize.is_parametrized(layer, "weight")
    weight: Tensor = layer.parametrizations["weight"].original if normalized else layer.weight  # type: ignore[index, union-attr, assignment]
    return weight


def has_spectral_norm(network: nn.Module) -> bool:
    """Whether :func:`apply_spectral_norm` has normalized a weight of the network."""
    return any(parametrize.is_parametrized(module) for module in network.modules())


def check_dropout(dropout: float) -> None:
    """Check a probability to drop an activation.

    Raises:
        ValueError: if it is not in [0, 1).
    """
    if not 0 <= dropout < 1:
        raise ValueError(f"dropout is {dropout}; expected a probability in [0, 1)")
