"""Distances of images in the features of frozen networks."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from lightning_gans.metrics import EfficientNetFeatures, PixelFeatures
from lightning_gans.metrics.choice import note_on_bias
from lightning_gans.networks import EfficientNetPerceptualLoss, VGGPerceptualLoss
from lightning_gans.networks.efficientnet import FrozenLite0, lite0_name
from lightning_gans.networks.perceptual import vgg19_parts


@pytest.fixture(scope="module")
def loss() -> EfficientNetPerceptualLoss:
    return EfficientNetPerceptualLoss()


@pytest.fixture(scope="module")
def vgg_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights of VGG-19, of equal strength in all layers, up to ``relu5_1``."""
    torch.manual_seed(0)
    state: dict[str, Tensor] = {}
    for part in vgg19_parts():
        for name, layer in part.named_children():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight)
                state |= {f"features.{name}.{key}": value.detach() for key, value in layer.named_parameters()}
    path = tmp_path_factory.mktemp("vgg") / "vgg19.safetensors"
    save_file(state, path)
    return path


def test_the_distance_is_the_weighted_sum_over_feature_maps(loss: EfficientNetPerceptualLoss) -> None:
    images, truth = torch.randn(2, 2, 3, 40, 56).unbind()
    images.requires_grad_(True)
    network = FrozenLite0()
    maps = zip(loss.layer_weights, network(images), network(truth), strict=True)
    expected = sum(factor * (a - b).abs().mean() for factor, a, b in maps)
    distance = loss(images, truth)
    torch.testing.assert_close(distance, expected)
    (slope,) = torch.autograd.grad(distance, images)
    assert slope.abs().amax(dim=(1, 2, 3)).min() > 0
    assert loss(truth, truth) == 0
    gray = truth[:, :1]
    torch.testing.assert_close(loss(images[:, :1], gray), loss(images[:, :1].expand(-1, 3, -1, -1), gray))


def test_it_has_no_parameters_and_stores_the_hash_of_its_weights(loss: EfficientNetPerceptualLoss) -> None:
    assert list(loss.parameters()) == []
    assert list(loss.state_dict()) == ["features_hash"]
    loss.load_state_dict(loss.state_dict())
    with pytest.raises(ValueError, match=r"EfficientNetPerceptualLoss was trained with other weights .* \(00001234\)"):
        loss.load_state_dict({"features_hash": torch.tensor(0x1234)})


def test_a_note_says_that_scores_in_the_same_features_are_biased(loss: EfficientNetPerceptualLoss) -> None:
    assert loss.judges_in == lite0_name()
    note = note_on_bias(EfficientNetFeatures(), [nn.Linear(1, 1), loss])
    assert note is not None
    assert note.startswith("EfficientNetPerceptualLoss judges images in the features of")
    assert note_on_bias(PixelFeatures(4), [loss]) is None


@pytest.mark.slow
def test_vgg_has_the_layers_of_torchvisions_and_pix2pixhds_weights(vgg_file: Path) -> None:
    from torchvision.models import vgg19

    loss = VGGPerceptualLoss(vgg_file)
    with torch.device("meta"):
        features = vgg19(weights=None).features[:30]
    features.to_empty(device="cpu")
    state = {f"{name}": value for part in loss.parts for name, value in part.named_buffers()}
    features.load_state_dict(state)
    images, truth = torch.rand(2, 2, 3, 32, 48).unbind()
    mean, std = (torch.tensor(each)[:, None, None] for each in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    expected = 0.0
    for factor, end in ((1 / 32, 2), (1 / 16, 7), (1 / 8, 12), (1 / 4, 21), (1, 30)):
        maps = [features[:end]((each - mean) / std) for each in (images, truth)]
        expected += factor * (maps[0] - maps[1]).abs().mean().item()
    assert loss(2 * images - 1, 2 * truth - 1).item() == pytest.approx(expected, rel=1e-4)
    assert list(loss.parameters()) == []
    assert list(loss.state_dict()) == ["features_hash"]


def test_on_the_meta_device_no_file_is_read() -> None:
    with torch.device("meta"):
        assert list(VGGPerceptualLoss(Path("nowhere.pth")).parameters()) == []


def test_bad_input_is_named(tmp_path: Path, loss: EfficientNetPerceptualLoss) -> None:
    with pytest.raises(ValueError, match=r"weight is -1\.0; expected at least 0"):
        EfficientNetPerceptualLoss(-1.0)
    with pytest.raises(ValueError, match=r"file is nowhere\.pth, which does not exist; expected torchvision's weights"):
        VGGPerceptualLoss(Path("nowhere.pth"))
    torch.save({"features.0.weight": torch.zeros(1)}, tmp_path / "other.pth")
    (tmp_path / "damaged.safetensors").write_bytes(b"no weights")
    for name in ("other.pth", "damaged.safetensors"):
        with warnings.catch_warnings(), pytest.raises(ValueError, match=rf"{name}; expected torchvision's weights of"):
            VGGPerceptualLoss(tmp_path / name)
    with pytest.raises(ValueError, match="EfficientNetPerceptualLoss, but the translated images have 4 channels"):
        loss.check_images(4, (32, 32))
