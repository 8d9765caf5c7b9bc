from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F
from torchmetrics.image.lpip import LearnedPerceptualImagePatchSimilarity
from torchvision.models import AlexNet_Weights, _api, alexnet

from lightning_gans.core.errors import InputError
from lightning_gans.core.images import to_float
from lightning_gans.metrics.cache import file_hash
from lightning_gans.metrics.perceptual import FeatureDistance, MeanPerceptualDistance, PerceptualDistance


@pytest.fixture(scope="module")
def backbone() -> dict[str, Tensor]:
    """Random weights in the layout of torchvision's AlexNet."""
    torch.manual_seed(0)
    weights: dict[str, Tensor] = alexnet(weights=None).state_dict()
    return weights


@pytest.fixture(scope="module")
def path(backbone: dict[str, Tensor], tmp_path_factory: pytest.TempPathFactory) -> Path:
    # Of the classifier, 9 in 10 of the file, the smallest part: there, but of no use.
    kept = {key: value for key, value in backbone.items() if "features" in key or key == "classifier.6.bias"}
    path = tmp_path_factory.mktemp("weights") / "alexnet.pth"
    torch.save(kept, path)
    return path


@pytest.fixture(scope="module")
def distance(path: Path) -> PerceptualDistance:
    return PerceptualDistance(path)


def noise(*shape: int) -> Tensor:
    return torch.randint(0, 256, shape, dtype=torch.uint8)


def test_distances_are_those_of_torchmetrics_with_the_same_backbone(
    backbone: dict[str, Tensor], distance: PerceptualDistance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_api, "load_state_dict_from_url", lambda *_, **__: backbone)
    oracle = LearnedPerceptualImagePatchSimilarity(net_type="alex", reduction="none", normalize=True)
    images, truth = noise(3, 3, 64, 48), noise(3, 3, 64, 48)
    distances = distance(images, truth)
    assert distances.shape == (3,)
    assert distances.dtype == torch.float32
    assert distances.min() > 0
    torch.testing.assert_close(distances, oracle(images / 255, truth / 255), rtol=1e-4, atol=1e-6)


def test_equal_images_have_no_distance_and_gray_ones_are_rgb(distance: PerceptualDistance) -> None:
    images, truth = noise(1, 1, 31, 40), noise(1, 1, 31, 40)
    assert distance(images, images).tolist() == [0]
    rgb = distance(images.expand(-1, 3, -1, -1), truth.expand(-1, 3, -1, -1))
    assert torch.equal(distance(images, truth), rgb)


def test_the_network_is_never_trained(path: Path) -> None:
    state = torch.get_rng_state()
    distance = PerceptualDistance(path).train()
    assert torch.equal(torch.get_rng_state(), state)
    assert not any(module.training for module in distance.network.modules())
    assert not any(parameter.requires_grad for parameter in distance.parameters())
    assert not distance(noise(1, 3, 32, 32), noise(1, 3, 32, 32)).requires_grad


def test_the_mean_is_the_same_for_any_partition_and_owns_no_network(distance: PerceptualDistance) -> None:
    images, truth = noise(5, 3, 32, 32), noise(5, 3, 32, 32)
    first, second = MeanPerceptualDistance(distance), MeanPerceptualDistance(distance)
    first.update(images[:1], truth[:1])
    second.update(images[1:3], truth[1:3])
    second.update(images[3:], truth[3:])
    first.merge_state(second)
    scores = first.compute()
    assert set(scores) == {"lpips"}
    assert scores["lpips"].dtype == torch.float64
    expected = distance(images, truth).mean().item()
    assert scores["lpips"].item() == pytest.approx(expected, rel=1e-5)
    assert not first.state_dict()
    assert not list(first.children())


def test_the_description_names_the_backbone_and_its_weights(path: Path, distance: PerceptualDistance) -> None:
    assert distance.description == f"lpips-alex-{file_hash(path)}"


def test_weights_in_the_hub_folder_are_taken(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / Path(AlexNet_Weights.IMAGENET1K_V1.url).name).symlink_to(path)
    assert PerceptualDistance().description == f"lpips-alex-{file_hash(path)}"


def test_offline_says_where_to_put_which_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(*_: object, **__: object) -> None:
        raise OSError("no route to host")

    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setattr(torch.hub, "download_url_to_file", offline)
    place = rf"{tmp_path}/checkpoints/alexnet-owt-7be5be79\.pth"
    with pytest.raises(ValueError, match=rf"^weights is not given, .*no route to host.* at {place}"):
        PerceptualDistance()


