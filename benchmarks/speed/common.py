"""The training step in the style of common suites, reimplemented.

Images are loaded one by one with PIL, D's gradients are computed in G's update too, losses are read from the device and
logged at every step, and upsampling and the convolution after it are two operations. Optimizers and memory formats are
torch's defaults. As in such suites, G runs once for both sides, and nothing is averaged.
"""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from lightning_gans.components.penalties import DiscriminatorPass
from lightning_gans.families import LatentGAN
from lightning_gans.networks.layers import UpsampleConv
from lightning_gans.variants import CycleGAN, Pix2Pix
from speed.parts import Parts


class ThroughPIL(Dataset[Any]):
    """A data set that loads images one at a time with PIL.

    Args:
        images: images (C, H, W), uint8.
        size: (height, width) in pixels.
    """

    def __init__(self, images: list[Tensor], size: tuple[int, int]) -> None:
        self.images = [image.permute(1, 2, 0).squeeze(-1).numpy() for image in images]
        channels = len(images[0])
        self.transform = transforms.Compose(
            [
                transforms.Resize(size),
                transforms.ToTensor(),
                transforms.Normalize([0.5] * channels, [0.5] * channels),
            ]
        )

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Any:
        return self.transform(Image.fromarray(self.images[index]))


class Beside(Dataset[Any]):
    """Tuples of the items of several data sets; shorter ones are repeated."""

    def __init__(self, *sets: Any) -> None:
        self.sets = sets

    def __len__(self) -> int:
        return max(len(held) for held in self.sets)

    def __getitem__(self, index: int) -> Any:
        return tuple(held[index % len(held)] for held in self.sets)


class Common(ABC):
    """A loop over steps.

    Args:
        parts: model, data and optimizers.
        folder: folder of the log file.
    """

    def __init__(self, parts: Parts, folder: str) -> None:
        self.parts = parts
        self.device = parts.device
        self.done = 0
        for network in parts.model.children():
            apart(network)
            network.to(memory_format=torch.contiguous_format)
        for optimizer in parts.optimizers.values():
            for group in optimizer.param_groups:
                group["fused"] = None
        self.logger = logging.getLogger("common")
        self.logger.propagate = False
        self.logger.setLevel(logging.INFO)
        self.logger.addHandler(logging.FileHandler(Path(folder) / "common.log"))
        self.loader = DataLoader(self.dataset(), parts.data.batch_size, shuffle=True, drop_last=True)
        self._batches: Iterator[Any] = iter(self.loader)

    @abstractmethod
    def dataset(self) -> Dataset[Any]:
        """Create the data set."""

    @abstractmethod
    def alternate(self, batch: Any) -> dict[str, float]:
        """Compute the loss of each side on a batch, update it, and return the losses."""

    def step(self) -> None:
        """Take one step."""
        try:
            batch = next(self._batches)
        except StopIteration:
            self._batches = iter(self.loader)
            batch = next(self._batches)
        losses = self.alternate([part.to(self.device) for part in batch])
        for scheduler in self.parts.schedulers:
            scheduler.step()
        self.done += 1
        said = " ".join(f"[{name} loss: {loss:f}]" for name, loss in losses.items())
        self.logger.info(
            "[Epoch %d] [Batch %d/%d] %s", self.done // len(self.loader), self.done, len(self.loader), said
        )

    def move(self, side: str, loss: Tensor) -> float:
        """Update one side; gradients of both are computed."""
        optimizer = self.parts.optimizers[side]
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch has not annotated it
        optimizer.step()
        return loss.item()


