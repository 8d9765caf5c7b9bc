"""The image that is nearest to an uploaded picture, as the page finds it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lightning_gans.core.drawing import to_pil
from lightning_gans.core.errors import InputError
from lightning_gans.core.images import to_uint8
from lightning_gans.demo.limits import Limits
from lightning_gans.demo.projection_part import find_nearest
from lightning_gans.inference import LatentSampler, load
from lightning_gans.inference.projection import Projector
from tests.support import checkpoint_files


def test_the_nearest_image_is_that_of_the_command(tmp_path: Path) -> None:
    model = load(checkpoint_files.latent(tmp_path / "a.ckpt", conditional=True))
    assert isinstance(model, LatentSampler)
    projector, features = Projector.of_model(model, "pixels", steps=4, starts=2)
    assert features == "pixels"
    picture = to_uint8(model.sample(1, [1], seed=3))[0]
    to_pil(picture).save(tmp_path / "a.png")
    steps: list[float] = []
    (given, nearest), text = find_nearest(model, projector, tmp_path / "a.png", Limits(), steps.append)
    found = projector.project(picture)
    assert len(steps) == 4
    assert found.labels is not None
    assert np.array_equal(np.asarray(given), np.asarray(to_pil(picture)))
    assert np.array_equal(np.asarray(nearest), np.asarray(to_pil(to_uint8(found.image)[0])))
    assert text.startswith(f"The nearest image has a peak signal-to-noise ratio of {found.psnr:.1f} dB")
    assert f"is of class class {int(found.labels[0])}; lightning-gans project" in text
    with pytest.raises(InputError, match="pixels; expected at most 9"):
        find_nearest(model, projector, tmp_path / "a.png", Limits(pixels=9), steps.append)
