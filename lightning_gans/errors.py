"""The error for bad input."""

from __future__ import annotations


class InputError(Exception):
    """Something the user gave cannot be used: a key, a value, a file.

    The message is one sentence that names it and says what was expected. The command line prints the message alone,
    without a traceback, and exits with status 2.
    """
