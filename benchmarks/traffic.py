"""What every process has to reduce with the others in a training step, computed from the networks of a shipped config.

    python benchmarks/traffic.py                 # the table of all shipped configs
    python benchmarks/traffic.py dcgan/mnist     # each message of one

Nothing is trained and nothing is sent. `benchmarks/moved.py` compares this with what two processes send.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from lightning_gans.callbacks.checkpoints import AGREE_EVERY
from lightning_gans.callbacks.symptoms import WATCHED
from lightning_gans.cli.process import filter_warnings
from lightning_gans.cli.train import LightningGANsCLI, build
from lightning_gans.components.penalties import R1R2
from lightning_gans.core.shipped_configs import config_names, find_config
from lightning_gans.families import Adversarial, LatentGAN
from lightning_gans.networks.layers import BatchNorm
from lightning_gans.variants import R3GAN, CycleGAN, Pix2Pix

FLOAT = 4
"""Bytes of a number: gradients and statistics are float32, under mixed precision too."""
SIGNAL = 8
"""Bytes of a signal's number."""
LOG_EVERY = 50
"""Steps from one look of the watchdog to the next, as in base.yaml."""


@dataclass(frozen=True)
class Message:
    """A collective operation that a step does.

    Attributes:
        what: what is sent.
        size: bytes that each process gives.
        per_step: how often, the mean over steps.
        kind: "all_reduce", "broadcast" or "barrier".
    """

    what: str
    size: int
    per_step: float
    kind: str = "all_reduce"


def payload(messages: Iterable[Message]) -> float:
    """Bytes a step that each process gives."""
    return sum(message.size * message.per_step for message in messages)


def count(messages: Iterable[Message]) -> float:
    """Messages a step."""
    return sum(message.per_step for message in messages)


def sent(messages: Iterable[Message], processes: int) -> float:
    """Bytes a step that a process sends on average, in a ring: each number goes round once as a part, once as a sum."""
    factors = {"all_reduce": 2 * (processes - 1) / processes, "broadcast": (processes - 1) / processes, "barrier": 0.0}
    return sum(message.size * message.per_step * factors[message.kind] for message in messages)


# What a strategy sends.


def alternating(model: Adversarial, log_every: int = LOG_EVERY, callbacks: bool = True) -> list[Message]:
    """Messages of :class:`lightning_gans.distributed.strategy.AlternatingDDP`.

    Gradients of a side once for each of its turns, those of accumulation included; two moments of each channel for
    every pass through batch normalisation; and what the watchdog and the signals agree on.

    Args:
        model: any variant.
        log_every: steps from one look of the watchdog to the next.
        callbacks: whether the watchdog and the newest checkpoint's callback are there, as from the command line.
    """
    messages = [
        Message(f"gradients of {name}", FLOAT * numbers(side.parameters), 1 / side.interval)
        for name, side in model.sides.items()
    ]
    times = passes(model)
    for name, network in {**model.generators, **model.discriminators}.items():
        for channels in normalised_channels(network):
            messages.append(Message(f"batch norm of {name}", 2 * FLOAT * channels, times[name]))
    if callbacks:
        looks, agreed = 1 / log_every, 1 / AGREE_EVERY
        messages += [
            Message("finite losses", FLOAT, 1 - looks),
            Message("the watchdog's look", FLOAT * (2 + len(WATCHED)), looks),
            Message("signals", SIGNAL, agreed),
            Message("before a look or signals", 0, looks + agreed, "barrier"),
        ]
    return messages


def wrapped(model: Adversarial) -> list[Message]:
    """Messages of DDP's wrapper that looks for unused parameters, with both sides' steps in a batch.

    Each backward pass reduces the gradients of all parameters, those of the other side as zeros, and a map of which
    were used. Batch normalisation is left to each process, and so are buffers: under manual optimization Lightning
    turns the wrapper's synchronisation off in the forward pass, and their broadcast with it (strategies.py counts it).
    """
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    backwards = sum(1 / side.interval for side in model.sides.values())
    return [
        Message("gradients of both", FLOAT * numbers(parameters), backwards),
        Message("map of used parameters", 4 * len(parameters), backwards),
    ]


def numbers(parameters: Iterable[nn.Parameter]) -> int:
    """How many numbers parameters hold."""
    return sum(parameter.numel() for parameter in parameters)


