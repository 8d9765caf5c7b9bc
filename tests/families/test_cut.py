"""The training step of CUT and FastCUT."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import lightning_gans.variants.cut as cut
from lightning_gans.callbacks import LastCheckpoint
from lightning_gans.core.batches import Pair
from lightning_gans.core.images import Size
from lightning_gans.networks import (
    CUTTranslator,
    EncodingTranslator,
    IdentityTranslator,
    PatchGAN,
    ResNetTranslator,
    UNet,
)
from lightning_gans.runs.trained_weights import read_trained_weights
from lightning_gans.variants import CUT
from tests.support.tiny import tiny_trainer
from tests.support.tiny_translation import tiny_cut, tiny_facades


class Scaled(EncodingTranslator):
    """Multiplies by a number; its features are the image and a multiple of it."""

    def __init__(self, channels_in: int, channels_out: int, size: Size) -> None:
        super().__init__(channels_in, channels_out)
        self.gain = nn.Parameter(torch.tensor(0.5))
        self.encoded_channels = [channels_in, channels_in]

    def translate(self, images: Tensor) -> Tensor:
        return self.gain * images

    def encode(self, images: Tensor) -> list[Tensor]:
        return [images, self.gain * images]


def some_places(count: int, places: int, device: torch.device) -> Tensor:
    return 3 * torch.arange(places, device=device) % count


@pytest.fixture(autouse=True)
def _first_places(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cut, "draw_places", some_places)


def literal_nce(model: CUT, source: Tensor, translated: Tensor) -> Tensor:
    """The loss of one term as in the authors' code: layer by layer, a cross entropy whose classes are the places."""
    total = torch.zeros(())
    layers = model.generator(translated, encode=True), model.generator(source, encode=True)
    for mlp, query_map, key_map in zip(model.embedding.mlps, *layers, strict=True):
        places = some_places(key_map[0, 0].numel(), model.places, key_map.device)
        query, key = (mlp(maps.flatten(2)[..., places].transpose(1, 2)) for maps in (query_map, key_map))
        query, key = query / query.norm(dim=2, keepdim=True), (key / key.norm(dim=2, keepdim=True)).detach()
        for of_query, of_key in zip(query, key, strict=True):
            entropy = F.cross_entropy(of_query @ of_key.T / model.temperature, torch.arange(len(of_query)))
            total = total + entropy / len(source)
    return total / len(model.embedding.mlps)


def test_steps_are_those_of_the_authors_code_with_an_optimizer_for_each_of_three_networks(tmp_path: Path) -> None:
    # With Adam's usual epsilon, a gradient that is rounding alone would make a step as large as any other.
    adam = partial(torch.optim.Adam, lr=2e-4, betas=(0.5, 0.999), eps=1e-4)

    def make() -> CUT:
        options: dict[str, Any] = {"optimizer_g": adam, "optimizer_d": adam, "flip_equivariance": False}
        return tiny_cut(places=4, lambda_nce=3.0, **options)

    model, other, batches = make(), make(), []
    step = model.adversarial_step

    def watched(batch: Pair) -> None:
        batches.append(Pair(batch.a.clone(), batch.b.clone(), batch.aligned))
        step(batch)

    model.adversarial_step = watched  # type: ignore[method-assign]
    tiny_trainer(tmp_path, max_steps=3, limit_val_batches=0).fit(model, tiny_facades(paired=False))
    networks = other.generator, other.embedding, other.discriminator
    adams = [adam(each.parameters()) for each in networks]
    assert len(batches) == 3
    for a, b, _ in batches:
        fake, same = other.generator(a), other.generator(b)
        loss = ((other.discriminator(b) - 1) ** 2).mean() + (other.discriminator(fake.detach()) ** 2).mean()
        adams[2].zero_grad()
        (loss / 2).backward()
        adams[2].step()
        contrastive = (literal_nce(other, a, fake) + literal_nce(other, b, same)) / 2
        loss = ((other.discriminator(fake) - 1) ** 2).mean() + 3 * contrastive
        for each in adams[:2]:
            each.zero_grad()
        loss.backward()
        for each in adams[:2]:
            each.step()
    expected, start = other.state_dict(), make().state_dict()
    for key, value in model.state_dict().items():
        torch.testing.assert_close(value, expected[key], rtol=1e-3, atol=1e-5)
        assert not torch.equal(value, start[key]), key


def test_the_loss_of_mirrored_images_compares_the_same_places() -> None:
    model = tiny_cut(Scaled, places=8)
    images = torch.rand(2, 3, 16, 16)
    translated, keys = model.translate_with_keys(images, flipped=False)
    mirrored, same_keys = model.translate_with_keys(images, flipped=True)
    torch.testing.assert_close(mirrored, translated.flip(3))
    for key, same in zip(keys, same_keys, strict=True):
        torch.testing.assert_close(same, key)
    plain = model.contrastive_loss(keys, translated)
    torch.testing.assert_close(model.contrastive_loss(keys, mirrored, flipped=True), plain)
    assert not torch.allclose(model.contrastive_loss(keys, mirrored), plain)


def test_translations_and_features_of_one_pass_are_those_of_two() -> None:
    generator = tiny_cut(partial(CUTTranslator, blocks=2, width=2)).generator
    assert isinstance(generator, CUTTranslator)
    images = torch.rand(2, 3, 16, 16)
    translated, features = generator(images, encode="too")
    assert torch.equal(translated, generator(images))
    assert all(map(torch.equal, features, generator(images, encode=True)))


