"""Compose the README's picture from pictures that shipped configs made: `python docs/front_picture.py`.

From left to right: digits of `cgan/mnist`, pictures of `r3gan/projection_cifar10`, label maps and their translations by
`pix2pix/synthetic`; each is the upper left part of the grid on the page of its variant, with its own pixels.
"""

from __future__ import annotations

from pathlib import Path

from PIL import Image

IMAGES = Path(__file__).resolve().parent / "images"

Box = tuple[int, int, int, int]

DIGITS: list[Box] = [(0, 0, 518, 518)]
"""Six rows and columns of 84 pixels, with the lines between them."""

COLORS: list[Box] = [(0, 0, 530, 530)]
"""All of the grid."""

TRANSLATIONS: list[Box] = [(0, 32, 260, 550), (400, 32, 660, 550)]
"""Sources and translations of both halves, without titles and true pictures."""

PANELS = {
    "cgan-mnist.png": DIGITS,
    "r3gan-projection-cifar10.png": COLORS,
    "pix2pix-synthetic.png": TRANSLATIONS,
}
"""The file of each panel and its parts, from left to right."""

HEIGHT = 530
GAP = 16


def panel(name: str, boxes: list[Box]) -> Image.Image:
    """The parts of a picture beside each other, on black of the panels' height."""
    with Image.open(IMAGES / name) as picture:
        parts = [picture.convert("RGB").crop(box) for box in boxes]
    whole = Image.new("RGB", (sum(part.width for part in parts), HEIGHT))
    left = 0
    for part in parts:
        whole.paste(part, (left, (HEIGHT - part.height) // 2))
        left += part.width
    return whole


def compose() -> Image.Image:
    """All panels in a row, with transparent gaps."""
    panels = [panel(name, boxes) for name, boxes in PANELS.items()]
    whole = Image.new("RGBA", (sum(each.width for each in panels) + GAP * (len(panels) - 1), HEIGHT))
    left = 0
    for each in panels:
        whole.paste(each, (left, 0))
        left += each.width + GAP
    return whole


if __name__ == "__main__":
    compose().save(IMAGES / "front.png", optimize=True)
