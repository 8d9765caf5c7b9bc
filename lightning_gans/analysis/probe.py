"""What D has learned of the images, asked as in DCGAN's paper: by a linear classifier on its frozen features."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import LinearSVC
from torch import Tensor, nn
from torch.nn import functional as F

from lightning_gans.networks.maxout import Maxout

ACTIVATIONS = (
    nn.ReLU,
    nn.LeakyReLU,
    nn.PReLU,
    nn.ELU,
    nn.SELU,
    nn.GELU,
    nn.SiLU,
    nn.Mish,
    nn.Softplus,
    nn.Tanh,
    Maxout,
)
"""Layers whose outputs are features; functions such as ``F.relu`` leave nothing to hold on to."""

GRID = 4
"""Side of the grid to which a map is pooled."""

Features = Callable[[Tensor], Tensor]
"""Uint8 images (N, C, H, W) to features (N, D)."""


@contextmanager
def watched(network: nn.Module) -> Iterator[list[Tensor]]:
    """A list to which each activation of ``network`` adds its output at every forward pass within the context.

    Maps (N, C, H, W) are max-pooled to grids of 4 x 4, or as they are where they are smaller: copies all, since the
    next layer may work in place.
    """
    outputs: list[Tensor] = []

    def keep(_module: nn.Module, _given: tuple[Tensor, ...], output: Tensor) -> None:
        outputs.append(pooled(output) if output.dim() == 4 else output.clone())

    handles = [module.register_forward_hook(keep) for module in network.modules() if isinstance(module, ACTIVATIONS)]
    try:
        yield outputs
    finally:
        for handle in handles:
            handle.remove()


def pooled(maps: Tensor) -> Tensor:
    """Maps (N, C, H, W), max-pooled to at most 4 x 4."""
    return F.adaptive_max_pool2d(maps, [min(GRID, side) for side in maps.shape[2:]])


@torch.no_grad()
def hidden_features(discriminator: nn.Module, images: Tensor) -> Tensor:
    """All of D's convolutional layers, each max-pooled to a 4 x 4 grid, flattened and side by side.

    Radford et al., 2016, section 5.1. A network without maps gives its dense hidden layers as they are.

    Args:
        discriminator: in evaluation mode; it sees no labels.
        images: (N, C, H, W), as D takes them.

    Returns:
        (N, D) float32; D is 0 if the network has no layer that is known to be an activation.
    """
    with watched(discriminator) as outputs:
        discriminator(images)
    chosen = [output for output in outputs if output.dim() == 4] or outputs
    return torch.cat([images.new_empty(len(images), 0), *(output.flatten(1) for output in chosen)], dim=1).float()


def features_of(function: Features, images: Tensor, batch_size: int) -> Tensor:
    """Features (N, D), on the CPU, of uint8 images (N, C, H, W)."""
    return torch.cat([function(batch).cpu() for batch in torch.split(images, batch_size)])


def probe(
    function: Features, train: tuple[Tensor, Tensor], test: tuple[Tensor, Tensor], batch_size: int = 500
) -> tuple[float, int]:
    """How well a linear classifier tells classes apart in some features.

    L2-regularised linear SVMs with squared hinge loss, each class against the others, on standardised features. These
    are divided by the root of their number, too, so that an image's vector has norm 1 on average and the cost of 1
    means the same for any number of features.

    All features of the training images are in memory at one time, and twice more in scikit-learn's layouts: about 28
    bytes for each.

    Args:
        function: the features.
        train: uint8 images (N, C, H, W) and their labels (N,) int64, of two classes at least.
        test: the same of other images.
        batch_size: images whose features are computed at one time.

    Returns:
        The share of the test images that it gets right, and the number of features; of none, the share is NaN.
    """
    features = features_of(function, train[0], batch_size)
    length = features.shape[1]
    if not length:
        return float("nan"), 0
    scaled = FunctionTransformer(lambda standardised: standardised / length**0.5)
    classifier = make_pipeline(StandardScaler(copy=False), scaled, LinearSVC(random_state=0))
    classifier.fit(features.numpy(), train[1].cpu().numpy())
    found = classifier.predict(features_of(function, test[0], batch_size).numpy())
    return float((found == test[1].cpu().numpy()).mean()), length
