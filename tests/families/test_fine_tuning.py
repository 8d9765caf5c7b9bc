"""Runs that start from the weights of a trained model, and discriminators whose lower layers are not trained."""

from __future__ import annotations

import logging
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from lightning_gans.callbacks import EMA, LastCheckpoint
from lightning_gans.components.penalties import R1
from lightning_gans.core.errors import InputError
from lightning_gans.distributed.strategy import AlternatingDDP
from lightning_gans.families import Adversarial
from lightning_gans.families.fine_tuning import lower_blocks
from lightning_gans.inference.loading import load
from lightning_gans.networks import (
    BigGANDiscriminator,
    CompactDiscriminator,
    DCGANDiscriminator,
    DCGANGenerator,
    FastGANDiscriminator,
    MaxoutDiscriminator,
    MLPDiscriminator,
    MLPGenerator,
    R3GANDiscriminator,
    ResNetTranslator,
    SNGANResNetDiscriminator,
    StyleGAN2Discriminator,
)
from lightning_gans.networks.base import Discriminator
from lightning_gans.runs.trained_weights import hash_weights, read_trained_weights
from lightning_gans.variants import DCGAN, GAN, SNGAN
from tests.support import checkpoint_files
from tests.support.forked import on_two_processes
from tests.support.tiny import TinyData, last_checkpoint, tiny_dcgan, tiny_trainer, weights
from tests.support.tiny_translation import tiny_cyclegan, tiny_facades, tiny_pix2pix

TRANSLATOR = partial(ResNetTranslator, blocks=1, width=2)

