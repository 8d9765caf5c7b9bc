"""A history of generated images, so that D does not forget what G made before (Shrivastava et al., 2017)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from lightning_gans.errors import InputError, at_least


class ImagePool(nn.Module):
    """Keeps generated images and hands old ones out in place of new ones; its images are part of the checkpoint.

    While it fills up, it gives back what it is given. Then each new image is, with probability ``swap``, exchanged for
    one drawn from the pool. Draws are those of torch's default generator on the CPU, which families seed at every step.

    Args:
        size: images to keep; 0 keeps none.
        swap: probability of an exchange.

    Attributes:
        images: (n, C, H, W), n at most ``size``, detached.

    Raises:
        InputError: if a number is out of range.
    """

    images: Tensor

    def __init__(self, size: int = 50, swap: float = 0.5) -> None:
        super().__init__()
        at_least("model.pool", size, 0)
        if not 0 <= swap <= 1:
            raise InputError(f"ImagePool swap is {swap}; expected a probability in [0, 1]")
        self.size = size
        self.swap = swap
        self.register_buffer("images", torch.empty(0))

    def forward(self, images: Tensor) -> Tensor:
        """As many images (N, C, H, W) as given, each new or old, detached."""
        images = images.detach()
        if self.size == 0:
            return images
        given = images.clone()
        for index, image in enumerate(images):
            if len(self.images) < self.size:
                self.images = torch.cat([self.images.to(images).reshape(-1, *image.shape), image[None]])
            elif torch.rand(()) < self.swap:
                place = int(torch.randint(self.size, ()))
                given[index] = self.images[place]
                self.images[place] = image
        return given

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any, **kwargs: Any) -> None:
        """Take as many images as the checkpoint holds: torch itself expects the same number."""
        stored = state_dict.get(f"{prefix}images")
        if stored is not None:
            self.images = torch.empty_like(stored, device=self.images.device)
        super()._load_from_state_dict(state_dict, prefix, *args, **kwargs)
