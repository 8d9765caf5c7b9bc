"""Files from elsewhere are material: what they name is neither imported nor called, unless the user trusts it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import lightning_gans
from lightning_gans.cli.commands import common
from lightning_gans.core.errors import InputError
from lightning_gans.families import Adversarial
from lightning_gans.inference import ImageTranslator
from tests.support import checkpoint_files

EVIL_MODULE = "from pathlib import Path\nPath('{ran}').touch()\nmake = dict\n"


@pytest.fixture
def ran(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that exists after any of the attacks has run code; a module beside the model would make it, too."""
    folder = tmp_path / "stranger"
    folder.mkdir()
    path = tmp_path / "ran"
    (folder / "evil.py").write_text(EVIL_MODULE.format(ran=path))
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(str(folder))
    sys.modules.pop("evil", None)
    return path


def attacks(ran: Path) -> dict[str, Any]:
    """Values in place of a class with its arguments."""
    command = f"touch {ran}"
    named = {
        "system": {"class_path": "os.system", "init_args": {"command": command}},
        "popen": {"class_path": "subprocess.Popen", "init_args": {"args": ["touch", str(ran)]}},
        "getoutput": {"class_path": "subprocess.getoutput", "init_args": {"cmd": command}},
        "module": {"class_path": "evil.make"},
        "class": {"class_path": "evil.Generator", "init_args": {}},
    }
    texts = {f"text-{name}": json.dumps(value) for name, value in named.items()}
    return {**named, **texts, "path": "evil.make", "function": "os.getcwd", "yaml": "{class_path: evil.make}"}


PLACES = ["network", "norm", "width", "extra", "list"]
"""Where the attack is put: in place of the network, of its arguments, and of one that it does not have."""


def with_attack(network: dict[str, Any], place: str, attack: Any) -> Any:
    if place == "network":
        return attack
    arguments = network.get("init_args", {})
    value = {"list": [attack], "extra": attack}.get(place, attack)
    return {**network, "init_args": {**arguments, "norm" if place == "list" else place: value}}


def attacked_checkpoint(path: Path, place: str, attack: Any) -> Path:
    checkpoint_files.one_way(path)
    contents = torch.load(path)
    contents["hyper_parameters"]["generator"] = with_attack(contents["hyper_parameters"]["generator"], place, attack)
    torch.save(contents, path)
    return path


def attacked_folder(path: Path, place: str, attack: Any) -> Path:
    lightning_gans.load(checkpoint_files.one_way(path.with_suffix(".ckpt"))).save_pretrained(path)
    file = path / "config.json"
    config = json.loads(file.read_text())
    way = config["generators"]["a_to_b"]
    way["network"] = with_attack(way["network"], place, attack)
    file.write_text(json.dumps(config))
    return path


def attacked_file(path: Path, place: str, attack: Any) -> Path:
    from safetensors.torch import load_file

    from lightning_gans.runs.weights_file import to_safetensors

    folder = attacked_folder(path.with_suffix(""), place, attack)
    weights = {name.partition("a_to_b.")[2]: w for name, w in load_file(folder / "model.safetensors").items()}
    path = path.with_suffix(".safetensors")
    path.write_bytes(to_safetensors(weights, json.loads((folder / "config.json").read_text())))
    return path


KINDS: dict[str, Callable[[Path, str, Any], Path]] = {
    "checkpoint": attacked_checkpoint,
    "folder": attacked_folder,
    "file": attacked_file,
}


@pytest.mark.parametrize("place", PLACES)
def test_what_a_checkpoint_names_is_not_called(place: str, ran: Path, tmp_path: Path) -> None:
    for attack in attacks(ran).values():
        path = attacked_checkpoint(tmp_path / "model.ckpt", place, attack)
        with pytest.raises(InputError) as refused:
            lightning_gans.load(path)
        assert "\n" not in str(refused.value)
    assert not ran.exists()
    assert "evil" not in sys.modules


@pytest.mark.parametrize("attack", ["system", "text-system", "path"])
@pytest.mark.parametrize("kind", ["folder", "file"])
def test_what_an_exported_model_names_is_not_called(kind: str, attack: str, ran: Path, tmp_path: Path) -> None:
    for place in PLACES:
        path = KINDS[kind](tmp_path / place, place, attacks(ran)[attack])
        with pytest.raises(InputError):
            lightning_gans.load(path)
        if kind == "folder":
            with pytest.raises(InputError):
                ImageTranslator.from_pretrained(path)
    assert not ran.exists()
    assert "evil" not in sys.modules


@pytest.mark.parametrize(
    "argument", ["generator", "discriminator", "objective", "optimizer_g", "scheduler_d", "size", "_class_path"]
)
def test_what_a_checkpoint_names_is_not_called_by_load_from_checkpoint(
    argument: str, ran: Path, tmp_path: Path
) -> None:
    path = checkpoint_files.one_way(tmp_path / "model.ckpt")
    contents = torch.load(path)
    settings = contents["hyper_parameters"]
    for value in attacks(ran).values():
        for given in (value, {"class_path": "lightning_gans.networks.UNet", "init_args": {"norm": value}}):
            torch.save({**contents, "hyper_parameters": {**settings, argument: given}}, path)
            with pytest.raises(InputError):
                Adversarial.load_from_checkpoint(path)
    assert not ran.exists()
    assert "evil" not in sys.modules


COMMANDS = {
    "translate": ["picture.png", "--out", "translated"],
    "sample": ["--out", "pictures"],
    "interpolate": ["--out", "path.png"],
    "export": ["--format", "safetensors"],
    "demo": ["--no_browser", "--port", "0"],
    "inspect": [],
}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("kind", KINDS)
def test_no_command_calls_what_a_file_names(kind: str, command: str, ran: Path, tmp_path: Path) -> None:
    from PIL import Image

    Image.new("RGB", (64, 64)).save("picture.png")
    before = list(sys.path)
    for place in ("norm", "network"):
        path = KINDS[kind](tmp_path / place, place, attacks(ran)["text-system" if place == "norm" else "module"])
        if command == "inspect":  # it builds nothing, and describes the file
            common.run_command(command, [str(path)])
        else:
            with pytest.raises(InputError):
                common.run_command(command, [str(path), *COMMANDS[command]])
    assert not ran.exists()
    assert "evil" not in sys.modules
    assert sys.path == before
