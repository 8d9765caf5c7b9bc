"""The images of a set: which files are in which split, and their classes."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lightning_gans.datamodules.archive_sources import open_archive
from lightning_gans.datamodules.class_folders import check_classes, files_by_class, label_files, natural_order
from lightning_gans.datamodules.image_labels import ImageLabels, read_dataset_json, read_table
from lightning_gans.datamodules.image_sources import DATASET_JSON, FolderSource, ImageSource, ListedImages
from lightning_gans.datamodules.layouts import Files, files_by_split


class SetListing:
    """The images of folders or archives by split, and their classes.

    The classes are those of a table, else those of a ``dataset.json``, else the folders.

    Args:
        root: folder or archive of all splits, or of all but the test split.
        test_root: folder or archive of the test split; None if it is in ``root``, or there is none.
        table: table of the classes; None if there is none.
        split_folders: whether the folders in ``root`` are splits; None if their names decide.

    Attributes:
        classes: names of the classes; empty where the images have none.
        splits: the images of each split.

    Raises:
        InputError: if the folders, archives or labels cannot be used.
    """

    def __init__(self, root: Path, test_root: Path | None, table: Path | None, split_folders: bool | None) -> None:
        self.table = table
        source = self._open("root", root)
        labels = self._labels(source)
        self.has_dataset_json = labels is not None and table is None
        splits = files_by_split(source.subject, source.names, split_folders)
        self.has_splits = splits is not None
        if splits is None and labels is None:
            splits = {"train": files_by_class(source.subject, source.names)}
        elif splits is None:
            splits = {"train": {"": [*range(len(source))]}}
        if labels is None:
            self.classes = sorted(splits["train"].keys() - {""}, key=natural_order)
            for split, groups in splits.items():
                check_classes(f"root is {root}, whose {split} split", groups, self.classes, "the train split")
        else:
            self.classes = labels.classes
        self.splits = {split: self._listed(source, groups, labels) for split, groups in splits.items()}
        if test_root is not None:
            source = self._open("test_root", test_root)
            if labels is None:
                groups = files_by_class(source.subject, source.names)
                check_classes(source.subject, groups, self.classes, "root")
                self.splits["test"] = self._listed(source, groups, None)
            else:
                found = self._labels(source) or ImageLabels([], np.empty(0, np.int64))
                everything: Files = {"": [*range(len(source))]}
                self.splits["test"] = self._listed(source, everything, found.renumbered(source.subject, self.classes))

    def describe(self) -> str:
        """What the root has, as a part of a sentence."""
        text = "has split folders" if self.has_splits else "has no split folders"
        if self.table is not None:
            return f"{text} and labels in {self.table}"
        return f"{text} and labels in {DATASET_JSON}" if self.has_dataset_json else text

    def _open(self, key: str, location: Path) -> ImageSource:
        if location.is_file():
            return open_archive(key, location)
        table = self.table
        inside = table is not None and table.is_relative_to(location)
        return FolderSource(key, location, [table.relative_to(location).as_posix()] if table and inside else [])

    def _labels(self, source: ImageSource) -> ImageLabels | None:
        """The labels that a file says; None where the folders do."""
        if self.table is not None:
            return read_table(self.table, source.names)
        content = source.dataset_json()
        subject = f"{source.key} is {source.location}, whose {DATASET_JSON}"
        return None if content is None else read_dataset_json(subject, content, source.names)

    def _listed(self, source: ImageSource, groups: Files, labels: ImageLabels | None) -> ListedImages:
        if labels is None:
            return ListedImages(source, *label_files(groups, self.classes))
        files = np.sort(np.concatenate([np.array(each, np.int64) for each in groups.values()]))
        subject = f"labels is {self.table}, which" if self.table else f"{source.subject.removesuffix('which')}whose "
        subject += "" if self.table else DATASET_JSON
        return ListedImages(source, files, labels.of(subject, source.names, files))
