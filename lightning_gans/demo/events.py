"""What all handlers of the page have in common."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, ParamSpec, TypedDict, TypeVar

import gradio as gr

from lightning_gans.core.errors import InputError

P = ParamSpec("P")
R = TypeVar("R")


class OneAfterTheOther(TypedDict):
    """Options of every event."""

    concurrency_id: str
    concurrency_limit: int
    trigger_mode: Any
    show_progress: Any
    api_visibility: Any


def quietly(show_progress: str = "hidden", trigger_mode: str = "always_last") -> OneAfterTheOther:
    """Options of an event: one network works at a time, and of a slider's values on the way only the last is asked for.

    Args:
        show_progress: "hidden" for what is there at once, so that nothing flickers; else "minimal" or "full".
        trigger_mode: "multiple" where each value counts, as a stroke does.
    """
    return {
        "concurrency_id": "network",
        "concurrency_limit": 1,
        "trigger_mode": trigger_mode,
        "show_progress": show_progress,
        "api_visibility": "private",
    }


def speaking(handler: Callable[P, R]) -> Callable[P, R]:
    """A handler whose refusals are shown on the page."""

    @functools.wraps(handler)
    def called(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return handler(*args, **kwargs)
        except InputError as error:
            raise gr.Error(str(error), print_exception=False) from error

    return called
