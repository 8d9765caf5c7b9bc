"""Published weights of networks: the download and the hash that identifies a file."""

from __future__ import annotations

import hashlib
from pathlib import Path

import torch


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
