"""Files that are kept between runs: published weights of networks, and statistics of real images."""

from __future__ import annotations

import atexit
import shutil
import tempfile
import warnings
from functools import cache
from pathlib import Path

import torch
from safetensors.torch import load_file, save
from torch import Tensor

from lightning_gans.core.errors import os_reason
from lightning_gans.core.files import expand_path
from lightning_gans.core.files import file_hash as file_hash  # for the extractors


def weights_file(path: str | Path, suffix: str) -> Path:
    """The file of an extractor's weights that the user names.

    Args:
        path: the file.
        suffix: of such files, for the error message.

    Raises:
        ValueError: if it does not exist.
    """
    path = expand_path(path, "weights")
    if not path.is_file():
        raise ValueError(f"weights is {path}, which does not exist; expected a {suffix} file")
    return path


def download_weights(url: str, network: str) -> Path:
    """Path of a file of weights in PyTorch's hub folder; downloads the file if it is not there.

    Args:
        url: address; the file's name ends in ``-`` and the first digits of its SHA-256, like those of PyTorch.
        network: name of the network, for the error.

    Raises:
        ValueError: if the file is missing and cannot be downloaded; its message names the argument ``weights``.
    """
    kept = Path(torch.hub.get_dir()) / "checkpoints" / Path(url).name
    if kept.is_file():
        return kept
    reason = why_not_writable(kept.parent)
    path = kept if reason is None else Path(temporary_folder(), kept.name)
    if not path.is_file():
        if reason is not None:
            warnings.warn(
                f"{network}'s weights cannot be kept in {kept.parent} ({reason}), and are downloaded for this process "
                "only; set TORCH_HOME to a folder that can be written to",
                stacklevel=2,
            )
        try:
            torch.hub.download_url_to_file(url, str(path), hash_prefix=path.stem.rsplit("-", 1)[1])
        except (OSError, RuntimeError) as error:
            raise ValueError(
                f"weights is not given, and {network}'s weights could not be downloaded ({error}); expected a path, or "
                f"the file {path.name}, downloaded elsewhere, at {kept}"
            ) from error
    return path


def why_not_writable(folder: Path) -> str | None:
    """Create a folder if necessary; why nothing can be written to it, or None if something can."""
    if str(folder).startswith("~"):  # as torch leaves it
        return "HOME is not set"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return None
    except OSError as error:
        return os_reason(error)


@cache
def temporary_folder() -> str:
    """A folder that is deleted when this process ends."""
    folder = tempfile.mkdtemp(prefix="lightning-gans-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


VERSION = 3
"""Version of the cached statistics and of their keys. Increase it when either changes: other versions are not read."""


class RealCache:
    """What is computed from real images alone, in memory and on disk.

    These are the states of :class:`.MetricSet` after the real images, and fitted :class:`.LinearHead` classifiers.

    Args:
        folder: folder of the files, created by the first :meth:`write`; None keeps them in memory only.
    """

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self._memory: dict[str, dict[str, Tensor]] = {}

    def path(self, key: str) -> Path:
        """The file of a key, in a cache with a folder."""
        assert self.folder is not None
        return self.folder / f"v{VERSION}-{key}.safetensors"

    def read(self, key: str, names: set[str]) -> dict[str, Tensor] | None:
        """The tensors of a key; None if there is no readable file with exactly these names."""
        state = self._memory.get(key)
        if state is None:
            if self.folder is None:
                return None
            try:
                state = load_file(self.path(key))
            except Exception:  # whatever is wrong with a cache file, its contents are computed again
                return None
        if set(state) != names:
            return None
        self._memory[key] = state
        return state

    def write(self, key: str, state: dict[str, Tensor]) -> None:
        """Store tensors under a key. The file is replaced atomically, so other processes never read a part of it.

        If it cannot be written, the tensors are kept in memory, and the first time a warning says so.
        """
        self._memory[key] = state
        if self.folder is None:
            return
        path = self.path(key)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=path.parent, prefix=path.name, delete=False) as file:
                try:
                    file.write(save(state))
                    file.flush()
                    Path(file.name).replace(path)
                except OSError:
                    Path(file.name).unlink(missing_ok=True)
                    raise
        except OSError as error:
            warnings.warn(
                f"the statistics of the real images cannot be kept in {self.folder} ({os_reason(error)}), and are "
                "computed again in every run; evaluation.cache names another folder",
                stacklevel=2,
            )
            self.folder = None
