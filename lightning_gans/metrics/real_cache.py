"""Cache of the real images' statistics between evaluations."""

from __future__ import annotations

import tempfile
from pathlib import Path

from safetensors.torch import load_file, save
from torch import Tensor


class RealCache:
    """States of :class:`.MetricSet` after the real images, in memory and on disk.

    Args:
        folder: folder of the files; created by the first :meth:`write`.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._memory: dict[str, dict[str, Tensor]] = {}

    def read(self, key: str, names: set[str]) -> dict[str, Tensor] | None:
        """The tensors of a key; None if there is no readable file with exactly these names."""
        state = self._memory.get(key)
        if state is None:
            try:
                state = load_file(self.folder / f"{key}.safetensors")
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
        path = self.folder / f"{key}.safetensors"
        with tempfile.NamedTemporaryFile(dir=self.folder, prefix=path.name, delete=False) as file:
            file.write(save(state))
        Path(file.name).replace(path)
