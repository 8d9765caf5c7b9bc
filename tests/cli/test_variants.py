"""Every variant with its default networks, from the real command line."""

from __future__ import annotations

import pytest

from lightning_gans.cli.sweep_check import parse_all
from lightning_gans.cli.train import build
from lightning_gans.components.class_paths import find_class
from lightning_gans.families import Adversarial, LatentGAN, Translation
from lightning_gans.variants import FastGAN, ProjectedGAN
from tests.support.command_line import QUIET
from tests.support.variants import LATENT_VARIANTS, OBJECTIVES, VARIANTS

pytestmark = pytest.mark.usefixtures("empty_folder")

SMALL_DATA = {
    LatentGAN: ["--data", "DigitsDataModule", "--data.batch_size", "2", "--data.eval_batch_size", "2"],
    Translation: [
        *("--data", "SyntheticFacadesDataModule", "--data.size", "64", "--data.train_size", "2"),
        *("--data.val_size", "2", "--data.batch_size", "1", "--data.eval_batch_size", "1"),
        *("--model.generator.width", "8", "--model.discriminator.width", "8"),  # those of the papers take seconds
    ],
}


NARROW = ["--model.generator.width", "4", "--model.discriminator.width", "4"]
"""For the networks of papers on large images, with which a step takes seconds."""


def command(variant: type[Adversarial]) -> list[str]:
    data = next(arguments for family, arguments in SMALL_DATA.items() if issubclass(variant, family))
    return ["fit", "--model", variant.__name__, *data, *(NARROW if variant in (FastGAN, ProjectedGAN) else [])]


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant_runs_with_its_defaults(variant: type[Adversarial]) -> None:
    arguments = ["--trainer.fast_dev_run", "true", "--evaluation.extractor", "null", *QUIET]
    cli = build([*command(variant), *arguments])
    assert type(cli.model) is variant
    assert cli.trainer.global_step == 1


@pytest.mark.slow
def test_variants_of_noise_accept_another_objective() -> None:
    """The parser treats all combinations alike; they all train in ``tests/families/test_latent.py``."""
    count = max(len(LATENT_VARIANTS), len(OBJECTIVES))
    chosen = [(LATENT_VARIANTS[i % len(LATENT_VARIANTS)], OBJECTIVES[i % len(OBJECTIVES)]) for i in range(count)]
    lines = [[*command(variant), "--model.objective", objective.__name__] for variant, objective in chosen]
    for (_, objective), config in zip(chosen, parse_all(lines), strict=True):
        assert find_class(config.fit.model.init_args.objective.class_path) is objective
