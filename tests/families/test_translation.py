"""The image-to-image family and its variants."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lightning_gans.callbacks import EMA, LastCheckpoint
from lightning_gans.components.objectives import Objective
from lightning_gans.components.optimizers import GANAdam, LinearDecay
from lightning_gans.core.batches import Pair
from lightning_gans.core.errors import InputError
from lightning_gans.core.images import Size
from lightning_gans.datamodules import SyntheticFacadesDataModule
from lightning_gans.families import Adversarial, Translation
from lightning_gans.networks import IdentityTranslator
from lightning_gans.networks.base import PatchDiscriminator, Translator
from lightning_gans.variants import CycleGAN, Pix2Pix
from tests.families.test_resume import Kill, KilledError, everything
from tests.support.tiny import TinyData, networks_moved, tiny_dcgan, tiny_trainer, watch_updates, weights
from tests.support.tiny_translation import (
    TINY,
    tiny_bicyclegan,
    tiny_cyclegan,
    tiny_facades,
    tiny_pix2pix,
    tiny_sharp,
    tiny_translator,
)
from tests.support.variants import LOGIT_OBJECTIVES, covering


class Scaled(Translator):
    """Multiplies by a number."""

    def __init__(self, channels_in: int, channels_out: int, size: Size) -> None:
        super().__init__(channels_in, channels_out)
        self.gain = nn.Parameter(torch.tensor(0.5))

    def forward(self, images: Tensor) -> Tensor:
        return self.gain * images


class MeanOf(PatchDiscriminator):
    """The mean over channels as the logit of each pixel."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels)
        self.shift = nn.Parameter(torch.tensor(0.1))

    def forward(self, images: Tensor) -> Tensor:
        return images.mean(dim=1, keepdim=True) + self.shift


def batch(count: int = 2) -> Pair:
    generator = torch.Generator().manual_seed(1)
    a, b = (2 * torch.rand(count, 3, 16, 16, generator=generator) - 1 for _ in range(2))
    return Pair(a, b, aligned=True)


def fitted(folder: Path, model: Adversarial, data: Any, **kwargs: Any) -> Any:
    trainer = tiny_trainer(folder, **{"max_epochs": 1, **kwargs})
    trainer.fit(model, data)
    return trainer


# What a step moves.


@pytest.mark.parametrize("make", [*TINY, tiny_sharp])
def test_each_step_moves_its_own_side_only(make: Callable[..., Translation], tmp_path: Path) -> None:
    model = make()
    moved = watch_updates(model)
    fitted(tmp_path, model, tiny_facades(), max_steps=3, limit_val_batches=0)
    assert networks_moved(moved) == {"d": set(model.discriminators), "g": {*model.generators, *model.generator_heads}}
    # Each paper's own order.
    assert [name for name, _ in moved[:2]] == (["g", "d"] if isinstance(model, CycleGAN) else ["d", "g"])


@pytest.mark.parametrize(("make", "objective"), covering(TINY, LOGIT_OBJECTIVES))
def test_every_variant_trains_with_every_objective(
    make: Callable[..., Translation], objective: type[Objective], tmp_path: Path
) -> None:
    model = make(objective=objective())
    before = weights(model)
    fitted(tmp_path, model, tiny_facades(), max_steps=1, limit_val_batches=0)
    after = weights(model)
    assert all(torch.isfinite(value).all() for value in after.values())
    for name in (*model.generators, *model.discriminators):
        assert any(not torch.equal(before[key], after[key]) for key in before if key.startswith(f"{name}."))


@pytest.mark.parametrize("make", TINY)
def test_generators_may_move_less_often(make: Callable[..., Translation], tmp_path: Path) -> None:
    model = make(n_critic=2)
    before = weights(model)
    trainer = fitted(tmp_path, model, tiny_facades(), max_steps=1, limit_val_batches=0)
    after = weights(model)
    resting = {*model.generators, *model.generator_heads}
    assert all(torch.equal(after[key], before[key]) for key in after if key.split(".")[0] in resting)
    assert any(not torch.equal(after[key], before[key]) for key in after)
    assert trainer.global_step == 1


# Losses in closed form.


