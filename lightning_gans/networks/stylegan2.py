"""The networks of StyleGAN2 (Karras et al., 2020), for images of any size.

They are those of the authors' PyTorch code (NVlabs/stylegan2-ada-pytorch), and have as many parameters. By default
channels double from each feature map to the next smaller one up to 512, from 64 at the largest map, or from 32 at
1024 pixels: at 256 pixels these are their networks of the configuration ``paper256``, which has half of the channels
that the paper's has (``width=128``), at 512 and 1024 pixels the paper's. The smallest map, which is 4 x 4 there, may
have other sides (:func:`.smallest_map`). The authors' compiled operators are replaced by convolutions.

Conditional networks embed the label: G concatenates the embedding to z, and the logit of D is the inner product of its
last layer's output and a mapping network's output for the label, as in the authors' code.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from lightning_gans.core.images import Size
from lightning_gans.core.precision import at_least_float32, autocast_off
from lightning_gans.core.randomness import integers_per_image, normal_per_image, uniform_per_image
from lightning_gans.distributed import all_reduce_mean
from lightning_gans.networks.judging import FeatureDiscriminator
from lightning_gans.networks.resampling import Downsample, LowPass
from lightning_gans.networks.sizes import smallest_map
from lightning_gans.networks.stylegan2_layers import (
    ACTIVATION_GAIN,
    RESIDUAL_GAIN,
    ClampedLeakyReLU,
    EqualizedConv2d,
    EqualizedLinear,
    MappingNetwork,
    MinibatchStd,
    map_widths,
)
from lightning_gans.networks.stylegan2_synthesis import Architecture, SynthesisNetwork, check_architecture
from lightning_gans.networks.styles import StyleGenerator

MEAN_DECAY = 0.995
"""Share of the running mean of w that remains in each pass in training mode."""


class StyleGAN2Generator(StyleGenerator):
    """A mapping network from z to w, and a synthesis network whose layers are modulated by w.

    In training mode a share of the images has two w, from two z: the first of them for the layers up to a random one,
    the second for the others (style mixing; Karras et al., 2019, section 3.1). The layer is drawn for each image, in
    the authors' code for each batch. The second z is drawn from the normal distribution.

    The output is not bounded in training mode, as the authors', so that its gradient vanishes nowhere. In evaluation
    mode it is limited to [-1, 1], and the noise inputs are fixed.

    Args:
        channels: channels of the images.
        size: (height, width) of the images in pixels, as :func:`.smallest_map` supports it, or one number for a square.
        latent_dim: length of z.
        style_dim: length of w, and of the mapping network's layers.
        mapping_layers: number of layers of the mapping network.
        width: channels of the largest feature map; None for 64 if the shorter side has less than 1024 pixels, 32 if it
            has less than 2048, and so on.
        growth: channels of a map divided by those of the next larger one.
        widest: most channels of a map.
        architecture: "skip" for the paper's generator, whose images of all sizes are added up; "residual" for residual
            blocks; "original" for neither (figure 7).
        style_mixing: probability that an image in training has two w.
        num_classes: number of classes of the data.
        conditional: whether to use labels.

    Raises:
        ValueError: if an argument is out of range.
    """

    def __init__(
        self,
        channels: int,
        size: Size,
        latent_dim: int = 512,
        style_dim: int = 512,
        mapping_layers: int = 8,
        width: int | None = None,
        growth: int = 2,
        widest: int = 512,
        architecture: Architecture = "skip",
        style_mixing: float = 0.9,
        num_classes: int | None = None,
        conditional: bool = False,
    ) -> None:
        super().__init__(channels, size, latent_dim, num_classes, conditional)
        check_architecture(architecture)
        if not 0 <= style_mixing <= 1:
            raise ValueError(f"style_mixing is {style_mixing}; expected a probability in [0, 1]")
        smallest = smallest_map(size)
        widths = map_widths(smallest.doublings, width, growth, widest)
        self.mapping = MappingNetwork(latent_dim, self.num_classes, style_dim, mapping_layers)
        self.synthesis = SynthesisNetwork(channels, smallest, widths, style_dim, architecture)
        self.style_mixing, self.style_layers = style_mixing, self.synthesis.layers
        self.register_buffer("style_mean", torch.zeros(style_dim))

    def map_latent(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return w of each layer, (N, layers, style_dim), with style mixing in training mode.

        Args:
            latent: z (N, latent_dim).
            labels: as in :meth:`.Generator.forward`.
        """
        if self.training and self.style_mixing > 0:
            return self._mixed(latent, labels)
        mapped: Tensor = self.mapping(latent, labels)
        return mapped[:, None].expand(-1, self.synthesis.layers, -1)

    def synthesize(self, styles: Tensor) -> Tensor:
        """Return images (N, channels, height, width), in evaluation mode in [-1, 1], of w (N, layers, style_dim)."""
        images: Tensor = self.synthesis(styles)
        return images if self.training else images.clamp(-1, 1)

    def _mixed(self, latent: Tensor, labels: Tensor | None) -> Tensor:
        """Styles (N, layers, style_dim) of z (N, latent_dim) and of other z, which are drawn here."""
        count, device, layers = len(latent), latent.device, self.synthesis.layers
        both = torch.cat([latent, normal_per_image(count, device, self.latent_dim)])
        labels = None if labels is None else torch.cat([labels, labels])
        first, second = self.mapping(both, labels)[:, None].chunk(2)
        switch = integers_per_image(1, layers - 1, count, device)
        switch = torch.where(uniform_per_image(count, device) < self.style_mixing, switch, layers)
        return torch.where((torch.arange(layers, device=device) < switch[:, None])[:, :, None], first, second)

    @torch.no_grad()
    def _track(self, styles: Tensor) -> None:
        """Add the styles of all processes to the running mean; those of the first layer are never mixed."""
        self.style_mean.lerp_(all_reduce_mean(styles[:, 0].mean(dim=0)).to(self.style_mean), 1 - MEAN_DECAY)

    def latent_weights(self) -> list[Tensor]:
        """Return those of the affine layers from w to the styles; see :meth:`.Generator.latent_weights`."""
        return [affine.weight * affine.weight_gain for affine in self.synthesis.affine_layers()]

    def forward(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return images (N, channels, height, width), in evaluation mode in [-1, 1]; see :meth:`.Generator.forward`."""
        styles = self.map_latent(latent, labels)
        if self.training:
            self._track(styles)
        return self.synthesize(styles)

    def differentiable_pass(self, latent: Tensor, labels: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return w of each layer (N, layers, style_dim) and the images made from them.

        The running mean of w does not change.
        """
        styles = self.map_latent(latent, labels)
        return styles, self.synthesis(styles)


class DiscriminatorBlock(nn.Module):
    """Two 3 x 3 convolutions, the second of which halves the sides.

    Args:
        before: channels of the input.
        after: channels of the output.
        residual: whether a filtered 1 x 1 convolution of the input is added.
    """

    def __init__(self, before: int, after: int, residual: bool) -> None:
        super().__init__()
        gain = RESIDUAL_GAIN if residual else 1.0
        self.branch = nn.Sequential(
            EqualizedConv2d(before, before, 3, gain=ACTIVATION_GAIN),
            ClampedLeakyReLU(),
            LowPass(padding=2),
            EqualizedConv2d(before, after, 3, stride=2, gain=gain * ACTIVATION_GAIN),
            ClampedLeakyReLU(),
        )
        self.shortcut = None
        if residual:
            self.shortcut = nn.Sequential(Downsample(), EqualizedConv2d(before, after, 1, bias=False, gain=gain))

    def forward(self, maps: Tensor) -> Tensor:
        """Return feature maps (N, after, H / 2, W / 2) for ``maps`` (N, before, H, W)."""
        output: Tensor = self.branch(maps)
        return output if self.shortcut is None else output + self.shortcut(maps)


class StyleGAN2Discriminator(FeatureDiscriminator):
    """Blocks that halve the sides, the standard deviation over groups of images, a convolution and two linear layers.

    The layers of the smallest map are in float32 also under mixed precision.

    Args:
        channels: channels of the images.
        size: (height, width) of the images in pixels, as :func:`.smallest_map` supports it, or one number for a square.
        width: channels of the largest feature map; None for 64 if the shorter side has less than 1024 pixels, 32 if it
            has less than 2048, and so on.
        growth: channels of a map divided by those of the next larger one.
        widest: most channels of a map.
        architecture: "residual" for the paper's discriminator; "skip" for one that gets the image at each size of maps;
            "original" for neither (figure 7).
        group_size: largest number of images of a group; at least 2; see :class:`.MinibatchStd`.
        mapping_layers: number of layers of the mapping network of a conditional D.
        num_classes: number of classes of the data.
        conditional: whether to use labels.

    Raises:
        ValueError: if an argument is out of range.
    """

    from_largest_map = ("from_image", "blocks")

    def __init__(
        self,
        channels: int,
        size: Size,
        width: int | None = None,
        growth: int = 2,
        widest: int = 512,
        architecture: Architecture = "residual",
        group_size: int = 4,
        mapping_layers: int = 8,
        num_classes: int | None = None,
        conditional: bool = False,
    ) -> None:
        super().__init__(channels, size, num_classes, conditional)
        check_architecture(architecture)
        rows, columns, doublings = smallest_map(size)
        widths = map_widths(doublings, width, growth, widest)
        last = widths[-1]
        entries = widths if architecture == "skip" else widths[:1]
        self.from_image = nn.ModuleList(
            nn.Sequential(EqualizedConv2d(channels, entry, 1, gain=ACTIVATION_GAIN), ClampedLeakyReLU())
            for entry in entries
        )
        self.blocks = nn.ModuleList(
            DiscriminatorBlock(before, after, architecture == "residual") for before, after in pairwise(widths)
        )
        self.downsample = Downsample()
        self.end = nn.Sequential(
            MinibatchStd(group_size),
            EqualizedConv2d(last + 1, last, 3, gain=ACTIVATION_GAIN),
            ClampedLeakyReLU(),
            nn.Flatten(),
            EqualizedLinear(last * rows * columns, last, gain=ACTIVATION_GAIN),
            ClampedLeakyReLU(),
            EqualizedLinear(last, last if self.num_classes else 1),
        )
        self.mapping = MappingNetwork(0, self.num_classes, last, mapping_layers) if self.num_classes else None

    def feature_blocks(self) -> list[list[nn.Module]]:
        """Return the blocks, each with the layer that brings the image to its map, if there is one."""
        entries = [*self.from_image, *(nn.Identity() for _ in self.blocks)]
        return [[entry, block] for entry, block in zip(entries, self.blocks, strict=False)]

    @property
    def last_layer(self) -> nn.Module:
        """The layer that computes the logit from the features."""
        return self.end[-1]

    def feature_maps(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return the features (N, F), float32; see :meth:`.FeatureDiscriminator.feature_maps`."""
        maps: Tensor = self.from_image[0](images)
        for level, block in enumerate(self.blocks, start=1):
            maps = block(maps)
            if level < len(self.from_image):
                images = self.downsample(images)
                maps = maps + self.from_image[level](images)
        with autocast_off(maps.device):
            maps = at_least_float32(maps)
            for layer in list(self.end)[:-1]:
                maps = layer(maps)
        return maps

    def logits_of(self, maps: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return logits (N,); see :meth:`.FeatureDiscriminator.logits_of`."""
        with autocast_off(maps.device):
            outputs: Tensor = self.last_layer(maps)
            if self.mapping is None:
                return outputs[:, 0]
            similar: Tensor = (outputs * self.mapping(labels=labels)).sum(dim=1) * outputs.shape[1] ** -0.5
            return similar
