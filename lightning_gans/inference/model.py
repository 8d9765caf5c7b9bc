"""The base class of pretrained models: weights, metadata, and reading and writing as the Hugging Face Hub does."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self, cast

import torch
from huggingface_hub import ModelCard, PyTorchModelHubMixin, hf_hub_download
from torch import Tensor, nn

from lightning_gans.core.errors import InputError
from lightning_gans.inference.card import SAMPLES, CardFacts, Picture, model_card
from lightning_gans.inference.weights_file import load_safetensors, to_safetensors
from lightning_gans.runs.record import ModelMetadata, RunRecord

BATCH_SIZE = 64
"""Images per forward pass."""

WEIGHTS = "model.safetensors"
"""The hub's name for the file of a model's weights."""


TAGS = ("gan", "model_hub_mixin", "pytorch_model_hub_mixin")
"""Tags on the hub; the last two are those of all models that use huggingface_hub's mixin."""


class PretrainedModel(nn.Module, PyTorchModelHubMixin, ABC):
    """Trained generators in evaluation mode, without gradients.

    ``save_pretrained(FOLDER)`` writes ``config.json``, ``model.safetensors`` and a model card, ``push_to_hub(NAME)``
    uploads them to the Hugging Face Hub. ``from_pretrained`` of the same class reads either;
    :func:`lightning_gans.load` reads a folder of any subclass.

    Args:
        metadata: facts about the model, as plain data.
        config: the other arguments of the subclass, as plain data.

    Raises:
        ValueError: if ``metadata`` is not a mapping.
    """

    description: ClassVar[str]
    """What the model is, for messages, such as "a model that translates images"."""

    task: ClassVar[str]
    """The hub's name of what the model does."""

    def __init__(self, metadata: ModelMetadata, **config: Any) -> None:
        super().__init__()
        if not isinstance(metadata, Mapping):
            raise ValueError(f"metadata is {metadata!r}; expected a mapping")
        self.metadata = cast("ModelMetadata", dict(metadata))
        self._config = config

    @property
    def config(self) -> dict[str, Any]:
        """The constructor's arguments as plain data, which are the contents of ``config.json``."""
        return {**self._config, "metadata": dict(self.metadata)}

    @property
    def device(self) -> torch.device:
        """The device of the weights."""
        return next(self.parameters()).device

    @property
    def weights_kind(self) -> str:
        """Kind of the weights: "ema" for their moving average, "raw" for the weights as the optimizer left them."""
        return str(self.metadata.get("weights", "unknown"))

    def frozen_eval(self) -> Self:
        """Switch to evaluation mode, disable gradients, and return the model."""
        return self.requires_grad_(False).eval()

    def sample(self, n: int, labels: Any = None, seed: int = 0, truncation: float | None = None) -> Tensor:
        """Generate images from noise; see :meth:`.LatentSampler.sample`.

        Raises:
            TypeError: if the model does not generate images from noise.
        """
        raise TypeError(f"this is {self.description}; expected a model that generates images from noise, such as DCGAN")

    def interpolate(self, seeds: Any, labels: Any = None, steps: int = 9, truncation: float | None = None) -> Tensor:
        """Interpolate between generated images; see :meth:`.LatentSampler.interpolate`.

        Raises:
            TypeError: if the model does not generate images from noise.
        """
        return self.sample(0)

    def translate(self, images: Tensor, direction: str | None = None) -> Tensor:
        """Translate images; see :meth:`.ImageTranslator.translate`.

        Raises:
            TypeError: if the model does not translate images.
        """
        raise TypeError(f"this is {self.description}; expected a model that translates images, such as Pix2Pix")

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
        license: str | None = None,
        **kwargs: Any,
    ) -> ModelCard:
        """The model card for the hub.

        Args:
            args: ignored.
            record: what the run's folder holds about the model, if it comes from one.
            pictures: pictures that will lie beside the card, besides those of :meth:`draw_samples`.
            license: of the weights, by the hub's name for it, such as "mit" or "cc-by-4.0".
            kwargs: ignored.
        """
        own = [(SAMPLES, self.samples_caption)] if self.samples_caption else []
        facts = CardFacts(
            class_name=type(self).__name__,
            task=self.task,
            tags=TAGS,
            metadata=self.metadata,
            usage=self.usage,
            input_description=self.input_description,
            pictures=[*own, *pictures],
            license=license,
            config=self.config,
        )
        return model_card(facts, record)

    @classmethod
    def from_config(cls, config: Mapping[str, Any], where: str) -> Self:
        """Build a model with random weights from the config in a file.

        Args:
            config: arguments of the constructor.
            where: the subject of the error message, such as the name of the file.

        Raises:
            InputError: if ``config`` is that of another class, or the model cannot be built here.
        """
        try:
            return cls(**config)
        except (TypeError, KeyError, AttributeError, ValueError) as error:
            raise InputError(f"{where} describes no {cls.__name__} that can be built here ({error})") from error

    def _save_pretrained(self, save_directory: Path) -> None:
        """Write the weights, and pictures for the model card."""
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
        """Read the weights: all of them, and only from safetensors.

        The mixin's own method ignores weights that do not fit, and reads a pickle if there is no safetensors file.

        Raises:
            InputError: if ``config.json`` is not that of this class, or the weights do not fit.
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
