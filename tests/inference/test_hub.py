from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import lightning_gans
from lightning_gans.core.errors import InputError
from lightning_gans.inference import ImageTranslator, LatentSampler, PretrainedModel
from lightning_gans.inference import model as base
from tests.support import checkpoint_files

MAKE: dict[type[PretrainedModel], Callable[[Path], Path]] = {
    LatentSampler: lambda path: checkpoint_files.latent(path, conditional=True),
    ImageTranslator: checkpoint_files.both_ways,
}


def saved(kind: type[PretrainedModel], tmp_path: Path) -> tuple[PretrainedModel, Path]:
    model = lightning_gans.load(MAKE[kind](tmp_path / "best.ckpt"))
    model.save_pretrained(tmp_path / "model")
    return model, tmp_path / "model"


def assert_same(one: PretrainedModel, other: PretrainedModel) -> None:
    assert type(one) is type(other)
    assert one.metadata == other.metadata
    assert one.config == other.config
    ours, theirs = one.state_dict(), other.state_dict()
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[key], theirs[key]) for key in ours)
    assert not other.training
    assert not any(parameter.requires_grad for parameter in other.parameters())


@pytest.mark.parametrize("kind", MAKE)
def test_a_saved_folder_gives_back_every_bit(
    kind: type[PretrainedModel], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    model, folder = saved(kind, tmp_path)
    pictures = ["samples.png"] if kind is LatentSampler else []
    assert sorted(path.name for path in folder.iterdir()) == [
        "README.md",
        "config.json",
        "model.safetensors",
        *pictures,
    ]
    assert_same(model, kind.from_pretrained(folder))
    assert_same(model, lightning_gans.load(folder))
    again = tmp_path / "again"
    kind.from_pretrained(folder).save_pretrained(again)
    assert (again / "model.safetensors").read_bytes() == (folder / "model.safetensors").read_bytes()
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("kind", MAKE)
def test_a_name_on_the_hub_is_downloaded(
    kind: type[PretrainedModel], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, folder = saved(kind, tmp_path)
    asked = []

    def download(repo_id: str, filename: str, *, revision: str | None, **others: Any) -> str:
        asked.append((repo_id, filename, revision))
        return str(folder / filename)

    monkeypatch.setattr("huggingface_hub.hub_mixin.hf_hub_download", download)
    monkeypatch.setattr(base, "hf_hub_download", download)
    assert_same(model, kind.from_pretrained("somebody/gan", revision="v1"))
    assert asked == [("somebody/gan", "config.json", "v1"), ("somebody/gan", "model.safetensors", "v1")]


def test_a_model_is_pushed_with_card_and_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pushed: dict[str, bytes] = {}

    class Hub:
        def __init__(self, token: str | None) -> None: ...

        def create_repo(self, repo_id: str, **options: Any) -> Any:
            return type("Repository", (), {"repo_id": repo_id})

        def upload_folder(self, *, folder_path: Path, **options: Any) -> str:
            pushed.update({path.name: path.read_bytes() for path in Path(folder_path).iterdir()})
            return "https://hub/commit"

    monkeypatch.setattr("huggingface_hub.hub_mixin.HfApi", Hub)
    model, folder = saved(LatentSampler, tmp_path)
    assert model.push_to_hub("somebody/gan") == "https://hub/commit"
    assert pushed == {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_folder_of_the_other_kind_is_refused(tmp_path: Path) -> None:
    _, noise = saved(LatentSampler, tmp_path / "noise")
    _, images = saved(ImageTranslator, tmp_path / "images")
    with pytest.raises(InputError, match=r"is .*images.* describes no LatentSampler"):
        LatentSampler.from_pretrained(images)
    with pytest.raises(InputError, match=r"is .*noise.* describes no ImageTranslator"):
        ImageTranslator.from_pretrained(noise)


def change(config: dict[str, Any], *keys: str, value: Any) -> dict[str, Any]:
    node = config
    for key in keys[:-1]:
        node = node[key]
    node[keys[-1]] = value
    return config


@pytest.mark.parametrize(
    ("kind", "keys", "value", "message"),
    [
        (LatentSampler, ("generator",), "MLPGenerator", "generator is 'MLPGenerator'; expected a class_path"),
        (LatentSampler, ("noise",), None, "noise is None; expected a class_path"),
        (LatentSampler, ("metadata",), [], "metadata is"),
        (LatentSampler, ("generator", "init_args", "widths"), [16], "weights do not fit its network"),
        (ImageTranslator, ("generators",), [1], "describes no ImageTranslator"),
        (ImageTranslator, ("generators", "a_to_b", "size"), "wide", "describes no ImageTranslator"),
    ],
)
def test_a_config_of_other_things_is_refused_in_one_sentence(
    kind: type[PretrainedModel], keys: tuple[str, ...], value: Any, message: str, tmp_path: Path
) -> None:
    _, folder = saved(kind, tmp_path)
    file = folder / "config.json"
    file.write_text(json.dumps(change(json.loads(file.read_text()), *keys, value=value)))
    for read in (lightning_gans.load, kind.from_pretrained):
        with pytest.raises(InputError, match=message) as refused:
            read(folder)
        assert "\n" not in str(refused.value)


def test_weights_come_from_safetensors_alone(tmp_path: Path) -> None:
    model, folder = saved(LatentSampler, tmp_path)
    torch.save(model.state_dict(), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    with pytest.raises(InputError, match="cannot be read as safetensors"):
        LatentSampler.from_pretrained(folder)
    (folder / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(InputError, match=r"cannot be read as safetensors"):
        lightning_gans.load(folder)
