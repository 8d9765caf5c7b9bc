"""The training step and the evaluation of BicycleGAN."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from torch import Tensor, nn

from lightning_gans.callbacks import LastCheckpoint
from lightning_gans.components.noise import NormalNoise, latents
from lightning_gans.core.errors import InputError
from lightning_gans.core.images import Size
from lightning_gans.networks import IdentityTranslator, LatentEncoder, LatentTranslator, PatchGAN, ResNetLatentEncoder
from lightning_gans.networks.latent_encoder import LatentCodes
from lightning_gans.runs.trained_weights import read_trained_weights
from lightning_gans.variants import BicycleGAN
from tests.support.tiny import tiny_trainer
from tests.support.tiny_translation import TinyLatentTranslator, tiny_bicyclegan, tiny_facades


class Shifted(LatentTranslator):
    """Adds a multiple of the code, a single number, to the image."""

    def __init__(self, channels_in: int, channels_out: int, size: Size) -> None:
        super().__init__(channels_in, channels_out, 1)
        self.gain = nn.Parameter(torch.tensor(0.5))

    def answer(self, images: Tensor, latent: Tensor) -> Tensor:
        return images + self.gain * latent[:, :, None, None]


class Mean(LatentEncoder):
    """The mean of an image as the mean of its code."""

    def __init__(self, channels: int, size: Size, latent_dim: int) -> None:
        super().__init__(channels, latent_dim)
        self.factor = nn.Parameter(torch.tensor(2.0))

    def forward(self, images: Tensor) -> LatentCodes:
        mean = self.factor * images.mean(dim=(1, 2, 3))[:, None]
        return LatentCodes(mean, torch.full_like(mean, -1.0))


def images(seed: int) -> Tensor:
    return 2 * torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(seed)) - 1


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> dict[str, Tensor]:
    values: dict[str, Tensor] = {}
    monkeypatch.setattr(BicycleGAN, "log_scalar", lambda _, key, value: values.update({key: value}))
    return values


def test_losses_of_the_cycles_are_those_of_the_paper(logged: dict[str, Tensor]) -> None:
    model = tiny_bicyclegan(Shifted, encoder=Mean, lambda_image=3.0, lambda_latent=5.0, lambda_kl=7.0)
    source, truth = images(0), images(1)
    noise, drawn = torch.tensor([[0.3], [-0.2]]), torch.tensor([[1.0], [-0.5]])
    codes = model.encoder(truth)
    rebuilt, random = model.generator(source, codes.sample(noise)), model.generator(source, drawn)
    loss = model.cycle_loss(truth, codes, rebuilt, drawn, random)
    mean = 2 * truth.mean(dim=(1, 2, 3))
    variance = torch.tensor(-1.0).exp()
    code = mean[:, None, None, None] + variance.sqrt() * noise[:, :, None, None]
    distance = (source + 0.5 * code - truth).abs().mean()
    divergence = ((mean**2 + variance - 1 + 1) / 2).mean()
    latent = (2 * (source + 0.5 * drawn[:, :, None, None]).mean(dim=(1, 2, 3)) - drawn[:, 0]).abs().mean()
    torch.testing.assert_close(loss, 3 * distance + 7 * divergence + 5 * latent)
    torch.testing.assert_close(logged["loss/l1"], distance)
    torch.testing.assert_close(logged["loss/kl"], divergence)
    torch.testing.assert_close(logged["loss/latent"], latent)


@pytest.mark.usefixtures("logged")
def test_the_cycle_of_the_latent_code_trains_the_generator_only() -> None:
    model = tiny_bicyclegan(lambda_image=0.0, lambda_kl=0.0)
    source, truth, drawn = images(0), images(1), torch.randn(2, 3)
    codes = model.encoder(truth)
    answers = [model.generator(source, code) for code in (codes.sample(torch.randn(2, 3)), drawn)]
    loss = model.cycle_loss(truth, codes, answers[0], drawn, answers[1])
    loss.backward()  # type: ignore[no-untyped-call]
    assert all(weight.grad is not None and weight.grad.any() for weight in model.generator.parameters())
    assert not any(weight.grad is not None and weight.grad.any() for weight in model.encoder.parameters())
    assert all(weight.requires_grad for weight in model.encoder.parameters())


@pytest.mark.usefixtures("logged")
@pytest.mark.parametrize(("shared", "conditional"), [(False, False), (True, True)])
def test_each_discriminator_judges_the_answers_of_its_cycle(shared: bool, conditional: bool) -> None:
    model = tiny_bicyclegan(shared_discriminator=shared, conditional=conditional, channels_a=1)
    source, truth, rebuilt, random = images(0)[:, :1], images(1), images(2), images(3)
    of_rebuilt = model.discriminator if shared else model.discriminator_vae
    assert of_rebuilt is not None
    assert set(model.discriminators) == {"discriminator", *([] if shared else ["discriminator_vae"])}
    assert of_rebuilt.channels == (4 if conditional else 3)

    def logits(network: nn.Module, target: Tensor) -> Tensor:
        given = torch.cat([source, target], dim=1) if conditional else target
        judged: Tensor = network(given)
        return judged

    expected = torch.zeros(())
    for network, fake in ((of_rebuilt, rebuilt), (model.discriminator, random)):
        expected = expected + ((logits(network, truth) - 1) ** 2).mean() + (logits(network, fake) ** 2).mean()
    torch.testing.assert_close(model.discriminators_loss(source, truth, rebuilt, random), expected / 2)
    adversarial = ((logits(of_rebuilt, rebuilt) - 1) ** 2).mean() + (
        (logits(model.discriminator, random) - 1) ** 2
    ).mean()
    torch.testing.assert_close(model.generator_loss(source, truth, rebuilt, random), adversarial)


def test_evaluation_draws_a_code_for_each_image_and_a_checkpoint_has_the_encoder(tmp_path: Path) -> None:
    networks: dict[str, Any] = {
        "encoder": partial(ResNetLatentEncoder, width=2),
        "discriminator": partial(PatchGAN, layers=1, width=2),
    }
    model = tiny_bicyclegan(direction="b_to_a", **networks)
    trainer = tiny_trainer(tmp_path, max_steps=1, callbacks=[LastCheckpoint(every_n_steps=1)], limit_val_batches=0)
    trainer.fit(model, data := tiny_facades())
    predicted = trainer.predict(model, data)
    assert predicted is not None
    found = torch.cat([cast("dict[str, Tensor]", batch)["a"] for batch in predicted])
    codes = latents(NormalNoise(), 3, model.run_seed, range(5))
    given = torch.cat([data.on_after_batch_transfer(batch, 0).b for batch in data.predict_dataloader()])
    torch.testing.assert_close(found, model(given, codes))
    assert not torch.allclose(found, model(given))
    path = tmp_path / "checkpoints" / "last.ckpt"
    loaded = BicycleGAN.load_from_checkpoint(path, generator=TinyLatentTranslator)
    (started := tiny_bicyclegan(direction="b_to_a", **networks)).take(read_trained_weights(path))
    for other in (loaded, started):
        for key, value in model.state_dict().items():
            assert torch.equal(other.state_dict()[key], value), key


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"lambda_image": -1.0}, r"lambda_image is -1\.0; expected at least 0"),
        ({"lambda_latent": -1.0}, r"lambda_latent is -1\.0; expected at least 0"),
        ({"lambda_kl": -1.0}, r"lambda_kl is -1\.0; expected at least 0"),
        (
            {"generator": IdentityTranslator},
            "generator is IdentityTranslator, which takes no latent codes; expected .* such as LatentUNet",
        ),
    ],
)
def test_bad_arguments_are_named(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        tiny_bicyclegan(**arguments)


def test_data_without_pairs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="without pairs, which BicycleGAN learns from; expected pairs"):
        tiny_trainer(tmp_path, max_steps=1).fit(tiny_bicyclegan(), tiny_facades(paired=False))
