"""Pictures and a model for the command ``translate``, and what it has written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from lightning_gans.cli.commands.common import command_line
from lightning_gans.networks import IdentityTranslator
from tests.support import checkpoint_files


def untranslated(path: Path, channels: int = 3) -> Path:
    """A model that gives back what it gets, which shows what that is."""
    settings = {
        "_class_path": "lightning_gans.variants.Pix2Pix",
        "generator": {"class_path": "lightning_gans.networks.IdentityTranslator"},
        "channels_a": channels,
        "channels_b": channels,
        "size": 32,
    }
    return checkpoint_files.write(path, settings, {"generator": IdentityTranslator(channels, channels, 32)})


def noise(height: int, width: int, channels: int = 3) -> NDArray[np.uint8]:
    values = np.random.default_rng(0).integers(0, 256, (height, width, channels), dtype=np.uint8)
    return values[:, :, 0] if channels == 1 else values


def save(path: str, values: NDArray[Any], **options: Any) -> Path:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).save(path, **options)
    return Path(path)


def pixels(path: str) -> NDArray[Any]:
    with Image.open(path) as file:
        assert file.format == "PNG"
        return np.asarray(file)


def files(folder: str = "out") -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in Path(folder).rglob("*") if path.is_file())


def ended(*arguments: str) -> int | str | None:
    """The exit status."""
    with pytest.raises(SystemExit) as end:
        command_line("translate", [*arguments, "--out", "out"])
    return end.value.code
