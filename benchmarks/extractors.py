"""Measure how many images per second each extractor of features takes, on one core.

    OMP_NUM_THREADS=1 python benchmarks/extractors.py

The extractors take turns over the same 32 x 32 images in color, and the best CPU time of each counts. Where weights
cannot be had offline, random ones take their place: the speed does not depend on them.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

import torch
from torch_fidelity import feature_extractor_inceptionv3 as fidelity
from torchvision.models import resnet50

from lightning_gans.metrics import (
    EfficientNetFeatures,
    FeatureExtractor,
    InceptionFeatures,
    StackedDigitFeatures,
    TorchvisionFeatures,
)

BATCH, TURNS = 64, 3


def random_inception(folder: Path) -> FeatureExtractor:
    """Inception with random weights."""
    with (
        patch.object(fidelity, "load_state_dict_from_url", lambda *_, **__: {}),
        patch.object(fidelity.FeatureExtractorInceptionV3, "load_state_dict", lambda *_, **__: None),
    ):
        network = fidelity.FeatureExtractorInceptionV3("inception-v3-compat", ["2048", "logits_unbiased"])
    torch.save(network.state_dict(), folder / "inception.pth")
    return InceptionFeatures(folder / "inception.pth")


def random_resnet(folder: Path) -> FeatureExtractor:
    """Torchvision's ResNet-50 at 224 pixels, with random weights."""
    torch.save(resnet50(weights=None).state_dict(), folder / "resnet50.pth")
    return TorchvisionFeatures("resnet50", folder / "resnet50.pth")


EXTRACTORS: dict[str, Callable[[Path], FeatureExtractor]] = {
    "`StackedDigitFeatures`": lambda _: StackedDigitFeatures(),
    "`EfficientNetFeatures`, 128 pixels": lambda _: EfficientNetFeatures(),
    "`EfficientNetFeatures`, 64 pixels": lambda _: EfficientNetFeatures(64),
    "`TorchvisionFeatures resnet50`, 224 pixels": random_resnet,
    "`InceptionFeatures`, 299 pixels": random_inception,
}


def main() -> None:
    """Measure and print the table."""
    torch.set_num_threads(1)
    images = torch.randint(0, 256, (BATCH, 3, 32, 32), dtype=torch.uint8)
    with tempfile.TemporaryDirectory() as folder:
        extractors = {name: make(Path(folder)) for name, make in EXTRACTORS.items()}
    for extractor in extractors.values():
        extractor(images[:2])  # what a first call needs
    seconds: dict[str, list[float]] = {name: [] for name in extractors}
    for _ in range(TURNS):
        for name, extractor in extractors.items():
            start = time.process_time()
            extractor(images)
            seconds[name].append(time.process_time() - start)
    best = {name: min(times) for name, times in seconds.items()}
    yardstick = best["`EfficientNetFeatures`, 128 pixels"]
    print("| Extractor | Features | Images per second of one core | Time, EfficientNet at 128 pixels = 1 |")
    print("| --- | --: | --: | --: |")
    for name, extractor in extractors.items():
        ratio = best[name] / yardstick
        print(f"| {name} | {extractor.num_features} | {BATCH / best[name]:,.3g} | {ratio:.2g} |")


if __name__ == "__main__":
    main()
