"""What all trained generators have in common: weights, what is known of them, and a place on the hub."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self, cast

import torch
from huggingface_hub import ModelCard, PyTorchModelHubMixin, hf_hub_download
from torch import Tensor, nn

from lightning_gans.core.errors import InputError
from lightning_gans.core.model_metadata import ModelMetadata
from lightning_gans.inference.card import SAMPLES, CardFacts, Picture, model_card
from lightning_gans.inference.weights_file import load_safetensors, to_safetensors
from lightning_gans.runs.record import RunRecord

BATCH = 64
"""Images that go through a network at once."""

WEIGHTS = "model.safetensors"
"""The hub's name of a model's weights."""


class PretrainedModel(nn.Module, PyTorchModelHubMixin, ABC, library_name="lightning-gans", tags=["gan"]):
    """Trained generators, ready for use: in evaluation mode, without gradients.

    ``save_pretrained(FOLDER)`` leaves ``config.json``, ``model.safetensors`` and a model card there,
    ``push_to_hub(NAME)`` on the Hugging Face Hub; ``from_pretrained`` of the same class reads either, and
    :func:`lightning_gans.load` a folder of either class.

    Args:
        metadata: what is known of the model, as plain data.

    Raises:
        InputError: if ``metadata`` is no such data.
    """

    task: ClassVar[str]
    """The hub's name of what the model does."""

    def __init__(self, metadata: ModelMetadata) -> None:
        super().__init__()
        if not isinstance(metadata, Mapping):
            raise InputError(f"what is known of the model is {metadata!r}; expected names and values")
        self.metadata = cast("ModelMetadata", dict(metadata))

    @property
    def config(self) -> dict[str, Any]:
        """What the model was built from, as plain data: the arguments of its class, and what ``config.json`` holds."""
        return dict(cast("dict[str, Any]", self._hub_mixin_config))

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.parameters()).device

    @property
    def weights_kind(self) -> str:
        """Whose weights these are: "ema", the average, or "raw"."""
        return str(self.metadata.get("weights", "unknown"))

    def frozen_eval(self) -> Self:
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

    @property
    @abstractmethod
    def usage(self) -> str:
        """A line of Python that makes images with ``model``."""

    @property
    @abstractmethod
    def input_description(self) -> str:
        """Shapes and values of inputs and outputs, in sentences."""

    @property
    def samples_caption(self) -> str:
        """What the pictures that :meth:`draw_samples` writes show; empty if it writes none."""
        return ""

    def draw_samples(self, path: Path) -> None:
        """Write pictures for the model card as PNG, if the model can make some without input."""

    def generate_model_card(
        self,
        *args: Any,
        record: RunRecord | None = None,
        pictures: Sequence[Picture] = (),
        licence: str | None = None,
        **kwargs: Any,
    ) -> ModelCard:
        """The model card for the hub.

        Args:
            args: ignored.
            record: what the run's folder holds about the model, if it comes from one.
            pictures: pictures that will lie beside the card, besides those of :meth:`draw_samples`.
            licence: of the weights, by the hub's name for it, such as "mit" or "cc-by-4.0".
            kwargs: ignored.
        """
        own = [(SAMPLES, self.samples_caption)] if self.samples_caption else []
        facts = CardFacts(
            class_name=type(self).__name__,
            task=self.task,
            tags=self._hub_mixin_info.model_card_data.tags or [],
            metadata=self.metadata,
            usage=self.usage,
            input_description=self.input_description,
            pictures=[*own, *pictures],
            licence=licence,
            config=self.config,
        )
        return model_card(facts, record)

    @classmethod
    def from_config(cls, config: Mapping[str, Any], where: str) -> Self:
        """A model with random weights, as a file describes it.

        Args:
            config: arguments of the class.
            where: what describes it, for messages.

        Raises:
            InputError: if it describes another kind of model, or one that cannot be built here.
        """
        try:
            return cls(**config)
        except (TypeError, KeyError, AttributeError, ValueError) as error:
            raise InputError(f"{where} does not describe a {cls.__name__} of lightning-gans ({error})") from error

    def _save_pretrained(self, save_directory: Path) -> None:
        """Write the weights, and pictures for the card."""
        (save_directory / WEIGHTS).write_bytes(to_safetensors(self.state_dict(), {}))
        self.draw_samples(save_directory / SAMPLES)

    @classmethod
    def _from_pretrained(
        cls,
        *,
        model_id: str,
        map_location: str | torch.device = "cpu",
        strict: bool = True,
        revision: str | None = None,
        cache_dir: str | Path | None = None,
        force_download: bool = False,
        local_files_only: bool = False,
        token: str | bool | None = None,
        **arguments: Any,
    ) -> Self:
        """Read the weights, all of them and from safetensors alone.

        By default the hub's mixin would leave out what does not fit, and take a pickle where there is nothing else.

        Raises:
            InputError: if the ``config.json`` describes no model of this class, or the weights do not fit it.
        """
        model = cls.from_config(arguments, f"the config.json of {model_id}")
        if Path(model_id).is_dir():
            file = Path(model_id) / WEIGHTS
        else:
            file = Path(
                hf_hub_download(
                    model_id,
                    WEIGHTS,
                    revision=revision,
                    cache_dir=cache_dir,
                    force_download=force_download,
                    local_files_only=local_files_only,
                    token=token,
                )
            )
        load_safetensors(file, model, strict)
        return model.to(map_location).frozen_eval()
