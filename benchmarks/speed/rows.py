"""The measured training steps, as arguments of ``fit``."""

from __future__ import annotations

from dataclasses import dataclass

DIGITS = ("--data", "speed.many_digits.ManyDigitsDataModule")
HOUSES = ("--data", "SyntheticFacadesDataModule", "--data.train_size", "32", "--data.size")
CHEAP_SCORES = ("--evaluation.extractor", "null", "--evaluation.kid", "false", "--best.monitor", "null")
"""Nothing is validated here, so that Inception's weights are not needed."""


@dataclass(frozen=True)
class Row:
    """A training step.

    Attributes:
        arguments: arguments of ``lightning-gans fit``.
        turn: steps of a turn; a multiple of the intervals of the penalty and of the generator's updates.
        rounds: turns of each way.
    """

    arguments: tuple[str, ...]
    turn: int
    rounds: int


def digits(config: str, size: int = 28, *more: str, turn: int = 4, rounds: int = 8) -> Row:
    """Return the row of a variant that generates from noise."""
    return Row(("--config", config, *DIGITS, "--data.size", str(size), *more), turn, rounds)


def houses(config: str, size: int, *more: str, turn: int = 1, rounds: int = 8) -> Row:
    """Return the row of a variant that translates images."""
    return Row(("--config", config, *HOUSES, str(size), *CHEAP_SCORES, *more), turn, rounds)


DENSE_CGAN = (
    *("--model", "CGAN", "--model.penalty", "null"),
    *("--model.generator.conditional", "true", "--model.discriminator.conditional", "true"),
)

COMMON_SIZES = (
    *("--model.penalty", "null", "--model.generator.widths", "[128,256,512,1024]"),
    *("--model.discriminator.widths", "[512,256]"),
)
"""Layers of 100-128-256-512-1024-784 and 784-512-256-1 units, as in the dense GAN of a common suite."""

ROWS: dict[str, Row] = {
    "GAN, dense, 28 px": digits("gan/mnist", 28, "--model.penalty", "null", turn=50, rounds=12),
    "GAN, dense, 28 px, R1": digits("gan/mnist", turn=52, rounds=12),
    "GAN, dense, common sizes": digits("gan/mnist", 28, *COMMON_SIZES, turn=48, rounds=16),
    "CGAN, dense, common sizes": digits(
        "gan/mnist", 28, *DENSE_CGAN, *COMMON_SIZES, "--model.generator.label_width", "64", turn=48, rounds=16
    ),
    "CGAN, dense, 32 px": digits("gan/mnist", 32, *DENSE_CGAN, turn=50, rounds=12),
    "DCGAN, upsampling, 32 px": digits("dcgan/resize", 32),
    "LSGAN, upsampling, 32 px": digits("lsgan/resize", 32),
    "DCGAN, transposed, 28 px": digits("dcgan/mnist"),
    "DCGAN, transposed, 64 px": digits("dcgan/paper", 64, "--data.batch_size", "64", *CHEAP_SCORES, turn=2),
    "LSGAN, transposed, 28 px": digits("lsgan/mnist"),
    "CGAN, transposed, 28 px": digits("cgan/mnist"),
    "WGAN-GP, transposed, 28 px": digits("wgan_gp/mnist", turn=5),
    "SNGAN, transposed, 28 px": digits("sngan/mnist", turn=5),
    "R3GAN, transposed, 28 px": digits("r3gan/mnist", turn=4),
    "pix2pix, 256 px": houses("pix2pix/facades", 256, turn=2),
    "CycleGAN, 256 px": houses("cyclegan/horse2zebra", 256, "--data.paired", "false", rounds=4),
}

PLAIN = ("--model.channels_last", "false")
COMPILED = ("--compile.networks", "true")
BF16 = ("--trainer.precision", "bf16-mixed")
TORCH_ADAM = ("--model.optimizer_g", "torch.optim.Adam")

OPTIONS: dict[str, tuple[str, ...]] = {
    "eager": PLAIN,
    "torch's Adam in G": (*PLAIN, *TORCH_ADAM),
    "channels_last": ("--model.channels_last", "true"),
    "bf16": (*PLAIN, *BF16),
    "compiled": (*PLAIN, *COMPILED),
    "compiled, bf16": (*PLAIN, *COMPILED, *BF16),
}
"""Options of our step; each is compared with the first."""

GPU_OPTIONS: dict[str, tuple[str, ...]] = {
    "TF32": (*PLAIN, "--tf32.allow", "true"),
    "no TF32": (*PLAIN, "--tf32.allow", "false"),
    "CUDA graphs": (*PLAIN, "--compile.cuda_graphs", "true"),
    "CUDA graphs, bf16, channels_last": (*BF16, "--compile.cuda_graphs", "true", "--model.channels_last", "true"),
}
"""Additional options on a GPU."""
