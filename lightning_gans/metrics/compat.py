"""Private API of torchmetrics, in one place; ``tests/metrics/test_perceptual.py`` fails if it changes."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torchmetrics.functional.image.lpips import _NoTrainLpips


def lpips_network(weights: Mapping[str, Tensor]) -> nn.Module:
    """Torchmetrics' LPIPS network, always in evaluation mode, with an AlexNet backbone.

    The public ``LearnedPerceptualImagePatchSimilarity`` always downloads the backbone's weights: it takes no file, and
    no hash of what it loaded could be put into a stamp.

    Args:
        weights: state dict of torchvision's ``alexnet``.

    Returns:
        A network that maps two batches (N, 3, H, W) in [-1, 1] to distances (N, 1, 1, 1).

    Raises:
        ValueError: if a tensor of the backbone is missing in ``weights``.
        RuntimeError: if a tensor has another shape.
    """
    # The draws of initialization must not change those of the run.
    with torch.random.fork_rng(devices=[]):
        network = _NoTrainLpips(net="alex", pnet_rand=True)
    # Its backbone is AlexNet cut into slices, which keep torchvision's numbers of layers: slice2.3 is features.3.
    names = {name: f"features.{name.split('.', 1)[1]}" for name in network.net.state_dict()}
    if missing := [name for name in names.values() if name not in weights]:
        raise ValueError(f"{missing[0]} is missing")
    network.net.load_state_dict({name: weights[original] for name, original in names.items()})
    return network
