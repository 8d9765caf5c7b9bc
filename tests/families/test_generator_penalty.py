"""The penalty on G within the training step, and StyleGAN2 with its own networks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from lightning_gans.components.generator_penalties import GeneratorPass, PathLength
from lightning_gans.components.penalties import R1
from lightning_gans.core.errors import InputError
from lightning_gans.variants import DCGAN, StyleGAN2
from tests.families.test_resume import Kill, KilledError, everything, fit
from tests.support.half import half_trainer
from tests.support.tiny import TinyData, tiny_dcgan, tiny_stylegan2, tiny_trainer, weights


class Noted(PathLength):
    """Notes the passes that it gets."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.seen: list[GeneratorPass] = []

    def term(self, given: GeneratorPass) -> Tensor:
        self.seen.append(given)
        return super().term(given)


@pytest.mark.parametrize(
    ("n_critic", "interval", "steps"), [(1, 1, [0, 1, 2, 3, 4, 5]), (1, 4, [0, 4]), (2, 2, [1, 5]), (3, 1, [2, 5])]
)
def test_it_is_due_in_updates_of_the_generator(n_critic: int, interval: int, steps: list[int], tmp_path: Path) -> None:
    penalty = Noted(interval=interval)
    model = tiny_stylegan2(n_critic=n_critic, generator_penalty=penalty, penalty=None)
    tiny_trainer(tmp_path, max_steps=6, limit_val_batches=0).fit(model, TinyData())
    assert [given.step for given in penalty.seen] == steps
    assert {given.total_steps for given in penalty.seen} == {6}


@pytest.mark.parametrize(("shrink", "images"), [(1, 8), (2, 4), (3, 3), (100, 1)])
def test_its_pass_has_a_share_of_the_batch_in_float32(shrink: int, images: int, tmp_path: Path) -> None:
    penalty = Noted(interval=1, shrink=shrink)
    half_trainer(tmp_path, max_steps=1).fit(tiny_stylegan2(generator_penalty=penalty), TinyData())
    (given,) = penalty.seen
    assert given.images.shape == (images, 1, 28, 28)
    assert given.latent.shape == (images, 6, 4)
    assert given.images.dtype == given.latent.dtype == torch.float32


def test_the_latent_vectors_of_another_network_are_differentiated(tmp_path: Path) -> None:
    penalty = Noted(interval=2)
    model = tiny_dcgan(generator_penalty=penalty)
    tiny_trainer(tmp_path, max_steps=3, limit_val_batches=0).fit(model, TinyData())
    assert [given.latent.shape for given in penalty.seen] == [(4, 3)] * 2
    assert not torch.equal(penalty.seen[0].latent, penalty.seen[1].latent)


def test_it_changes_the_generator_and_is_logged(tmp_path: Path) -> None:
    ends = []
    for penalty in (None, PathLength(weight=0, interval=1), PathLength(interval=1, decay=1.0)):
        # With a decay of 1 the mean is that of the batch, and the term the variance of its lengths.
        model = tiny_stylegan2(generator_penalty=penalty, penalty=None)
        trainer = tiny_trainer(tmp_path, max_steps=1, limit_val_batches=0)
        trainer.fit(model, TinyData())
        ends.append(weights(model))
        assert ("path_length" in trainer.logged_metrics) is (penalty is not None)
        if penalty is not None:
            assert trainer.logged_metrics["path_length"] > 0
    for key, value in ends[0].items():
        assert torch.equal(value, ends[1][key])
    moved = {key.partition(".")[0] for key, value in ends[0].items() if not torch.equal(value, ends[2][key])}
    assert moved == {"generator"}


def test_styles_noise_and_path_lengths_resume_exactly(tmp_path: Path) -> None:
    def run(folder: str, *callbacks: Kill, ckpt_path: Path | None = None) -> Any:
        penalty = PathLength(interval=2, decay=0.5)
        model = tiny_stylegan2(penalty=R1(weight=0.1, interval=3), generator_penalty=penalty)
        return fit(tmp_path / folder, model, TinyData(), *callbacks, ckpt_path=ckpt_path, limit_train_batches=2)

    whole = everything(run("whole"))
    with pytest.raises(KilledError):
        run("cut", Kill(3))
    last = tmp_path / "cut" / "checkpoints" / "last.ckpt"
    torch.manual_seed(99)  # a new process
    resumed = everything(run("cut", ckpt_path=last))
    assert not [key for key, value in resumed.items() if not torch.equal(value, whole[key])]
    ends = [torch.load(tmp_path / name / "checkpoints" / "last.ckpt") for name in ("whole", "cut")]
    states = [end["part_states"]["generator_penalty"] for end in ends]
    assert states[0] == states[1] != {"mean": 0.0}
    torch.save({**ends[0], "part_states": {"generator_penalty": {"median": 1.0}}}, last)
    with pytest.raises(InputError, match=r"part_states\.generator_penalty does not fit PathLength"):
        StyleGAN2.load_from_checkpoint(last)


def test_the_papers_settings_are_the_defaults() -> None:
    with torch.device("meta"):
        model = StyleGAN2()
    penalty, other = model.penalty, model.generator_penalty
    assert isinstance(penalty, R1)
    assert (penalty.weight, penalty.interval) == (10, 16)
    assert isinstance(other, PathLength)
    assert (other.weight, other.interval, other.shrink, other.decay) == (2, 4, 2, 0.01)
    assert DCGAN().generator_penalty is None
