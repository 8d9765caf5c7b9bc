"""What a data module must offer to models and callbacks, as protocols.

A data module of one's own inherits from ``LightningDataModule`` and from one of the protocols here::

    class Photos(LightningDataModule, ImageData):
        channels, size, num_classes, eval_batch_size = 3, (64, 64), 0, 100

        def train_dataloader(self): ...

The protocols' methods are defaults for whoever inherits from them. A class that does not inherit must have all the
attributes and methods itself; :func:`check_offers` names those that are missing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

import torch

from lightning_gans.core.batches import Labelled, Pair
from lightning_gans.core.errors import InputError
from lightning_gans.core.images import plain_size

if TYPE_CHECKING:
    from lightning.pytorch import Trainer  # not at run time: commands that use a trained model start without Lightning

Palette = Mapping[str, tuple[int, ...]]
"""The classes of a label map by name, each with its color, in levels from 0 to 255. The first is the background."""


LONGEST_NAME = 100
"""Largest number of characters of a name for titles."""

Contents = Literal["pictures", "digits", "stacked digits", "points"]
"""What images show, by which the features are chosen that compare them: pictures of any kind; handwritten digits, also
three of them in the channels of one image; points in the plane, which are two pixels."""


@runtime_checkable
class Data(Protocol):
    """What every data module offers.

    Attributes:
        size: (height, width) of the images.
        eval_batch_size: images per batch and process in validation, test and prediction; the last may have fewer.
        contents: what the images show; by default "pictures".
    """

    size: tuple[int, int]
    eval_batch_size: int
    contents: Contents = "pictures"

    def display_name(self) -> str:
        """The name of the data for titles; by default that of the class without ``DataModule``."""
        return type(self).__name__.removesuffix("DataModule")

    def split_label(self, split: str) -> str:
        """The name that a score's stamp gives the split ``train``, ``val`` or ``test``; by default the split's own."""
        return split

    def fingerprint(self, split: str) -> str | None:
        """A hash of all that the images and labels of a split depend on.

        Statistics of real images are cached under it. None, the default, if there is no such hash: then nothing is
        cached.
        """
        return None

    def num_images(self, split: str, domain: str) -> int | None:
        """Number of images of a split.

        Statistics of real images are cached under it, and the number of cached images is compared with it. None, the
        default, if it is not known: then nothing is cached.

        Args:
            split: ``train``, ``val`` or ``test``.
            domain: ``a`` or ``b`` for data of two domains; ignored for data of one.
        """
        return None


@runtime_checkable
class ImageData(Data, Protocol):
    """Images of one domain, in batches of :class:`.Labelled` or plain ``(images, labels)``.

    Attributes:
        channels: channels of the images.
        num_classes: number of classes, whose labels are 0 to ``num_classes`` - 1; 0 if the images have no classes.
    """

    channels: int
    num_classes: int

    def class_names(self) -> Sequence[str]:
        """The names of the classes for titles, in the order of their labels; by default there are none."""
        return ()


@runtime_checkable
class MixtureData(ImageData, Protocol):
    """Points in the plane whose classes are the modes of a known density."""

    def modes(self, images: torch.Tensor) -> torch.Tensor:
        """The modes (N,), int64, of points (N, C, H, W), float in [-1, 1]; -1 for points that belong to none."""
        ...


@runtime_checkable
class InMemoryData(ImageData, Protocol):
    """Images of one domain that are held in memory."""

    def setup(self, stage: str) -> None:
        """Load the images that a stage of the trainer needs: ``fit``, ``validate``, ``test`` or ``predict``."""
        ...

    def split_tensors(self, split: str) -> Labelled:
        """All images (N, C, H, W), uint8 or uint16, and labels (N,) int64 of a split that ``setup`` has prepared."""
        ...


@runtime_checkable
class CountsTrainingImages(Protocol):
    """Data that may know the number of its training images before they are loaded."""

    def training_size(self) -> int | None:
        """Number of training images; None if they would have to be loaded to know it."""
        ...


@runtime_checkable
class PairData(Data, Protocol):
    """Images of two domains a and b, in batches of :class:`.Pair`.

    Attributes:
        channels_a: channels of the images of domain a.
        channels_b: channels of the images of domain b.
        paired: whether the k-th training images of both domains show the same thing.
        palettes: by domain, the classes of images that are label maps; empty if none are.
    """

    channels_a: int
    channels_b: int
    paired: bool
    palettes: Mapping[str, Palette]

    def domain_names(self) -> Mapping[str, str]:
        """By domain, what its images show, such as ``{"a": "photo", "b": "labels"}``; by default there are no names."""
        return {}

    def border_domains(self) -> Sequence[str]:
        """The domains, "a" or "b", whose last channel has the borders of instances; by default none."""
        return ()

    def aligned(self, split: str) -> bool | None:
        """Whether the batches of a split say that the k-th images of both domains show the same thing.

        The scores against true images, which there are then, are known before training. None, the default, if it is
        not known.
        """
        return None


@runtime_checkable
class AttachableLoader(Protocol):
    """A training loader whose batches depend on the run; a trainer may be given it without its data module."""

    @property
    def batch_size_per_process(self) -> int:
        """Images in every batch."""
        ...

    def attach(self, trainer: Trainer) -> None:
        """Use the seed and the limits of a trainer; called before the first batch."""
        ...


def declares(data: type, protocol: type) -> bool:
    """Whether a class inherits from a protocol. ``issubclass`` does not work for protocols that have attributes."""
    return protocol in data.__mro__


def members(protocol: type) -> list[str]:
    """Names of all attributes and methods of a protocol, in alphabetical order."""
    parts = [base for base in protocol.__mro__ if base.__module__ == __name__]
    return sorted({name for part in parts for name in (*part.__annotations__, *vars(part)) if not name.startswith("_")})


def check_offers(data: object, protocol: type, model: str) -> None:
    """Check that a data module has all that a protocol asks for.

    Args:
        data: the data module.
        protocol: one of this module.
        model: name of the class that needs it, for the error message.

    Raises:
        InputError: if something is missing; it names all of it.
    """
    if missing := [name for name in members(protocol) if not hasattr(data, name)]:
        raise InputError(
            f"data is {type(data).__name__}, which has no {', '.join(missing)}; {model} expects a data module with the "
            f"attributes and methods of {protocol.__module__}.{protocol.__name__}"
        )


def empty_batches(data: object, split: str) -> list[Labelled | Pair]:
    """Batches without images, one of each kind that a split may have: all that is known of them before training."""
    if isinstance(data, ImageData):
        return [Labelled(torch.empty(0, data.channels, *data.size), torch.empty(0, dtype=torch.long))]
    if isinstance(data, PairData):
        a, b = (torch.empty(0, channels, *data.size) for channels in (data.channels_a, data.channels_b))
        aligned = data.aligned(split)
        return [Pair(a, b, each) for each in ((False, True) if aligned is None else (aligned,))]
    return []


def data_module(trainer: Trainer) -> Data | None:
    """The trainer's data module, which the model has checked in ``setup``; None if it was given loaders instead."""
    data: Data | None = trainer.datamodule  # type: ignore[attr-defined]  # set by Lightning's data connector
    return data


