"""The benchmark of steps: its loops do what the trainer does, its limit is that of the step, its guard sees a fall."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import lightning as L
import pytest
import torch
from torch import Tensor, nn

from lightning_gans.callbacks import EMA
from lightning_gans.components.optimizers import LinearDecay
from lightning_gans.components.penalties import R1
from lightning_gans.core.errors import InputError
from lightning_gans.core.images import to_float
from lightning_gans.core.randomness import derive_generator, seed_step
from lightning_gans.families import Adversarial
from lightning_gans.networks import MLPDiscriminator, MLPGenerator, ResizeGenerator
from lightning_gans.networks.dcgan import DCGANDiscriminator
from lightning_gans.variants import DCGAN, GAN
from tests.support.paths import ROOT
from tests.support.tiny import TinyData, tiny_dcgan, tiny_trainer
from tests.support.tiny_translation import tiny_cyclegan, tiny_facades, tiny_pix2pix

BENCHMARKS = ROOT / "benchmarks"
STEPS = 6
DECAY = 0.5

Speed = Callable[[str], Any]


@pytest.fixture
def speed(monkeypatch: pytest.MonkeyPatch) -> Speed:
    if not BENCHMARKS.is_dir():
        pytest.skip("benchmarks is not beside the tests")
    monkeypatch.syspath_prepend(BENCHMARKS)
    return lambda name: importlib.import_module(f"speed.{name}")


def halving(optimizer: torch.optim.Optimizer) -> LinearDecay:
    return LinearDecay(optimizer, start=0.0)


def parts_of(speed: Speed, model: Adversarial, data: Any) -> Any:
    """As from the command line."""
    return speed("parts").assembled(model, data, DECAY, STEPS, torch.device("cpu"))


def trained(model: Adversarial, data: L.LightningDataModule, folder: Path) -> dict[str, Tensor]:
    tiny_trainer(folder, max_steps=STEPS, limit_val_batches=0, callbacks=[EMA(DECAY)]).fit(model, data)
    return model.state_dict()


def dense(**kwargs: Any) -> GAN:
    torch.manual_seed(0)
    return GAN(
        generator=MLPGenerator(1, 28, latent_dim=3, widths=[5]),
        discriminator=MLPDiscriminator(1, 28, widths=[5]),
        **kwargs,
    )


# The bare loop does what the trainer does, bit for bit, if it is given the same order and noise.


# PyTorch minds a schedule that moves before its optimizer, as G's does while D takes its turns.
@pytest.mark.filterwarnings("ignore:Detected call of `lr_scheduler.step")
@pytest.mark.parametrize("make", [tiny_dcgan, dense])
def test_the_bare_loop_from_noise_is_the_trainer_s(
    speed: Speed, tmp_path: Path, make: Callable[..., Adversarial]
) -> None:
    def model() -> Adversarial:
        return make(n_critic=2, penalty=R1(weight=1.0, interval=2), scheduler_g=halving, scheduler_d=halving)

    expected = trained(model(), TinyData(length=80), tmp_path)
    bare = speed("bare")
    parts = parts_of(speed, model(), TinyData(length=80))
    order = iter(parts.data.training_batches())

    class Same(bare.BareLatent):  # type: ignore[misc,name-defined]  # imported at run time
        def indices(self, length: int) -> Tensor:
            return torch.tensor(next(order))

    def noise(count: int) -> Tensor:
        return torch.randn(count, 3, generator=derive_generator("cpu", 0, "latent", loop.done))

    loop = Same(parts, noise)
    for _ in range(STEPS):
        loop.step()
    assert all(torch.equal(value, expected[key]) for key, value in parts.model.state_dict().items())


@pytest.mark.parametrize(("kind", "paired"), [("BarePix2Pix", True), ("BareCycleGAN", False)])
def test_the_bare_loop_from_images_is_the_trainer_s(speed: Speed, tmp_path: Path, kind: str, paired: bool) -> None:
    def model() -> Adversarial:
        return tiny_pix2pix() if paired else tiny_cyclegan(pool_size=2)

    def data() -> Any:
        return tiny_facades(paired=paired, train_size=12)

    expected = trained(model(), data(), tmp_path)
    parts = parts_of(speed, model(), data())
    rows = [row if isinstance(row[0], list) else [[i, i] for i in row] for row in parts.data.training_batches()]

    def indices() -> Iterator[Tensor]:
        for row in rows:
            # Both domains of a pair come from one draw.
            yield from torch.tensor(row).T[: 1 if paired else 2]

    order = indices()

    class Same(getattr(speed("bare"), kind)):  # type: ignore[misc]  # imported at run time
        def indices(self, length: int) -> Tensor:
            return next(order)

    loop = Same(parts)
    for step in range(STEPS):
        seed_step(torch.device("cpu"), 0, "step", 0, step)  # for the histories
        loop.step()
    assert all(torch.equal(value, expected[key]) for key, value in parts.model.state_dict().items())


# The common style.


def upsampling() -> DCGAN:
    return DCGAN(generator=ResizeGenerator(1, 28, 3, width=2), discriminator=DCGANDiscriminator(1, 28, width=2))


@pytest.mark.parametrize("make", [upsampling, tiny_pix2pix, tiny_cyclegan])
def test_the_common_loop_moves_both_sides_and_logs_each_step(
    speed: Speed, tmp_path: Path, make: Callable[[], Adversarial]
) -> None:
    model = make()
    parts = parts_of(speed, model, TinyData() if isinstance(model, DCGAN) else tiny_facades())
    before = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    loop = speed("common").common(parts, str(tmp_path))
    loop.step()
    loop.step()
    own = {name: p for name, p in model.named_parameters() if not name.startswith("ema.")}
    assert not any(torch.equal(p, before[name]) for name, p in own.items() if name in before and p.ndim > 1)
    assert (tmp_path / "common.log").read_text().count("loss") >= 4


def test_apart_upsampling_and_convolution_give_the_same_images(speed: Speed) -> None:
    network = ResizeGenerator(1, 28, 3, width=2).eval()
    latent = torch.randn(4, 3)
    folded = network(latent)
    speed("common").apart(network)
    assert sum(isinstance(module, nn.Upsample) for module in network.modules()) == 2
    torch.testing.assert_close(network(latent), folded)


def test_images_that_go_through_pil_are_ours(speed: Speed) -> None:
    data = TinyData()
    data.setup("fit")
    images = data.splits["train"].images[:3]
    items = speed("common").ThroughPIL(list(images), 28)
    torch.testing.assert_close(torch.stack([items[index] for index in range(3)]), to_float(images))


# The limit.


def test_the_limit_is_the_products_of_the_step(speed: Speed) -> None:
    batch, latent, width, pixels = 8, 3, 5, 784
    loop = speed("bare").bare(parts_of(speed, dense(), TinyData(batch_size=batch)))
    limit = speed("limit").Limit(loop.step)
    of_g, of_d = latent * width + width * pixels, pixels * width + width
    # D's step: forward and weights' gradients of two batches, and the hidden layer's gradients. G's: D forward and
    # back to the images; G forward, weights' gradients, and the hidden layer's.
    expected = 2 * (2 * of_d + width) + 2 * of_d + 2 * of_g + width * pixels
    assert limit.flops == 2 * batch * expected
    with speed("limit").Recorder() as again:
        limit.turn()
    assert again.flops == limit.flops


# The guard.


def test_ratios_are_better_the_higher_they_are(speed: Speed) -> None:
    def measured(**seconds: float) -> dict[str, Any]:
        return {name: speed("turns").Measured(turns=[value] * 4, images=8) for name, value in seconds.items()}

    compared = speed("report").compared
    row = compared(measured(ours=1.0, bare=0.9, common=2.0, feeding=0.1), "ours", 2)
    assert {name: middle for name, (_, middle, _) in row["ratios"].items()} == {"bare / ours": 0.9, "common / ours": 2}
    assert (row["images_per_second"], row["feeding_share"]) == (16.0, 0.1)
    row = compared(measured(eager=1.0, bf16=0.5), "eager", 2, options=True)
    assert row["ratios"] == {"eager / bf16": [2.0, 2.0, 2.0]}


def written(path: Path, **ratios: float) -> Path:
    rows = {"GAN": {"ratios": {name: [value - 0.1, value, value + 0.1] for name, value in ratios.items()}}}
    path.write_text(json.dumps({"machine": {}, "rows": rows}))
    return path


def test_the_guard_names_ratios_that_fell_by_more_than_a_tenth(
    speed: Speed, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    compare = speed("guard").compare
    before = written(tmp_path / "before.json", bare=1.0, common=2.0, limit=0.8)
    assert compare(before, written(tmp_path / "same.json", bare=0.91, common=1.81, limit=0.9)) == 0
    assert "no ratio of 1 rows fell" in capsys.readouterr().out
    assert compare(before, written(tmp_path / "slower.json", bare=1.0, common=1.7)) == 1
    assert capsys.readouterr().out.splitlines() == [
        "GAN: common fell from 2.000 to 1.700 (-15%)",
        "GAN: limit was 0.800 and is no longer measured",
    ]


def test_the_guard_refuses_what_is_no_measurement(speed: Speed, tmp_path: Path) -> None:
    before = written(tmp_path / "before.json", bare=1.0)
    (tmp_path / "broken.json").write_text("{")
    for name in ("broken.json", "missing.json"):
        with pytest.raises(InputError, match=f"{name} is not a measurement"):
            speed("guard").compare(before, tmp_path / name)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["compare", "one.json"], "expected two for compare"),
        (["--only", "StyleGAN"], "--only is StyleGAN; expected a part of one of: GAN, dense"),
        (["--json", "nowhere/speed.json"], "whose folder does not exist"),
    ],
)
def test_bad_arguments_are_refused_in_one_line(
    speed: Speed, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    monkeypatch.setattr(sys, "argv", ["benchmarks", *arguments])
    with pytest.raises(SystemExit) as ended:
        speed("command").main()
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("what", ["steps", "options"])
def test_the_command_measures_and_compares(tmp_path: Path, what: str) -> None:
    if not BENCHMARKS.is_dir():
        pytest.skip("benchmarks is not beside the tests")
    path = tmp_path / "speed.json"
    only = ["--only", "GAN, dense, 28 px, R1", "--rounds", "2", "--threads", "1"]
    done = subprocess.run(
        [sys.executable, str(BENCHMARKS), what, *only, "--json", str(path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "| GAN, dense, 28 px, R1 |" in done.stdout
    row = json.loads(path.read_text())["rows"]["GAN, dense, 28 px, R1"]
    assert all(value > 0 for quartiles in row["ratios"].values() for value in quartiles)
    again = subprocess.run(
        [sys.executable, "-m", "benchmarks", "compare", path, path], cwd=BENCHMARKS.parent, check=False
    )
    assert again.returncode == 0
