"""Compute the bytes that each process sends in a training step from the networks of a shipped config.

    python benchmarks/traffic.py                 # a table of all shipped configs
    python benchmarks/traffic.py dcgan/mnist     # all messages of one config

Nothing is trained or sent. `benchmarks/moved.py` compares the results with the bytes that two processes send.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from lightning_gans.callbacks.checkpoints import SIGNAL_SYNC_INTERVAL
from lightning_gans.callbacks.symptoms import MONITORED
from lightning_gans.cli.train import LightningGANsCLI, build
from lightning_gans.core.shipped_configs import find_config, recipe_names
from lightning_gans.distributed.gradients import split
from lightning_gans.distributed.strategy import AlternatingDDP
from lightning_gans.families import Adversarial, LatentGAN
from lightning_gans.networks.layers import BatchNorm
from lightning_gans.training import filter_warnings
from lightning_gans.variants import CycleGAN, Pix2Pix

FLOAT = 4
"""Bytes per number: gradients and statistics are float32, also with mixed precision."""
SIGNAL = 8
"""Bytes of a signal number."""
LOG_EVERY = 50
"""Steps between two measurements of the watchdog, as in base.yaml."""


@dataclass(frozen=True)
class Message:
    """A collective operation of a training step.

    Attributes:
        what: description of the content.
        size: bytes that each process contributes.
        per_step: number of operations per step, averaged over steps.
        kind: "all_reduce", "broadcast" or "barrier".
    """

    what: str
    size: int
    per_step: float
    kind: str = "all_reduce"


def payload(messages: Iterable[Message]) -> float:
    """Return the bytes that each process contributes per step."""
    return sum(message.size * message.per_step for message in messages)


def count(messages: Iterable[Message]) -> float:
    """Return the number of messages per step."""
    return sum(message.per_step for message in messages)


def sent(messages: Iterable[Message], processes: int) -> float:
    """Return the bytes that a process sends per step in a ring, which sends each number as a part and as a sum."""
    factors = {"all_reduce": 2 * (processes - 1) / processes, "broadcast": (processes - 1) / processes, "barrier": 0.0}
    return sum(message.size * message.per_step * factors[message.kind] for message in messages)


# What a strategy sends.


def alternating(model: Adversarial, log_every: int = LOG_EVERY, callbacks: bool = True) -> list[Message]:
    """List the messages of :class:`lightning_gans.distributed.strategy.AlternatingDDP`.

    These are the gradients of a network in buckets, in the last backward pass before a step of its optimizer, with a
    number for each parameter that tells whether it has a gradient; two moments of each channel for every pass through
    batch normalization; and the values that the watchdog and the signals exchange.

    Args:
        model: any variant.
        log_every: steps between two measurements of the watchdog.
        callbacks: whether :class:`Watchdog` and :class:`LastCheckpoint` are used, as from the command line.
    """
    messages = [
        Message(
            f"gradients of {name}",
            FLOAT * (numbers(bucket.parameters) + len(bucket.parameters)),
            1 / (side.interval * side.accumulate),
        )
        for name, side in model.sides.items()
        for bucket in split(list(reversed(side.parameters)), AlternatingDDP().bucket_cap_mb * 2**20)
    ]
    times = passes(model)
    for name, network in {**model.generators, **model.discriminators}.items():
        for channels in normalized_channels(network):
            messages.append(Message(f"batch norm of {name}", 2 * FLOAT * channels, times[name]))
    if callbacks:
        looks, agreed = 1 / log_every, 1 / SIGNAL_SYNC_INTERVAL
        messages += [
            Message("finite losses", FLOAT, 1 - looks),
            Message("the watchdog's measurement", FLOAT * (2 + len(MONITORED)), looks),
            Message("signals", SIGNAL, agreed),
            Message("before a measurement or signals", 0, looks + agreed, "barrier"),
        ]
    return messages


def wrapped(model: Adversarial) -> list[Message]:
    """List the messages of DDP's wrapper with ``find_unused_parameters``, for an update of both networks.

    Each backward pass reduces the gradients of all parameters, those of the other network as zeros, and a map of the
    used ones. Batch normalization and buffers are not synchronized: under manual optimization Lightning disables the
    wrapper's synchronization, including the broadcast of buffers, in the forward pass (strategies.py counts it).
    """
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    backwards = sum(1 / side.interval for side in model.sides.values())
    return [
        Message("gradients of both", FLOAT * numbers(parameters), backwards),
        Message("map of used parameters", 4 * len(parameters), backwards),
    ]


def numbers(parameters: Iterable[Tensor]) -> int:
    """Return the total number of elements."""
    return sum(parameter.numel() for parameter in parameters)


def normalized_channels(network: nn.Module) -> list[int]:
    """Return the number of channels of each batch normalization layer."""
    channels = [m.num_features for m in network.modules() if isinstance(m, _BatchNorm)]
    return channels + [m.channels for m in network.modules() if isinstance(m, BatchNorm)]


def passes(model: Adversarial) -> dict[str, float]:
    """Count the passes of a training step through each network, forward and backward, averaged over steps.

    A penalty on real or generated images takes two passes through D for each set of images: backward to the images, and
    one more to differentiate that gradient; its forward pass is the loss's own, and what it sends back through that
    forward pass travels with the loss's gradient. A penalty at images in between has these two passes for itself.

    Raises:
        TypeError: if the passes of the model's class are not known.
    """
    moves = 1 / model.sides["g"].interval
    judged = 2 + 2 + 2 * moves  # D's update forward on two sets and back, G's update through D and back
    if isinstance(model, LatentGAN):
        if model.objective.generator_uses_real_logits:
            judged += moves  # G's update also evaluates the real images
        if model.penalty is not None:
            sets = model.penalty.differentiates_real + model.penalty.differentiates_fake
            judged += (2 * sets or 4) / model.penalty.interval
        return {"generator": 1 + moves, "discriminator": judged}
    if isinstance(model, Pix2Pix):
        return {"generator": 1 + moves, "discriminator": judged}
    if isinstance(model, CycleGAN):
        # One translation for both updates; the cycle and the identity are part of G's.
        others = 2 if model.lambda_identity else 1
        made = 1 + moves * (others + 1 + others)
        return dict.fromkeys(model.generators, made) | dict.fromkeys(model.discriminators, judged)
    raise TypeError(f"the passes of {type(model).__name__} are not known")


# Time.


@dataclass(frozen=True)
class Link:
    """A link between processes. Bandwidth and latency are assumptions unless they were measured.

    Attributes:
        name: name for tables and figures.
        bandwidth: bytes per second in one direction.
        latency: seconds from one process to its neighbor.
    """

    name: str
    bandwidth: float
    latency: float


def seconds_reducing(messages: Iterable[Message], processes: int, link: Link) -> float:
    """Return the seconds per step for the messages in a ring, with the latency of a tree, up and down, per message.

    Bytes x 2 (N - 1) / N / bandwidth, and messages x 2 ceil(log2 N) x latency.
    """
    messages = list(messages)
    hops = 2 * math.ceil(math.log2(processes)) if processes > 1 else 0
    return count(messages) * hops * link.latency + sent(messages, processes) / link.bandwidth


def efficiency(
    messages: Iterable[Message], processes: int, link: Link, seconds_computing: float, hidden: float = 0.0
) -> float:
    """Return the images per second of N processes, with the same batch each, divided by N times those of one process.

    Args:
        messages: messages of a step.
        processes: N.
        link: the slowest link between the processes.
        seconds_computing: duration of a step with a single process.
        hidden: fraction of these seconds during which bytes are sent, as our strategy does while a backward pass runs.
            Latencies are never hidden.
    """
    messages = list(messages)
    moving = sent(messages, processes) / link.bandwidth
    waiting = seconds_reducing(messages, processes, link) - moving
    return seconds_computing / (seconds_computing + waiting + max(0.0, moving - hidden * seconds_computing))


# Shipped configs.


class _Made(LightningGANsCLI):
    """Builds the objects of a command without running it."""

    def _run_subcommand(self, subcommand: str) -> None:
        pass


def parsed(name: str) -> LightningGANsCLI:
    """Build a shipped config with the command line, without reading its data."""
    options = ["--trainer.accelerator", "cpu", "--trainer.logger", "false", "--evaluation.extractor", "null"]
    with TemporaryDirectory() as folder:
        if "ImageFolder" in Path(find_config(name)).read_text():
            # The config needs a folder of images, which is only listed.
            (Path(folder) / "image.png").touch()
            options += ["--data.root", folder]
        # By its path, with which `photos` chooses no settings for the pictures.
        return build(["fit", "--config", find_config(name), *options], _Made)


def shipped(name: str) -> Adversarial:
    """Build the model of a shipped config."""
    model = parsed(name).model
    assert isinstance(model, Adversarial)
    return model


def trained_configs() -> list[str]:
    """Return the names of the shipped configs that have a model."""
    return recipe_names()


def row(name: str) -> str:
    """Format a row of the table."""
    model = shipped(name)
    messages, theirs = alternating(model), wrapped(model)
    parts = {
        part: [m for m in messages if m.what.startswith(part)] for part in ("gradients of g", "gradients of d", "batch")
    }
    small = [m for m in messages if not any(m in part for part in parts.values())]
    cells = [f"{payload(part) / 1e6:.3f} MB" for part in parts.values()]
    cells[-1] += f" in {count(parts['batch']):.1f}" if parts["batch"] else ""
    cells += [f"{payload(small):.1f} B", f"{payload(messages) / 1e6:.2f} MB", f"{count(messages):.1f}"]
    cells += [f"{payload(theirs) / 1e6:.2f} MB", f"{payload(messages) / payload(theirs):.2f}"]
    return f"| {name} | {' | '.join(cells)} |"


def main(names: list[str]) -> None:
    """Print the table, or the messages of the named configs."""
    filter_warnings()
    for name in names:
        print(f"{name}: bytes, times per step, kind, content")
        for message in alternating(shipped(name)):
            print(f"{message.size:>12} {message.per_step:>7.3f} {message.kind:<11} {message.what}")
    if names:
        return
    print("| Config | G's gradients | D's | Batch norm, in messages | Callbacks | Sum | Messages | Wrapper | Ratio |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for name in trained_configs():
        print(row(name), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
