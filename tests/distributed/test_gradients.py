"""The mean of gradients over two processes, which is computed while the backward pass runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lightning as L
import pytest
import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.utils.data import DataLoader

from lightning_gans.distributed.strategy import AlternatingDDP
from tests.support.forked import on_two_processes
from tests.support.tiny import tiny_trainer

WIDTH = 8
LAYER = 4 * (WIDTH * WIDTH + WIDTH)
"""Bytes of a layer."""


def network(depth: int = 4) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(*(nn.Linear(WIDTH, WIDTH) for _ in range(depth)))


def images(rank: int) -> Tensor:
    return torch.randn(6, WIDTH, generator=torch.Generator().manual_seed(rank))


class Module(L.LightningModule):
    """A user's own manual optimization: ``steps`` calls of ``step`` with the module and the rank's batch."""

    def __init__(self, step: Any) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.net, self.other = network(), network(1)
        self.step = step
        self.own = torch.zeros(())

    def configure_optimizers(self) -> list[torch.optim.Optimizer]:
        return [torch.optim.SGD(self.net.parameters(), lr=0.1), torch.optim.SGD(self.other.parameters(), lr=0.1)]

    def training_step(self, batch: Tensor, batch_idx: int) -> None:
        self.step(self, images(self.global_rank))

    def gradients(self) -> dict[str, Tensor]:
        return {name: p.grad.clone() for name, p in self.named_parameters() if p.grad is not None}


def fit(folder: Path, step: Any, bucket_cap_mb: float, steps: int = 2) -> Module:
    model = Module(step)
    strategy = AlternatingDDP(process_group_backend="gloo", bucket_cap_mb=bucket_cap_mb)
    trainer = tiny_trainer(folder, devices=2, strategy=strategy, max_epochs=1, use_distributed_sampler=False)
    trainer.fit(model, DataLoader(torch.zeros(steps, 1)))  # type: ignore[arg-type]
    return model


def gradients_of(folder: Path, step: Any, bucket_cap_mb: float = 1.5 * LAYER / 2**20, steps: int = 2) -> list[Any]:
    """By rank, the gradients that ``step`` leaves; with buckets of one layer, fewer than the module has."""
    return on_two_processes(lambda: fit(folder, step, bucket_cap_mb, steps).gradients(), folder / "results")


def mean_of_both(model: nn.Module, loss: Any) -> dict[str, Tensor]:
    """The gradients that one process would compute from the batches of both."""
    for rank in (0, 1):
        (loss(model, rank) / 2).backward()
    return {name: p.grad for name, p in model.named_parameters() if p.grad is not None}


def assert_means(found: list[Any], expected: dict[str, Tensor]) -> None:
    for rank in found:
        torch.testing.assert_close(rank, expected, atol=1e-6, rtol=1e-5)
    assert all(torch.equal(found[0][name], found[1][name]) for name in found[0])


@pytest.mark.parametrize("layers_per_bucket", [0.1, 1.5, 2.5, 99])
def test_gradients_are_means_whatever_the_size_of_buckets(tmp_path: Path, layers_per_bucket: float) -> None:
    def step(module: Module, batch: Tensor) -> None:
        module.zero_grad()
        module.manual_backward(module.net(batch).square().mean(), inputs=list(module.net.parameters()))

    found = gradients_of(tmp_path, step, layers_per_bucket * LAYER / 2**20)
    expected = mean_of_both(Module(None), lambda module, rank: module.net(images(rank)).square().mean())
    assert_means(found, expected)


def test_a_bucket_is_sent_before_the_backward_pass_ends(tmp_path: Path) -> None:
    def step(module: Module, batch: Tensor) -> None:
        module.zero_grad()
        module.manual_backward(module.net(batch).square().mean(), inputs=list(module.net.parameters()))

    def function() -> list[int]:
        """How many parameters had their gradients when a message was sent, in the last step."""
        filled: list[int] = []
        original = dist.all_reduce
        models: list[Module] = []

        def counting(module: Module, batch: Tensor) -> None:
            models[:] = [module]
            filled.clear()
            step(module, batch)

        def all_reduce(*args: Any, **kwargs: Any) -> Any:
            filled.append(sum(p.grad is not None for p in models[0].net.parameters()) if models else 0)
            return original(*args, **kwargs)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(dist, "all_reduce", all_reduce)
            fit(tmp_path, counting, 1.5 * LAYER / 2**20)
        return filled

    for filled in on_two_processes(function, tmp_path / "results"):
        assert filled == sorted(filled)
        assert filled[0] < 4
        assert filled[-1] == 8


def test_nothing_is_sent_until_the_last_pass_of_an_accumulation(tmp_path: Path) -> None:
    def step(module: Module, batch: Tensor) -> None:
        module.zero_grad()
        strategy = module.trainer.strategy
        assert isinstance(strategy, AlternatingDDP)
        with strategy.block_backward_sync():
            module.manual_backward(module.net(batch).square().mean(), inputs=list(module.net.parameters()))
        module.own = module.gradients()["net.0.weight"]
        module.manual_backward(module.net(2 * batch).mean(), inputs=list(module.net.parameters()))

    def function() -> dict[str, Tensor]:
        model = fit(tmp_path, step, 1.5 * LAYER / 2**20)
        return {**model.gradients(), "own": model.own}

    found = on_two_processes(function, tmp_path / "results")
    assert not torch.equal(*(rank.pop("own") for rank in found))
    expected = mean_of_both(
        Module(None),
        lambda module, rank: module.net(images(rank)).square().mean() + module.net(2 * images(rank)).mean(),
    )
    assert_means(found, expected)


def loss_without(module: Module, batch: Tensor, rank: int) -> Tensor:
    """Rank 1 leaves out two layers, and both ranks the last one's bias."""
    used = [module.net[0], module.net[3]] if rank else list(module.net)
    for layer in used[:-1]:
        batch = layer(batch)
    weight = used[-1].weight
    assert isinstance(weight, Tensor)
    return nn.functional.linear(batch, weight).square().mean()


