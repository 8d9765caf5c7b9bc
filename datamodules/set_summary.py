"""What is in a set of images: counts, classes, shapes, channels, files with the same content."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from lightning_gans.core.names import list_names
from lightning_gans.core.pixel_files import PixelFormat
from lightning_gans.datamodules.image_sources import ListedImages

MOST_SHAPES = 3
"""Number of shapes, and of kinds of channels, that are listed."""

KINDS = {1: "gray", 2: "gray with transparency", 3: "color", 4: "color with transparency"}
"""Names of images by their number of channels."""


class SetSummary:
    """What is in a set, from what a cache holds of each file.

    Args:
        wanted: the format that the images are read as.
        classes: the names of the classes.
        splits: of each split its images, and what their files hold, as :data:`.cache_folder.FACT`.
    """

    def __init__(
        self, wanted: PixelFormat, classes: Sequence[str], splits: dict[str, tuple[ListedImages, NDArray[np.void]]]
    ) -> None:
        self.wanted, self.classes, self.splits = wanted, classes, splits
        self.facts = np.concatenate([facts for _, facts in splits.values()])

    def lines(self) -> Iterator[tuple[str, str]]:
        """Pairs of a title and a text."""
        yield "images", ", ".join(f"{split} {len(listed.files):,}" for split, (listed, _) in self.splits.items())
        yield "classes", self.class_balance()
        yield "sizes", self.sizes()
        yield "channels", self.channels()
        yield "duplicates", self.duplicates()

    def class_balance(self) -> str:
        """The number of classes, and the smallest and the largest one for training."""
        if not self.classes:
            return "none"
        counts = torch.bincount(self.splits["train"][0].labels, minlength=len(self.classes)).tolist()
        least, most = (choose(range(len(counts)), key=counts.__getitem__) for choose in (min, max))
        text = f"{len(self.classes)}: {list_names(list(self.classes))}"
        if counts[least] == counts[most]:
            return f"{text}; each has {counts[most]:,} for training"
        return (
            f"{text}; for training {self.classes[most]} has the most, {counts[most]:,}, and {self.classes[least]} the "
            f"fewest, {counts[least]:,}"
        )

    def sizes(self) -> str:
        """The shapes in the files, and how many images are enlarged."""
        widths, heights = self.facts["width"].astype(np.int64), self.facts["height"].astype(np.int64)
        shapes = Counter(zip(widths.tolist(), heights.tolist(), strict=True))
        if len(shapes) == 1:
            ((width, height),) = shapes
            text = f"all {width} x {height} (width x height)"
        else:
            usual = ", ".join(f"{w} x {h} ({count:,})" for (w, h), count in shapes.most_common(MOST_SHAPES))
            ratios = widths / heights
            text = (
                f"{len(shapes):,} shapes (width x height), most often {usual}; widths {widths.min()} to {widths.max()}"
                f", heights {heights.min()} to {heights.max()}, width / height {ratios.min():.2f} to {ratios.max():.2f}"
            )
        height, width = self.wanted.size
        enlarged = int(((widths < width) | (heights < height)).sum())
        return text + (f"; {enlarged:,} are enlarged to cover {height} x {width}" if enlarged else "")

    def channels(self) -> str:
        """The channels and the bits in the files."""
        kinds = Counter(zip(self.facts["channels"].tolist(), self.facts["bits"].tolist(), strict=True))
        named = [
            f"{KINDS.get(channels, f'{channels} channels')} of {bits} bits ({count:,})"
            for (channels, bits), count in kinds.most_common()
        ]
        return ", ".join(named)

    def duplicates(self) -> str:
        """The files whose content is that of another file."""
        _, first, group = np.unique(self.facts["digest"], return_index=True, return_inverse=True)
        again = np.flatnonzero(first[group] != np.arange(len(group)))
        if not len(again):
            return "none"
        names = list(self._names())
        examples = [f"{names[row]} is {names[first[group[row]]]}" for row in again[:MOST_SHAPES].tolist()]
        files = "1 file has" if len(again) == 1 else f"{len(again):,} files have"
        return f"{files} the content of another: {list_all(examples, len(again))}"

    def _names(self) -> Iterable[str]:
        for listed, _ in self.splits.values():
            yield from (listed.source.names[index] for index in listed.files.tolist())


def list_all(examples: Sequence[str], count: int) -> str:
    """Examples, and how many more there are."""
    more = count - len(examples)
    return ", ".join(examples) + (f" and {more:,} more" if more else "")
