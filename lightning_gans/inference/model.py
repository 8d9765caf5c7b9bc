"""The base class of pretrained models: weights, metadata, and reading and writing as the Hugging Face Hub does."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self, cast

import torch
from huggingface_hub import ModelCard, PyTorchModelHubMixin, hf_hub_download
from torch import Tensor, nn

from lightning_gans.components.bounded import WeightsError, build_bounded, check_finite, check_shapes
from lightning_gans.components.class_paths import NO_TRUST, Trust, require_trust
from lightning_gans.core.arguments import check_plain_tree
from lightning_gans.core.errors import InputError, short_reason
from lightning_gans.core.files import expand_home, expand_path
from lightning_gans.inference.card import SAMPLES, CardFacts, Picture, model_card
from lightning_gans.networks.spectral_state import plain_state
from lightning_gans.runs.record import ModelMetadata, RunRecord, check_metadata
from lightning_gans.runs.weights_file import CONFIG, WEIGHTS, read_json, read_safetensors, to_safetensors

TAGS = ("gan", "model_hub_mixin", "pytorch_model_hub_mixin")
"""Tags on the hub; the last two are those of all models that use huggingface_hub's mixin."""


HALF = "float16"
"""The type of numbers that weights may be rounded to."""


class PretrainedModel(nn.Module, PyTorchModelHubMixin, ABC):
    """Trained generators in evaluation mode, without gradients.

    ``save_pretrained(FOLDER)`` writes ``config.json``, ``model.safetensors`` and a model card, ``push_to_hub(NAME)``
    uploads them to the Hugging Face Hub. :meth:`from_pretrained` of the same class reads either;
    :func:`lightning_gans.load` reads a folder of any subclass.

    Args:
        metadata: facts about the model, as plain data.
        trust: classes that the config may name beside those of this package and of torch.
        config: the other arguments of the subclass, as plain data.

    Attributes:
        trust: classes that the config may name.

    Raises:
        ValueError: if ``metadata`` is not a mapping.
    """

    description: ClassVar[str]
    """What the model is, for messages, such as "a model that translates images"."""

    task: ClassVar[str]
    """The hub's name of what the model does."""

    def __init__(self, metadata: ModelMetadata, trust: Trust, **config: Any) -> None:
        super().__init__()
        self.trust = trust
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

    @property
    def is_half(self) -> bool:
        """Whether the weights are float16 numbers, as which they are saved; the model computes in float32."""
        return self.metadata.get("rounded_to") == HALF

    def to_half(self) -> Self:
        """A copy with the weights rounded to float16, as which it is saved: half the bytes.

        Raises:
            InputError: if a weight is too large for float16.
        """
        rounded = copy.deepcopy(self)
        state = {name: as_half(value) for name, value in self.state_dict().items()}
        try:
            check_finite(state)
        except WeightsError as error:
            raise InputError(f"the {error}, once rounded to {HALF}, whose largest number is 65,504") from error
        rounded.load_state_dict(state)
        rounded.metadata["rounded_to"] = HALF
        return rounded

    def sample(self, n: int, labels: Any = None, seed: int = 0, truncation: float | None = None) -> Tensor:
        """Generate images from noise; see :meth:`.LatentSampler.sample`.

        Raises:
            TypeError: if the model does not generate images from noise.
        """
        raise TypeError(f"this is {self.description}; expected a model that generates images from noise, such as DCGAN")

    def interpolate(
        self,
        seeds: Any = (),
        labels: Any = None,
        steps: int = 9,
        truncation: float | None = None,
        latent: Tensor | None = None,
        loop: bool = False,
    ) -> Tensor:
        """Interpolate between generated images; see :meth:`.LatentSampler.interpolate`.

        Raises:
            TypeError: if the model does not generate images from noise.
        """
        return self.sample(0)

    def translate(self, images: Tensor, direction: str | None = None, seed: int = 0, answer: int = 0) -> Tensor:
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
    def from_config(
        cls,
        config: Mapping[str, Any],
        weights: Mapping[str, Tensor],
        where: str,
        trust: Trust = NO_TRUST,
        strict: bool = True,
    ) -> Self:
        """Build a model from the config and the weights in a file.

        Args:
            config: arguments of the constructor.
            weights: the model's state.
            where: the subject of error messages, such as "path is model.ckpt".
            trust: classes that the config may name beside those of this package and of torch.
            strict: whether missing and unexpected weights are an error.

        Raises:
            UntrustedClassError: if the config names other classes.
            InputError: if ``config`` is that of another class, the model cannot be built here, or the weights do not
                fit or are not finite.
        """
        state: dict[str, Tensor] = {}

        def check(planned: nn.Module) -> None:
            # A generator that a constraint normalized in training is used without normalization.
            state.update(plain_state(planned, weights))
            check_state(planned, state, strict)

        try:
            check_plain_tree("the config", config)
            require_trust(config, trust, f"{where}, which")
            check_metadata(config.get("metadata"))
            model = build_bounded(lambda: cls(**config, trust=trust), weights, check, needs_memory=len(trust) > 0)
        except InputError:
            raise
        except WeightsError as error:
            raise InputError(f"{where}, whose {error}") from error
        except Exception as error:  # constructors raise errors of many types for the arguments of a stranger
            reason = short_reason(error)
            raise InputError(f"{where}, which describes no {cls.__name__} that can be built here ({reason})") from error
        model.load_state_dict(state, strict=strict)
        return model.frozen_eval()

    def save_pretrained(self, save_directory: str | Path, **kwargs: Any) -> str | None:
        """Write the model to a folder.

        Args:
            save_directory: the folder.
            kwargs: see the mixin.
        """
        # The mixin has the arguments of the constructor; the metadata may have been changed since.
        kwargs.setdefault("config", self.config)
        return super().save_pretrained(expand_path(save_directory, "save_directory"), **kwargs)

    def _save_pretrained(self, save_directory: Path) -> None:
        """Write the weights, and pictures for the model card."""
        (save_directory / WEIGHTS).write_bytes(to_safetensors(self.state_dict(), {}, self.is_half))
        self.draw_samples(save_directory / SAMPLES)

    @classmethod
    def from_pretrained(  # type: ignore[override]  # the mixin passes any argument to the constructor
        cls,
        pretrained_model_name_or_path: str | Path,
        *,
        map_location: str | torch.device = "cpu",
        strict: bool = True,
        revision: str | None = None,
        cache_dir: str | Path | None = None,
        force_download: bool = False,
        local_files_only: bool = False,
        token: str | bool | None = None,
        trust: Iterable[str | type] = (),
    ) -> Self:
        """Load a model from the Hugging Face Hub, or from a folder.

        The mixin's own method passes the entries of ``config.json`` on as arguments of this method, ignores weights
        that do not fit, and reads a pickle if there is no safetensors file.

        Args:
            pretrained_model_name_or_path: name of the repository, or the folder.
            map_location: device of the model.
            strict: whether missing and unexpected weights are an error.
            revision: branch, tag or commit of the repository.
            cache_dir: folder of downloaded files.
            force_download: whether to download files that are in the cache.
            local_files_only: whether to use files in the cache only.
            token: token of the Hub.
            trust: classes, or their paths, that ``config.json`` may name beside those of this package and of torch.

        Raises:
            UntrustedClassError: if ``config.json`` names other classes.
            InputError: if ``config.json`` is not that of this class, or the weights do not fit or are not finite.
        """
        name = expand_home(str(pretrained_model_name_or_path), "pretrained_model_name_or_path")
        cache = None if cache_dir is None else expand_path(cache_dir, "cache_dir")

        def file(wanted: str) -> Path:
            if Path(name).is_dir():
                return Path(name) / wanted
            return Path(
                hf_hub_download(
                    name,
                    wanted,
                    revision=revision,
                    cache_dir=cache,
                    force_download=force_download,
                    local_files_only=local_files_only,
                    token=token,
                )
            )

        where = f"pretrained_model_name_or_path is {name}"
        config = read_json(file(CONFIG), where)
        weights = read_safetensors(file(WEIGHTS), where)
        return cls.from_config(config, weights, where, Trust(trust), strict).to(map_location)


def as_half(value: Tensor) -> Tensor:
    """Numbers rounded to float16, in their own type; integers as they are."""
    return value.half().to(value.dtype) if value.is_floating_point() else value


def check_state(planned: nn.Module, weights: Mapping[str, Tensor], strict: bool = True) -> None:
    """Check that weights fit a model and are finite.

    Raises:
        WeightsError: if not.
    """
    check_shapes(planned.state_dict(), weights, strict)
    check_finite(weights)
