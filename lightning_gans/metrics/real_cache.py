"""What is known of real images, kept from one evaluation to the next."""

from __future__ import annotations

import tempfile
from pathlib import Path

from safetensors.torch import load_file, save
from torch import Tensor


class RealCache:
    """States of score sets after their real images, in memory and on disk.

    Args:
        folder: where the files are; made when there is something to write.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._memory: dict[str, dict[str, Tensor]] = {}

    def read(self, key: str, names: set[str]) -> dict[str, Tensor] | None:
        """The tensors under a key, or None where there are none of just these names that can be read."""
        state = self._memory.get(key)
        if state is None:
            try:
                state = load_file(self.folder / f"{key}.safetensors")
            except Exception:  # whatever is wrong with a cache file, its content is computed again
                return None
        if set(state) != names:
            return None
        self._memory[key] = state
        return state

    def write(self, key: str, state: dict[str, Tensor]) -> None:
        """Keep tensors; another process that reads or writes the same file sees the old or the new, never half."""
        self._memory[key] = state
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{key}.safetensors"
        with tempfile.NamedTemporaryFile(dir=self.folder, prefix=path.name, delete=False) as file:
            file.write(save(state))
        Path(file.name).replace(path)