def test_a_file_that_is_not_alexnets_weights_is_refused(tmp_path: Path, backbone: dict[str, Tensor]) -> None:
    path = tmp_path / "weights.pth"
    path.write_bytes(b"text")
    with pytest.raises(ValueError, match="expected a file with AlexNet's weights"):
        PerceptualDistance(path)
    torch.save({"features.0.weight": backbone["features.0.weight"]}, path)
    with pytest.raises(ValueError, match=r"expected a file with AlexNet's weights.*features\.0\.bias is missing"):
        PerceptualDistance(path)
    torch.save({key: torch.zeros(1) for key in backbone}, path)
    with pytest.raises(ValueError, match="expected a file with AlexNet's weights"):
        PerceptualDistance(path)
    with pytest.raises(ValueError, match="does not exist"):
        PerceptualDistance(tmp_path / "none.pth")


def test_images_that_do_not_fit_are_refused(distance: PerceptualDistance) -> None:
    with pytest.raises(InputError, match="the images have 30 x 64 px; expected at least 31 x 31 for LPIPS"):
        distance(noise(1, 3, 30, 64), noise(1, 3, 30, 64))
    with pytest.raises(InputError, match="expected equal shapes"):
        distance(noise(2, 3, 32, 32), noise(1, 3, 32, 32))


# The distance without learned weights, in the features that are installed with the package.


@pytest.fixture(scope="module")
def features() -> FeatureDistance:
    return FeatureDistance()


def test_feature_distances_are_equation_1_with_equal_weights(features: FeatureDistance) -> None:
    images, truth = noise(3, 3, 64, 96), noise(3, 3, 64, 96)
    expected = torch.zeros(3)
    for found, wanted in zip(features.maps(to_float(images)), features.maps(to_float(truth)), strict=True):
        # Of vectors of unit length it is 2 - 2 times the cosine of their angle.
        expected += (2 - 2 * F.cosine_similarity(found, wanted, eps=1e-6)).mean(dim=(1, 2)) / 4
    distances = features(images, truth)
    assert distances.dtype == torch.float32
    torch.testing.assert_close(distances, expected, rtol=1e-4, atol=1e-6)
    assert features(images, images).tolist() == [0, 0, 0]


def test_feature_distances_rank_damage(features: FeatureDistance) -> None:
    """A picture is nearer to a blurred copy than to noise of the same statistics."""
    ramp = torch.linspace(0, 255, 64)
    truth = torch.stack([ramp.expand(64, 64), ramp[:, None].expand(64, 64), 255 - ramp.expand(64, 64)])[None].byte()
    truth[:, :, 16:48, 16:48] = 220
    blurred = F.avg_pool2d(truth.float(), 3, 1, 1).byte()
    shuffled = truth.flatten(2)[:, :, torch.randperm(64 * 64, generator=torch.Generator().manual_seed(0))].view_as(
        truth
    )
    assert 0 < features(blurred, truth) < 0.5 * features(shuffled, truth)


def test_feature_distances_take_gray_and_transparent_images(features: FeatureDistance) -> None:
    gray, other = noise(1, 1, 40, 40), noise(1, 1, 40, 40)
    rgb = features(gray.expand(-1, 3, -1, -1), other.expand(-1, 3, -1, -1))
    torch.testing.assert_close(features(gray, other), rgb)
    first, second = noise(1, 4, 40, 40), noise(1, 4, 40, 40)
    first[:, 3] = second[:, 3] = 0
    assert features(first, second) == pytest.approx(0, abs=1e-6)
    with pytest.raises(InputError, match="the images have 5 channels; expected 1 to 4 for FeatureDistance"):
        features(noise(1, 5, 40, 40), noise(1, 5, 40, 40))
    with pytest.raises(InputError, match="expected equal shapes"):
        features(gray, first)


def test_the_score_has_the_name_of_its_distance(features: FeatureDistance) -> None:
    mean = MeanPerceptualDistance(features)
    images, truth = noise(2, 3, 32, 32), noise(2, 3, 32, 32)
    mean.update(images, truth)
    scores = mean.compute()
    assert mean.names == ("feature_distance",)
    assert scores["feature_distance"].item() == pytest.approx(features(images, truth).mean().item(), rel=1e-5)
    assert features.description.startswith("feature-distance-efficientnet_lite0-")
