"""What an archive may not do: links, encryption, bombs, names that collide, and files planted beside a download."""

from __future__ import annotations

import gzip
import io
import os
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from lightning_gans.core.errors import InputError
from lightning_gans.datamodules import unpacking
from lightning_gans.datamodules.archives import fetch
from tests.support.archive_server import CONTENT, Server, files, names, refusal, tar_member, tarball, zip_member, zipped

# Links.


def tar_of_a_path_too_long_to_resolve(victim: str) -> bytes:
    """Links whose real path is longer than a path may be: tarfile's filter compares the part that it resolved.

    CVE-2025-4517, in Python 3.11.4 to 3.11.12. The last member writes to ``victim``, a path relative to the folder
    into which the archive is unpacked.
    """
    steps, part, path = "abcdefghijklmnop", "d" * 247, "facades"
    members = []
    for step in steps:
        members += [tar_member(f"{path}/{part}", tarfile.DIRTYPE), tar_member(f"{path}/{step}", tarfile.SYMTYPE, part)]
        path += f"/{part}"
    chain = "/".join(steps) + "/" + "l" * 254
    members.append(tar_member(f"facades/{chain}", tarfile.SYMTYPE, "../" * len(steps)))
    members.append(tar_member("facades/escape", tarfile.SYMTYPE, f"{chain}/{Path(victim).parent}"))
    members.append(tar_member("facades/door", tarfile.LNKTYPE, f"facades/escape/{Path(victim).name}"))
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for member in members:
            archive.addfile(member)
        last = tar_member("facades/door")
        last.size = 7
        archive.addfile(last, io.BytesIO(b"planted"))
    return buffer.getvalue()


def test_a_tar_of_links_too_long_to_resolve_writes_nothing_outside_its_folder(server: Server, tmp_path: Path) -> None:
    victim = tmp_path / "outside" / "victim"
    victim.parent.mkdir()
    victim.write_bytes(b"mine")
    data = tar_of_a_path_too_long_to_resolve("../../outside/victim")
    assert refusal(server.offer(data), tmp_path / "root").endswith("is a link or a device; expected files and folders")
    assert victim.read_bytes() == b"mine"


@pytest.mark.parametrize(
    "member",
    [
        tar_member("facades/test", tarfile.SYMTYPE, "val"),
        tar_member("facades/3.jpg", tarfile.LNKTYPE, "facades/train/2.jpg"),
        tar_member("facades/3.jpg", tarfile.LNKTYPE, "../x"),
        tar_member("facades/3.jpg", tarfile.SYMTYPE, "/x"),
        tar_member("facades/x", tarfile.CHRTYPE),
        tar_member("facades/x", tarfile.BLKTYPE),
        tar_member("facades/x", tarfile.FIFOTYPE),
        tar_member("facades/x", b"Z"),
    ],
)
def test_links_and_devices_in_a_tar_are_refused(server: Server, tmp_path: Path, member: tarfile.TarInfo) -> None:
    found = refusal(server.offer(tarball(extra=(member,))), tmp_path)
    assert found == f"its member {member.name} is a link or a device; expected files and folders"
    assert names(tmp_path) == [".facades.lock"]


def test_a_sparse_file_in_a_tar_is_refused(server: Server, tmp_path: Path) -> None:
    member = tarfile.TarInfo("facades/x")
    member.pax_headers = {"GNU.sparse.map": "0,1", "GNU.sparse.size": str(2**50)}
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz", format=tarfile.PAX_FORMAT) as archive:
        archive.addfile(member)
    assert refusal(server.offer(buffer.getvalue()), tmp_path) == "its member facades/x is a sparse file"


# Headers.


def test_a_tar_whose_headers_are_nested_is_refused(server: Server, tmp_path: Path) -> None:
    # Each header of this kind gives the name of the next member: tarfile reads them by recursion.
    chain = b"".join(tar_member("facades/x", tarfile.GNUTYPE_LONGNAME).tobuf() for _ in range(3000))
    assert "recursion" in refusal(server.offer(gz(chain)), tmp_path)


def test_a_header_longer_than_any_path_is_refused_before_it_is_read(server: Server, tmp_path: Path) -> None:
    member = tar_member("facades/x", tarfile.GNUTYPE_LONGNAME)
    member.size = 2**40
    found = refusal(server.offer(gz(member.tobuf(tarfile.GNU_FORMAT))), tmp_path)
    assert found == f"it has a header of {2**40} bytes"


