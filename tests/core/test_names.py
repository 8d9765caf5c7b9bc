from __future__ import annotations

import pytest

from lightning_gans.core.names import did_you_mean, similar_names

NAMES = [
    "DCGAN",
    "CGAN",
    "ImageFolderDataModule",
    "data.batch_size",
    "ema.decay",
    "dcgan/mnist",
    "dcgan/paper",
    "n_critic",
]


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("d-cgan", ["DCGAN"]),  # in other letters, before the configs of that name
        ("DGCAN", ["DCGAN"]),
        ("image_folder", ["ImageFolderDataModule"]),
        ("batch_size", ["data.batch_size"]),
        ("emma.decay", ["ema.decay"]),
        ("DCGAN/MNIST", ["dcgan/mnist"]),
        ("n_critc", ["n_critic"]),
        ("im", []),
        ("xyz", []),
        ("", []),
        ("--", []),
        ("DCGAN", []),
    ],
)
def test_what_was_probably_meant(word: str, meant: list[str]) -> None:
    assert similar_names(word, [name for name in NAMES if word != "DCGAN" or name == "DCGAN"]) == meant


def test_a_part_of_several_names_means_at_most_three() -> None:
    names = [f"{variant}/mnist" for variant in ("cgan", "dcgan", "gan", "lsgan")]
    assert similar_names("mnist", names) == ["gan/mnist", "cgan/mnist", "dcgan/mnist"]
    assert similar_names("dcgan", names) == ["dcgan/mnist"]


def test_suggestions_end_a_sentence() -> None:
    assert did_you_mean([]) == ""
    assert did_you_mean(["a", "b"]) == "; did you mean a or b?"
