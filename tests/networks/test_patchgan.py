from __future__ import annotations

import pytest
import torch

from lightning_gans.networks import PatchGAN, PixelGAN
from lightning_gans.networks.layers import InstanceNorm, Norm


class NoNorm(Norm):
    """Leaves maps as they are, so that a logit depends on its patch alone."""

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        return maps


def field(discriminator: torch.nn.Module, side: int) -> int:
    """Side of the square of pixels that the logit in the middle depends on, from its gradient."""
    images = torch.randn(1, 1, side, side, dtype=torch.float64, requires_grad=True)
    logits = discriminator.double()(images)
    middle = logits.shape[-1] // 2
    (slope,) = torch.autograd.grad(logits[0, 0, middle, middle], images)
    rows = slope[0, 0].abs().sum(dim=1).nonzero()
    return int(rows.max() - rows.min()) + 1


@pytest.mark.parametrize(
    ("layers", "pixels", "side"), [(1, 16, 64), (2, 34, 128), (3, 70, 256), (4, 142, 320), (5, 286, 640)]
)
def test_a_logit_sees_the_patch_that_the_paper_says(layers: int, pixels: int, side: int) -> None:
    assert field(PatchGAN(1, layers=layers, width=1, norm=NoNorm), side) == pixels


def test_pixelgan_sees_one_pixel() -> None:
    assert field(PixelGAN(1, width=2, norm=NoNorm), 8) == 1


def test_widths_and_logits_of_the_default_are_the_papers() -> None:
    discriminator = PatchGAN(6)
    convolutions = [m for m in discriminator.modules() if isinstance(m, torch.nn.Conv2d)]
    assert [layer.out_channels for layer in convolutions] == [64, 128, 256, 512, 1]
    assert [layer.stride[0] for layer in convolutions] == [2, 2, 2, 1, 1]
    assert PatchGAN(6, width=1)(torch.randn(2, 6, 256, 256)).shape == (2, 1, 30, 30)


@pytest.mark.parametrize("norm", [InstanceNorm, NoNorm])
def test_every_parameter_gets_a_gradient(norm: type[Norm]) -> None:
    discriminator = PatchGAN(3, width=2, norm=norm)
    discriminator(torch.randn(2, 3, 64, 64)).square().sum().backward()
    assert all(p.grad is not None and p.grad.any() for p in discriminator.parameters())


@pytest.mark.parametrize("kwargs", [{"channels": 0}, {"layers": 0}, {"width": 0}])
def test_bad_arguments_are_named(kwargs: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=rf"{next(iter(kwargs))} is 0; expected at least 1"):
        PatchGAN(**{"channels": 3, **kwargs})  # type: ignore[arg-type]
