"""Analyses of the discriminator: its logits of three sets of images, and a linear probe of its features."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import LinearSVC
from torch import Tensor, nn
from torch.nn import functional as F

from lightning_gans.metrics.features import FeatureFunction, extract_features
from lightning_gans.networks.maxout import Maxout


def compare_logits(train: Tensor, fake: Tensor, held_out: Tensor | None) -> dict[str, float | None]:
    """Compare the discriminator's logits.

    Args:
        train: logits (N,) of training images.
        fake: logits (M,) of generated images.
        held_out: logits (L,) of real images that were not trained on; None if there are none.

    Returns:
        - ``mean_train``, ``mean_fake``, ``mean_held_out``, ``std_held_out``.
        - ``discriminator_overfit``: mean of ``train`` minus mean of ``held_out``, in standard deviations of
          ``held_out``; 0 if the discriminator does not separate training images from other real images.
        - ``auc_train`` and ``auc_held_out``: :func:`auc` of real against generated images.

        Values that need ``held_out`` are None without it.
    """
    numbers: dict[str, float | None] = {
        "mean_train": float(train.double().mean()),
        "mean_fake": float(fake.double().mean()),
        "mean_held_out": None,
        "std_held_out": None,
        "discriminator_overfit": None,
        "auc_train": auc(train, fake),
        "auc_held_out": None,
    }
    if held_out is not None:
        spread, mean = torch.std_mean(held_out.double(), correction=0)
        numbers["mean_held_out"], numbers["std_held_out"] = float(mean), float(spread)
        numbers["discriminator_overfit"] = float((train.double().mean() - mean) / spread)
        numbers["auc_held_out"] = auc(held_out, fake)
    return numbers


def auc(higher: Tensor, lower: Tensor) -> float:
    """Area under the ROC curve: the fraction of pairs from (N,) and (M,) whose first value is larger; ties count half.

    Returns:
        1 if all of ``higher`` exceed all of ``lower``, 1/2 at chance level; NaN if a value is not finite.
    """
    if not (higher.isfinite().all() and lower.isfinite().all()):
        return math.nan
    above = (higher[:, None] > lower).double().mean() + (higher[:, None] == lower).double().mean() / 2
    return float(above)


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
"""Layers whose outputs are features. Functions such as ``F.relu`` cannot be hooked."""

GRID = 4
"""Side of the grid to which feature maps are pooled."""


@contextmanager
def captured_activations(network: nn.Module) -> Iterator[list[Tensor]]:
    """Context manager that captures the output of each activation layer of ``network`` in every forward pass.

    Feature maps (N, C, H, W) are max-pooled to 4 x 4 grids, or kept where they are smaller. All outputs are copies,
    since the next layer may work in place.

    Yields:
        A list that grows with each forward pass.
    """
    outputs: list[Tensor] = []

    def capture(_module: nn.Module, _given: tuple[Tensor, ...], output: Tensor) -> None:
        outputs.append(pool_to_grid(output) if output.dim() == 4 else output.clone())

    handles = [module.register_forward_hook(capture) for module in network.modules() if isinstance(module, ACTIVATIONS)]
    try:
        yield outputs
    finally:
        for handle in handles:
            handle.remove()


def pool_to_grid(maps: Tensor) -> Tensor:
    """Max-pool feature maps (N, C, H, W) to at most 4 x 4."""
    return F.adaptive_max_pool2d(maps, [min(GRID, side) for side in maps.shape[2:]])


@torch.no_grad()
def hidden_features(discriminator: nn.Module, images: Tensor) -> Tensor:
    """Features of all convolutional layers: each max-pooled to a 4 x 4 grid, flattened and concatenated.

    Radford et al., 2016, section 5.1. For a network without feature maps, the outputs of its dense hidden layers.

    Args:
        discriminator: in evaluation mode; called without labels.
        images: (N, C, H, W), as the discriminator expects them.

    Returns:
        (N, D) float32; D is 0 if the network has none of the layers in ``ACTIVATIONS``.
    """
    with captured_activations(discriminator) as outputs:
        discriminator(images)
    chosen = [output for output in outputs if output.dim() == 4] or outputs
    return torch.cat([images.new_empty(len(images), 0), *(output.flatten(1) for output in chosen)], dim=1).float()


def probe(
    function: FeatureFunction, train: tuple[Tensor, Tensor], test: tuple[Tensor, Tensor], batch_size: int = 500
) -> tuple[float, int]:
    """Train a linear classifier on features, and measure its accuracy.

    L2-regularized linear SVMs with squared hinge loss, one class against the others, on standardized features. The
    features are divided by the square root of their number, so that the feature vector of an image has norm 1 on
    average and a cost of 1 means the same for any number of features.

    The features of all training images are in memory, with two more copies in scikit-learn's layouts: about 28 bytes
    per feature.

    Args:
        function: computes the features.
        train: uint8 images (N, C, H, W) and their labels (N,) int64, of at least two classes.
        test: uint8 images and labels of the test set.
        batch_size: images per call of ``function``.

    Returns:
        The accuracy on the test images, NaN if there are no features, and the number of features.
    """
    features = extract_features(function, train[0], batch_size)
    length = features.shape[1]
    if not length:
        return float("nan"), 0
    scaled = FunctionTransformer(lambda features: features / length**0.5)
    classifier = make_pipeline(StandardScaler(copy=False), scaled, LinearSVC(random_state=0))
    classifier.fit(features.numpy(), train[1].cpu().numpy())
    found = classifier.predict(extract_features(function, test[0], batch_size).numpy())
    return float((found == test[1].cpu().numpy()).mean()), length
