"""The reader of arrays that NumPy wrote, for images of any number of channels."""

from __future__ import annotations

import io
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

ARRAY = ".npy"
"""Extension of files of NumPy, which hold one array each."""


def read_array(content: bytes) -> NDArray[Any]:
    """The pixels (height, width, channels) of a ``.npy`` file, uint8 or uint16.

    Nothing of the file is executed or trusted: its header is read with NumPy's own limit of size, and has to agree with
    the size of the file.

    Args:
        content: the file.

    Raises:
        ValueError: if the file holds anything else.
    """
    file = io.BytesIO(content)
    try:
        version = np.lib.format.read_magic(file)
        read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, fortran, kind = read_header(file)
    except (ValueError, EOFError) as error:
        raise ValueError("not an array of NumPy") from error
    if kind.kind != "u" or kind.itemsize > 2 or len(shape) not in (2, 3):
        raise ValueError(
            f"an array of {kind} of shape {shape}; expected uint8 or uint16 of (height, width, channels) or (height, "
            "width)"
        )
    if math.prod(shape) * kind.itemsize != len(content) - file.tell():
        raise ValueError(f"an array of shape {shape} whose file has another size")
    if not math.prod(shape):
        raise ValueError(f"an array of shape {shape}, which has no pixels")
    values = np.frombuffer(content, kind, offset=file.tell()).reshape(shape, order="F" if fortran else "C")
    values = values if values.ndim == 3 else values[:, :, None]
    return values if kind.itemsize == 1 else values.astype(np.uint16)
