"""Names in messages: the first of many, and those that were probably meant by one that is not known."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from difflib import SequenceMatcher

SHOWN = 3
"""Number of names that a message lists; it counts the others."""

SHORTEST_BEGINNING = 3
"""Letters of a name's beginning with which the name is suggested."""

LEAST_SIMILARITY, MARGIN = 0.7, 0.1
"""Similarity, in [0, 1], from which a name is suggested, and how much less than that of the best one it may be."""


def fold(name: str) -> str:
    """A name in small letters, without separators: "ImageFolder", "image-folder" and "image_folder" are the same."""
    return re.sub(r"[\W_]", "", name).lower()


def similar_names(word: str, names: Iterable[str], limit: int = SHOWN) -> list[str]:
    """The names that were probably meant by a word, the most similar first.

    Names that differ in case and separators only come before those of which the last part is the same, as in
    ``data.batch_size`` for ``batch_size``, those of which it is the first part, those that begin with the word, and
    those that are spelled like it. Only the first of these kinds is returned that there is.

    Args:
        word: a name that is not known.
        names: the known ones; parts of a name are separated by ``.`` or ``/``.
        limit: the largest number of names to return.
    """
    folded, last = fold(word), fold(re.split(r"[./]", word)[-1])
    if not folded:
        return []
    ratio = {name: SequenceMatcher(None, word.lower(), name.lower()).ratio() for name in names if name != word}
    parts = {name: [fold(part) for part in re.split(r"[./]", name)] for name in ratio}
    least = max(LEAST_SIMILARITY, max(ratio.values(), default=0) - MARGIN)
    kinds: tuple[Callable[[str], bool], ...] = (
        lambda name: fold(name) == folded,
        lambda name: len(parts[name]) > 1 and parts[name][-1] == last,
        lambda name: len(parts[name]) > 1 and parts[name][0] == folded,
        lambda name: len(folded) >= SHORTEST_BEGINNING and fold(name).startswith(folded),
        lambda name: ratio[name] >= least,
    )
    found = [[name for name in ratio if kind(name)] for kind in kinds]
    return sorted(next(filter(None, found), []), key=lambda name: (-ratio[name], name))[:limit]


def did_you_mean(names: Iterable[str]) -> str:
    """The end of a message with suggestions, such as "; did you mean DCGAN?"; empty without any."""
    listed = " or ".join(names)
    return f"; did you mean {listed}?" if listed else ""


def list_names(names: Sequence[str]) -> str:
    """The first names, and the number of the others, as text."""
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
