"""What the analysis refuses, before a test or training starts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lightning as L
import pytest

from lightning_gans.callbacks import Analysis
from lightning_gans.cli.train import build
from lightning_gans.core.errors import InputError
from lightning_gans.datamodules import GaussianGridDataModule
from lightning_gans.datamodules.in_memory import InMemoryDataModule
from lightning_gans.families import LatentGAN
from lightning_gans.networks import (
    MLPDiscriminator,
    MLPGenerator,
)
from lightning_gans.variants import DCGAN
from tests.support.tiny import TinyData, tiny_dcgan, tiny_trainer
from tests.support.tiny_translation import tiny_facades, tiny_pix2pix


def refuse(folder: Path, model: L.LightningModule, data: Any) -> None:
    tiny_trainer(folder, callbacks=[Analysis(rows=16)]).test(model, data, verbose=False)


def test_translations_are_refused_before_the_test(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"rows is 16, but Pix2Pix"):
        refuse(tmp_path, tiny_pix2pix(), tiny_facades())
    assert not list(tmp_path.glob("analysis"))


def test_data_that_are_not_in_memory_are_refused(tmp_path: Path) -> None:
    class Loaded(L.LightningDataModule):
        def __init__(self, data: InMemoryDataModule) -> None:
            super().__init__()
            self.data = data

        def setup(self, stage: str) -> None:
            self.data.setup(stage)

        def test_dataloader(self) -> Any:
            return self.data.test_dataloader()

    with pytest.raises(ValueError, match=r"rows is 16, but Loaded does not hold its images"):
        refuse(tmp_path, tiny_dcgan(), Loaded(TinyData()))


def test_points_in_the_plane_are_refused(tmp_path: Path) -> None:
    model: LatentGAN = DCGAN(MLPGenerator(2, 1, widths=(4,)), MLPDiscriminator(2, 1, widths=(4,)))
    with pytest.raises(ValueError, match=r"rows is \d+; expected 0, as the data's images are points in the plane"):
        refuse(tmp_path, model, GaussianGridDataModule(length=20))


@pytest.mark.parametrize("kwargs", [{"rows": -1}, {"probe_images": -1}])
def test_bad_numbers_are_named(kwargs: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=rf"{next(iter(kwargs))} is -1"):
        Analysis(**kwargs)


def test_the_command_line_has_it(tmp_path: Path) -> None:
    arguments = ["fit", "--config", "dcgan/digits", "--analysis.rows", "-1", "--trainer.default_root_dir"]
    with pytest.raises(InputError, match=r"analysis\.rows is -1"):
        build([*arguments, str(tmp_path)])