@pytest.mark.parametrize("layers_per_bucket", [1.5, 99])
def test_a_gradient_that_one_process_lacks_counts_as_zero(tmp_path: Path, layers_per_bucket: float) -> None:
    def step(module: Module, batch: Tensor) -> None:
        module.zero_grad()
        loss = loss_without(module, batch, module.global_rank)
        module.manual_backward(loss, inputs=list(module.net.parameters()))

    found = gradients_of(tmp_path, step, layers_per_bucket * LAYER / 2**20)
    expected = mean_of_both(Module(None), lambda module, rank: loss_without(module, images(rank), rank))
    assert "net.1.weight" in expected
    assert "net.3.bias" not in expected  # as with one process, optimizers leave out what has no gradient
    assert_means(found, expected)


def test_manual_backward_without_inputs_is_that_of_one_process(tmp_path: Path) -> None:
    def losses(module: Module, batch: Tensor) -> tuple[Tensor, Tensor]:
        made = module.net(batch)
        return module.other(made.detach()).square().mean(), module.other(made).mean()

    def step(module: Module, batch: Tensor) -> None:
        optimizers = module.optimizers()
        assert isinstance(optimizers, list)
        first, second = optimizers
        loss, _ = losses(module, batch)
        second.zero_grad()
        module.manual_backward(loss)
        second.step()
        _, loss = losses(module, batch)
        first.zero_grad()
        module.manual_backward(loss)
        first.step()

    model = Module(None)
    optimizers = model.configure_optimizers()
    for _ in range(2):
        for optimizer, which in ((optimizers[1], 0), (optimizers[0], 1)):
            optimizer.zero_grad()
            for rank in (0, 1):
                torch.autograd.backward(losses(model, images(rank))[which] / 2)
            optimizer.step()
    expected = model.state_dict()

    found = on_two_processes(lambda: fit(tmp_path, step, 1.5 * LAYER / 2**20).state_dict(), tmp_path / "results")
    assert_means(found, expected)
