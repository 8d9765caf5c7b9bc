"""Grids of mixed styles, as a user meets them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from lightning_gans.cli.commands.common import command_line
from lightning_gans.core.images import to_uint8
from lightning_gans.inference import LatentSampler, load
from lightning_gans.networks.styles import mix_styles
from tests.support import checkpoint_files


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LatentSampler:
    monkeypatch.chdir(tmp_path)
    checkpoint_files.latent(Path("plain.ckpt"))
    found = load(checkpoint_files.styles(Path("styled.ckpt")))
    assert isinstance(found, LatentSampler)
    return found


def test_some_layers_are_given_the_styles_of_the_columns() -> None:
    rows, columns = torch.zeros(2, 6, 3), torch.arange(1.0, 4.0)[:, None, None].expand(3, 6, 3)
    mixed = mix_styles(rows, columns, [5, 0, 0])
    assert mixed.shape == (2, 3, 6, 3)
    assert mixed[1, 2, :, 0].tolist() == [3, 0, 0, 0, 0, 3]
    for layers in ([], [6], [-1]):
        with pytest.raises(ValueError, match=r"expected numbers from 0 to 5"):
            mix_styles(rows, columns, layers)


def test_the_grid_has_the_images_of_rows_and_columns_at_its_sides(
    model: LatentSampler, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--rows", "5,2", "--columns", "7,8,9", "--layers", "1-2", "--label", "1", "--truncation", "0.8"]
    command_line("mix", ["styled.ckpt", *options, "--scale", "1", "--out", "mixed.png"])
    assert capsys.readouterr().out == "mixed styles: mixed.png (layers 1, 2, raw weights of step 7)\n"
    with Image.open("mixed.png") as file:
        grid = np.asarray(file)
    assert grid.shape == (3 * 18 + 2, 4 * 26 + 2, 3)

    def place(row: int, column: int) -> np.ndarray:
        return grid[2 + 18 * row : 18 + 18 * row, 2 + 26 * column : 26 + 26 * column]

    styles = {seed: model.points(model.latents([0], seed), torch.tensor([1])) for seed in (5, 2, 7, 8, 9)}
    mixed = styles[2].clone()
    mixed[:, 1:3] = styles[8][:, 1:3]
    for (row, column), expected in {(0, 1): styles[7], (1, 0): styles[5], (2, 2): mixed}.items():
        pixels = to_uint8(model.generate(expected, None, 0.8))[0].permute(1, 2, 0).numpy()
        assert np.abs(place(row, column).astype(int) - pixels.astype(int)).max() <= 1
    assert (place(0, 0) == 128).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["plain.ckpt", "--out", "x.png"], "CKPT is plain.ckpt, whose MLPGenerator has no mapping network; expected"),
        (["styled.ckpt", "--out", "x.gif"], "--out is x.gif; expected a file that ends in .png"),
        (["styled.ckpt", "--out", "x.png", "--layers", "4-6"], "--layers is [4, 5, 6]; expected numbers from 0 to 5"),
        (["styled.ckpt", "--out", "x.png", "--layers", "all"], "all is not a list of integers"),
        (["styled.ckpt", "--out", "x.png", "--label", "2"], "--label contains 2; expected 0 to 1"),
        (["styled.ckpt", "--out", "x.png", "--truncation", "3"], "--truncation is 3.0; expected -1 to 1"),
    ],
)
def test_bad_input_is_one_sentence(
    arguments: list[str], message: str, model: LatentSampler, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        command_line("mix", arguments)
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
    assert not list(Path().glob("x.*"))
