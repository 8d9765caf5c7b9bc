"""The cache of real statistics: unreadable files, and several writers."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from lightning_gans.metrics.cache import RealCache


@pytest.mark.parametrize("content", [b"", b"nonsense", None])
def test_a_bad_cache_file_counts_as_none(tmp_path: Path, content: bytes | None) -> None:
    path = RealCache(tmp_path).path("a")
    if content is None:
        save_file({"something": torch.zeros(1)}, path)
    else:
        path.write_bytes(content)
    assert RealCache(tmp_path).read("a", {"a", "b"}) is None


def test_statistics_of_an_earlier_version_are_not_read(tmp_path: Path) -> None:
    RealCache(tmp_path).write("a", {"a": torch.zeros(1)})
    RealCache(tmp_path).path("a").rename(tmp_path / "a.safetensors")  # as version 1 named it
    assert RealCache(tmp_path).read("a", {"a"}) is None


def test_two_processes_that_write_one_cache_file_leave_a_whole_one(tmp_path: Path) -> None:
    names = {"a", "b"}
    states = [{name: torch.full((200_000,), float(index)) for name in names} for index in range(4)]

    def write(index: int) -> None:
        for _ in range(5):
            RealCache(tmp_path).write("key", states[index])
            read = RealCache(tmp_path).read("key", names)
            assert read is not None
            assert torch.equal(read["a"], read["b"])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    assert [path.name for path in tmp_path.iterdir()] == [RealCache(tmp_path).path("key").name]
