"""Classes of the user's own are imported and built where the user names them, and the message says how."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

import lightning_gans
from lightning_gans.cli.commands import common
from lightning_gans.components.class_paths import Trust
from lightning_gans.core.errors import InputError, UntrustedClassError
from lightning_gans.families import Adversarial, LatentGAN
from lightning_gans.inference import LatentSampler
from lightning_gans.networks import MLPDiscriminator
from lightning_gans.variants import GAN
from tests.support import checkpoint_files

MODULE = """
from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from pathlib import Path

import torch
from torch import Tensor, nn

from lightning_gans.components.noise import NormalNoise
from lightning_gans.networks import Generator

Path("imported").touch()


class Kind(Enum):
    plain = 1
    other = 2


class MyGenerator(Generator):
    def __init__(
        self,
        channels: int,
        size: int,
        activation: nn.Module,
        output: Callable[[Tensor], Tensor] | None = None,
        norm: Callable[[int], nn.Module] = nn.BatchNorm1d,
        layer: type[nn.Module] = nn.Linear,
        kind: Kind = Kind.plain,
        rates: tuple[float, ...] = (0.5,),
        anything=None,
    ) -> None:
        super().__init__(channels, size, latent_dim=3)
        self.rates = [float(rate) for rate in torch.linspace(0, 1, 3)]  # needs memory
        self.kind, self.anything = kind, anything
        self.layers = nn.Sequential(layer(3, channels * size * size), norm(channels * size * size), activation)
        self.output = output or nn.Tanh()

    def forward(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        return self.output(self.layers(latent)).view(-1, self.channels, *self.size)


class MyNoise(NormalNoise):
    pass


class NoPart:
    def __init__(self, **kwargs: object) -> None:
        Path("built").touch()
"""

ARGUMENTS = {
    "channels": 1,
    "size": 8,
    "activation": {"class_path": "torch.nn.LeakyReLU", "init_args": {"negative_slope": 0.1}},
    "output": {"class_path": "torch.nn.Sigmoid"},
    "norm": {"class_path": "torch.nn.BatchNorm1d", "init_args": {"eps": 0.001}},
    "layer": "torch.nn.Linear",
    "kind": "other",
    "rates": [0.1, 1],
    "anything": {"a": [1, None, "text"]},
}

NAMES = ["mynet.MyGenerator", "mynet.MyNoise"]


@pytest.fixture
def checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkpoint with a network and a noise of the module ``mynet``, which lies beside it in the current folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    sys.modules.pop("mynet", None)
    (tmp_path / "mynet.py").write_text(MODULE)
    network = torch.nn.Module()
    network.layers = torch.nn.Sequential(torch.nn.Linear(3, 64), torch.nn.BatchNorm1d(64))
    settings = {
        "_class_path": "lightning_gans.variants.GAN",
        "generator": {"class_path": "mynet.MyGenerator", "init_args": ARGUMENTS},
        "noise": {"class_path": "mynet.MyNoise"},
    }
    return checkpoint_files.write(tmp_path / "model.ckpt", settings, {"generator": network})


def test_a_module_beside_the_checkpoint_is_imported_with_the_option_only(
    checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = list(sys.path)
    with pytest.raises(SystemExit) as ended:
        common.command_line("sample", [str(checkpoint), "--out", "a.png"])
    assert ended.value.code == 2
    assert capsys.readouterr().err == (
        f"lightning-gans: error: CKPT is {checkpoint}, which names mynet.MyGenerator and mynet.MyNoise, classes "
        "neither of lightning_gans nor of torch.nn; if they are of your own code, add --trust mynet.MyGenerator "
        "--trust mynet.MyNoise\n"
    )
    assert not Path("imported").exists()
    assert sys.path == before
    trust = [argument for name in NAMES for argument in ("--trust", name)]
    common.run_command("sample", [str(checkpoint), "--n", "2", "--out", "a.png", *trust])
    assert Path("a.png").is_file()
    for kind, out in (("safetensors", "a.safetensors"), ("huggingface", "model")):
        common.run_command("export", [str(checkpoint), "--format", kind, "--out", out, *trust])
        with pytest.raises(InputError, match="add --trust"):
            common.run_command("sample", [out, "--out", "b.png"])
        common.run_command("sample", [out, "--n", "2", "--out", f"{out}.png", *trust])


def test_trust_in_python(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UntrustedClassError, match=r"pass trust=\['mynet.MyGenerator', 'mynet.MyNoise'\]"):
        lightning_gans.load(checkpoint)
    with pytest.raises(UntrustedClassError, match=r"names mynet\.MyNoise, a class neither"):
        lightning_gans.load(checkpoint, trust=["mynet.MyGenerator"])
    with pytest.raises(InputError, match=r"mynet\.MyGenerator, which cannot be built here .*No module named 'mynet'"):
        lightning_gans.load(checkpoint, trust=NAMES)
    monkeypatch.syspath_prepend(str(checkpoint.parent))
    model = lightning_gans.load(checkpoint, trust=NAMES)
    assert isinstance(model, LatentSampler)
    assert model.sample(2).shape == (2, 1, 8, 8)
    assert model.network.kind is sys.modules["mynet"].Kind.other
    assert model.network.anything == ARGUMENTS["anything"]
    model.save_pretrained(checkpoint.parent / "model")
    with pytest.raises(UntrustedClassError):
        LatentSampler.from_pretrained(checkpoint.parent / "model")
    classes = [getattr(sys.modules["mynet"], name.partition(".")[2]) for name in NAMES]
    assert LatentSampler.from_pretrained(checkpoint.parent / "model", trust=classes).sample(1).shape == (1, 1, 8, 8)


def test_a_trusted_class_is_built_only_where_it_is_expected(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(checkpoint.parent))
    contents = torch.load(checkpoint)
    settings = contents["hyper_parameters"]
    evil = {"class_path": "mynet.NoPart"}
    for changed in (
        {"generator": evil},
        {"noise": evil},
        {"generator": {"class_path": "mynet.MyGenerator", "init_args": {**ARGUMENTS, "activation": evil}}},
        {"generator": {"class_path": "mynet.MyGenerator", "init_args": {**ARGUMENTS, "output": evil}}},
        {"generator": {"class_path": "mynet.MyGenerator", "init_args": {**ARGUMENTS, "output": "mynet.NoPart"}}},
        {"generator": {"class_path": "mynet.MyGenerator", "init_args": {**ARGUMENTS, "layer": "mynet.NoPart"}}},
    ):
        torch.save({**contents, "hyper_parameters": {**settings, **changed}}, checkpoint)
        with pytest.raises(InputError, match=r"cannot be built here|expected a"):
            lightning_gans.load(checkpoint, trust=[*NAMES, "mynet.NoPart"])
    assert not Path("built").exists()


class ScriptGAN(GAN):  # type: ignore[misc]  # a variant is final, and a script has its own
    """A variant of a script."""


def test_the_class_that_loads_a_checkpoint_is_trusted(tmp_path: Path) -> None:
    path = checkpoint_files.latent(tmp_path / "a.ckpt")
    contents = torch.load(path)
    settings = contents["hyper_parameters"]
    discriminator = MLPDiscriminator(channels=1, size=28, widths=[4])
    described = {"class_path": "lightning_gans.networks.MLPDiscriminator"}
    arguments = {"channels": 1, "size": 28, "widths": [4]}
    state = {k: v for k, v in contents["state_dict"].items() if not k.startswith("ema")}
    state |= {f"discriminator.{name}": value for name, value in discriminator.state_dict().items()}
    own = f"{ScriptGAN.__module__}.ScriptGAN"
    settings = {**settings, "_class_path": own, "discriminator": {**described, "init_args": arguments}}
    torch.save({**contents, "hyper_parameters": settings, "state_dict": state}, path)
    assert type(ScriptGAN.load_from_checkpoint(path)) is ScriptGAN
    for base in (LatentGAN, Adversarial):
        with pytest.raises(UntrustedClassError, match=own):
            base.load_from_checkpoint(path)
        assert type(base.load_from_checkpoint(path, trust=own)) is ScriptGAN


@pytest.mark.parametrize("entry", ["no path", "x; rm -rf ~", "", "mynet", 5])
def test_what_is_no_class_path_cannot_be_trusted(entry: object) -> None:
    with pytest.raises(ValueError, match="expected the path of a class"):
        Trust([entry])  # type: ignore[list-item]
    with pytest.raises(InputError, match="--trust is"):
        common.run_command("sample", ["model.ckpt", "--out", "a.png", "--trust", str(entry)])
