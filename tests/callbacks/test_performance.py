from __future__ import annotations

import copy
import os
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from lightning.pytorch import Callback
from torch import Tensor, nn
from torch._dynamo.utils import counters

from lightning_gans.callbacks import EMA, TF32, Compilation, LastCheckpoint, SpeedLog, performance
from lightning_gans.callbacks.performance import check_cuda_graphs
from lightning_gans.cli.train import build
from lightning_gans.components.compat import compiled_call
from lightning_gans.components.optimizers import LinearDecay
from lightning_gans.core.errors import InputError
from lightning_gans.runs.csv_logger import ResumableCSVLogger
from lightning_gans.runs.metrics_log import read_metrics_log
from tests.support.compiled_runs import RUNS, assert_agree, ran
from tests.support.paths import ROOT
from tests.support.tiny import TinyData, tiny_dcgan, tiny_trainer, weights

pytestmark = [
    # What compiles D asks the generated images that it is given for a gradient.
    pytest.mark.filterwarnings(r"ignore:The \.grad attribute of a Tensor that is not a leaf Tensor"),
    # Of torch 2.11's own, where it writes code.
    pytest.mark.filterwarnings(r"ignore:`torch\.jit\.script_method` is deprecated"),
]

GRAPHS = {
    "mlp": 3,
    "maxout": 3,
    "dcgan": 3,
    "sngan": 3,
    "semi_supervised_gan": 3,
    "wgan_gp": 4,
    "stylegan2": 3,
    "fastgan": 2,
    "pix2pix": 3,
    "cyclegan": 4,
    "bicyclegan": 3,
    "pix2pix_sharp": 4,
    "cut": 6,
}
"""What is compiled: a generator; D for D's step, and for G's; WGAN-GP's G without gradients too, while D moves alone.
A semi-supervised D with the logits of the classes too, but not for G, whose loss has features alone.

Of CycleGAN's four networks, two at a time share what is compiled; its generators are given real and generated images.
CUT's generator translates, encodes images with a gradient and without one, and does both at once. BicycleGAN's encoder
is not compiled.
A discriminator with spectral and batch normalization is not compiled for its own step.
"""


@pytest.fixture(autouse=True)
def _nothing_compiled() -> Iterator[None]:
    torch.compiler.reset()
    counters.clear()
    yield
    torch.compiler.reset()


