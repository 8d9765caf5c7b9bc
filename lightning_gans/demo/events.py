"""Options of events, and a wrapper of their handlers."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, ParamSpec, TypedDict, TypeVar

import gradio as gr

from lightning_gans.core.errors import InputError

P = ParamSpec("P")
R = TypeVar("R")


class EventOptions(TypedDict):
    """Options of an event."""

    concurrency_id: str
    concurrency_limit: int
    trigger_mode: Any
    show_progress: Any
    api_visibility: Any


def event_options(show_progress: str = "hidden", trigger_mode: str = "always_last") -> EventOptions:
    """Options of an event: events run one at a time, and of the values of a moving slider only the last is handled.

    Args:
        show_progress: "hidden" for fast handlers, which would flicker; else "minimal" or "full".
        trigger_mode: "multiple" if every event has to be handled, such as a stroke.
    """
    return {
        "concurrency_id": "network",
        "concurrency_limit": 1,
        "trigger_mode": trigger_mode,
        "show_progress": show_progress,
        "api_visibility": "private",
    }


def show_errors(handler: Callable[P, R]) -> Callable[P, R]:
    """Decorate a handler: an InputError or ValueError about its arguments is shown on the page."""

    @functools.wraps(handler)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return handler(*args, **kwargs)
        except (InputError, ValueError) as error:
            raise gr.Error(str(error), print_exception=False) from error

    return wrapped
