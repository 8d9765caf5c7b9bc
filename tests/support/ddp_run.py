"""One short training run on N processes with scores, part of :mod:`tests.support.equal_run`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn

from lightning_gans.callbacks import EMA, Evaluation
from lightning_gans.components.optimizers import GANAdam
from lightning_gans.components.penalties import R1
from lightning_gans.distributed.strategy import AlternatingDDP
from tests.support.tiny import TinyData, tiny_dcgan, tiny_trainer

STEPS = 12


def without_batch_norm(module: nn.Module) -> None:
    """Batch statistics are per process, so they are left out of the comparison."""
    for name, child in module.named_children():
        if isinstance(child, nn.BatchNorm2d):
            setattr(module, name, nn.Identity())
        else:
            without_batch_norm(child)


def scored_run(devices: int, batch_size: int, out: Path) -> None:
    """Train, and write the weights and scores of each rank."""
    model = tiny_dcgan(
        batch_norm=False,
        optimizer_d=lambda p: GANAdam(p, lr=1e-3),
        optimizer_g=lambda p: torch.optim.SGD(p, lr=1e-1),
        penalty=R1(weight=0.1, interval=2),
        clip_d=0.5,
        accumulate_g=2,
        n_critic=2,
    )
    without_batch_norm(model)
    evaluation = Evaluation(cache=out / "cache")
    options: dict[str, Any] = {"strategy": AlternatingDDP()} if devices > 1 else {}
    trainer = tiny_trainer(out, devices=devices, max_steps=STEPS, callbacks=[EMA(0.9), evaluation], **options)
    data = TinyData(batch_size=batch_size)
    trainer.fit(model, data)
    for again, eval_batch_size in enumerate([4, 4, 8]):
        # The second time what is known of the real images comes from the cache; the third, rank 1 has no image.
        data.eval_batch_size = eval_batch_size
        scores = trainer.validate(model, data, verbose=False)[0]
        torch.save(
            {"weights": model.state_dict(), "scores": {key: value for key, value in scores.items() if value == value}},
            out / f"devices{devices}-rank{trainer.global_rank}-{again}.pt",
        )
