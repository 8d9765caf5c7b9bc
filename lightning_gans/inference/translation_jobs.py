"""Files to translate, and the files that they become."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable, Sequence
from enum import Enum
from pathlib import Path
from typing import NamedTuple

from lightning_gans.core.errors import InputError
from lightning_gans.core.files import atomic_file
from lightning_gans.core.gif_files import GIF, is_animated
from lightning_gans.core.image_files import EXTENSIONS, find_images
from lightning_gans.core.names import list_names
from lightning_gans.core.video_files import VIDEO_EXTENSIONS
from lightning_gans.core.video_writer import written_extension

IMAGES = "images"
"""The folder of a comparison's files, below that of its page."""


class Kind(Enum):
    """What a file holds."""

    IMAGE = "image"
    ANIMATION = "animation"
    VIDEO = "video"


class Job(NamedTuple):
    """A file to translate, and the files to write.

    Attributes:
        source: the file.
        target: its translation.
        kind: what both hold.
        name: path of the source in the folder that was given, without the extension.
        given_copy: for a comparison, the file for what the network is given, or a copy of an animation or a video.
        truth: file with what the translation should be; None if it is not known, or is a half of ``source``.
        truth_copy: for a comparison, the file for what the translation should be.
        instances: of a label map, file with the map of its instances.
        answer: number of the translation, if a model gives several to an image.
    """

    source: Path
    target: Path
    kind: Kind
    name: Path
    given_copy: Path | None = None
    truth: Path | None = None
    truth_copy: Path | None = None
    instances: Path | None = None
    answer: int = 0

    @property
    def written(self) -> list[Path]:
        """All files that are written."""
        return [path for path in (self.target, self.given_copy, self.truth_copy) if path is not None]

    def copy_files(self) -> None:
        """Copy the files of a comparison as they are.

        Raises:
            RunEnded: if they cannot be written.
        """
        for source, target in ((self.source, self.given_copy), (self.truth, self.truth_copy)):
            if source is not None and target is not None:
                with atomic_file(target) as file:
                    shutil.copyfile(source, file)


def kind_of(path: Path) -> Kind:
    """What a file holds, by its name, and for a GIF by its content."""
    extension = path.suffix.lower()
    if extension in VIDEO_EXTENSIONS:
        return Kind.VIDEO
    return Kind.ANIMATION if extension == GIF and is_animated(path) else Kind.IMAGE


def extension_for(path: Path, kind: Kind) -> str:
    """The extension of the file that a file of this kind becomes."""
    if kind is Kind.VIDEO:
        return written_extension(path.suffix.lower())
    return GIF if kind is Kind.ANIMATION else ".png"


def find_jobs(inputs: Iterable[Path], out: Path) -> list[Job]:
    """Find all images, animations and videos, and name the file that each becomes; name other files on stderr.

    Args:
        inputs: files and folders, which are searched recursively.
        out: the folder to write to.

    Raises:
        InputError: if a path does not exist, a folder holds no images, two files would become one, or a file would be
            replaced by its translation.
    """
    jobs = []
    for path in inputs:
        if path.is_dir():
            found = [(file, file.relative_to(path)) for file in _files_in("IN", path)]
        elif path.exists():
            found = [(path, Path(path.name))]
        else:
            raise InputError(f"IN is {path}, which does not exist; expected an image, a video or a folder of them")
        for source, name in found:
            kind = kind_of(source)
            target = out / name.with_suffix(extension_for(source, kind))
            jobs.append(Job(source, target, kind, name.with_suffix("")))
    check_written(jobs)
    return jobs


def with_instances(jobs: Sequence[Job], folder: Path, endings: tuple[str, str] = ("", "")) -> list[Job]:
    """The same translations of label maps, with the maps of their instances.

    Args:
        jobs: see :func:`find_jobs`.
        folder: folder of the maps of instances, under the names of the label maps up to the extension and the endings.
        endings: how the names of label maps end, and those of maps of instances, before the extension.

    Raises:
        InputError: if a label map has no partner in ``folder``.
    """
    label_ending, ending = endings
    names = {path.relative_to(folder).with_suffix(""): path for path in _files_in("--instances", folder)}
    wanted = [job.name.with_name(job.name.name.removesuffix(label_ending) + ending) for job in jobs]
    lacking = [str(job.source) for job, name in zip(jobs, wanted, strict=True) if name not in names]
    if lacking:
        ends = f" and the endings {' and '.join(each or 'none' for each in endings)}" if any(endings) else ""
        raise InputError(
            f"--instances is {folder}, which holds no partner of {len(lacking)} of {len(jobs)} files: "
            f"{list_names(lacking)}; expected the same names, up to the extension{ends}"
        )
    return [job._replace(instances=names[name]) for job, name in zip(jobs, wanted, strict=True)]


