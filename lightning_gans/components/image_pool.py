"""A history of generated images, with which D is trained on older images too (Shrivastava et al., 2017)."""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from lightning_gans.core.errors import at_least
from lightning_gans.core.randomness import rank, shared_generator, world_size


class ImagePool(nn.Module):
    """Stores generated images and returns stored ones in place of some new ones. The images are part of the checkpoint.

    Each position in the batch of a step, counted over all processes, has a history of its own, of equal size up to one
    image. Until a history is full, its images are stored and returned. Then each new image is, with probability
    ``swap``, exchanged for an image drawn from the history of its position. N processes therefore compute what one
    process computes with the N-fold batch, and exchange no images. With one image per step this is the pool of the
    paper. Random numbers come from the CPU generator that all ranks share.

    Args:
        size: number of images to store, over all processes; 0 stores none.
        swap: probability of an exchange.

    Attributes:
        images: the images of this process (n, C, H, W), detached, in the order in which they were stored; n is at most
            ``size``.

    Raises:
        ValueError: if a number is out of range.
    """

    images: Tensor

    rank_local_buffers = ("images",)
    """Buffers that differ between processes; see :class:`.AlternatingDDP`."""

    def __init__(self, size: int = 50, swap: float = 0.5) -> None:
        super().__init__()
        at_least("size", size, 0)
        if not 0 <= swap <= 1:
            raise ValueError(f"swap is {swap}; expected a probability in [0, 1]")
        self.size = size
        self.swap = swap
        self.register_buffer("images", torch.empty(0))
        self._count = 0  # images per call
        self._rounds = 0  # calls in which images were added
        self.register_load_state_dict_pre_hook(_take_stored_size)  # type: ignore[no-untyped-call]  # not annotated
        self._of_all = False  # whether `images` holds those of all processes, as after loading a checkpoint

    def forward(self, images: Tensor) -> Tensor:
        """Return images (N, C, H, W), detached, some exchanged for stored ones; N should be the same in every call."""
        images = images.detach()
        if self.size == 0:
            return images
        count, places, first = len(images), len(images) * world_size(), rank() * len(images)
        if self._of_all or count != self._count:
            self._take_own(count)
        shares = [self.size // places + (place < self.size % places) for place in range(places)]
        given = images.clone()
        # Drawn for the positions of all processes, so that all ranks draw the same numbers.
        full = [place for place, share in enumerate(shares) if 0 < share <= self._rounds]
        generator = shared_generator(torch.device("cpu"))
        draws = torch.rand(len(full), generator=generator).tolist()
        swapped = [place for place, draw in zip(full, draws, strict=True) if draw < self.swap]
        old = {place: int(torch.randint(shares[place], (), generator=generator)) for place in swapped}
        for index, image in enumerate(images):
            if first + index in old:
                position = old[first + index] * count + index
                given[index] = self.images[position]
                self.images[position] = image
        new = [index for index in range(count) if shares[first + index] > self._rounds]
        if new:
            self.images = torch.cat([self.images.to(images).reshape(-1, *images.shape[1:]), images[new]])
        self._rounds = min(self._rounds + 1, shares[0])
        return given

    def _take_own(self, count: int) -> None:
        """Keep the images of this process's positions, ``count`` in number, out of those of all processes."""
        images = self.of_all_processes()
        places = count * world_size()
        whole = min(len(images), self.size)
        if whole < self.size:
            whole -= whole % places  # the last round is incomplete: it was of other positions
        own = [index for index in range(whole) if rank() * count <= index % places < (rank() + 1) * count]
        self.images = images[own]
        self._count, self._rounds, self._of_all = count, -(-whole // places), False

    def of_all_processes(self) -> Tensor:
        """The images of all processes (n, C, H, W), ordered by round and position, as a checkpoint stores them.

        All processes must call it, after equally many calls of the pool.
        """
        if self._of_all or world_size() == 1 or self._rounds == 0:
            return self.images
        padded = self.images.new_zeros(self._rounds * self._count, *self.images.shape[1:])
        padded[: len(self.images)] = self.images
        parts = [torch.empty_like(padded) for _ in range(world_size())]
        dist.all_gather(parts, padded)
        rounds = torch.stack([part.view(self._rounds, self._count, *part.shape[1:]) for part in parts], dim=1)
        return rounds.flatten(0, 2)[: self.size]


def _take_stored_size(pool: nn.Module, state_dict: dict[str, Any], prefix: str, *_: Any) -> None:
    """Before a state dict is loaded, make room for as many images as it holds: torch expects the same number."""
    stored = state_dict.get(f"{prefix}images")
    if stored is not None:
        assert isinstance(pool, ImagePool)
        pool.images = torch.empty_like(stored, device=pool.images.device)
        pool._of_all = True
