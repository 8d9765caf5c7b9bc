"""Messages that the command line leaves out, and the same messages from causes that are not ours."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from pathlib import Path

import lightning as L
import pytest
from torch import nn
from torch.utils.data import DataLoader

from lightning_gans.callbacks import EMA
from lightning_gans.cli.train import build
from lightning_gans.networks import DCGANGenerator
from lightning_gans.training import expect_checkpoints, filter_warnings
from tests.support.command_line import SHORT
from tests.support.tiny import TinyData, tiny_dcgan, tiny_trainer

LOGGER = logging.getLogger("lightning.pytorch.utilities.rank_zero")
RUN = ["fit", "--config", "dcgan/digits", *SHORT, "--trainer.max_epochs", "1", "--trainer.limit_train_batches", "1"]


@pytest.fixture(autouse=True)
def _filters_are_restored() -> Iterator[None]:
    before = LOGGER.filters[:]
    yield
    LOGGER.filters[:] = before


def warn(message: str, category: type[Warning], module: str) -> None:
    """Warn as a module would, after the filters of the command line; raises the warning if it is shown."""
    with warnings.catch_warnings():
        warnings.resetwarnings()
        warnings.simplefilter("error")
        filter_warnings()
        warnings.warn_explicit(message, category, "file.py", 1, module=module)


@pytest.mark.parametrize(
    ("message", "category", "module"),
    [
        ("`isinstance(treespec, LeafSpec)` is deprecated", FutureWarning, "lightning.pytorch.utilities._pytree"),
        ("The .grad attribute of a Tensor that is not a leaf Tensor is read", UserWarning, "torch._dynamo.variables"),
        (
            "Precision bf16-mixed is not supported by the model summary.  Estimated model size",
            UserWarning,
            "lightning.pytorch.utilities.model_summary.model_summary",
        ),
        (
            "The number of training batches (3) is smaller than the logging interval Trainer(log_every_n_steps=50).",
            UserWarning,
            "lightning.pytorch.loops.fit_loop",
        ),
    ],
)
def test_warnings_are_left_out_where_libraries_cause_them(message: str, category: type[Warning], module: str) -> None:
    warn(message, category, module)
    with pytest.raises(category):
        warn(message, category, "my_gan")


SAID_ELSEWHERE = (
    "💡 Tip: For seamless cloud logging and experiment tracking, try installing [litlogger](URL)",
    "💡 Tip: For seamless cloud uploads and versioning, try installing [litmodels](URL) to enable",
    "TPU available: False, using: 0 TPU cores",
    "`Trainer.fit` stopped: `max_epochs=8` reached.",
    "`Trainer.fit` stopped: `max_steps=20` reached.",
    "Loaded model weights from the checkpoint at last.ckpt",
)

TOLD = (
    "litlogger has written the log",
    "TPU available: True, using: 8 TPU cores",
    "GPU available: False, used: False",
    "`Trainer.fit` stopped: No training batches.",
    "Restoring states from the checkpoint path at last.ckpt",
)


def test_only_advertisements_and_what_is_said_elsewhere_are_left_out(caplog: pytest.LogCaptureFixture) -> None:
    filter_warnings()
    with caplog.at_level(logging.INFO, LOGGER.name):
        for message in (*SAID_ELSEWHERE, *TOLD):
            LOGGER.info(message)
    assert tuple(caplog.messages) == TOLD


def test_only_the_resumed_runs_folder_may_have_checkpoints(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        expect_checkpoints(tmp_path / "gan" / "version_0")
        for shown in (f"{tmp_path}/gan/version_0/checkpoints", "gan/version_0/checkpoints"):
            warnings.warn(f"Checkpoint directory {shown} exists and is not empty.", UserWarning, stacklevel=1)
        for other in (
            tmp_path / "best",
            tmp_path / "gan" / "version_00" / "checkpoints",
            "my-gan/version_0/checkpoints",
        ):
            with pytest.raises(UserWarning, match="exists and is not empty"):
                warnings.warn(f"Checkpoint directory {other} exists and is not empty.", UserWarning, stacklevel=1)


class WithFrozenPart(DCGANGenerator):
    """A generator of a user, with a part in eval mode."""

    def __init__(self, channels: int, size: int, latent_dim: int = 4, width: int = 2) -> None:
        super().__init__(channels, size, latent_dim, width)
        self.part = nn.Identity().eval()


class PlainData(L.LightningDataModule):
    """Data of a user that decodes images in the training process."""

    channels, size, num_classes, eval_batch_size = 1, (28, 28), 0, 4
    contents = "digits"

    def display_name(self) -> str:
        return "Plain"

    def class_names(self) -> tuple[str, ...]:
        return ()

    def setup(self, stage: str) -> None:
        self.data = TinyData()
        self.data.setup(stage)

    def split_label(self, split: str) -> str:
        return split

    def fingerprint(self, split: str) -> None:
        return None

    def num_images(self, split: str, domain: str) -> None:
        return None

    def train_dataloader(self) -> object:
        images = self.data.split_tensors("train").images.float() / 127.5 - 1
        return DataLoader(images, batch_size=8)  # type: ignore[arg-type]  # a tensor has length and items

    val_dataloader = train_dataloader


@pytest.mark.parametrize("frozen", [False, True])
def test_a_users_module_in_eval_mode_is_warned_of_and_averages_are_not(frozen: bool, tmp_path: Path) -> None:
    model = tiny_dcgan()
    list(model.discriminator.modules())[-1].train(not frozen)
    with warnings.catch_warnings(record=True) as caught:
        warnings.resetwarnings()
        tiny_trainer(tmp_path, max_steps=1, limit_val_batches=0, callbacks=[EMA()]).fit(model, TinyData())
    assert [str(each.message)[:26] for each in caught if "in eval mode" in str(each.message)] == (
        ["Found 1 module(s) in eval "] if frozen else []
    )
    assert not any(module.training for module in model.ema.modules())


@pytest.mark.slow
@pytest.mark.usefixtures("empty_folder")
@pytest.mark.parametrize("users", [False, True])
def test_a_run_shows_warnings_of_a_users_own_modules_and_loaders(users: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    connector = "lightning.pytorch.trainer.connectors.data_connector"
    monkeypatch.setattr(f"{connector}.suggested_max_num_workers", lambda devices: 8)  # as if there were many cores
    own = ["--model.generator", f"{__name__}.WithFrozenPart", "--data", f"{__name__}.PlainData"] if users else []
    with warnings.catch_warnings(record=True) as caught:
        warnings.resetwarnings()
        warnings.simplefilter("always")
        filter_warnings()
        build([*RUN, *own])
    messages = [str(each.message) for each in caught]
    assert any("module(s) in eval mode at the start" in message for message in messages) == users
    assert any("does not have many workers" in message for message in messages) == users
