"""Files that are kept between runs: published weights of networks, and statistics of real images."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path

import torch
from safetensors.torch import load_file, save
from torch import Tensor


def file_hash(path: Path) -> str:
    """First 8 hex digits of a file's SHA-256, which identify weights in a stamp."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:8]


def download_weights(url: str, network: str) -> Path:
    """Path of a file of weights in PyTorch's hub folder; downloads the file if it is not there.

    Args:
        url: address; the file's name ends in ``-`` and the first digits of its SHA-256, like those of PyTorch.
        network: name of the network, for the error.

    Raises:
        ValueError: if the file is missing and cannot be downloaded; its message names the argument ``weights``.
    """
    path = Path(torch.hub.get_dir()) / "checkpoints" / Path(url).name
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            torch.hub.download_url_to_file(url, str(path), hash_prefix=path.stem.rsplit("-", 1)[1])
        except (OSError, RuntimeError) as error:
            raise ValueError(
                f"weights is not given, and {network}'s weights could not be downloaded ({error}); expected a path, or "
                f"the file {path.name}, downloaded elsewhere, at {path}"
            ) from error
    return path


VERSION = 3
"""Version of the cached statistics and of their keys. Increase it when either changes: other versions are not read."""


class RealCache:
    """States of :class:`.MetricSet` after the real images, in memory and on disk.

    Args:
        folder: folder of the files; created by the first :meth:`write`.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._memory: dict[str, dict[str, Tensor]] = {}

    def path(self, key: str) -> Path:
        """The file of a key."""
        return self.folder / f"v{VERSION}-{key}.safetensors"

    def read(self, key: str, names: set[str]) -> dict[str, Tensor] | None:
        """The tensors of a key; None if there is no readable file with exactly these names."""
        state = self._memory.get(key)
        if state is None:
            try:
                state = load_file(self.path(key))
            except Exception:  # whatever is wrong with a cache file, its contents are computed again
                return None
        if set(state) != names:
            return None
        self._memory[key] = state
        return state

    def write(self, key: str, state: dict[str, Tensor]) -> None:
        """Store tensors under a key. The file is replaced atomically, so other processes never read a part of it."""
        self._memory[key] = state
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.path(key)
        with tempfile.NamedTemporaryFile(dir=self.folder, prefix=path.name, delete=False) as file:
            file.write(save(state))
        Path(file.name).replace(path)