ONE_WAY = {
    "generator": {
        "class_path": "lightning_gans.networks.ResNetTranslator",
        "init_args": {"blocks": 1, "width": 2},
    },
    "channels_b": 3,
    "size": 16,
    "direction": "b_to_a",
}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of a run of two steps, whose average differs from its generator."""
    folder = tmp_path_factory.mktemp("source")
    fit(folder, tiny_dcgan(), 2)
    return folder / "checkpoints" / "last.ckpt"


def fit(folder: Path, model: Adversarial, steps: int, data: Any = None, **kwargs: Any) -> Any:
    callbacks = [EMA(0.5), LastCheckpoint(every_n_steps=1)]
    options = {key: kwargs.pop(key) for key in ("devices", "strategy") if key in kwargs}
    trainer = tiny_trainer(folder, max_steps=steps, limit_val_batches=0, callbacks=callbacks, **options)
    trainer.fit(model, data or TinyData(), **kwargs)
    return trainer


def still(**kwargs: Any) -> DCGAN:
    """A model that training does not change, but for buffers."""
    torch.manual_seed(7)
    sgd = partial(torch.optim.SGD, lr=0.0)
    networks = {
        "generator": DCGANGenerator(1, 28, latent_dim=3, width=2),
        "discriminator": DCGANDiscriminator(1, 28, width=2),
    }
    return DCGAN(**{**networks, "optimizer_g": sgd, "optimizer_d": sgd, **kwargs})


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [message for message in caplog.messages if message.startswith("start_from: ")]


def named(state: dict[str, Tensor], head: str, ends: str = "weight") -> dict[str, Tensor]:
    found = {key.removeprefix(head): v for key, v in state.items() if key.startswith(head) and key.endswith(ends)}
    assert found
    return found


def test_a_run_starts_from_the_average_and_from_d(
    source: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    stored = torch.load(source, weights_only=True)["state_dict"]
    assert not torch.equal(stored["generator.layers.0.weight"], stored["ema.generator.layers.0.weight"])
    with caplog.at_level(logging.INFO):
        trainer = fit(tmp_path, model := still(start_from=source.parents[1]), 1)
    assert told(caplog) == [
        f"start_from: {source} (DCGAN, step 2)",
        "start_from: generator (its average): all 5 layers",
        "start_from: discriminator: all 4 layers",
    ]
    state = weights(model)
    for head, origin in (("generator", "ema.generator"), ("ema.generator",) * 2, ("discriminator",) * 2):
        for key, value in named(state, f"{head}.").items():
            assert torch.equal(value, stored[f"{origin}.{key}"])
    assert trainer.global_step == 1
    after = last_checkpoint(tmp_path)
    assert after["started_from"] == model.started_from
    assert model.started_from == {
        "path": str(source),
        "variant": "lightning_gans.variants.dcgan.DCGAN",
        "step": 2,
        "layers": {"generator": "5 of 5", "discriminator": "4 of 4"},
        "weights": {
            name: hash_weights({key.removeprefix(f"{head}."): v for key, v in stored.items() if key.startswith(head)})
            for name, head in (("generator", "ema.generator"), ("discriminator", "discriminator"))
        },
    }
    assert after["images_seen"] == 8


def test_a_resumed_run_is_exact_and_does_not_need_the_file(source: Path, tmp_path: Path) -> None:
    def make(**kwargs: Any) -> DCGAN:
        return tiny_dcgan(penalty=R1(interval=2), **{"start_from": copy, "freeze_d": 1, **kwargs})

    copy = tmp_path / "copy.ckpt"
    copy.write_bytes(source.read_bytes())
    fit(tmp_path / "whole", make(), 5)
    fit(tmp_path / "parts", make(), 2)
    copy.unlink()
    torch.manual_seed(99)
    last = tmp_path / "parts" / "checkpoints" / "last.ckpt"
    with pytest.raises(InputError, match="freeze_d is 0 here but 1 in the checkpoint"):
        fit(tmp_path / "parts", make(freeze_d=0), 5, ckpt_path=last)
    fit(tmp_path / "parts", make(), 5, ckpt_path=last)
    whole, parts = (last_checkpoint(tmp_path / name) for name in ("whole", "parts"))
    assert all(torch.equal(value, parts["state_dict"][key]) for key, value in whole["state_dict"].items())
    assert str(whole["optimizer_states"]) == str(parts["optimizer_states"])
    assert whole["started_from"] == parts["started_from"]

    model = DCGAN.load_from_checkpoint(last)
    assert (model.freeze_d, model.started_from) == (1, whole["started_from"])
    before = weights(model)
    tiny_trainer(tmp_path, max_steps=0).fit(model, TinyData())  # does not start from the file again
    assert all(torch.equal(value, before[key]) for key, value in weights(model).items())


def test_frozen_layers_do_not_change_and_have_no_optimizer_state(source: Path, tmp_path: Path) -> None:
    model = tiny_dcgan(start_from=source, freeze_d=2, penalty=R1())
    assert len(model.sides["d"].parameters) == 7
    fit(tmp_path, model, 2)
    stored = torch.load(source, weights_only=True)["state_dict"]
    moved = {key for key, value in weights(model).items() if not torch.equal(value, stored[key])}
    last = {"discriminator.layers.5.weight", "discriminator.layers.5.bias"}
    assert {key for key in moved if key.startswith("discriminator")} == last
    assert {"generator.layers.0.weight", "generator.layers.1.running_mean"} <= moved
    _, optimizer = last_checkpoint(tmp_path)["optimizer_states"]
    assert len(optimizer["state"]) == len(model.sides["d"].parameters) == 2
    assert [p.grad for p in model.discriminator.parameters()][:2] == [None, None]
    assert [layer.training for layer in model.discriminator.layers] == [False] * 5 + [True]  # type: ignore[union-attr]


def test_layers_that_cannot_be_frozen_are_refused(source: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"freeze_d is 3, but model.discriminator \(DCGANDiscriminator\) has 2 block"):
        fit(tmp_path, tiny_dcgan(start_from=source, freeze_d=3), 1)
    with pytest.raises(ValueError, match="freeze_d is -1; expected at least 0"):
        tiny_dcgan(freeze_d=-1)
    with pytest.warns(UserWarning, match="freeze_d is 1, but model.start_from is None"):
        fit(tmp_path, tiny_dcgan(freeze_d=1), 1)
    packed = still(start_from=source, freeze_d=1, packing=2, discriminator=DCGANDiscriminator(2, 28, width=2))
    with pytest.raises(InputError, match=r"layers.0 of model.discriminator does not start .*\(weight is 2 x 1 x 4 x 4"):
        fit(tmp_path, packed, 1)
    for network, blocks in (
        (MLPDiscriminator(1, 28), 2),
        (MaxoutDiscriminator(1, 28, num_classes=10, conditional=True), 2),
        (SNGANResNetDiscriminator(1, 32, width=2, num_classes=10, conditional=True), 4),
        (BigGANDiscriminator(1, 64, width=2, attention=16, num_classes=10, conditional=True), 5),
        (R3GANDiscriminator(1, 64, width=8), 5),
        (CompactDiscriminator(1, 32, width=8, features=8), 6),
        (FastGANDiscriminator(1, 64, width=4), 4),
        (StyleGAN2Discriminator(1, 32, width=2, widest=4, architecture="skip"), 3),
        (Inside(), 1),
    ):
        weighty = {id(p) for p in network.parameters()}
        frozen = {id(p) for module in lower_blocks("d", network, blocks) for p in module.parameters()}
        assert frozen < weighty
        with pytest.raises(InputError, match=f"expected at most {blocks}"):
            lower_blocks("d", network, blocks + 1)


class Inside(Discriminator):
    """All layers are in one module."""

    def __init__(self) -> None:
        super().__init__(1, 28)
        self.inner = MLPDiscriminator(1, 28, widths=[2])

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        return self.inner(images)  # type: ignore[no-any-return]


def test_packs_take_the_layers_that_fit(source: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    model = still(start_from=source, packing=2, discriminator=DCGANDiscriminator(2, 28, width=2))
    with caplog.at_level(logging.INFO):
        fit(tmp_path, model, 1)
    assert told(caplog)[-1].startswith("start_from: discriminator: 3 of 4 layers; not layers.0 (")


def test_an_exported_model_has_no_discriminator(source: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    load(source).save_pretrained(tmp_path / "exported")
    with caplog.at_level(logging.INFO):
        fit(tmp_path, model := still(start_from=str(tmp_path / "exported")), 1)
    assert told(caplog) == [
        f"start_from: {tmp_path / 'exported'} (DCGAN, step 2)",
        "start_from: generator (its average): all 5 layers",
        "start_from: discriminator: random weights (an exported model has generators only)",
    ]
    stored = torch.load(source, weights_only=True)["state_dict"]
    assert torch.equal(model.generator.layers[0].weight, stored["ema.generator.layers.0.weight"])  # type: ignore[index, union-attr]
    with pytest.raises(InputError, match=r"does not start from .* \(the file has no discriminator\)"):
        fit(tmp_path, still(start_from=tmp_path / "exported", freeze_d=1), 1)


def test_weights_that_fit_nowhere_are_refused(source: Path, tmp_path: Path) -> None:
    def start(path: Path, **kwargs: Any) -> None:
        fit(tmp_path / "run", still(start_from=path, **kwargs), 1)

    with pytest.raises(InputError, match=r"start_from is .*nothing.ckpt, which does not exist; expected a check"):
        start(tmp_path / "nothing.ckpt")
    with pytest.raises(InputError, match=r"start_from is .*, which holds no checkpoint; expected"):
        start(tmp_path)
    (half := tmp_path / "half.ckpt").write_bytes(source.read_bytes()[:2000])
    with pytest.raises(InputError, match=r"start_from is .*half.ckpt, which cannot be read as a checkpoint"):
        start(half)
    gan = checkpoint_files.latent(tmp_path / "gan.ckpt")
    with pytest.raises(InputError, match=r"fit no layer of this run \(generator: none of 5 layers \(the file has 2\)"):
        start(gan)
    both = checkpoint_files.both_ways(tmp_path / "both.ckpt")
    with pytest.raises(InputError, match="the file has no generator and no discriminator"):
        start(both)
    checkpoint = torch.load(source, weights_only=True)
    checkpoint["state_dict"]["ema.generator.layers.0.weight"][0] = torch.nan
    torch.save(checkpoint, broken := tmp_path / "broken.ckpt")
    with pytest.raises(InputError, match=r"broken.ckpt, whose weights are not finite"):
        start(broken)


def test_weights_are_measured_before_training(source: Path, tmp_path: Path) -> None:
    model = still(start_from=source)
    tiny_trainer(tmp_path, limit_test_batches=1).test(model, TinyData(), verbose=False)
    stored = torch.load(source, weights_only=True)["state_dict"]
    assert torch.equal(model.state_dict()["generator.layers.0.weight"], stored["ema.generator.layers.0.weight"])


def test_trained_weights_replace_the_mean_image(tmp_path: Path) -> None:
    def gan(latent_dim: int, **kwargs: Any) -> GAN:
        torch.manual_seed(latent_dim)
        generator = MLPGenerator(1, 28, latent_dim, widths=[4], init_bound=0.05, bias_from_data=True)
        sgd = partial(torch.optim.SGD, lr=0.0)
        d = MLPDiscriminator(1, 28, widths=[4])
        return GAN(generator, d, optimizer_g=sgd, optimizer_d=sgd, **kwargs)

    fit(tmp_path / "source", gan(3), 1)
    checkpoint = last_checkpoint(tmp_path / "source")
    checkpoint["state_dict"]["ema.generator.pixels.bias"].zero_()
    torch.save(checkpoint, path := tmp_path / "zero.ckpt")
    loader = DataLoader(TensorDataset(torch.rand(4, 1, 28, 28) * 2 - 1), batch_size=4)
    for data in ([TinyData()], [loader, loader]):  # also without images in memory
        trainer = tiny_trainer(tmp_path, max_steps=1, limit_val_batches=0, callbacks=[EMA()])
        trainer.fit(model := gan(4, start_from=path), *data)
        assert not model.state_dict()["generator.pixels.bias"].any()
        assert not model.state_dict()["ema.generator.pixels.bias"].any()


def test_spectral_normalization_starts_from_trained_weights_and_is_frozen(source: Path, tmp_path: Path) -> None:
    def sngan(**kwargs: Any) -> SNGAN:
        torch.manual_seed(3)
        g, d = DCGANGenerator(1, 28, latent_dim=3, width=2), DCGANDiscriminator(1, 28, width=2)
        return SNGAN(generator=g, discriminator=d, **kwargs)

    fit(tmp_path / "first", first := sngan(start_from=source), 2)
    assert first.started_from is not None
    assert first.started_from["layers"]["discriminator"] == "4 of 4"
    path = tmp_path / "first" / "checkpoints" / "last.ckpt"
    fit(tmp_path / "second", second := sngan(start_from=path, freeze_d=2), 2)
    lower = [key for key in second.discriminator.state_dict() if int(key.split(".")[1]) < 5]
    assert any(key.endswith("_u") for key in lower)
    own, stored = second.discriminator.state_dict(), first.discriminator.state_dict()
    same = {key for key, value in own.items() if torch.equal(value, stored[key])}
    assert set(lower) <= same
    assert "layers.5.parametrizations.weight.original" not in same


def test_translators_start_from_the_generator_of_their_direction(tmp_path: Path) -> None:
    def stored(name: str, model: Adversarial, **settings: Any) -> Path:
        for number, value in enumerate(model.parameters()):
            value.data.fill_(number)
        settings = {"_class_path": "lightning_gans.variants.X", "channels_a": 3, **settings}
        return checkpoint_files.write(tmp_path / name, settings, {**model.generators, **model.discriminators})

    def equal(one: nn.Module, other: nn.Module) -> bool:
        return all(torch.equal(v, other.state_dict()[k]) for k, v in one.state_dict().items())

    both, one = tiny_cyclegan(), tiny_pix2pix(direction="b_to_a", generator=TRANSLATOR)
    of_both, of_one = stored("both.ckpt", both), stored("one.ckpt", one, **ONE_WAY)
    (cyclegan := tiny_cyclegan()).take(read_trained_weights(of_both))
    assert all(equal(each, cyclegan.generators[name]) for name, each in both.generators.items())
    assert all(equal(each, cyclegan.discriminators[name]) for name, each in both.discriminators.items())
    (back := tiny_pix2pix(direction="b_to_a")).take(read_trained_weights(of_both))
    assert equal(back.generator, both.b_to_a)
    load(of_one).save_pretrained(tmp_path / "exported")
    for path in (of_one, tmp_path / "exported"):
        (cyclegan := tiny_cyclegan()).take(read_trained_weights(path))
        assert equal(cyclegan.b_to_a, one.generator)
        assert not equal(cyclegan.a_to_b, one.generator)
        (forth := tiny_pix2pix()).take(read_trained_weights(path))
        assert equal(forth.generator, one.generator)  # the only one that there is


def test_all_discriminators_of_a_translation_are_frozen(tmp_path: Path) -> None:
    path = checkpoint_files.write(
        tmp_path / "a.ckpt", {"channels_a": 3}, {**(source := tiny_cyclegan()).generators, **source.discriminators}
    )
    fit(tmp_path, model := tiny_cyclegan(start_from=path, freeze_d=1), 1, tiny_facades(paired=False))
    for name, network in model.discriminators.items():
        trained = source.discriminators[name].state_dict()
        moved = {key for key, value in network.state_dict().items() if not torch.equal(value, trained[key])}
        assert moved == {"layers.2.weight", "layers.5.weight", "layers.5.bias"}


def test_processes_start_from_the_same_weights_and_stay_equal(source: Path, tmp_path: Path) -> None:
    def run(devices: int) -> dict[str, Tensor]:
        sgd = partial(torch.optim.SGD, lr=0.02)
        model = tiny_dcgan(start_from=source, freeze_d=2, penalty=R1(weight=0.1), optimizer_g=sgd, optimizer_d=sgd)
        options = {"devices": devices, "strategy": AlternatingDDP()} if devices > 1 else {}
        fit(tmp_path / str(devices), model, 2, TinyData(batch_size=8 // devices), **options)
        return weights(model)

    one, (first, second) = run(1), on_two_processes(partial(run, 2), tmp_path / "results")
    stored = torch.load(source, weights_only=True)["state_dict"]
    for key, value in one.items():
        torch.testing.assert_close(first[key], value, rtol=0, atol=1e-5)
        assert torch.equal(first[key], second[key])
    for key in ("layers.0.weight", "layers.2.weight", "layers.3.running_mean"):
        assert torch.equal(first[f"discriminator.{key}"], stored[f"discriminator.{key}"])
    assert not torch.equal(first["discriminator.layers.5.weight"], stored["discriminator.layers.5.weight"])
