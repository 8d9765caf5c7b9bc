from __future__ import annotations

import io
from types import SimpleNamespace
from typing import Any

from PIL import Image

from lightning_gans.demo.canvas import KEPT_DRAWINGS, DrawingParts
from lightning_gans.demo.limits import Limits


def png(color: str) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (4, 4), color).save(stream, "PNG")
    return stream.getvalue()


def part(kind: str, content: Any, name: str = "a") -> Any:
    return SimpleNamespace(data={"id": name, "type": kind, "index": "99999999999"}, files=[("blob", content)])


def payload(name: str) -> Any:
    return SimpleNamespace(id=name, background=None, layers=[], composite=None)


def complete(parts: DrawingParts, name: str = "a") -> None:
    parts.accept(part("background", png("white"), name))
    parts.accept(part("composite", png("red"), name))


def test_a_drawing_is_decoded_once_both_parts_are_there() -> None:
    parts = DrawingParts(Limits())
    complete(parts)
    drawing = parts.take(payload("a"))
    assert drawing is not None
    assert (drawing.background.getpixel((0, 0)), drawing.composite.getpixel((0, 0))) == ((255, 255, 255), (255, 0, 0))
    assert parts.take(payload("a")) is None
    parts.accept(part("composite", png("red")))
    assert parts.take(payload("a")) is None
    assert parts.take(None) is None


def test_only_few_parts_of_allowed_size_are_kept() -> None:
    parts = DrawingParts(Limits(upload_mb=0.01))
    for number in range(KEPT_DRAWINGS + 1):
        complete(parts, str(number))
    assert parts.take(payload("0")) is None
    assert parts.take(payload(str(KEPT_DRAWINGS))) is not None
    complete(parts)
    for kind, content in (("layer", png("blue")), ("composite", b"0" * 20_000), ("composite", "text")):
        parts.accept(part(kind, content))
    drawing = parts.take(payload("a"))
    assert drawing is not None
    assert drawing.composite.getpixel((0, 0)) == (255, 0, 0)
