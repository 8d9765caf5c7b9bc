"""Classes of label maps whose classes are colors: those of a known archive, and those that the user names."""

from __future__ import annotations

import re
from collections.abc import Mapping

from lightning_gans.core.data import Palette

COLOR = re.compile(r"#[0-9a-fA-F]{6}")
"""A color as in HTML: two hexadecimal digits each for red, green and blue."""

FACADES: Palette = {
    "background": (0, 0, 222),
    "facade": (0, 48, 255),
    "window": (0, 128, 255),
    "door": (0, 207, 255),
    "cornice": (32, 255, 223),
    "sill": (112, 255, 143),
    "balcony": (192, 255, 63),
    "blind": (255, 239, 16),
    "deco": (255, 159, 0),
    "molding": (255, 80, 0),
    "pillar": (254, 0, 0),
    "shop": (174, 0, 0),
}
"""The classes of CMP facades (Tylecek and Sara, 2013), with the most frequent colors of the label maps in the archive.

Its files are JPEG, so colors differ from these by a few levels, and more at borders: each pixel is of the nearest."""

KNOWN: Mapping[str, Mapping[str, Palette]] = {"facades": {"b": FACADES}}
"""Classes by the name of an archive of pairs, and by domain."""


def parse_classes(key: str, given: Mapping[str, str], channels: int) -> Palette:
    """The colors of classes that the user names.

    Args:
        key: of the argument, for messages.
        given: colors such as "#0080ff" by the name of the class, the background first.
        channels: of the domain's images.

    Raises:
        ValueError: if the images are not RGB, there are fewer than two classes, a color has another form, or two
            classes have the same one.
    """
    if channels != 3:
        raise ValueError(f"{key} is given, but channels_{key[-1]} is {channels}; expected 3, as classes are colors")
    if len(given) < 2:
        raise ValueError(f"{key} has {len(given)} classes; expected at least 2")
    palette: dict[str, tuple[int, ...]] = {}
    for name, color in given.items():
        if not COLOR.fullmatch(color):
            raise ValueError(f"{key}.{name} is {color}; expected a color such as '#0080ff'")
        levels = tuple(bytes.fromhex(color[1:]))
        if (other := next((each for each, known in palette.items() if known == levels), None)) is not None:
            raise ValueError(f"{key}.{name} is {color}, as {other} is; expected a color of its own")
        palette[name] = levels
    return palette