def describe_names(data: Data) -> dict[str, Any]:
    """The names of a data module for titles, and what its images show, as plain data that checkpoints hold.

    Returns:
        ``data_name``, ``contents``, ``classes`` and ``domains``, ``palettes`` and ``borders``; see :class:`Data`,
        :class:`ImageData` and :class:`PairData`. What is not known is left out.
    """
    names: dict[str, Any] = {"data_name": short_name(data.display_name()), "contents": data.contents}
    if isinstance(data, ImageData) and len(data.class_names()) == data.num_classes > 0:
        names["classes"] = [short_name(name) for name in data.class_names()]
    if isinstance(data, PairData):
        names["palettes"] = {domain: dict(palette) for domain, palette in data.palettes.items()}
        names["domains"] = {domain: short_name(name) for domain, name in data.domain_names().items()}
        if borders := list(data.border_domains()):
            names["borders"] = borders
    return names


def short_name(name: str) -> str:
    """A name as a short text of one line; it may be that of a folder, which may have any characters."""
    return "".join(letter if letter.isprintable() else "?" for letter in name)[:LONGEST_NAME]


def class_titles(names: Sequence[str], count: int) -> list[str]:
    """The titles of ``count`` classes: their names, or ``class 3`` where they have none."""
    return list(names) if len(names) == count else [f"class {label}" for label in range(count)]


def network_arguments(data: object) -> dict[str, Any]:
    """What a data module says about its images that networks are built for.

    Returns:
        ``channels``, ``size`` and ``num_classes`` of one domain, or ``channels_a``, ``channels_b`` and ``size`` of two,
        a square's size as one number; empty if ``data`` is neither.
    """
    if isinstance(data, ImageData):
        return {"channels": data.channels, "size": plain_size(data.size), "num_classes": data.num_classes}
    if isinstance(data, PairData):
        return {"channels_a": data.channels_a, "channels_b": data.channels_b, "size": plain_size(data.size)}
    return {}
