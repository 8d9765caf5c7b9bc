"""What the page asks of a model that translates: a picture from a picture, without anything of the page."""

from __future__ import annotations

from collections.abc import Callable

from PIL import Image

from lightning_gans.core.image_files import pixels_of
from lightning_gans.core.image_grids import to_pil
from lightning_gans.inference import ImageTranslator
from lightning_gans.inference.tiled.translate import translate_picture


def translated(
    translator: ImageTranslator,
    source: Image.Image,
    direction: str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Image.Image, Image.Image]:
    """What the network sees of a picture of any size, in grey where it knows no colours, and the translation of it.

    The translation has the transparency of the picture again, as by `translate`.

    Args:
        translator: translates it.
        source: the picture, as :func:`.uploaded` reads it.
        direction: one of the model's, by default its first.
        progress: told how many steps are done, and how many there will be.

    Raises:
        InputError: if the model cannot go there.
    """
    way = translator.way(direction)
    network = translator.network(way)
    seen = source.convert("RGB").convert("L" if network.channels_in == 1 else "RGB")
    made = to_pil(translate_picture(network, pixels_of(seen), translator.sizes[way], progress=progress))
    if source.mode == "RGBA":
        made.putalpha(source.getchannel("A"))
    return seen, made
