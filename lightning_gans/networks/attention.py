"""Self-attention between the positions of feature maps (SAGAN; Zhang et al., 2019)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class SelfAttention(nn.Module):
    r"""Adds to each position a weighted mean over all positions of the maps (Zhang et al., 2019, section 3).

    For the position j of maps x, with 1 x 1 convolutions f, g, h and v without bias:

    .. math::
        \beta_{j,i} &= \mathrm{softmax}_i\, f(x_i)^\top g(x_j) && \text{(eq. 1)} \\
        o_j &= v\Big(\sum_i \beta_{j,i}\, h(x_i)\Big) && \text{(eq. 2)} \\
        y_j &= \gamma\, o_j + x_j && \text{(eq. 3)}

    f (:attr:`key`) and g (:attr:`query`) have an eighth of the channels, h (:attr:`value`) a half of them, as in the
    authors' code; in the paper h has an eighth. As in that code f(x) and h(x) are maximum-pooled over 2 x 2 positions,
    so that i runs over a quarter of the positions. The gain :math:`\gamma` starts at 0, so that the layer starts as the
    identity.

    The weights of an image of maps of H x W take (H W)^2 / 4 numbers of memory.

    Args:
        channels: channels of the feature maps.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        narrow, half = max(channels // 8, 1), max(channels // 2, 1)
        self.query = nn.Conv2d(channels, narrow, 1, bias=False)
        self.key = nn.Conv2d(channels, narrow, 1, bias=False)
        self.value = nn.Conv2d(channels, half, 1, bias=False)
        self.output = nn.Conv2d(half, channels, 1, bias=False)
        self.gain = nn.Parameter(torch.zeros(()))

    def forward(self, maps: Tensor) -> Tensor:
        """Return feature maps of the shape of ``maps`` (N, C, H, W), whose sides are even."""
        # Not F.scaled_dot_product_attention, whose fast kernels cannot be differentiated twice, as R1 requires.
        queries = self.query(maps).flatten(2)
        keys, values = (pool(layer(maps)).flatten(2) for layer in (self.key, self.value))
        weights = torch.softmax(queries.transpose(1, 2) @ keys, dim=2)
        means = values @ weights.transpose(1, 2)
        attended: Tensor = maps + self.gain * self.output(means.reshape(-1, means.shape[1], *maps.shape[2:]))
        return attended


def pool(maps: Tensor) -> Tensor:
    """Return the maximum over 2 x 2 positions, (N, C, H / 2, W / 2), of feature maps (N, C, H, W) of even sides."""
    # Unlike that of F.max_pool2d, the gradient is deterministic on CUDA.
    count, channels, height, width = maps.shape
    return maps.reshape(count, channels, height // 2, 2, width // 2, 2).amax(dim=(3, 5))


def attended_blocks(attention: int | None, maps: Sequence[tuple[int, int]]) -> list[bool]:
    """Return for each block of a network whether self-attention follows it.

    It follows the first block with maps of the side that is asked for.

    Args:
        attention: the shorter side of these maps in pixels; None for a network without attention.
        maps: (height, width) of the feature maps that each block returns.

    Raises:
        ValueError: if no block returns maps of this side and of even sides, which pooling halves.
    """
    sides = [min(map_sides) if not any(side % 2 for side in map_sides) else 0 for map_sides in maps]
    if attention is not None and (attention < 1 or attention not in sides):
        known = ", ".join(map(str, sorted({side for side in sides if side})))
        raise ValueError(
            f"attention is {attention}; expected the shorter side, in pixels, of feature maps of even sides, of which "
            f"this network has {known}"
        )
    return [side == attention and side not in sides[:index] for index, side in enumerate(sides)]
