"""Published weights of the networks that metrics look through."""

from __future__ import annotations

from pathlib import Path

import torch

from lightning_gans.core.errors import InputError


def downloaded_weights(url: str, owner: str, key: str) -> Path:
    """A file of weights in PyTorch's hub folder, downloaded if it is not there yet.

    Args:
        url: where it is; its name ends in ``-`` and the first digits of its SHA-256, as those of PyTorch do.
        owner: whose weights, for the error.
        key: setting whose ``weights`` is another file, for the error.

    Raises:
        InputError: if it can neither be found nor downloaded; says where to put which file.
    """
    path = Path(torch.hub.get_dir()) / "checkpoints" / Path(url).name
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            torch.hub.download_url_to_file(url, str(path), hash_prefix=path.stem.rsplit("-", 1)[1])
        except (OSError, RuntimeError) as error:
            raise InputError(
                f"{key}: {owner}'s weights could not be downloaded ({error}); fetch {path.name} elsewhere and put it "
                f"at {path}, or give its path as {key}.weights"
            ) from error
    return path
