"""An imported folder is used to the end: it translates, is exported, is shown and is trained further."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

import lightning_gans
from lightning_gans.cli.commands.common import command_line
from lightning_gans.cli.train import build
from lightning_gans.inference import ImageTranslator
from lightning_gans.networks import ResNetTranslator
from lightning_gans.runs.folder import RunFolder
from lightning_gans.runs.trained_weights import read_trained_weights
from tests.support.authors_states import resnet_state, saved
from tests.support.demo_process import demo
from tests.support.translated import noise, pixels, save

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

TINY = [
    *("--data.size", "16", "--data.train_size", "8", "--data.val_size", "4", "--data.test_size", "4"),
    *("--model.generator", "ResNetTranslator", "--model.generator.width", "2", "--model.generator.blocks", "1"),
    *("--model.discriminator.width", "2", "--model.discriminator.layers", "1"),
]


NORMS = {"instance": "InstanceNorm", "batch": "BatchNorm"}


@pytest.fixture(params=NORMS)
def folder(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    file = saved(tmp_path, resnet_state(request.param, channels_out=3))
    command_line("import", [str(file), "--out", "model", "--size", "16"])
    return Path("model")


def test_translate_export_and_demo_show_the_same(folder: Path, tmp_path: Path) -> None:
    values = noise(16, 16)
    save("a.png", values)
    command_line("translate", [str(folder), "a.png", "--out", "out", "--compare"])
    made = pixels("out/images/a_fake_B.png").astype(int)
    translator = lightning_gans.load(folder)
    assert isinstance(translator, ImageTranslator)
    assert np.array_equal(translator.translate_array(values), made)
    command_line("export", [str(folder), "--format", "onnx", "--out", "model.onnx"])
    session = onnxruntime.InferenceSession("model.onnx", providers=["CPUExecutionProvider"])
    given = (values.transpose(2, 0, 1)[None] / 127.5 - 1).astype(np.float32)
    (exported,) = session.run(None, {"images": given})
    assert np.abs(np.rint((exported[0].transpose(1, 2, 0) + 1) * 127.5) - made).max() <= 1
    with demo(folder, tmp_path / "demo") as page:
        with urllib.request.urlopen(f"{page.url}/config", timeout=60) as response:
            components = {part["props"].get("elem_id"): part["props"] for part in json.load(response)["components"]}
        assert "An imported model" in components["title"]["value"]
        assert "imported from latest_net_G.pth" in components["title"]["value"]
        assert "upload" in components
        page.end()


def test_a_run_starts_from_it(folder: Path, request: pytest.FixtureRequest) -> None:
    norm = NORMS[request.node.callspec.params["folder"]]
    command = ["fit", "--config", "pix2pix/synthetic", *TINY, "--model.direction", "a_to_b"]
    command += ["--model.generator.norm", f"lightning_gans.networks.{norm}"]
    command += ["--model.start_from", str(folder), "--trainer.max_steps", "1", "--trainer.logger.name", "tuned"]
    command += ["--trainer.accelerator", "cpu", "--evaluation.extractor", "null"]
    trained = read_trained_weights(folder)
    (weights,) = trained.networks.values()
    build([*command, "--model.optimizer_g.lr", "0"])
    run = RunFolder(Path("runs/tuned/version_0"))
    started = json.loads(run.fit_facts.read_text())["started_from"]
    count = len({name.rpartition(".")[0] for name in weights})
    assert started["layers"] == {"generator": f"{count} of {count}"}
    model = lightning_gans.load(run.path)
    assert isinstance(model, ImageTranslator)
    network = model.network("a_to_b")
    assert isinstance(network, ResNetTranslator)
    state = network.state_dict()
    assert all(torch.equal(state[name], value) for name, value in weights.items() if value.ndim == 4)
