"""Small models and data, so that a whole training run takes a second."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import Callback, Checkpoint
from torch import Tensor

from lightning_gans.core.data import Contents
from lightning_gans.datamodules.in_memory import InMemoryDataModule
from lightning_gans.families.alternating import AlternatingTraining
from lightning_gans.networks import DCGANDiscriminator, DCGANGenerator, StyleGAN2Discriminator, StyleGAN2Generator
from lightning_gans.runs.checkpoint_io import AtomicCheckpointIO
from lightning_gans.variants import DCGAN, StyleGAN2


class TinyData(InMemoryDataModule):
    """Random gray images; training, validation and test images differ."""

    channels = 1
    num_classes = 10
    contents: Contents = "digits"  # whose features take no time

    def __init__(self, length: int = 46, batch_size: int = 8, num_workers: int = 0) -> None:
        super().__init__(size=28, batch_size=batch_size, eval_batch_size=4, val_size=6, num_workers=num_workers)
        self.length = length

    def load(self, *, train: bool) -> tuple[Tensor, Tensor]:
        generator = torch.Generator().manual_seed(int(train))
        images = torch.randint(0, 256, (self.length, 1, 28, 28), dtype=torch.uint8, generator=generator)
        return images, torch.arange(self.length) % 10


def tiny_dcgan(batch_norm: bool = True, **kwargs: Any) -> DCGAN:
    torch.manual_seed(0)
    return DCGAN(
        generator=DCGANGenerator(channels=1, size=28, latent_dim=3, width=2),
        discriminator=DCGANDiscriminator(channels=1, size=28, width=2, batch_norm=batch_norm),
        **kwargs,
    )


def tiny_stylegan2(**kwargs: Any) -> StyleGAN2:
    """Its own networks, whose noise inputs have weights from the start."""
    torch.manual_seed(0)
    generator = StyleGAN2Generator(1, 28, latent_dim=3, style_dim=4, mapping_layers=2, width=2, style_mixing=0.5)
    for name, value in generator.named_parameters():
        if name.endswith("strength"):
            torch.nn.init.constant_(value, 0.2)
    # Groups of two, so that those of four processes with two images each are those of one process with eight.
    discriminator = StyleGAN2Discriminator(1, 28, width=2, group_size=2)
    return StyleGAN2(generator=generator, discriminator=discriminator, **kwargs)


def tiny_trainer(folder: Path, **kwargs: Any) -> L.Trainer:
    defaults: dict[str, Any] = {
        "default_root_dir": folder,
        "accelerator": "cpu",
        "logger": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "log_every_n_steps": 1,
        "num_sanity_val_steps": 0,
        "plugins": [AtomicCheckpointIO()],
    }
    defaults["enable_checkpointing"] = any(isinstance(c, Checkpoint) for c in kwargs.get("callbacks", []))
    return L.Trainer(**{**defaults, **kwargs})


def weights(model: torch.nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in model.state_dict().items()}


def watch_updates(model: AlternatingTraining) -> list[tuple[str, set[str]]]:
    """Of each call of ``optimize`` from now on: the side, and the names of the parameters that it moves."""
    moved: list[tuple[str, set[str]]] = []
    optimize = model.optimize

    def watched(name: str, loss: Tensor, more: bool = False) -> None:
        before = {key: value.detach().clone() for key, value in model.named_parameters()}
        optimize(name, loss, more)
        moved.append((name, {key for key, value in model.named_parameters() if not torch.equal(value, before[key])}))

    model.optimize = watched  # type: ignore[method-assign]
    return moved


def networks_moved(moved: list[tuple[str, set[str]]]) -> dict[str, set[str]]:
    """The names of the networks that the updates of each side move."""
    sides = {name for name, _ in moved}
    return {side: {key.partition(".")[0] for name, keys in moved for key in keys if name == side} for side in sides}


class At(Callback):
    """Does something to the model at the end of one step, before the callbacks after it look."""

    def __init__(self, step: int, act: Callable[[DCGAN], None]) -> None:
        self.step = step
        self.act = act

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        if trainer.global_step == self.step:
            self.act(pl_module)


def last_checkpoint(folder: Path) -> dict[str, Any]:
    stored: dict[str, Any] = torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)
    assert all(value.isfinite().all() for value in stored["state_dict"].values())
    return stored
