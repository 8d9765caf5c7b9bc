"""Extractors for natural images: what they see, whose weights they take, and which files they refuse."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from safetensors.torch import save_file
from sklearn.datasets import load_sample_images
from torch import Tensor
from torch.nn import functional as F
from torchvision import models

from lightning_gans.metrics import EfficientNetFeatures, FeatureExtractor, TimmFeatures, TorchvisionFeatures
from lightning_gans.metrics import natural_images as module
from lightning_gans.metrics.kernel import KernelInceptionDistance
from lightning_gans.networks.efficientnet import lite0_file

PALACE = 698
"""ImageNet's class of palaces."""


@pytest.fixture(scope="module")
def extractor() -> FeatureExtractor:
    return EfficientNetFeatures()


def photos() -> Tensor:
    """Two photos of scikit-learn, of a palace and of a flower, as squares (2, 3, 427, 427)."""
    images = torch.stack([torch.tensor(image) for image in load_sample_images().images])
    return images[:, :, 106:533].permute(0, 3, 1, 2)


def test_the_shipped_weights_recognize_a_palace() -> None:
    extractor = EfficientNetFeatures(size=224)
    weights = torch.load(lite0_file(), weights_only=True)
    head, bias = list(weights.values())[-2:]
    prepared = F.interpolate(photos()[:1].float(), size=(224, 224), mode="bicubic", antialias=True).clamp(0, 255)
    pooled = extractor.network((prepared - 127) / 128)
    assert (pooled @ head.T + bias).argmax().item() == PALACE
    torch.testing.assert_close(extractor(photos()[:1]), F.normalize(pooled), rtol=1e-3, atol=1e-4)


def test_features_have_length_one_for_any_size_and_for_gray(extractor: FeatureExtractor) -> None:
    for shape in ((2, 3, 32, 32), (2, 1, 28, 28), (2, 3, 40, 200)):
        features = extractor(torch.randint(0, 256, shape, dtype=torch.uint8))
        assert features.shape == (2, extractor.num_features) == (2, 1280)
        torch.testing.assert_close(features.norm(dim=1), torch.ones(2))
    gray = torch.randint(0, 256, (1, 1, 32, 32), dtype=torch.uint8)
    torch.testing.assert_close(extractor(gray), extractor(gray.expand(-1, 3, -1, -1)))


def test_a_batch_is_computed_in_parts(extractor: FeatureExtractor, monkeypatch: pytest.MonkeyPatch) -> None:
    images = torch.randint(0, 256, (5, 3, 32, 32), dtype=torch.uint8)
    whole = extractor(images)
    monkeypatch.setattr(module, "CHUNK", 2)
    torch.testing.assert_close(extractor(images), whole)
    assert extractor(images[:0]).shape == (0, 1280)


def test_nothing_that_says_nothing_scores_better_than_a_blurred_photo(extractor: FeatureExtractor) -> None:
    """Raw features have this fault: a single color or noise is nearer to the mean than a photo."""
    generator = torch.Generator().manual_seed(0)
    palace, flower = photos()
    crops = [
        image[:, y : y + 128, x : x + 128]
        for image in (palace, flower)
        for y, x in torch.randint(0, 299, (40, 2), generator=generator).tolist()
    ]
    real, blurred = torch.stack(crops[::2]), torch.stack(crops[1::2])
    blurred = F.interpolate(blurred.float(), scale_factor=1 / 3, mode="area").round().to(torch.uint8)
    colors = torch.randint(0, 256, (40, 3, 1, 1), dtype=torch.uint8, generator=generator).expand(-1, -1, 64, 64)
    noise = torch.randint(0, 256, (40, 3, 64, 64), dtype=torch.uint8, generator=generator)
    scores = []
    for fake in (blurred, colors, noise):
        kid = KernelInceptionDistance(extractor.num_features, extractor.kernel_scale)
        kid.update(extractor(real), real=True)
        kid.update(extractor(fake), real=False)
        scores.append(kid.compute()["kid"].item())
    assert scores[0] < min(scores[1:]) / 1.5


def test_the_draws_of_the_run_do_not_change() -> None:
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    EfficientNetFeatures()
    assert torch.equal(torch.rand(3), expected)


