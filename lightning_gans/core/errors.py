"""The errors that end a run with one sentence."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager


class InputError(Exception):
    """Something the user gave cannot be used: a key, a value, a file.

    The message is one sentence that names it and says what was expected. The command line prints the message alone,
    without a traceback, and exits with status 2.
    """


class UntrustedClassError(InputError):
    """A file names classes that are not trusted.

    Args:
        subject: what names them, such as "path is model.ckpt, which".
        paths: class paths.

    Attributes:
        subject: what names them.
        paths: class paths.
    """

    def __init__(self, subject: str, paths: list[str]) -> None:
        self.subject, self.paths = subject, paths
        super().__init__(self.message(f"pass trust={paths!r}"))

    def message(self, remedy: str) -> str:
        """The sentence.

        Args:
            remedy: what the user does to trust these classes.
        """
        one = len(self.paths) == 1
        if any(path.partition(".")[0] in sys.stdlib_module_names for path in self.paths):
            remedy = "which are no parts of models" if not one else "which is no part of a model"
            return f"{self.subject} names {' and '.join(self.paths)}, {remedy}; the file is not one of lightning-gans"
        return (
            f"{self.subject} names {' and '.join(self.paths)}, {'a class' if one else 'classes'} neither of "
            f"lightning_gans nor of torch.nn; if {'it is' if one else 'they are'} of your own code, {remedy}"
        )


class RunEnded(Exception):  # noqa: N818 (it says what has happened)
    """A run cannot go on, or was asked to end; the message is one sentence.

    The command line prints it alone and exits with ``status``.

    Args:
        message: the sentence.
        status: exit status.
    """

    def __init__(self, message: str, status: int = 1) -> None:
        super().__init__(message)
        self.status = status


class UnreadableError(ValueError):
    """A file of images cannot be read; the message is the reason, without the file's name."""


@contextmanager
def exit_on_known_errors() -> Iterator[None]:
    """Around a light command: bad input is one line on stderr and exit status 2, a known end one with its own."""
    try:
        yield
    except InputError as error:
        print(f"lightning-gans: error: {error}", file=sys.stderr)
        sys.exit(2)
    except RunEnded as error:
        print(f"lightning-gans: {error}", file=sys.stderr)
        sys.exit(error.status)


def at_least(name: str, value: float, least: float) -> None:
    """Check an argument's lower bound.

    Args:
        name: the argument's name, without the key that it has on the command line, which adds it.
        value: the argument.
        least: the smallest value that is allowed.

    Raises:
        ValueError: if ``value`` is less than ``least``.
    """
    if value < least:
        raise ValueError(f"{name} is {value}; expected at least {least}")


def short_reason(error: BaseException) -> str:
    """The message of any error in one line of limited length, without the frames that torch's C++ adds."""
    text = " ".join(str(error).partition("Exception raised from")[0].split())
    return (text if len(text) <= LONGEST_REASON else f"{text[:LONGEST_REASON]}...") or type(error).__name__


LONGEST_REASON = 400
"""Characters of the message of an error within a sentence."""


def os_reason(error: BaseException) -> str:
    """What the system said, where an error or one that it comes from is the system's."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror
        cause = cause.__cause__ or cause.__context__
    return str(error).splitlines()[0]
