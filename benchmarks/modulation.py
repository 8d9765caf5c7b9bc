"""Measure two forms of StyleGAN2's modulated convolution in training on a CPU.

    OMP_NUM_THREADS=1 python benchmarks/modulation.py

Either the maps are multiplied before and after a convolution, as in :class:`.ModulatedConv2d`, or each image has
weights of its own, in a convolution with a group for each image. Both give the same result. A pass is forward and
backward, with gradients of maps, styles and weights; or, as for path length regularization, forward, backward and the
backward pass of the gradient's norm. Both forms take turns; the median of the CPU times counts.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lightning_gans.networks.stylegan2_synthesis import ModulatedConv2d

TURNS = 7

SHAPES = [(16, 256, 4), (16, 256, 8), (16, 256, 16), (16, 128, 32), (16, 64, 64), (4, 64, 128)]
"""Images, channels and side of the maps."""


class GroupedConv2d(ModulatedConv2d):
    """The same convolution, with a group for each image."""

    def forward(self, maps: Tensor, style: Tensor) -> tuple[Tensor, Tensor]:
        """Return the modulated and demodulated convolution, and 1."""
        count, channels, height, width = maps.shape
        weight = self.weight * self.affine(style)[:, None, :, None, None]
        weight = weight * (weight.square().sum(dim=(2, 3, 4), keepdim=True) + 1e-8).rsqrt()
        grouped = maps.reshape(1, count * channels, height, width)
        output = F.conv2d(grouped, weight.flatten(0, 1), padding=1, groups=count)
        return output.view(count, -1, height, width), torch.ones(())


def seconds(conv: nn.Module, maps: Tensor, style: Tensor, second: bool) -> float:
    """CPU time of a pass."""
    start = time.process_time()
    output, factors = conv(maps, style)
    output = output * factors
    if second:
        (slope,) = torch.autograd.grad((output * output.detach()).sum(), style, create_graph=True)
        output = slope.square()
    torch.autograd.backward(output.sum())
    return time.process_time() - start


def main() -> None:
    """Print a row of a table for each shape."""
    torch.set_num_threads(1)
    print("| Images | Channels | Side | Maps multiplied | Grouped | Second order: maps multiplied | Grouped |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for count, channels, side in SHAPES:
        torch.manual_seed(0)
        made: list[Callable[..., nn.Module]] = [ModulatedConv2d, GroupedConv2d]
        convs = [each(channels, channels, style_dim=256) for each in made]
        convs[1].load_state_dict(convs[0].state_dict())
        maps = torch.randn(count, channels, side, side, requires_grad=True)
        style = torch.randn(count, 256, requires_grad=True)
        first, second = (output * factors for output, factors in (conv(maps, style) for conv in convs))
        torch.testing.assert_close(first, second, rtol=1e-3, atol=1e-4)
        cells = []
        for is_second in (False, True):
            turns = [[seconds(conv, maps, style, is_second) for conv in convs] for _ in range(TURNS)]
            cells += [f"{1000 * statistics.median(column):.0f} ms" for column in zip(*turns, strict=True)]
        print(f"| {count} | {channels} | {side} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