class CommonLatent(Common):
    """The loop of variants that generate from noise."""

    def dataset(self) -> Dataset[Any]:
        """Create a data set of images and labels."""
        split = self.parts.data.splits["train"]
        return Beside(ThroughPIL(list(split.images), self.parts.data.size), split.labels.tolist())

    def alternate(self, batch: Any) -> dict[str, float]:
        """Update D, then G on the same images."""
        model = self.parts.model
        assert isinstance(model, LatentGAN)
        real, labels = batch
        judge = model.discriminator
        made = model.generator(self.noise(len(real)), labels)
        fake = made.detach()
        penalty = model.penalty if model.penalty is not None and model.penalty.applies_at(self.done) else None
        if penalty is not None:
            real, fake = penalty.leaves(real, fake)
        real_logits, fake_logits = judge(real, labels), judge(fake, labels)
        loss = model.objective.discriminator_loss(real_logits, fake_logits)
        if penalty is not None:
            loss = loss + penalty.term(DiscriminatorPass(real, fake, real_logits, fake_logits, labels, judge))
        losses = {"D": self.move("d", loss)}
        if model.sides["g"].is_due(self.done):
            losses["G"] = self.move("g", model.generator_loss(real.detach(), made, labels))
        return losses

    def noise(self, count: int) -> Tensor:
        """Draw latent vectors."""
        model = self.parts.model
        assert isinstance(model, LatentGAN)
        shape = count, int(model.generator.latent_dim)
        return model.noise.sample(shape, torch.default_generator).to(self.device)


class CommonTranslation(Common):
    """The loop of variants that translate images."""

    def dataset(self) -> Dataset[Any]:
        """Create a data set of images of both domains."""
        split, size = self.parts.data.splits["train"], self.parts.data.size
        return Beside(*(ThroughPIL(list(held[list(range(len(held)))]), size) for held in (split.a, split.b)))


class CommonPix2Pix(CommonTranslation):
    """The loop of pix2pix."""

    def alternate(self, batch: Any) -> dict[str, float]:
        """Update D, then G on the same images."""
        model = self.parts.model
        assert isinstance(model, Pix2Pix)
        truth, source = batch if model.direction == "b_to_a" else reversed(batch)
        fake = model.generator(source)
        real_logits = model.discriminator(torch.cat([source, truth], 1))
        fake_logits = model.discriminator(torch.cat([source, fake.detach()], 1))
        loss_d = self.move("d", model.objective.discriminator_loss(real_logits, fake_logits) / 2)
        adversarial = model.objective.generator_loss(model.discriminator(torch.cat([source, fake], 1)))
        loss_g = self.move("g", adversarial + model.lambda_l1 * F.l1_loss(fake, truth))
        return {"D": loss_d, "G": loss_g}


class CommonCycleGAN(CommonTranslation):
    """The loop of CycleGAN."""

    def alternate(self, batch: Any) -> dict[str, float]:
        """Update the generators, then the discriminators on images of the pools."""
        model = self.parts.model
        assert isinstance(model, CycleGAN)
        a, b = batch
        same = model.lambda_a * F.l1_loss(model.b_to_a(a), a) + model.lambda_b * F.l1_loss(model.a_to_b(b), b)
        fake_b, fake_a = model.a_to_b(a), model.b_to_a(b)
        adversarial = model.objective.generator_loss(model.discriminator_b(fake_b))
        adversarial = adversarial + model.objective.generator_loss(model.discriminator_a(fake_a))
        cycle = model.lambda_a * F.l1_loss(model.b_to_a(fake_b), a) + model.lambda_b * F.l1_loss(
            model.a_to_b(fake_a), b
        )
        losses = {"G": self.move("g", adversarial + cycle + model.lambda_identity * same)}
        optimizer = self.parts.optimizers["d"]
        optimizer.zero_grad()
        for name, judge, real, fake in (
            ("D_A", model.discriminator_a, a, model.pool_a(fake_a)),
            ("D_B", model.discriminator_b, b, model.pool_b(fake_b)),
        ):
            loss = model.objective.discriminator_loss(judge(real), judge(fake)) / 2
            loss.backward()  # type: ignore[no-untyped-call]  # torch has not annotated it
            losses[name] = loss.item()
        optimizer.step()
        return losses


def apart(network: nn.Module) -> None:
    """Split each combined layer into an upsampling and a convolution with the same weights."""
    for name, child in network.named_children():
        if isinstance(child, UpsampleConv):
            plain = nn.Conv2d(child.in_channels, child.out_channels, 3, padding=1, bias=child.bias is not None)
            plain.weight, plain.bias = child.weight, child.bias
            setattr(network, name, nn.Sequential(nn.Upsample(scale_factor=2), plain))
        else:
            apart(child)


def common(parts: Parts, folder: str) -> Common:
    """Create the loop for a model."""
    kinds: dict[type, type[Common]] = {Pix2Pix: CommonPix2Pix, CycleGAN: CommonCycleGAN}
    return kinds.get(type(parts.model), CommonLatent)(parts, folder)
