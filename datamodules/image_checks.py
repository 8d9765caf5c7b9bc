"""Checks of all files of two domains, and of pairs, before training."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lightning.pytorch.utilities import rank_zero_warn

from lightning_gans.core.array_files import ARRAY
from lightning_gans.core.errors import InputError
from lightning_gans.core.image_files import reject_unusable
from lightning_gans.core.image_reader import READABLE
from lightning_gans.core.names import list_names
from lightning_gans.core.pixel_files import READABLE_ARRAYS
from lightning_gans.datamodules.image_cache import CachedImageFiles, format_shape


def decode_and_check(
    root: Path, splits: Sequence[Sequence[CachedImageFiles]], narrow_joined: bool = False, rounded: bool = False
) -> None:
    """Decode every file once, on several threads (Pillow releases Python's lock while it decodes).

    Warns of images whose shape differs from that of most images of their domain, since parts of them are cut off.

    Args:
        root: the folder relative to which messages name files.
        splits: for each split its files: one element for pairs, or one for each domain.
        narrow_joined: whether files with both images of a pair may be of any shape.
        rounded: whether files may have more bits than are kept without a warning.

    Raises:
        InputError: if files cannot be used, or most files of pairs do not look as if they held two images; it counts
            them and names the first ones.
    """
    files = [each for split in splits for each in split]
    jobs = [(each, index) for each in files for index in range(len(each))]
    with ThreadPoolExecutor() as pool:
        bad = [found for some in pool.map(lambda job: job[0].check(job[1]), jobs) for found in some]
    if not narrow_joined:
        check_joined(root, files)
    pairs = any(len(each.channels) > 1 for each in files)
    arrays = any(path.suffix.lower() == ARRAY for each in files for paths in each.paths for path in paths)
    expected = (READABLE_ARRAYS if arrays else READABLE) + (
        ", both images of a pair with the same shape" if pairs else ""
    )
    reject_unusable("root", root, bad, sum(len(paths) for each in files for paths in each.paths), expected)
    warn_of_shapes(root, splits)
    deep = sorted({path.relative_to(root).as_posix() for each in files for path in each.deep})
    if deep and not rounded:
        rank_zero_warn(
            f"root is {root}, where {len(deep)} file(s) have more than 8 bits, which are rounded to 8: "
            f"{list_names(deep)}; bits_a and bits_b 16 keep them"
        )


NARROWEST_JOINED = 1.9
"""Least width of a file that holds two images side by side, in heights: two squares, up to a border."""


def check_joined(root: Path, files: Iterable[CachedImageFiles]) -> None:
    """Check that files look as if they held both images of a pair, since any image can be cut into halves.

    Args:
        root: the folder relative to which error messages name files.
        files: files of any kind; only those that hold two images are checked.

    Raises:
        InputError: if most of them in one folder of ``root`` are less than about twice as wide as high.
    """
    folders: dict[str, list[tuple[str, tuple[int, int]]]] = {}
    for each in files:
        for paths, size in zip(each.paths, each.file_shapes, strict=True):
            if len(paths) < len(each.channels) and size != (0, 0):
                path = paths[0].relative_to(root)
                folders.setdefault(path.parts[0], []).append((path.as_posix(), size))
    for folder, known in folders.items():
        narrow = sorted((path, size) for path, size in known if size[0] < NARROWEST_JOINED * size[1])
        if 2 * len(narrow) > len(known):
            example, size = narrow[0]
            raise InputError(
                f"root is {root}, where {len(narrow)} of {len(known)} images in {folder} do not look like two images "
                f"side by side, such as {example} ({format_shape(size)}); expected files that are about twice as wide "
                f"as high, or more; or one image in each file, in {folder}/A and {folder}/B; or narrow_joined to be "
                "true, for pairs of upright images"
            )


def warn_of_shapes(root: Path, splits: Sequence[Sequence[CachedImageFiles]]) -> None:
    """Warn of images whose shape differs from that of most images of their domain."""
    odd: list[str] = []
    for domain in zip(*splits, strict=True):
        paths = [each[0] for files in domain for each in files.paths]
        shapes = [size for files in domain for size in files.shapes]
        usual = Counter(shapes).most_common(1)[0][0]
        found = zip(paths, shapes, strict=True)
        odd += [f"{path.relative_to(root)} ({format_shape(size)})" for path, size in found if size != usual]
    if odd:
        rank_zero_warn(
            f"root is {root}, where {len(odd)} image(s) have another shape than most: {list_names(odd)}; "
            "their centers are used"
        )