def compared_jobs(
    jobs: Sequence[Job], out: Path, direction: str, truths: Path | None = None, joined: bool = False
) -> list[Job]:
    """The same translations for a comparison, whose files have the names of pix2pix's and CycleGAN's results.

    ``photo.jpg`` becomes ``images/photo_real_A.png`` (what the network is given), ``images/photo_fake_B.png`` and,
    where it is known, ``images/photo_real_B.png``; in the direction "b_to_a" the letters are exchanged.

    Args:
        jobs: see :func:`find_jobs`.
        out: the folder to write to.
        direction: "a_to_b" or "b_to_a".
        truths: folder of what the translations should be, under the names of the sources up to the extension; None if
            they are not known.
        joined: whether each source holds both images of a pair.

    Raises:
        InputError: if sources have no partner in ``truths``, or two files would become one.
    """
    given, made = (letter.upper() for letter in direction.split("_to_"))
    partners: dict[tuple[Path, bool], Path] = {}
    for path in _files_in("--truth", truths) if truths is not None else ():
        partners.setdefault((path.relative_to(truths or path).with_suffix(""), _is_video(path)), path)
    lacking = [str(job.source) for job in jobs if truths is not None and _partner(job, partners) is None]
    if lacking:
        raise InputError(
            f"--truth is {truths}, which holds no partner of {len(lacking)} of {len(jobs)} files: "
            f"{list_names(lacking)}; expected the same names, up to the extension"
        )
    compared = []
    for job in jobs:
        stem, truth = out / IMAGES / job.name, _partner(job, partners)
        truth_suffix = ".png" if joined else None
        if truth is not None:
            truth_suffix = ".png" if job.kind is Kind.IMAGE else truth.suffix.lower()
        compared.append(
            job._replace(
                target=_named(stem, f"_fake_{made}", job.target.suffix),
                given_copy=_named(stem, f"_real_{given}", _copy_suffix(job)),
                truth=truth,
                truth_copy=_named(stem, f"_real_{made}", truth_suffix) if truth_suffix else None,
            )
        )
    check_written(compared)
    return compared


def answered_jobs(jobs: Sequence[Job], answers: int) -> list[Job]:
    """Several translations of each file: ``photo.png`` becomes ``photo_answer0.png``, ``photo_answer1.png`` and so on.

    The first of a file has those of the other files of a comparison.

    Args:
        jobs: see :func:`find_jobs` and :func:`compared_jobs`.
        answers: number of translations of each file; for 1 the names remain.

    Raises:
        InputError: if two files would become one.
    """
    if answers == 1:
        return list(jobs)
    several = []
    for job in jobs:
        stem = job.target.with_name(job.target.stem)
        for answer in range(answers):
            first = job if answer == 0 else job._replace(given_copy=None, truth=None, truth_copy=None)
            target = _named(stem, f"_answer{answer}", job.target.suffix)
            several.append(first._replace(target=target, answer=answer))
    check_written(several)
    return several


def check_written(jobs: Iterable[Job]) -> None:
    """Check that no two files would become one, and that none would be replaced.

    Raises:
        InputError: if so.
    """
    sources: dict[Path, Path] = {}
    jobs = list(jobs)
    given = {path.resolve() for job in jobs for path in (job.source, job.truth, job.instances) if path is not None}
    for job in jobs:
        for path in job.written:
            if path in sources:
                raise InputError(
                    f"{sources[path]} and {job.source} would both become {path}; expected files with different names"
                )
            if path.exists() and path.resolve() in given:
                raise InputError(f"{path} would be replaced by its translation; expected another --out")
            sources[path] = job.source


def _files_in(key: str, folder: Path) -> list[Path]:
    def warn(message: str) -> None:
        print(f"lightning-gans: {message}", file=sys.stderr)

    return find_images(key, folder, warn, (*EXTENSIONS, *VIDEO_EXTENSIONS))


def _is_video(path: Path) -> bool:
    return path.suffix.lower() in VIDEO_EXTENSIONS


def _partner(job: Job, partners: dict[tuple[Path, bool], Path]) -> Path | None:
    return partners.get((job.name, job.kind is Kind.VIDEO))


def _copy_suffix(job: Job) -> str:
    return ".png" if job.kind is Kind.IMAGE else job.source.suffix.lower()


def _named(stem: Path, ending: str, extension: str) -> Path:
    # Not with_suffix, which would take a part of a name with dots for its extension.
    return stem.with_name(f"{stem.name}{ending}{extension}")