def test_keys_have_no_gradient() -> None:
    model = tiny_cut()
    images = torch.rand(2, 3, 16, 16)
    for flipped in (False, True):
        translated, keys = model.translate_with_keys(images, flipped)
        assert translated.requires_grad
        assert not any(key.requires_grad for key in keys)
    keys = [key.requires_grad_() for key in keys]
    translated = torch.rand(2, 3, 16, 16, requires_grad=True)
    of_translated, *of_keys = torch.autograd.grad(
        model.contrastive_loss(keys, translated).sum(), (translated, *keys), allow_unused=True
    )
    assert of_translated.abs().sum() > 0
    assert not any(each is not None for each in of_keys)


@pytest.mark.parametrize(("identity", "flips"), [(True, False), (False, True), (False, False)])
def test_the_generator_is_given_what_the_terms_need(
    identity: bool, flips: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cut, "draw_flip", lambda: True)
    model = tiny_cut(identity=identity, flip_equivariance=flips, n_critic=2, direction="b_to_a")
    seen: list[tuple[Tensor, bool]] = []
    batches: list[Pair] = []
    generator, step = model.generator, model.adversarial_step
    assert isinstance(generator, EncodingTranslator)
    translate, both = generator.translate, generator.translate_and_encode

    def watched_step(batch: Pair) -> None:
        batches.append(Pair(batch.a.clone(), batch.b.clone(), batch.aligned))
        step(batch)

    def watched(images: Tensor) -> Tensor:
        seen.append((images.clone(), torch.is_grad_enabled()))
        return translate(images)

    def watched_both(images: Tensor) -> tuple[Tensor, list[Tensor]]:
        seen.append((images.clone(), torch.is_grad_enabled()))
        return both(images)

    monkeypatch.setattr(generator, "translate", watched)
    monkeypatch.setattr(generator, "translate_and_encode", watched_both)
    monkeypatch.setattr(model, "adversarial_step", watched_step)
    trainer = tiny_trainer(tmp_path, max_steps=2, limit_val_batches=0, log_every_n_steps=1)
    trainer.fit(model, tiny_facades(paired=False))
    # The first batch is D's alone; a call before the first step checks the smallest batch.
    first, second = batches
    expected = [(first.b, False), (second.b, True), *([(second.a, True)] if identity else [])]
    given = [each for each in seen if each[0].device.type != "meta"]
    for (images, has_gradient), (source, needs_gradient) in zip(given, expected, strict=True):
        assert torch.equal(images, source.flip(3) if flips else source)
        assert has_gradient == needs_gradient
    assert ("loss/nce_identity" in model.last_logged) == identity


def test_half_of_the_steps_mirror() -> None:
    torch.manual_seed(0)
    assert 350 < sum(cut.draw_flip() for _ in range(800)) < 450


def test_mlps_are_in_checkpoints_and_a_run_that_starts_from_one_has_them(tmp_path: Path) -> None:
    networks: dict[str, Any] = {
        "generator": partial(ResNetTranslator, blocks=1, width=2),
        "discriminator": partial(PatchGAN, layers=1, width=2),
    }
    model = tiny_cut(**networks, embedding_width=5)
    callbacks = [LastCheckpoint(every_n_steps=1)]
    tiny_trainer(tmp_path, max_steps=1, limit_val_batches=0, callbacks=callbacks).fit(model, tiny_facades(paired=False))
    path = tmp_path / "checkpoints" / "last.ckpt"
    loaded = CUT.load_from_checkpoint(path)
    (started := tiny_cut(**networks, embedding_width=5)).take(read_trained_weights(path))
    widths = [value.shape for key, value in model.embedding.state_dict().items() if key.endswith(".0.weight")]
    assert widths == [(5, 3), (5, 4), (5, 8), (5, 8)]
    for other in (loaded, started):
        for key, value in model.embedding.state_dict().items():
            assert torch.equal(other.embedding.state_dict()[key], value)
    assert started.started_from is not None
    assert set(started.started_from["layers"]) == {"generator", "embedding", "discriminator"}


def test_the_encoder_ends_at_the_fifth_block_or_the_last() -> None:
    channels = {blocks: ResNetTranslator(1, 1, 8, blocks=blocks, width=2).encoded_channels for blocks in (1, 4, 9)}
    assert channels == {1: [1, 4, 8, 8], 4: [1, 4, 8, 8, 8], 9: [1, 4, 8, 8, 8]}
    for blocks, network in ((1, ResNetTranslator), (9, CUTTranslator)):
        made = network(1, 1, 8, blocks=blocks, width=2)
        maps = made(torch.rand(2, 1, 16, 24), encode=True)
        assert [each.shape[1] for each in maps] == made.encoded_channels
    assert torch.equal(maps[-1], made.layers[: 11 + 5](maps[0]))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"lambda_nce": -1.0}, r"lambda_nce is -1\.0; expected at least 0"),
        ({"places": 1}, "places is 1; expected at least 2"),
        ({"embedding_width": 0}, "embedding_width is 0; expected at least 1"),
        ({"temperature": 0.0}, r"temperature is 0\.0; expected a positive number"),
        ({"channels_a": 1}, "channels_a is 1 but channels_b is 3; expected the same, since CUT gives images of both"),
        ({"generator": IdentityTranslator}, "generator is IdentityTranslator, which returns no features; expected a"),
        (
            {"generator": partial(UNet, width=2), "size": 64},
            "generator is UNet, which returns no features; .* such as CUTTranslator",
        ),
    ],
)
def test_bad_arguments_are_named(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        tiny_cut(**arguments)
