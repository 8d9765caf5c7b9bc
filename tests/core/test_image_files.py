from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from lightning_gans.core.errors import InputError
from lightning_gans.core.image_files import find_images


def tree(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def found(root: Path) -> tuple[list[str], list[str]]:
    """The images by their names, and the messages."""
    messages: list[str] = []
    files = find_images("root", root, messages.append)
    return [path.relative_to(root).as_posix() for path in files], messages


def test_links_back_into_the_folder_are_not_followed(tmp_path: Path) -> None:
    root = tree(tmp_path / "set" / "root", "a/0.png", "b/0.png")
    tree(tmp_path / "set" / "other", "0.png")
    (root / "a" / "loop").symlink_to(root)
    (root / "a" / "self").symlink_to(root / "a")
    (root / "aa").symlink_to(root / "b")
    (root / "up").symlink_to("..")
    assert found(root) == (["a/0.png", "b/0.png"], [])


def test_links_to_other_folders_are_followed_once(tmp_path: Path) -> None:
    elsewhere = tree(tmp_path / "elsewhere", "0.png", "deep/1.png")
    (elsewhere / "back").symlink_to(elsewhere)
    root = tree(tmp_path / "root", "z/0.png")
    for name in ("first", "second"):
        (root / name).symlink_to(elsewhere)
    (root / "third").symlink_to(elsewhere / "deep")
    assert found(root)[0] == ["first/0.png", "first/deep/1.png", "z/0.png"]


def test_a_folder_that_is_a_link_is_searched(tmp_path: Path) -> None:
    tree(tmp_path / "root", "0.png")
    (tmp_path / "link").symlink_to("root")
    assert found(tmp_path / "link") == (["0.png"], [])


def test_links_to_files_are_images_and_broken_ones_are_left_to_the_reader(tmp_path: Path) -> None:
    tree(tmp_path, "0.png")
    (tmp_path / "1.png").symlink_to("0.png")
    (tmp_path / "2.png").symlink_to("nowhere")
    (tmp_path / "3.png").symlink_to("3.png")
    assert found(tmp_path)[0] == ["0.png", "1.png", "2.png", "3.png"]


def test_pipes_and_sockets_are_left_out_and_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree(tmp_path, "0.png")
    os.mkfifo(tmp_path / "x.png")
    (tmp_path / "zero.png").symlink_to("/dev/zero")
    monkeypatch.chdir(tmp_path)  # the address of a socket is limited to 108 bytes
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("y.jpg")
        names, (message,) = found(tmp_path)
    assert names == ["0.png"]
    assert "3 of 4 files are left out (3 that are not regular files): x.png, y.jpg, zero.png; " in message


def test_files_of_every_format_are_found_in_any_case(tmp_path: Path) -> None:
    names = ["a.GIF", "b.JFIF", "c.avif", "d.JPE", "e.jp2", "f.pbm", "g.Tif", "h.WebP", "i.dib", "j.JPG"]
    assert found(tree(tmp_path, *names)) == (names, [])


def test_other_files_are_counted_by_extension_and_named(tmp_path: Path) -> None:
    tree(tmp_path, "0.png", "a/1.heic", "a/2.HEIC", "b/3.svg", "b/4", "b/.hidden", ".git/config")
    names, (message,) = found(tmp_path)
    assert names == ["0.png"]
    assert message.startswith(
        f"root is {tmp_path}, where 4 of 5 files are left out (2 .heic, 1 .svg, 1 without an extension): a/1.heic, "
        "a/2.HEIC, b/3.svg and 1 more; expected files named .jpg, .jpeg, .png, "
    )


def test_where_no_image_is_found_the_other_files_are_counted(tmp_path: Path) -> None:
    tree(tmp_path, "1.heic", "2.heic")
    with pytest.raises(
        InputError, match=r"which holds no images, but 2 other files \(2 \.heic\); expected files named"
    ):
        found(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"which holds no images; expected files named \.jpg"):
        found(tmp_path / "empty")
