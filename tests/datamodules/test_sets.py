"""The data sets: real files where they are, small made-up ones where they are not."""

from __future__ import annotations

import gzip
import hashlib
import struct
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torchvision.datasets import MNIST

from lightning_gans.core.data import describe_names
from lightning_gans.core.errors import InputError
from lightning_gans.datamodules import (
    CIFAR10DataModule,
    DigitsDataModule,
    FashionMNISTDataModule,
    KMNISTDataModule,
    MNISTDataModule,
    in_memory,
)
from lightning_gans.datamodules.in_memory import InMemoryDataModule, TensorImages
from lightning_gans.datamodules.torchvision_sets import TorchvisionDataModule
from lightning_gans.metrics import DigitFeatures
from tests.support.tiny import TinyData, tiny_dcgan, tiny_trainer


@pytest.mark.parametrize(
    ("data", "name", "classes"),
    [
        (DigitsDataModule(), "Digits", ["0", "9"]),
        (MNISTDataModule(), "MNIST", ["0", "9"]),
        (FashionMNISTDataModule(), "Fashion-MNIST", ["T-shirt/top", "Ankle boot"]),
        (KMNISTDataModule(), "KMNIST", ["o", "wo"]),
        (CIFAR10DataModule(), "CIFAR-10", ["airplane", "truck"]),
    ],
)
def test_sets_have_names_for_titles(data: InMemoryDataModule, name: str, classes: list[str]) -> None:
    found = describe_names(data)
    assert found["data_name"] == name
    assert [found["classes"][0], found["classes"][-1]] == classes
    assert len(found["classes"]) == data.num_classes


def test_digits_are_there_without_a_download() -> None:
    data = DigitsDataModule(size=32)
    data.prepare_data()
    data.setup("fit")
    images, labels = data.splits["train"].images, data.splits["train"].labels
    assert images.shape == (1797, 1, 32, 32)
    assert images.dtype == torch.uint8
    assert images.max() > 200
    assert torch.unique(labels).tolist() == list(range(10))
    assert data.split_label("val") == "all"


def test_the_shipped_classifier_reads_the_digits() -> None:
    data = DigitsDataModule(size=28)
    data.setup("fit")
    images, labels = data.splits["train"].images, data.splits["train"].labels
    extractor = DigitFeatures()
    classes = extractor.logits(extractor(images)).argmax(dim=1)
    assert (classes == labels).float().mean() > 0.94


def test_batches_arrive_as_float_in_minus_one_to_one() -> None:
    data = TinyData()
    data.setup("fit")
    batch = next(iter(data.train_dataloader()))
    assert batch.images.dtype == torch.uint8
    moved = data.on_after_batch_transfer(batch, 0)
    assert moved.images.dtype == torch.float32
    torch.testing.assert_close((moved.images + 1) * 127.5, batch.images.float())


def test_a_gpu_keeps_small_sets_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    moved: list[torch.device] = []

    def to(images: TensorImages, device: torch.device) -> TensorImages:
        moved.append(device)
        return images

    monkeypatch.setattr(TensorImages, "to", to)

    def served(device: str, num_workers: int = 0) -> int:
        data = TinyData(num_workers=num_workers)
        data.setup("fit")
        data.trainer = SimpleNamespace(strategy=SimpleNamespace(root_device=torch.device(device)))  # type: ignore[assignment]
        moved.clear()
        data.dataset_for("train")
        return len(moved)

    assert (served("cuda"), served("cpu"), served("cuda", num_workers=1)) == (1, 0, 0)
    monkeypatch.setattr(in_memory, "MAX_BYTES_ON_GPU", 1000)
    assert served("cuda") == 0


@pytest.mark.gpu
def test_batches_are_made_on_the_gpu(tmp_path: Path) -> None:
    data = TinyData()
    trainer = tiny_trainer(tmp_path, accelerator="gpu", devices=1, max_steps=1, limit_val_batches=1)
    trainer.fit(tiny_dcgan(), data)
    batch = next(iter(data.train_dataloader()))
    assert batch.images.is_cuda
    assert batch.labels.is_cuda
    assert torch.equal(batch.images.cpu(), data.splits["train"][data.training_batches().order()[:8].tolist()].images)


@pytest.mark.gpu
def test_no_batch_after_the_first_waits_for_the_gpu(tmp_path: Path) -> None:
    data = TinyData()
    data.setup("fit")
    data.trainer = tiny_trainer(tmp_path, accelerator="gpu", devices=1)
    for loader in (data.train_dataloader(), data.val_dataloader()):
        iterator = iter(loader)
        next(iterator)
        torch.cuda.set_sync_debug_mode("error")
        try:
            rest = list(iterator)
        finally:
            torch.cuda.set_sync_debug_mode("default")
        assert rest


def test_splits_do_not_overlap_and_test_images_are_only_for_test() -> None:
    data = TinyData(length=46)
    data.setup("fit")
    assert (len(data.splits["train"]), len(data.splits["val"])) == (40, 6)
    assert "test" not in data.splits
    data.setup("test")
    assert data.fingerprint("test") != data.fingerprint("val")


def test_workers_give_the_same_batches() -> None:
    batches = []
    for workers in (0, 2):
        data = TinyData(num_workers=workers)
        data.setup("fit")
        batches.append([batch.labels.tolist() for batch in data.train_dataloader()])
    assert batches[0] == batches[1]