def test_a_member_of_a_negative_size_is_refused(server: Server, tmp_path: Path) -> None:
    header = bytearray(tar_member("facades/x").tobuf(tarfile.GNU_FORMAT))
    header[124:136] = struct.pack(">iq", -1, -(2**40))  # in base 256
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    assert refusal(server.offer(gz(bytes(header))), tmp_path) == f"its member facades/x has {-(2**40)} bytes"


def test_members_after_a_damaged_header_are_not_left_out_without_a_word(server: Server, tmp_path: Path) -> None:
    whole = [tar_member(f"facades/{name}", tarfile.DIRTYPE).tobuf() for name in "abc"]
    whole[1] = b"x" + whole[1][1:]
    found = refusal(server.offer(gz(b"".join(whole))), tmp_path)
    assert found == "it has data after its last member"


def gz(tar: bytes) -> bytes:
    return gzip.compress(tar + bytes(1024))


# Zip files.


@pytest.mark.parametrize("flag", [0x1, 0x41])
def test_an_encrypted_zip_is_refused(server: Server, tmp_path: Path, flag: int) -> None:
    data = bytearray(zipped({"1.jpg": b"secret"}))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = data.rfind(signature)
        data[at + offset] |= flag
    assert refusal(server.offer(bytes(data), "facades.zip"), tmp_path) == "its member facades/1.jpg is encrypted"
    assert names(tmp_path) == [".facades.lock"]


@pytest.mark.parametrize("method", [zipfile.ZIP_LZMA, 99])
def test_a_zip_compressed_otherwise_is_refused(server: Server, tmp_path: Path, method: int) -> None:
    data = bytearray(zipped({"1.jpg": b"x"}))
    for signature, offset in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        at = data.rfind(signature) + offset
        data[at : at + 2] = struct.pack("<H", method)
    found = refusal(server.offer(bytes(data), "facades.zip"), tmp_path)
    assert found == f"its member facades/1.jpg is compressed by method {method}; expected 0 or 8"


def test_a_zip_for_a_newer_format_is_refused(server: Server, tmp_path: Path) -> None:
    data = bytearray(zipped({"1.jpg": b"x"}))
    data[data.rfind(b"PK\x01\x02") + 6] = 99
    assert refusal(server.offer(bytes(data), "facades.zip"), tmp_path) == "zip file version 9.9"


# Bombs.


@pytest.mark.parametrize(("pack", "file"), [(tarball, "facades.tar.gz"), (zipped, "facades.zip")])
def test_a_bomb_is_refused(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pack: Callable[..., bytes], file: str
) -> None:
    monkeypatch.setattr(unpacking, "SLACK", 1 << 16)
    bomb = pack({"1.jpg": bytes(3_000_000)})
    if pack is zipped:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("facades/1.jpg", bytes(3_000_000))
        bomb = buffer.getvalue()
    most = 10 * len(bomb) + (1 << 16)
    assert refusal(server.offer(bomb, file), tmp_path) == f"it unpacks to more than {most} bytes"
    assert names(tmp_path) == [".facades.lock"]


def test_a_bomb_after_the_last_member_of_a_tar_is_refused(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unpacking, "SLACK", 1 << 16)
    data = gz(tar_member("facades/1.jpg").tobuf() + bytes(3_000_000))
    assert refusal(server.offer(data), tmp_path).startswith("it unpacks to more than ")


@pytest.mark.parametrize(("pack", "file"), [(tarball, "facades.tar.gz"), (zipped, "facades.zip")])
def test_too_many_members_are_refused(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pack: Callable[..., bytes], file: str
) -> None:
    monkeypatch.setattr(unpacking, "MOST_MEMBERS", 50)
    data = pack({f"{index}.jpg": b"" for index in range(60)})
    assert refusal(server.offer(data, file), tmp_path) == "it has more than 50 files and folders"


# Names.