def test_pix2pix_losses_are_those_of_the_paper(monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_pix2pix(Scaled, MeanOf, lambda_l1=7.0)
    monkeypatch.setattr(Pix2Pix, "log_scalar", lambda *_: None)
    a, b, _ = batch()
    fake = 0.5 * a
    real_logits = torch.cat([a, b], dim=1).mean(dim=1) + 0.1
    fake_logits = torch.cat([a, fake], dim=1).mean(dim=1) + 0.1
    bce = F.binary_cross_entropy_with_logits
    expected = (bce(real_logits, torch.ones_like(real_logits)) + bce(fake_logits, torch.zeros_like(real_logits))) / 2
    torch.testing.assert_close(model.discriminator_loss(a, b, fake), expected)
    expected = bce(fake_logits, torch.ones_like(fake_logits)) + 7 * (b - fake).abs().mean()
    torch.testing.assert_close(model.generator_loss(a, b, fake), expected)


def test_cyclegan_losses_are_those_of_the_paper(monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_cyclegan(Scaled, MeanOf, lambda_a=3.0, lambda_b=5.0, lambda_identity=0.25)
    monkeypatch.setattr(CycleGAN, "log_scalar", lambda *_: None)
    nn.init.constant_(model.b_to_a.gain, 3.0)  # type: ignore[arg-type]
    a, b, _ = batch()
    fake_b, fake_a = 0.5 * a, 3 * b
    adversarial = ((fake_b.mean(dim=1) + 0.1 - 1) ** 2).mean() + ((fake_a.mean(dim=1) + 0.1 - 1) ** 2).mean()
    cycle = 3 * (1.5 * a - a).abs().mean() + 5 * (1.5 * b - b).abs().mean()
    # The generators of each domain, given an image of their own target; weights relative to the cycle's.
    identity = 0.25 * (3 * (3 * a - a).abs().mean() + 5 * (0.5 * b - b).abs().mean())
    loss = model.generators_loss(a, b, fake_a, fake_b)
    torch.testing.assert_close(loss, adversarial + cycle + identity)
    expected = (((b.mean(dim=1) + 0.1 - 1) ** 2).mean() + ((fake_b.mean(dim=1) + 0.1) ** 2).mean()) / 2
    torch.testing.assert_close(model.discriminator_loss("b", model.discriminator_b, b, fake_b), expected)


@pytest.mark.parametrize("make", TINY)
def test_the_memory_layout_changes_nothing_but_rounding(make: Any, tmp_path: Path) -> None:
    ends = []
    for channels_last in (False, True):
        model = make(channels_last=channels_last)
        fitted(tmp_path, model, tiny_facades(), limit_val_batches=0)
        ends.append(weights(model))
    convolution = next(p for p in model.parameters() if p.ndim == 4 and p.shape[2] > 1)
    assert convolution.is_contiguous(memory_format=torch.channels_last)
    for key, value in ends[0].items():
        torch.testing.assert_close(value, ends[1][key], rtol=1e-3, atol=1e-5)


# Directions and the history.


def test_pix2pix_goes_either_way() -> None:
    a, b, _ = batch()
    for b_to_a, source, truth, domain in ((False, a, b, "b"), (True, b, a, "a")):
        model = tiny_pix2pix(direction="b_to_a" if b_to_a else "a_to_b").eval()
        (found,) = model.translations(Pair(a, b, True)).items()
        assert found[0] == domain
        assert found[1].source is source
        assert found[1].truth is truth
        assert torch.equal(found[1].fake, model(source))
    widths = tiny_pix2pix(direction="b_to_a", channels_a=1)
    assert isinstance(widths.generator, Translator)
    assert (widths.generator.channels_in, widths.generator.channels_out) == (3, 1)
    assert widths.discriminator.channels == 4


def test_discriminators_see_a_history_that_generators_do_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_cyclegan(pool_size=4)
    seen: list[Tensor] = []
    loss = model.discriminator_loss

    def watched(domain: str, discriminator: PatchDiscriminator, real: Tensor, fake: Tensor) -> Tensor:
        if domain == "b":
            seen.append(fake.detach().clone())
        return loss(domain, discriminator, real, fake)

    monkeypatch.setattr(model, "discriminator_loss", watched)
    fitted(tmp_path, model, tiny_facades(paired=False), max_epochs=4, limit_val_batches=0)
    assert model.pool_b.images.shape == (4, 3, 16, 16)
    earlier = torch.cat(seen[:-1])
    again = [image for image in torch.cat(seen) if (earlier == image).flatten(1).all(1).sum() > 1]
    assert again, "no old image was ever handed out"


def test_aligned_evaluation_knows_the_truth_and_unaligned_does_not() -> None:
    model = tiny_cyclegan().eval()
    a, b, _ = batch()
    known = model.translations(Pair(a, b, True))
    assert torch.equal(known["a"].truth, a)  # type: ignore[arg-type]
    assert torch.equal(known["b"].truth, b)  # type: ignore[arg-type]
    assert torch.equal(known["b"].cycled, model.translate("b_to_a", known["b"].fake))  # type: ignore[arg-type]
    unknown = model.translations(Pair(a, b[:0], False))
    assert unknown["a"].truth is None
    assert unknown["a"].fake.shape == (0, 3, 16, 16)
    assert len(unknown["b"].fake) == 2


# Resume.


@pytest.mark.parametrize(
    ("make", "step"),
    [
        pytest.param(make, step, marks=pytest.mark.slow if make is not tiny_pix2pix and step != 5 else ())
        for make in (*TINY, tiny_sharp)
        for step in (3, 5, 8)
    ],
)
def test_killed_and_resumed_equals_uninterrupted(make: Any, step: int, tmp_path: Path) -> None:
    def model() -> Translation:
        options: dict[str, Any] = {"pool_size": 3} if make is tiny_cyclegan else {}
        made: Translation = make(
            scheduler_g=lambda o: LinearDecay(o, start=0.5),
            scheduler_d=lambda o: LinearDecay(o, start=0.5),
            optimizer_g=lambda p: GANAdam(p, lr=1e-3),
            **options,
        )
        return made

    def data() -> SyntheticFacadesDataModule:
        return tiny_facades(paired=make in (tiny_pix2pix, tiny_sharp, tiny_bicyclegan))

    def fit(folder: Path, *more: Any, ckpt_path: Path | None = None) -> Any:
        callbacks = [EMA(0.9), LastCheckpoint(every_n_steps=1), *more]
        trainer = tiny_trainer(folder, max_epochs=3, callbacks=callbacks)
        trainer.fit(model(), data(), ckpt_path=ckpt_path)
        return trainer

    whole = everything(fit(tmp_path / "whole"))
    with pytest.raises(KilledError):
        fit(tmp_path / "part", Kill(step))
    resumed = everything(fit(tmp_path / "part", ckpt_path=tmp_path / "part" / "checkpoints" / "last.ckpt"))
    assert whole.keys() == resumed.keys()
    if make is tiny_cyclegan:
        assert whole["pool_a.images"].shape[0] == 3
    for key, value in whole.items():
        assert torch.equal(value, resumed[key]), key
    # The rates have reached zero.
    assert whole["optimizer0.lr"] == whole["optimizer1.lr"] == 0


# Bad input.


def test_networks_and_data_must_fit(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"data is TinyData, whose images are of one domain; Pix2Pix expects two"):
        fitted(tmp_path, tiny_pix2pix(), TinyData())
    with pytest.raises(InputError, match=r"data\.size is 16 but model\.size is 32"):
        fitted(tmp_path, tiny_pix2pix(size=32), tiny_facades())
    with pytest.raises(InputError, match=r"data\.channels_a is 3 but model\.channels_a is 1"):
        fitted(tmp_path, tiny_cyclegan(channels_a=1, lambda_identity=0.0), tiny_facades())
    with pytest.raises(InputError, match="data is SyntheticFacadesDataModule without pairs"):
        fitted(tmp_path, tiny_pix2pix(), tiny_facades(paired=False))
    with pytest.raises(InputError, match="data is SyntheticFacadesDataModule, whose images are of two domains"):
        fitted(tmp_path, tiny_dcgan(), tiny_facades())


@pytest.mark.parametrize(
    ("make", "kwargs", "named"),
    [
        (tiny_pix2pix, {"lambda_l1": -1.0}, r"lambda_l1 is -1\.0; expected at least 0"),
        (tiny_cyclegan, {"lambda_a": -1.0}, r"lambda_a is -1\.0; expected at least 0"),
        (tiny_cyclegan, {"pool_size": -1}, r"pool_size is -1; expected at least 0"),
        (tiny_cyclegan, {"channels_a": 1}, r"lambda_identity is 0\.5, but the domains have 1 and 3 channels"),
        (
            tiny_cyclegan,
            {"generator": IdentityTranslator, "channels_a": 1, "lambda_identity": 0.0},
            "channels_out is 3 but channels_in is 1; expected the same for IdentityTranslator",
        ),
    ],
)
def test_bad_arguments_are_named(make: Any, kwargs: dict[str, Any], named: str) -> None:
    with pytest.raises((InputError, ValueError), match=named):
        make(**kwargs)


def test_translators_of_the_two_directions_are_two(tmp_path: Path) -> None:
    model = tiny_cyclegan(tiny_translator, channels_a=1, lambda_identity=0.0)
    assert (model.a_to_b.channels_in, model.a_to_b.channels_out) == (1, 3)
    assert (model.b_to_a.channels_in, model.b_to_a.channels_out) == (3, 1)
    assert not {id(p) for p in model.a_to_b.parameters()} & {id(p) for p in model.b_to_a.parameters()}