def test_real_mnist_is_split_as_stated(mnist_root: Path) -> None:
    data = MNISTDataModule(root=mnist_root, download=False)
    data.prepare_data()
    data.setup("fit")
    data.setup("test")
    assert {split: len(images) for split, images in data.splits.items()} == {"train": 55000, "val": 5000, "test": 10000}
    assert data.splits["train"].images.shape[1:] == (1, 28, 28)


def test_a_wrong_root_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError) as error:
        MNISTDataModule(root=tmp_path / "nowhere", download=False).prepare_data()
    assert str(error.value) == (
        f"root is {tmp_path}/nowhere, where MNIST is not complete, and download is false; "
        f"expected its files in {tmp_path}/nowhere/MNIST/raw"
    )


# A loopback server with small archives in the published layout.

Archives = tuple[str, dict[str, str]]


def idx(values: np.ndarray) -> bytes:
    """The IDX format: type code 8 (uint8), number of dimensions, sizes, data."""
    return struct.pack(">HBB", 0, 8, values.ndim) + struct.pack(f">{values.ndim}I", *values.shape) + values.tobytes()


@pytest.fixture
def archives(tmp_path: Path) -> Iterator[Archives]:
    """Address of a server with four tiny files of MNIST's names, and their MD5 sums."""
    folder = tmp_path / "server"
    folder.mkdir()
    sums = {}
    for prefix, count in (("train", 40), ("t10k", 12)):
        rng = np.random.default_rng(count)
        for kind, values in (
            ("images-idx3", rng.integers(0, 256, (count, 28, 28), dtype=np.uint8)),
            ("labels-idx1", (np.arange(count) % 10).astype(np.uint8)),
        ):
            path = folder / f"{prefix}-{kind}-ubyte.gz"
            path.write_bytes(gzip.compress(idx(values)))
            sums[path.name] = hashlib.md5(path.read_bytes()).hexdigest()
    handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/", sums
    server.shutdown()
    server.server_close()


@pytest.fixture
def served(archives: Archives, monkeypatch: pytest.MonkeyPatch) -> None:
    address, sums = archives
    for module in (MNISTDataModule, KMNISTDataModule, FashionMNISTDataModule):
        monkeypatch.setattr(module.dataset, "mirrors", [address])
        monkeypatch.setattr(module.dataset, "resources", list(sums.items()))


@pytest.mark.parametrize("module", [MNISTDataModule, KMNISTDataModule, FashionMNISTDataModule])
@pytest.mark.usefixtures("served")
def test_download_then_load(module: type[TorchvisionDataModule], tmp_path: Path) -> None:
    data = module(root=tmp_path / "data", val_size=8, batch_size=4)
    data.prepare_data()
    data.setup("fit")
    assert len(data.splits["train"]) == 32
    assert (tmp_path / "data" / module.folder).is_dir()
    module(root=tmp_path / "data", download=False, val_size=8).prepare_data()


@pytest.mark.usefixtures("served")
def test_a_download_with_the_wrong_checksum_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MNIST, "resources", [(name, "0" * 32) for name, _ in MNIST.resources])
    with pytest.raises(InputError, match=r"root is .*the download failed"):
        MNISTDataModule(root=tmp_path / "data").prepare_data()


@pytest.mark.parametrize("damage", ["truncated", "empty", "text"])
@pytest.mark.usefixtures("served")
def test_a_corrupt_file_is_one_sentence_that_says_what_to_do(tmp_path: Path, damage: str) -> None:
    data = MNISTDataModule(root=tmp_path / "data", val_size=8)
    data.prepare_data()
    path = tmp_path / "data" / "MNIST" / "raw" / "train-images-idx3-ubyte"
    content = path.read_bytes()
    path.write_bytes({"truncated": content[: len(content) // 2], "empty": b"", "text": b"not pixels"}[damage])
    with pytest.raises(InputError) as error:
        MNISTDataModule(root=tmp_path / "data", val_size=8).prepare_data()
    assert "\n" not in str(error.value)
    assert f"delete {tmp_path}/data/MNIST/raw and run again" in str(error.value)


def test_a_dead_server_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MNIST, "mirrors", ["http://127.0.0.1:9/"])
    with pytest.raises(InputError, match="the download failed") as error:
        MNISTDataModule(root=tmp_path / "data").prepare_data()
    assert "\n" not in str(error.value)


def test_color_images_come_with_channels_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Small:
        def __init__(self, root: Path, train: bool, download: bool = False) -> None:
            self.data = np.zeros((20, 32, 32, 3), dtype=np.uint8)
            self.data[:, :, :, 2] = 255
            self.targets = [0] * 20

    monkeypatch.setattr(CIFAR10DataModule, "dataset", Small)
    data = CIFAR10DataModule(root=tmp_path, size=28, val_size=4, batch_size=4)
    data.prepare_data()
    data.setup("fit")
    images = data.splits["train"].images
    assert images.shape == (16, 3, 28, 28)
    assert images[:, 2].min() == 255
    assert images[:, :2].max() == 0


@pytest.mark.parametrize(
    ("kwargs", "named"),
    [
        ({"batch_size": 0}, r"batch_size is 0"),
        ({"size": 0}, r"size is 0"),
        ({"val_size": 1}, r"val_size is 1"),
    ],
)
def test_bad_numbers_are_named(kwargs: dict[str, int], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        MNISTDataModule(**kwargs)  # type: ignore[arg-type]
