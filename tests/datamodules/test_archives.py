"""Small archives from a server on this machine, which can be told to fail in every way that servers do."""

from __future__ import annotations

import errno
import gzip
import hashlib
import io
import re
import shutil
import socket
import stat
import sys
import tarfile
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from datamodules import archives
from datamodules.archives import PAIRED, UNPAIRED, Archive, fetch
from lightning_gans.core.errors import InputError

# Noise does not compress, so that an archive is longer than a socket's buffer holds.
CONTENT = {
    "train/1.jpg": np.random.default_rng(0).bytes(300_000),
    "train/2.jpg": b"two",
    "val/1.jpg": b"three",
}


def tarball(
    content: dict[str, bytes] = CONTENT, name: str = "facades", extra: tuple[tarfile.TarInfo, ...] = ()
) -> bytes:
    """A tar.gz of ``content`` in the folder ``name``, then of members as they are."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        top = tarfile.TarInfo(name)
        top.type = tarfile.DIRTYPE
        archive.addfile(top)
        for path, data in content.items():
            member = tarfile.TarInfo(f"{name}/{path}")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
        for member in extra:
            archive.addfile(member)
    return buffer.getvalue()


def zipped(
    content: dict[str, bytes] = CONTENT, name: str = "facades", extra: tuple[zipfile.ZipInfo, ...] = ()
) -> bytes:
    """A zip of ``content`` in the folder ``name``, then of members as they are."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(f"{name}/", b"")
        for path, data in content.items():
            archive.writestr(f"{name}/{path}", data)
        for member in extra:
            archive.writestr(member, b"outside")
    return buffer.getvalue()


def tar_member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, link
    return member


def zip_member(name: str, kind: int = 0) -> zipfile.ZipInfo:
    member = zipfile.ZipInfo(name)
    member.external_attr = (kind | 0o644) << 16
    return member


class Server(ThreadingHTTPServer):
    """Serves ``files`` by path and notes what was asked for and sent.

    Attributes:
        ranges: whether it answers requests for a part with that part.
        states: whether it states the size of what it sends.
        cuts: after how many bytes it drops the connection, for the first requests.
        most: the most bytes that it sends of a part.
        delay: seconds before each answer.
        asked: the Range header of each request.
        sent: bytes of files in each answer.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.ranges = self.states = True
        self.cuts: list[int] = []
        self.most = sys.maxsize
        self.delay = 0.0
        self.asked: list[str | None] = []
        self.sent: list[int] = []

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Nothing: a client that refuses what it gets closes the connection."""

    def offer(self, data: bytes, file: str = "facades.tar.gz", **known: Any) -> Archive:
        self.files[f"/{file}"] = data
        return Archive(f"http://127.0.0.1:{self.server_port}/{file}", **known)


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        server, asked = self.server, self.headers.get("Range")
        server.asked.append(asked)
        time.sleep(server.delay)
        data = server.files.get(self.path)
        if data is None:
            self.send_error(404)
            return
        total, status, span = len(data), 200, None
        if asked and server.ranges:
            begin = int(asked.removeprefix("bytes=").removesuffix("-"))
            data = data[begin:][: server.most]
            status = 206 if data else 416
            span = f"bytes {begin}-{begin + len(data) - 1}/{total}" if data else f"bytes */{total}"
        self.send_response(status)
        if span:
            self.send_header("Content-Range", span)
        body = data or b"<html>an error page</html>"
        if server.states:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        body = body[: server.cuts.pop(0)] if server.cuts else body
        server.sent.append(len(body) if data else 0)
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(archives, "PAUSES", (0.0, 0.0))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def names(root: Path) -> list[str]:
    return sorted(path.name for path in root.iterdir())


def refusal(archive: Archive, root: Path, name: str = "facades") -> str:
    with pytest.raises(InputError) as error:
        fetch(archive, name, root)
    message = str(error.value)
    assert "\n" not in message
    assert not (root / name).is_dir()
    assert f".{name}.unpacking" not in (names(root) if root.is_dir() else [])
    before, found, after = re.split(r" \((.*)\); ", message)
    assert before == f"dataset is {name}, which is not at {root / name} and cannot be downloaded from {archive.url}"
    assert after == "run again to resume, or put the unpacked folder there"
    return found


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


def test_links_within_a_tar_are_kept(server: Server, tmp_path: Path) -> None:
    links = (
        tar_member("facades/test", tarfile.SYMTYPE, "val"),
        tar_member("facades/3.jpg", tarfile.LNKTYPE, "facades/train/2.jpg"),
    )
    folder = fetch(server.offer(tarball(extra=links)), "facades", tmp_path)
    assert (folder / "test" / "1.jpg").read_bytes() == b"three"
    assert (folder / "3.jpg").read_bytes() == b"two"


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
    archive = server.offer(data)
    assert "CRC check failed" in refusal(archive, tmp_path)
    assert files(fetch(archive, "facades", tmp_path)) == CONTENT
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


# Refusals.


def raising(error: Exception) -> Callable[..., Any]:
    def function(*args: Any, **kwargs: Any) -> Any:
        raise error

    return function


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
    assert refusal(archive, tmp_path) == f"expected {len(data) - 1} bytes, found {len(data)}"


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
        (tar_member("facades/x", tarfile.SYMTYPE, "../x"), "'x' would link to "),
        (tar_member("facades/x", tarfile.SYMTYPE, "/x"), "'x' is a link to an absolute path"),
        (tar_member("facades/x", tarfile.LNKTYPE, "../x"), "its member ../x is not in the folder facades"),
        (tar_member("facades/x", tarfile.CHRTYPE), "'x' is a special file"),
        (tar_member("facades/x", tarfile.FIFOTYPE), "'x' is a special file"),
    ],
)
def test_a_tar_that_reaches_outside_its_folder_is_refused(
    server: Server, tmp_path: Path, member: tarfile.TarInfo, found: str
) -> None:
    assert refusal(server.offer(tarball(extra=(member,))), tmp_path / "root").startswith(found)
    assert names(tmp_path) == ["root"]
    assert names(tmp_path / "root") == [".facades.lock"]


@pytest.mark.parametrize(
    ("member", "found"),
    [
        (zip_member("../x"), "its member ../x is not in the folder facades"),
        (zip_member("facades/../../x"), "its member facades/../../x is not in the folder facades"),
        (zip_member("/x"), "its member /x is not in the folder facades"),
        (zip_member("maps/x"), "its member maps/x is not in the folder facades"),
        (zip_member("facades/x", stat.S_IFLNK), "its member facades/x is a link or a device"),
        (zip_member("facades/x", stat.S_IFCHR), "its member facades/x is a link or a device"),
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
            patch.setattr(shutil, "copyfileobj", full)
            patch.setattr(tarfile, "copyfileobj", full)
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