def test_the_description_names_weights_and_resize(extractor: FeatureExtractor) -> None:
    assert extractor.description == "efficientnet_lite0-57934424,128px-bicubic-antialias,unit-length"
    assert EfficientNetFeatures(size=64).description.endswith("64px-bicubic-antialias,unit-length")
    with pytest.raises(ValueError, match="size is 16; expected at least 32"):
        EfficientNetFeatures(size=16)


def test_torchvisions_classifiers_give_their_last_hidden_layer(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = models.mobilenet_v3_small(weights=None).eval()
    torch.save(network.state_dict(), tmp_path / "whole.pth")
    # As the weights of self-supervised training come: without the classifier.
    save_file({k: v for k, v in network.state_dict().items() if "classifier.3" not in k}, tmp_path / "body.safetensors")
    images = torch.randint(0, 256, (2, 3, 64, 64), dtype=torch.uint8)
    first, second = (
        TorchvisionFeatures("mobilenet_v3_small", tmp_path / name, size=64)
        for name in ("whole.pth", "body.safetensors")
    )
    assert torch.equal(first(images), second(images))
    assert first.description != second.description
    mean, std = (torch.tensor(values)[:, None, None] for values in (module.IMAGENET_MEAN, module.IMAGENET_STD))
    hidden: list[Tensor] = []
    network.classifier[3].register_forward_pre_hook(lambda _, inputs: hidden.append(inputs[0]))
    network((images / 255 - mean) / std)
    torch.testing.assert_close(first(images), F.normalize(hidden[0]), rtol=1e-3, atol=1e-5)


def test_a_networks_weights_are_downloaded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = tmp_path / "mobilenet_v3_small-00000000.pth"
    torch.save(models.mobilenet_v3_small(weights=None).state_dict(), kept)
    asked: list[Any] = []

    def download(*args: Any) -> Path:
        asked.append(args)
        return kept

    monkeypatch.setattr(module, "download_weights", download)
    assert TorchvisionFeatures("mobilenet_v3_small").num_features == 1024
    assert asked == [(models.MobileNet_V3_Small_Weights.DEFAULT.url, "mobilenet_v3_small")]


def test_timms_networks_take_a_file(tmp_path: Path) -> None:
    network = timm.create_model("test_vit", pretrained=False).eval()
    save_file(network.state_dict(), tmp_path / "vit.safetensors")
    extractor = TimmFeatures("test_vit", tmp_path / "vit.safetensors")
    assert extractor.description.startswith("test_vit-")
    assert extractor(torch.zeros(2, 1, 28, 28, dtype=torch.uint8)).shape == (2, extractor.num_features)


@pytest.mark.parametrize(
    ("kind", "network", "message"),
    [
        (TorchvisionFeatures, "resnet", "network is 'resnet'; expected one of torchvision's classifiers: alexnet"),
        (TorchvisionFeatures, "squeezenet1_0", "network is 'squeezenet1_0', which has no linear layer"),
        (
            TorchvisionFeatures,
            "mobilenet_v3_small",
            r"weights is .*other.pth; expected a file with the weights",
        ),
        (TimmFeatures, "test_vi", r"network is 'test_vi'; expected a name of a network in timm \(timm has test_vit"),
        (TimmFeatures, "test_vit", r"weights is .*other.pth; expected a file with the weights"),
    ],
)
def test_another_network_is_refused(kind: Any, network: str, message: str, tmp_path: Path) -> None:
    torch.save({"weight": torch.zeros(3)}, tmp_path / "other.pth")
    with pytest.raises(ValueError, match=message):
        kind(network, weights=tmp_path / "other.pth")


def test_a_file_of_weights_runs_no_code(tmp_path: Path) -> None:
    class Code:
        def __reduce__(self) -> Any:
            return Path.touch, (tmp_path / "ran",)

    torch.save({"weight": Code()}, tmp_path / "bad.pth")
    with pytest.raises(ValueError, match=r"weights is .*bad\.pth; expected a file"):
        TorchvisionFeatures("mobilenet_v3_small", tmp_path / "bad.pth")
    assert not (tmp_path / "ran").exists()
