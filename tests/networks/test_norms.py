"""Normalization of translators by running statistics, and none."""

from __future__ import annotations

import torch
from torch import nn

from lightning_gans.inference.tiled.translate import translate_picture
from lightning_gans.networks import ResNetTranslator
from lightning_gans.networks.norms import NoNorm, RunningBatchNorm


def test_running_batch_norm_is_torchs_in_training_and_in_evaluation() -> None:
    torch.manual_seed(0)
    ours, theirs = RunningBatchNorm(3), nn.BatchNorm2d(3)
    for _ in range(3):
        maps = 2 + 3 * torch.randn(2, 3, 8, 8)
        torch.testing.assert_close(ours(maps), theirs(maps))
    assert {*ours.state_dict()} | {"num_batches_tracked"} == {*theirs.state_dict()}
    for name, value in ours.state_dict().items():
        torch.testing.assert_close(value, theirs.state_dict()[name])
    torch.testing.assert_close(ours.eval()(maps[:1]), theirs.eval()(maps[:1]))


def test_tiles_need_no_statistics_of_the_whole_image() -> None:
    steps: list[tuple[int, int]] = []
    for norm in (RunningBatchNorm, NoNorm):
        network = ResNetTranslator(
            1, 1, 32, blocks=1, width=2, norm=norm, antialias_down=True, antialias_up=True
        ).eval()
        image = torch.rand(1, 80, 96)
        whole = network(image[None])[0]
        tiled = translate_picture(network, image, 32, 48, lambda done, total: steps.append((done, total)))
        torch.testing.assert_close(tiled, whole.detach(), atol=1e-5, rtol=0)
        assert steps[-1][0] == steps[-1][1]
