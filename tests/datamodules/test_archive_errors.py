"""Archives and downloads that are refused, each with its reason."""

from __future__ import annotations

import errno
import gzip
import hashlib
import socket
import stat
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from lightning_gans.datamodules import archives, unpacking
from lightning_gans.datamodules.archives import PAIRED, Archive, fetch
from tests.support.archive_server import (
    CONTENT,
    Server,
    files,
    names,
    raising,
    refusal,
    tar_member,
    tarball,
    zip_member,
    zipped,
)

LINK = "its member facades/x is a link or a device; expected files and folders"


def test_a_file_that_is_not_there_is_refused(server: Server, tmp_path: Path) -> None:
    archive = Archive(f"http://127.0.0.1:{server.server_port}/facades.tar.gz")
    assert refusal(archive, tmp_path) == "HTTP Error 404: Not Found"
    assert server.asked == [None]


def test_a_machine_without_the_server_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert "Connection refused" in refusal(Archive(f"http://127.0.0.1:{port}/facades.tar.gz"), tmp_path)


def test_a_machine_without_a_network_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")
    error = socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    monkeypatch.setattr(socket, "getaddrinfo", raising(error))
    assert refusal(PAIRED["facades"], tmp_path).endswith("Name or service not known")


def test_a_wrong_checksum_is_refused_and_the_download_removed(server: Server, tmp_path: Path) -> None:
    data = tarball()
    expected, found = "0" * 64, hashlib.sha256(data).hexdigest()
    archive = server.offer(data, sha256=expected)
    assert refusal(archive, tmp_path) == f"expected SHA-256 {expected}, found {found}"
    assert names(tmp_path) == [".facades.lock"]


@pytest.mark.parametrize("left", [0, 100])
def test_a_wrong_size_is_refused_before_anything_is_read(server: Server, tmp_path: Path, left: int) -> None:
    data = tarball()
    if left:
        (tmp_path / "facades.tar.gz.part").write_bytes(data[:left])
    archive = server.offer(data, bytes=len(data) + 1)
    assert refusal(archive, tmp_path) == f"expected {len(data) + 1} bytes, found {len(data)}"
    assert names(tmp_path) == [".facades.lock"]
    assert len(server.asked) == 1


def test_a_wrong_size_of_a_complete_part_is_refused(server: Server, tmp_path: Path) -> None:
    data = tarball()
    (tmp_path / "facades.tar.gz.part").write_bytes(data)
    archive = server.offer(data, bytes=len(data) + 1)
    assert refusal(archive, tmp_path) == f"expected {len(data) + 1} bytes, found {len(data)}"
    assert names(tmp_path) == [".facades.lock"]


def test_too_many_bytes_are_refused_where_the_server_states_no_size(server: Server, tmp_path: Path) -> None:
    data = tarball()
    server.states = False
    archive = server.offer(data, bytes=len(data) - 1)
    assert refusal(archive, tmp_path) == f"expected {len(data) - 1} bytes, found more than that"


def test_a_file_of_which_nobody_states_the_size_is_refused(server: Server, tmp_path: Path) -> None:
    server.states = False
    assert refusal(server.offer(tarball()), tmp_path) == "the server does not state its size"


@pytest.mark.parametrize("file", ["facades.tar.gz", "facades.zip"])
def test_a_page_in_place_of_an_archive_is_refused_and_removed(server: Server, tmp_path: Path, file: str) -> None:
    found = refusal(server.offer(b"<html>moved</html>", file), tmp_path)
    assert "Not a gzipped file" in found or found == "File is not a zip file"
    assert names(tmp_path) == [".facades.lock"]


