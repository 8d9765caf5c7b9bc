"""The error for bad input."""

from __future__ import annotations


class InputError(Exception):
    """Something the user gave cannot be used: a key, a value, a file.

    The message is one sentence that names it and says what was expected. The command line prints the message alone,
    without a traceback, and exits with status 2.
    """


def at_least(key: str, value: float, least: float) -> None:
    """Refuse a setting that is too small.

    Raises:
        InputError: if ``value`` is less than ``least``.
    """
    if value < least:
        raise InputError(f"{key} is {value}; expected at least {least}")
