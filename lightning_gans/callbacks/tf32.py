"""TensorFloat-32 on NVIDIA GPUs."""

from __future__ import annotations

import torch
from lightning.pytorch import Callback, LightningModule, Trainer


class TF32(Callback):
    """Whether float32 convolutions and matrix products may round their factors to 10 bits on the way in.

    GPUs since Ampere are several times faster with it. Other devices take no notice.

    Args:
        allow: everywhere or nowhere; None leaves it to torch, which allows it in convolutions only.
    """

    def __init__(self, allow: bool | None = None) -> None:
        self.allow = allow
        self._before: tuple[bool, bool] | None = None

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Set it for the process, for as long as the stage lasts."""
        if self.allow is not None:
            self._before = torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32
            torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = self.allow

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Put back what was set before."""
        if self._before is not None:
            torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32 = self._before
            self._before = None
