"""Which features mean something for which images."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Collection, Iterable, Mapping

from torch import nn

from lightning_gans.core.data import Contents, Data, ImageData, MixtureData, PairData
from lightning_gans.core.errors import InputError
from lightning_gans.metrics.digits import DigitFeatures, StackedDigitFeatures
from lightning_gans.metrics.features import FeatureExtractor, ModeFeatures, PixelFeatures
from lightning_gans.metrics.inception import InceptionFeatures
from lightning_gans.metrics.natural_images import EfficientNetFeatures, TimmFeatures, TorchvisionFeatures
from lightning_gans.networks.base import Discriminator
from lightning_gans.networks.perceptual import PerceptualLoss

CHOICES: Mapping[Contents, Callable[[], FeatureExtractor]] = {
    "pictures": EfficientNetFeatures,
    "digits": DigitFeatures,
    "stacked digits": StackedDigitFeatures,
}
"""The extractor for each kind of contents, except for points, whose coordinates are compared."""

EXTRACTORS: tuple[type[FeatureExtractor], ...] = (
    DigitFeatures,
    StackedDigitFeatures,
    EfficientNetFeatures,
    TorchvisionFeatures,
    TimmFeatures,
    InceptionFeatures,
    PixelFeatures,
)
"""All extractors of this package."""


BOTH = ("a", "b")
"""The domains of data of two."""


def choose_features(
    data: Data | None, present: FeatureExtractor | None = None, domains: Collection[str] = BOTH
) -> FeatureExtractor:
    """The extractor whose features suit the images of a data module best.

    Args:
        data: the data module; None if the trainer was given loaders, whose images are taken for pictures.
        present: an extractor that is returned if it is of the chosen class, so that its weights are not loaded again.
        domains: the domains whose images are compared, of data of two.

    Raises:
        InputError: if the images have a number of channels for which there are no such features.
    """
    contents: Contents = "pictures" if data is None else data.contents
    if contents == "points":
        assert isinstance(data, ImageData)
        if isinstance(data, MixtureData):
            return ModeFeatures(data)
        return PixelFeatures(math.prod([data.channels, *data.size]))
    chosen = CHOICES[contents]
    extractor = present if present is not None and type(present) is chosen else chosen()
    check_features(extractor, data, domains)
    return extractor


def check_features(extractor: FeatureExtractor, data: Data | None, domains: Collection[str] = BOTH) -> None:
    """Check that an extractor's features mean something for the images of a data module.

    Args:
        extractor: the extractor.
        data: the data module; None if it is not known.
        domains: the domains whose images are compared, of data of two.

    Raises:
        InputError: if they do not; it names the extractors whose features do.
    """
    if data is None:
        return
    name, kind = type(extractor).__name__, type(data).__name__
    if extractor.contents is not None and data.contents not in extractor.contents:
        suited = [each.__name__ for each in EXTRACTORS if each.contents is None or data.contents in each.contents]
        key = "data.contents" if "contents" in inspect.signature(type(data)).parameters else f"contents of {kind}"
        known = " or ".join(sorted(extractor.contents))
        raise InputError(
            f"evaluation.extractor is {name}, whose features mean something for {known} only, but {key} is "
            f"{data.contents!r}; expected auto, or one of {', '.join(suited)}"
        )
    for channels in image_channels(data, domains):
        if extractor.channels is not None and channels not in extractor.channels:
            *others, last = map(str, extractor.channels)
            expected = f"{', '.join(others)} or {last}" if others else last
            raise InputError(
                f"evaluation.extractor takes images of {expected} channel(s) if it is {name}, but those of {kind} have "
                f"{channels}; expected null for no scores, or an extractor of your own"
            )


def note_on_bias(extractor: FeatureExtractor, networks: Iterable[nn.Module]) -> str | None:
    """A note if a discriminator or a loss judges in the features of the extractor's network; None if there is none.

    Args:
        extractor: the extractor of the scores.
        networks: the modules of the model.
    """
    for network in networks:
        judges_in = network.judges_in if isinstance(network, Discriminator | PerceptualLoss) else ""
        if judges_in and extractor.description.startswith(f"{judges_in},"):
            return (
                f"{type(network).__name__} judges images in the features of {judges_in}, in which the scores are "
                "measured too: they are biased in favor of this model. To compare it with models that were "
                "trained otherwise, use another extractor, such as --evaluation.extractor InceptionFeatures."
            )
    return None


def image_channels(data: Data, domains: Collection[str]) -> set[int]:
    """The numbers of channels of a data module's images; empty if it does not say them.

    Args:
        data: the data module.
        domains: the domains that count, of data of two.
    """
    if isinstance(data, ImageData):
        return {data.channels}
    if not isinstance(data, PairData):
        return set()
    of_domains = {"a": data.channels_a, "b": data.channels_b}
    return {of_domains[domain] for domain in domains}