def normalised_channels(network: nn.Module) -> list[int]:
    """The channels of each layer of batch normalisation."""
    channels = [m.num_features for m in network.modules() if isinstance(m, _BatchNorm)]
    return channels + [m.channels for m in network.modules() if isinstance(m, BatchNorm)]


def passes(model: Adversarial) -> dict[str, float]:
    """How often a step goes through each network while it trains, forward and backward, the mean over steps.

    A penalty goes through D four times for each set of images: forward, back to the images, and twice when that slope
    is itself differentiated.

    Raises:
        TypeError: if it is not known how the model alternates.
    """
    moves = 1 / model.sides["g"].interval
    judged = 2 + 2 + 2 * moves  # D's step forward on two sets and back, G's step through D and back
    if isinstance(model, LatentGAN):
        if isinstance(model, R3GAN):
            judged += moves  # G's step also looks at the real images
        if model.penalty is not None:
            model.penalty.applies_at(0)  # a default is made at its first call
            judged += 4 * (2 if isinstance(model.penalty, R1R2) else 1) / model.penalty.interval
        return {"generator": 1 + moves, "discriminator": judged}
    if isinstance(model, Pix2Pix):
        return {"generator": 1 + moves, "discriminator": judged}
    if isinstance(model, CycleGAN):
        # One translation for both steps; the way back and the identity belong to G's.
        others = 2 if model.lambda_identity else 1
        made = 1 + moves * (others + 1 + others)
        return dict.fromkeys(model.generators, made) | dict.fromkeys(model.discriminators, judged)
    raise TypeError(f"the passes of {type(model).__name__} are not known")


# What that takes.


@dataclass(frozen=True)
class Link:
    """A way between processes; both figures are assumptions unless they were measured.

    Attributes:
        name: what it is called.
        bandwidth: bytes a second, one way.
        latency: seconds from one process to its neighbour.
    """

    name: str
    bandwidth: float
    latency: float


def seconds_reducing(messages: Iterable[Message], processes: int, link: Link) -> float:
    """Seconds a step of a ring over the given link, with a tree's latency: up and down once for each message.

    Bytes x 2 (N - 1) / N / bandwidth, and messages x 2 ceil(log2 N) x latency.
    """
    messages = list(messages)
    hops = 2 * math.ceil(math.log2(processes)) if processes > 1 else 0
    return count(messages) * hops * link.latency + sent(messages, processes) / link.bandwidth


def efficiency(
    messages: Iterable[Message], processes: int, link: Link, seconds_computing: float, hidden: float = 0.0
) -> float:
    """Images a second of N processes over N times those of one, with the same batch for each process.

    Args:
        messages: of a step.
        processes: N.
        link: the slowest between them.
        seconds_computing: a step of one process by itself.
        hidden: the share of these seconds under which bytes could travel; none under our strategy, which reduces after
            the backward pass. Latencies are never hidden.
    """
    messages = list(messages)
    moving = sent(messages, processes) / link.bandwidth
    waiting = seconds_reducing(messages, processes, link) - moving
    return seconds_computing / (seconds_computing + waiting + max(0.0, moving - hidden * seconds_computing))


# Shipped configs.


class _Made(LightningGANsCLI):
    """Makes what a command asks for, and does not run it."""

    def _run_subcommand(self, subcommand: str) -> None:
        pass


def parsed(name: str) -> LightningGANsCLI:
    """A shipped config as the command line makes it; its data are not read."""
    options = ["--trainer.accelerator", "cpu", "--trainer.logger", "false", "--evaluation.extractor", "null"]
    with TemporaryDirectory() as folder:
        if "ImageFolder" in Path(find_config(name)).read_text():
            # Of the user's own, and only listed.
            (Path(folder) / "image.png").touch()
            options += ["--data.root", folder]
        return build(["fit", "--config", name, *options], _Made)


def shipped(name: str) -> Adversarial:
    """The model of a shipped config."""
    model = parsed(name).model
    assert isinstance(model, Adversarial)
    return model


def trained_configs() -> list[str]:
    """Names of the shipped configs that have a model."""
    return [name for name in config_names() if name != "base" and name.split("/")[0] not in ("data", "logger")]


def row(name: str) -> str:
    """A line of the table."""
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
    """Print the table, or the messages of the configs that are named."""
    filter_warnings()
    for name in names:
        print(f"{name}: bytes, times a step, kind, what")
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
