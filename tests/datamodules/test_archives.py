"""Data sets are downloaded and unpacked, also where connections drop and runs are killed."""

from __future__ import annotations

import errno
import gzip
import hashlib
import re
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lightning_gans.datamodules import archives
from lightning_gans.datamodules.archives import PAIRED, UNPAIRED, Archive, fetch
from tests.support.archive_server import (
    CONTENT,
    Server,
    files,
    names,
    raising,
    refusal,
    tarball,
    zipped,
)

# What is known of the archives.


@pytest.mark.parametrize(("known", "suffix"), [(PAIRED, ".tar.gz"), (UNPAIRED, ".zip")])
def test_every_archive_is_named_as_its_data_set(known: dict[str, Archive], suffix: str) -> None:
    for name, archive in known.items():
        assert re.fullmatch(rf"https?://[a-z.]+/[a-z0-9/]+/{name}{re.escape(suffix)}", archive.url)
        assert archive.bytes is None or archive.bytes > 1_000_000
        assert archive.sha256 is None or re.fullmatch("[0-9a-f]{64}", archive.sha256)
    checksums = [archive.sha256 for archive in known.values() if archive.sha256]
    assert len(set(checksums)) == len(checksums)


def test_the_data_sets_of_both_papers_are_known() -> None:
    # The authors publish no checksums of the paired ones.
    assert [name for name, archive in PAIRED.items() if archive.sha256] == ["maps"]
    assert PAIRED.keys() == {"facades", "maps", "cityscapes", "edges2shoes", "edges2handbags", "night2day"}
    assert UNPAIRED.keys() >= {"horse2zebra", "apple2orange", "summer2winter_yosemite", "monet2photo", "maps"}
    assert all(archive.bytes and archive.sha256 for archive in UNPAIRED.values())


# What comes down.


@pytest.mark.parametrize(("pack", "file"), [(tarball, "facades.tar.gz"), (zipped, "facades.zip")])
def test_an_archive_is_fetched_and_nothing_else_stays(
    server: Server, tmp_path: Path, pack: Callable[[], bytes], file: str
) -> None:
    root = tmp_path / "not" / "yet"
    assert fetch(server.offer(pack(), file), "facades", root) == root / "facades"
    assert files(root / "facades") == CONTENT
    assert names(root) == [".facades.lock", "facades"]
    assert server.asked == [None]


def test_what_is_known_of_an_archive_is_checked(server: Server, tmp_path: Path) -> None:
    data = tarball()
    archive = server.offer(data, bytes=len(data), sha256=hashlib.sha256(data).hexdigest())
    assert files(fetch(archive, "facades", tmp_path)) == CONTENT


def test_a_folder_that_is_there_is_left_alone_without_a_request(server: Server, tmp_path: Path) -> None:
    (tmp_path / "facades").mkdir()
    (tmp_path / "facades" / "own.jpg").write_bytes(b"mine")
    assert fetch(server.offer(tarball()), "facades", tmp_path) == tmp_path / "facades"
    assert files(tmp_path) == {"facades/own.jpg": b"mine"}
    assert server.asked == []


def test_a_folder_that_cannot_be_written_is_no_hindrance_where_the_data_set_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "facades" / "train").mkdir(parents=True)
    monkeypatch.setattr(Path, "unlink", raising(PermissionError(errno.EACCES, "Permission denied")))
    assert fetch(Archive("http://127.0.0.1:1/facades.zip"), "facades", tmp_path) == tmp_path / "facades"


def test_an_empty_folder_is_filled(server: Server, tmp_path: Path) -> None:
    (tmp_path / "facades").mkdir()
    assert files(fetch(server.offer(tarball()), "facades", tmp_path)) == CONTENT


@pytest.mark.parametrize("pack", [tarball, zipped])
def test_names_may_start_at_the_current_folder_and_need_no_entries_for_folders(
    server: Server, tmp_path: Path, pack: Callable[..., bytes]
) -> None:
    file = "facades.tar.gz" if pack is tarball else "facades.zip"
    data = pack({"facades/a:b/1.jpg": b"one", "facades/2.jpg": b"two"}, name=".")
    assert files(fetch(server.offer(data, file), "facades", tmp_path)) == {"a:b/1.jpg": b"one", "2.jpg": b"two"}


# Connections that drop, and runs that are killed.


def test_a_download_goes_on_where_the_connection_dropped(server: Server, tmp_path: Path) -> None:
    data = tarball()
    server.cuts = [1000, 20_000]
    assert files(fetch(server.offer(data), "facades", tmp_path)) == CONTENT
    assert server.asked == [None, "bytes=1000-", "bytes=21000-"]
    assert server.sent == [1000, 20_000, len(data) - 21_000]


def test_a_server_that_sends_less_than_asked_for_is_asked_for_the_rest(server: Server, tmp_path: Path) -> None:
    data = tarball()
    (tmp_path / "facades.tar.gz.part").write_bytes(data[:100])
    server.most = len(data) // 2
    assert files(fetch(server.offer(data), "facades", tmp_path)) == CONTENT
    assert server.asked == ["bytes=100-", f"bytes={100 + server.most}-"]


