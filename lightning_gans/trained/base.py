"""What all trained generators have in common: weights, what is known of them, and a place on the hub."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

import torch
from huggingface_hub import ModelCard, PyTorchModelHubMixin
from safetensors import SafetensorError
from torch import Tensor, nn

from lightning_gans.errors import InputError

BATCH = 64
"""Images that go through a network at once."""

About = dict[str, Any]
"""What is known of a model, as plain data; see :func:`lightning_gans.trained.reading.about`."""


class Trained(nn.Module, PyTorchModelHubMixin, library_name="lightning-gans", tags=["gan"]):
    """Trained generators, ready for use: in evaluation mode, without gradients.

    ``save_pretrained(FOLDER)`` leaves ``config.json``, ``model.safetensors`` and a model card there,
    ``push_to_hub(NAME)`` on the Hugging Face Hub; ``from_pretrained`` of the same class reads either, and
    :func:`lightning_gans.load` a folder of either class.

    Args:
        about: what is known of the model, as plain data.
    """

    def __init__(self, about: About) -> None:
        super().__init__()
        self.about = about

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.parameters()).device

    @property
    def weights_kind(self) -> str:
        """Whose weights these are: "ema", the average, or "raw"."""
        return str(self.about.get("weights", "unknown"))

    def ready(self) -> Self:
        """This model, in evaluation mode and without gradients."""
        return self.requires_grad_(False).eval()

    def sample(self, n: int, labels: Any = None, seed: int = 0, truncation: float | None = None) -> Tensor:
        """Images from noise, of a model that makes them; see :class:`.LatentSampler`.

        Raises:
            InputError: if the model translates images.
        """
        raise InputError("this model translates images and makes none from noise; expected one such as DCGAN or CGAN")

    def interpolate(self, seeds: Any, labels: Any = None, steps: int = 9, truncation: float | None = None) -> Tensor:
        """Images on the way between pictures, of a model that makes them from noise; see :class:`.LatentSampler`.

        Raises:
            InputError: if the model translates images.
        """
        return self.sample(0)

    def translate(self, images: Tensor, direction: str | None = None) -> Tensor:
        """Images from images, of a model that translates them; see :class:`.ImageTranslator`.

        Raises:
            InputError: if the model makes images from noise.
        """
        raise InputError("this model makes images from noise and translates none; expected Pix2Pix or CycleGAN")

    def generate_model_card(self, *args: Any, **kwargs: Any) -> ModelCard:
        """The text that stands beside the weights on the hub, from what is known of the model."""
        from lightning_gans.trained.card import model_card

        return model_card(self, **kwargs)

    @classmethod
    def _from_pretrained(cls, *, strict: bool = True, **kwargs: Any) -> Self:
        """Read the weights, all of them: by default the hub's mixin would leave out what does not fit."""
        try:
            model: Self = super()._from_pretrained(strict=strict, **kwargs)
        except (SafetensorError, RuntimeError) as error:
            where = Path(str(kwargs.get("model_id")))
            reason = " ".join(str(error).split())
            raise InputError(f"the weights of {where} do not fit its config.json ({reason})") from error
        return model.ready()