@pytest.fixture
def without_code(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forward and backward graphs are made as ever, but run by torch: writing their code takes most of the time."""
    own = nn.Module.compile

    def compile_(self: nn.Module, *, dynamic: bool, options: dict[str, bool]) -> None:
        assert options["fallback_random"]
        own(self, dynamic=dynamic, backend="aot_eager", fullgraph=True)

    monkeypatch.setattr(nn.Module, "compile", compile_)


def graphs() -> int:
    assert not counters["graph_break"]
    return counters["stats"]["unique_graphs"]


@pytest.mark.usefixtures("without_code")
@pytest.mark.parametrize(
    "name",
    [
        "wgan_gp",
        *(
            pytest.param(name, marks=pytest.mark.slow)
            for name in ("dcgan", "cyclegan", "bicyclegan", "pix2pix_sharp", "cut")
        ),
    ],
)
def test_graphs_of_networks_agree_with_the_networks(name: str, tmp_path: Path) -> None:
    plain = ran(name, tmp_path, 8, None)  # in which CUT mirrors images, and does not
    assert graphs() == 0
    assert_agree(plain, ran(name, tmp_path, 8, Compilation(networks=True)), 1e-5)
    assert graphs() == GRAPHS[name]


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", sorted(RUNS))
def test_compiled_networks_agree_with_the_networks(name: str, tmp_path: Path) -> None:
    # In twenty steps the translators' many kinks make more of a rounding error.
    first = 2 if name == "wgan_gp" else 1  # in whose first batch the generator is not updated
    for steps, share in ((first, 1e-4), (20, 5e-2)):
        counters.clear()
        assert_agree(ran(name, tmp_path, steps, None), ran(name, tmp_path, steps, Compilation(networks=True)), share)
        assert 0 < graphs() <= GRAPHS[name]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_compiled_networks_of_two_processes_agree_with_the_networks(tmp_path: Path) -> None:
    environment = {**os.environ, "PL_GLOBAL_SEED": "0", "GLOO_SOCKET_IFNAME": "lo"}
    command = [sys.executable, "-m", "tests.support.compiled_runs", f"--out={tmp_path}"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=540, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("two processes agree") == 2


@pytest.mark.gpu
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", ["maxout", "dcgan", "wgan_gp", "cyclegan"])
def test_cuda_graphs_agree_with_the_networks(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)
    gpu = {"accelerator": "gpu", "devices": 1}
    plain = ran(name, tmp_path, 12, None, **gpu)
    assert_agree(plain, ran(name, tmp_path, 12, Compilation(cuda_graphs=True), **gpu), 5e-2)
    assert graphs() == GRAPHS[name]
    assert not counters["inductor"]["cudagraph_skips"]


# What is not compiled.


@pytest.mark.usefixtures("without_code")
def test_evaluation_copies_and_what_comes_after_a_run_are_not_compiled(tmp_path: Path) -> None:
    class Watch(Callback):
        compiled: tuple[bool, ...] = ()

        def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:
            networks = pl_module.generator, copy.deepcopy(pl_module.generator)
            self.compiled = tuple(compiled_call(network) is not None for network in networks)

    model, data, watch = tiny_dcgan(), TinyData(), Watch()
    # Batches of 8 in training, of 4 and 2 in evaluation, which without an average is that of G itself.
    callbacks = [Compilation(networks=True), LastCheckpoint(), watch]
    trainer = tiny_trainer(tmp_path, max_epochs=2, callbacks=callbacks)
    trainer.fit(model, data)
    trainer.test(model, data, verbose=False)
    trainer.predict(model, data)
    assert graphs() == GRAPHS["dcgan"]
    assert watch.compiled == (True, False)
    assert compiled_call(model.generator) is None
    checkpoint = torch.load(tmp_path / "checkpoints" / "last.ckpt", weights_only=True)
    assert checkpoint["state_dict"].keys() == tiny_dcgan().state_dict().keys()


@pytest.mark.slow
@pytest.mark.usefixtures("without_code")
def test_a_run_goes_on_with_compiled_networks_as_without(tmp_path: Path) -> None:
    ends = []
    for name, parts in {"whole": [4], "resumed": [2, 4]}.items():
        path = None
        for steps in parts:
            model = tiny_dcgan()
            callbacks = [EMA(0.9), Compilation(networks=True), LastCheckpoint()]
            trainer = tiny_trainer(tmp_path / name, max_steps=steps, limit_val_batches=0, callbacks=callbacks)
            trainer.fit(model, TinyData(), ckpt_path=path)
            path = tmp_path / name / "checkpoints" / "last.ckpt"
        ends.append(weights(model))
    assert all(torch.equal(value, ends[1][key]) for key, value in ends[0].items())


@pytest.mark.parametrize("name", ["dcgan", "pix2pix", "cyclegan", "cut"])
def test_weights_of_d_are_in_the_graphs_of_its_own_loss_only(name: str, tmp_path: Path) -> None:
    seen: set[tuple[bool, bool]] = set()

    def note(network: nn.Module, given: tuple[Tensor, ...]) -> None:
        seen.add((given[0].requires_grad, all(weight.requires_grad for weight in network.parameters())))

    class Watch(Callback):
        def on_train_start(self, trainer: Any, pl_module: Any) -> None:
            for network in pl_module.discriminators.values():
                network.register_forward_pre_hook(note)

    # No penalty, whose images have a gradient in D's own loss.
    make, data = RUNS[name]
    model = tiny_dcgan() if name == "dcgan" else make()
    tiny_trainer(tmp_path, max_steps=2, limit_val_batches=0, callbacks=[Watch()]).fit(model, data())
    assert seen == {(False, True), (True, False)}
    assert all(weight.requires_grad for weight in model.parameters())


def test_nothing_is_compiled_unless_asked_for(tmp_path: Path) -> None:
    ran("dcgan", tmp_path, 1, Compilation())
    assert graphs() == 0


# What is refused.


def test_no_compiler_is_told_before_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler --fast")
    with pytest.raises(
        InputError, match=r"torch\.compile needs the C\+\+ compiler 'no-such-compiler --fast', which is not"
    ):
        ran("dcgan", tmp_path, 1, Compilation(networks=True))
    ran("dcgan", tmp_path, 1, Compilation())


def test_no_headers_are_told_before_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", sys.executable)
    monkeypatch.setattr(sysconfig, "get_path", lambda name: str(tmp_path))
    with pytest.raises(InputError, match=r"torch\.compile needs .*Python\.h, which is not on this machine"):
        ran("dcgan", tmp_path, 1, Compilation(networks=True))


def test_cuda_graphs_want_a_cuda_device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    arguments = ["fit", "--config", "dcgan/digits", "--trainer.accelerator", "cpu", "--compile.cuda_graphs", "true"]
    with pytest.raises(InputError, match=r"compile\.cuda_graphs is true, but this run is on 'cpu'; expected a CUDA"):
        build(arguments)


@pytest.mark.parametrize(
    ("processes", "settings", "what"),
    [(2, {}, "this run has 2 processes"), (1, {"accumulate_d": 3}, r"the model's accumulate_d is 3")],
)
def test_cuda_graphs_refuse_what_they_cannot_do(processes: int, settings: dict[str, Any], what: str) -> None:
    cuda = SimpleNamespace(root_device=torch.device("cuda"))
    trainer: Any = SimpleNamespace(strategy=cuda, world_size=processes)
    with pytest.raises(ValueError, match=rf"^cuda_graphs is true, but {what}; expected (1|one process), or"):
        check_cuda_graphs(trainer, tiny_dcgan(**settings))
    trainer.world_size = 1
    check_cuda_graphs(trainer, tiny_dcgan())


# TensorFloat-32.


def flags() -> tuple[bool, bool]:
    return torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32


@pytest.mark.parametrize(("allow", "expected"), [(True, (True, True)), (False, (False, False)), (None, None)])
def test_tf32_holds_for_the_run_and_no_longer(
    tmp_path: Path, allow: bool | None, expected: tuple[bool, bool] | None
) -> None:
    seen = []

    class Look(Callback):
        def on_train_batch_start(self, *_: object) -> None:
            seen.append(flags())

    before = flags()
    trainer = tiny_trainer(tmp_path, max_steps=1, limit_val_batches=0, callbacks=[TF32(allow), Look()])
    trainer.fit(tiny_dcgan(), TinyData())
    assert seen == [expected or before]
    assert flags() == before


class Clock(Callback):
    """A second for each training batch, and much more for each of validation; keeps the learning rates of each step."""

    def __init__(self) -> None:
        self.now = 0.0
        self.rates: list[float] = []

    def on_train_batch_start(self, trainer: Any, *_: Any) -> None:
        self.rates.append(trainer.optimizers[0].param_groups[0]["lr"])

    def on_train_batch_end(self, *_: Any) -> None:
        self.now += 1

    def on_validation_batch_end(self, *_: Any) -> None:
        self.now += 100


def test_speed_memory_and_the_rates_of_the_step_are_logged_at_the_interval(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    monkeypatch.setattr(performance, "time", SimpleNamespace(perf_counter=lambda: clock.now))
    logger = ResumableCSVLogger(tmp_path, name="run", version=0)
    settings = {"max_epochs": 2, "log_every_n_steps": 3, "logger": logger, "callbacks": [clock, SpeedLog()]}
    tiny_trainer(tmp_path, **settings).fit(tiny_dcgan(scheduler_g=LinearDecay), TinyData())
    log = read_metrics_log(Path(logger.log_dir, "metrics.csv"))
    rows = [row for row in log.rows if row["loss/d"]]
    assert [(row["step"], row["speed/images_per_second"]) for row in rows] == [("2", "8.0"), ("5", "8.0"), ("8", "8.0")]
    assert [float(row["lr/g"]) for row in rows] == pytest.approx([clock.rates[step] for step in (2, 5, 8)])
    assert len(set(clock.rates)) > 3
    assert all(0.01 < float(row["memory/peak_gib"]) < 1000 for row in rows)