def test_a_server_that_cannot_go_on_sends_everything_again(server: Server, tmp_path: Path) -> None:
    data = tarball()
    server.ranges, server.cuts = False, [1000]
    assert files(fetch(server.offer(data), "facades", tmp_path)) == CONTENT
    assert server.asked == [None, "bytes=1000-"]
    assert server.sent == [1000, len(data)]


def test_what_came_before_the_last_drop_is_kept_for_the_next_run(server: Server, tmp_path: Path) -> None:
    data = tarball()
    archive = server.offer(data)
    server.cuts = [1000, 1000, 1000]
    assert refusal(archive, tmp_path) == f"the connection ended after 3000 of {len(data)} bytes"
    assert (tmp_path / "facades.tar.gz.part").read_bytes() == data[:3000]
    fetch(archive, "facades", tmp_path)
    assert server.asked[-1] == "bytes=3000-"
    assert names(tmp_path) == [".facades.lock", "facades"]


def test_a_cut_is_noticed_by_the_known_size_where_the_server_states_none(server: Server, tmp_path: Path) -> None:
    data = zipped()
    server.states, server.cuts = False, [1000]
    archive = server.offer(data, "facades.zip", bytes=len(data))
    assert files(fetch(archive, "facades", tmp_path)) == CONTENT
    assert server.asked == [None, "bytes=1000-"]


def test_a_server_that_falls_silent_is_asked_again(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "TIMEOUT", 0.05)
    server.delay = 0.5
    assert refusal(server.offer(tarball()), tmp_path) == "timed out"
    assert server.asked == [None] * 3


@pytest.mark.parametrize("known", [True, False])
def test_a_download_that_was_killed_while_unpacking_is_unpacked_anew(
    server: Server, tmp_path: Path, known: bool
) -> None:
    data = tarball()
    (tmp_path / "facades.tar.gz.part").write_bytes(data)
    (tmp_path / ".facades.unpacking" / "train").mkdir(parents=True)
    (tmp_path / ".facades.unpacking" / "train" / "half.jpg").write_bytes(b"ha")
    (tmp_path / ".facades.lock").touch()
    archive = server.offer(data, bytes=len(data) if known else None)
    assert files(fetch(archive, "facades", tmp_path)) == CONTENT
    assert names(tmp_path) == [".facades.lock", "facades"]
    assert server.asked == ([] if known else [f"bytes={len(data)}-"])
    assert sum(server.sent) == 0


def test_an_archive_left_by_a_kill_just_before_the_end_is_removed(server: Server, tmp_path: Path) -> None:
    archive = server.offer(tarball())
    fetch(archive, "facades", tmp_path)
    (tmp_path / "facades.tar.gz.part").write_bytes(b"left")
    fetch(archive, "facades", tmp_path)
    assert names(tmp_path) == [".facades.lock", "facades"]
    assert server.asked == [None]


def test_a_part_longer_than_the_file_is_replaced(server: Server, tmp_path: Path) -> None:
    data = tarball()
    (tmp_path / "facades.tar.gz.part").write_bytes(b"x" * (len(data) + 5))
    assert files(fetch(server.offer(data), "facades", tmp_path)) == CONTENT
    assert server.asked == [f"bytes={len(data) + 5}-", None]


def test_a_part_of_another_file_is_found_out_and_replaced_by_the_next_run(server: Server, tmp_path: Path) -> None:
    # Stored, not compressed, so that only a checksum can tell.
    data = gzip.compress(gzip.decompress(tarball()), compresslevel=0)
    (tmp_path / "facades.tar.gz.part").write_bytes(data[:100_000] + b"x" * 100)
    archive = server.offer(data, sha256=None)
    assert "CRC check failed" in refusal(archive, tmp_path)
    assert files(fetch(archive, "facades", tmp_path, unverified=True)) == CONTENT
    assert server.asked == ["bytes=100100-", None]


def test_of_runs_at_the_same_time_one_downloads(server: Server, tmp_path: Path) -> None:
    server.delay = 0.1
    archive = server.offer(tarball())
    with ThreadPoolExecutor(4) as pool:
        folders = list(pool.map(lambda _: fetch(archive, "facades", tmp_path), range(4)))
    assert folders == [tmp_path / "facades"] * 4
    assert files(tmp_path / "facades") == CONTENT
    assert len(server.asked) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="no such locks")
def test_a_file_system_without_locks_is_used_without(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fcntl.flock", raising(OSError(errno.ENOSYS, "Function not implemented")))
    assert files(fetch(server.offer(tarball()), "facades", tmp_path)) == CONTENT


# What is shown.


def test_without_a_terminal_one_line_says_what_is_downloaded(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server.cuts = [1000]
    archive = server.offer(tarball())
    fetch(archive, "facades", tmp_path)
    fetch(archive, "facades", tmp_path)
    output = capsys.readouterr()
    assert output.err == f"Downloading {archive.url} to {tmp_path / 'facades.tar.gz.part'}\n"
    assert output.out == ""


def test_on_a_terminal_a_bar_shows_the_progress(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    fetch(server.offer(tarball()), "facades", tmp_path)
    shown = capsys.readouterr().err
    assert "facades.tar.gz: 100%" in shown
    assert "Downloading" not in shown