@pytest.mark.parametrize(("pack", "file"), [(tarball, "facades.tar.gz"), (zipped, "facades.zip")])
def test_a_damaged_archive_is_refused_and_removed(
    server: Server, tmp_path: Path, pack: Callable[[], bytes], file: str
) -> None:
    data = bytearray(pack())
    data[len(data) // 2] ^= 255
    refusal(server.offer(bytes(data), file), tmp_path)
    assert names(tmp_path) == [".facades.lock"]


def test_damage_that_stops_decompression_is_refused(server: Server, tmp_path: Path) -> None:
    data = bytearray(gzip.compress(gzip.decompress(tarball()), compresslevel=0))
    # The first of the blocks stored as they are begins after 10 bytes: a byte, its length in two, two more to check it.
    data[10 + 5 + int.from_bytes(data[11:13], "little") + 1] ^= 255
    assert "invalid stored block lengths" in refusal(server.offer(bytes(data)), tmp_path)
    assert names(tmp_path) == [".facades.lock"]


def test_an_archive_that_ends_early_is_refused(server: Server, tmp_path: Path) -> None:
    assert "ended before the end-of-stream marker" in refusal(server.offer(tarball()[:-4]), tmp_path)


@pytest.mark.parametrize(
    ("member", "found"),
    [
        (tar_member("../x"), "its member ../x is not in the folder facades"),
        (tar_member("facades/../../x"), "its member facades/../../x is not in the folder facades"),
        (tar_member("/x"), "its member /x is not in the folder facades"),
        (tar_member("maps/x"), "its member maps/x is not in the folder facades"),
        (tar_member("README"), "its member README is not in the folder facades"),
        (tar_member("facades/..\\x"), "its member facades/..\\x is not in the folder facades"),
    ],
)
def test_a_tar_that_reaches_outside_its_folder_is_refused(
    server: Server, tmp_path: Path, member: tarfile.TarInfo, found: str
) -> None:
    assert refusal(server.offer(tarball(extra=(member,))), tmp_path / "root") == found
    assert names(tmp_path) == ["root"]
    assert names(tmp_path / "root") == [".facades.lock"]


@pytest.mark.parametrize(
    ("member", "found"),
    [
        (zip_member("../x"), "its member ../x is not in the folder facades"),
        (zip_member("facades/../../x"), "its member facades/../../x is not in the folder facades"),
        (zip_member("/x"), "its member /x is not in the folder facades"),
        (zip_member("maps/x"), "its member maps/x is not in the folder facades"),
        (
            zip_member("facades/x", stat.S_IFLNK),
            "its member facades/x is a link or a device; expected files and folders",
        ),
        (
            zip_member("facades/x", stat.S_IFCHR),
            "its member facades/x is a link or a device; expected files and folders",
        ),
    ],
)
def test_a_zip_that_reaches_outside_its_folder_is_refused(
    server: Server, tmp_path: Path, member: zipfile.ZipInfo, found: str
) -> None:
    assert refusal(server.offer(zipped(extra=(member,)), "facades.zip"), tmp_path / "root") == found
    assert names(tmp_path) == ["root"]
    assert names(tmp_path / "root") == [".facades.lock"]


@pytest.mark.parametrize("file", ["facades.tar.gz", "facades.zip"])
def test_an_archive_with_nothing_in_it_is_refused(server: Server, tmp_path: Path, file: str) -> None:
    data = zipped({}) if file.endswith("zip") else tarball({})
    assert refusal(server.offer(data, file), tmp_path) == "it is empty"


@pytest.mark.parametrize("kind", ["download", "unpack"])
def test_a_full_disk_is_refused_and_what_came_is_kept(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    full = raising(OSError(errno.ENOSPC, "No space left on device"))
    archive = server.offer(tarball())
    with monkeypatch.context() as patch:
        if kind == "download":
            (tmp_path / "facades.tar.gz.part").write_bytes(tarball()[:100])
            patch.setattr(archives, "tqdm", lambda **_: FullDisk())
        else:
            patch.setattr(unpacking, "unpack_member", full)
        assert refusal(archive, tmp_path) == "[Errno 28] No space left on device"
    assert names(tmp_path) == [".facades.lock", "facades.tar.gz.part"]
    assert files(fetch(archive, "facades", tmp_path)) == CONTENT


class FullDisk:
    """A progress bar at whose first step the disk is full."""

    def __enter__(self) -> FullDisk:
        return self

    def __exit__(self, *args: object) -> None:
        pass

    def update(self, count: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_root_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "root").touch()
    found = refusal(Archive("http://127.0.0.1:1/facades.zip"), tmp_path / "root")
    assert found == f"[Errno 17] File exists: '{tmp_path / 'root'}'"