@pytest.mark.parametrize(("pack", "file"), [(tarball, "facades.tar.gz"), (zipped, "facades.zip")])
@pytest.mark.parametrize(
    ("content", "first", "second"),
    [
        ({"train/1.jpg": b"x", "train/1.JPG": b"y"}, "train/1.jpg", "train/1.JPG"),
        ({"Train/1.jpg": b"x", "train/2.jpg": b"y"}, "Train", "train"),
        ({"\u00e9.jpg": b"x", "e\u0301.jpg": b"y"}, "\u00e9.jpg", "e\u0301.jpg"),
        ({"train": b"x", "train/1.jpg": b"y"}, "train", "train"),
        ({"train/1.jpg": b"x", "./train/1.jpg": b"y"}, "train/1.jpg", "train/1.jpg"),
    ],
)
def test_names_that_collide_are_refused(
    server: Server,
    tmp_path: Path,
    pack: Callable[..., bytes],
    file: str,
    content: dict[str, bytes],
    first: str,
    second: str,
) -> None:
    found = refusal(server.offer(pack(content), file), tmp_path)
    assert found == f"its members {first} and {second} have the same name where case and accents are not told apart"


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("a\x1b[2Jb", r"its member 'facades/a\x1b[2Jb' has a name with control characters"),
        ("a" * 2000, "its member facades/aaa"),
    ],
)
@pytest.mark.parametrize(("pack", "file"), [(tarball, "facades.tar.gz"), (zipped, "facades.zip")])
def test_names_that_cannot_be_shown_are_refused(
    server: Server, tmp_path: Path, pack: Callable[..., bytes], file: str, path: str, found: str
) -> None:
    message = refusal(server.offer(pack({path: b"x"}), file), tmp_path)
    assert message.startswith(found)
    assert len(message) < 200


@pytest.mark.parametrize("member", [tar_member("facades"), zip_member("facades")])
def test_a_file_in_place_of_the_folder_is_refused(
    server: Server, tmp_path: Path, member: tarfile.TarInfo | zipfile.ZipInfo
) -> None:
    if isinstance(member, tarfile.TarInfo):
        archive = server.offer(gz(member.tobuf()))
    else:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as file:
            file.writestr(member, b"x")
        archive = server.offer(buffer.getvalue(), "facades.zip")
    assert refusal(archive, tmp_path) == "its member facades is a file; expected a folder"


def test_files_are_readable_whatever_modes_the_archive_has(server: Server, tmp_path: Path) -> None:
    member = tar_member("facades/set")
    member.mode = 0o7000
    folder = fetch(server.offer(tarball(extra=(member,))), "facades", tmp_path)
    assert (folder / "set").stat().st_mode & 0o7777 == 0o666 & ~umask()


def umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


# Planted files.


@pytest.mark.parametrize("kind", ["link", "dangling", "hard link", "pipe", "folder"])
@pytest.mark.parametrize("planted", ["facades.tar.gz.part", ".facades.lock"])
def test_nothing_is_written_through_a_planted_file(server: Server, tmp_path: Path, kind: str, planted: str) -> None:
    root, victim = tmp_path / "root", tmp_path / "victim"
    root.mkdir()
    if kind != "dangling":
        victim.write_bytes(b"mine")
    if kind in ("link", "dangling"):
        (root / planted).symlink_to(victim)
    elif kind == "hard link":
        (root / planted).hardlink_to(victim)
    elif kind == "pipe":
        os.mkfifo(root / planted)
    else:
        (root / planted).mkdir()
    found = refusal(server.offer(tarball()), root)
    assert found == f"{root / planted} is a link or no regular file; delete it"
    assert victim.exists() is (kind != "dangling")
    assert kind == "dangling" or victim.read_bytes() == b"mine"
    assert names(root) == sorted({planted, ".facades.lock"})
    assert server.asked == []


def test_an_endless_answer_does_not_fill_the_disk(server: Server, tmp_path: Path) -> None:
    server.states = False
    data = tarball()
    archive = server.offer(data + bytes(3_000_000), bytes=len(data))
    assert refusal(archive, tmp_path) == f"expected {len(data)} bytes, found more than that"
    assert sum(server.sent) < 4_000_000


# Unverified downloads.


def test_an_archive_without_a_known_checksum_is_downloaded_only_on_demand(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    archive = server.offer(tarball(), sha256=None)
    with pytest.raises(InputError) as error:
        fetch(archive, "facades", tmp_path)
    assert str(error.value) == (
        f"dataset is facades, which is not at {tmp_path / 'facades'}; {archive.url} is not downloaded, since no "
        "SHA-256 of it is known and a changed file would not be noticed; set unverified to true to download it "
        "nevertheless, or put the unpacked folder there"
    )
    assert server.asked == []
    assert files(fetch(archive, "facades", tmp_path, unverified=True)) == CONTENT
    assert f"{archive.url} is not verified; its SHA-256 is " in capsys.readouterr().err
