"""What a resumed run may and may not change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lightning_gans.errors import InputError

RESTORED = ("optimizer_g", "optimizer_d", "scheduler_g", "scheduler_d", "run_seed")
"""Settings whose effect lies in restored states: a new value would be dropped without a word."""

_PLAIN = (bool, int, float, str, type(None))


def without_objects(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The part of ``settings`` that is plain data, which a checkpoint can hold and load safely."""
    return {key: _plain(value) for key, value in settings.items() if _is_plain(value)}


def _is_plain(value: Any) -> bool:
    if isinstance(value, Mapping):
        return all(map(_is_plain, value.values()))
    if isinstance(value, (list, tuple)):
        return all(map(_is_plain, value))
    return isinstance(value, _PLAIN)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value


def _flat(settings: Any, prefix: str) -> dict[str, Any]:
    if isinstance(settings, Mapping):
        return {k: v for key, value in settings.items() for k, v in _flat(value, f"{prefix}.{key}").items()}
    return {prefix: settings}


def refuse_changed_settings(now: Mapping[str, Any], then: Mapping[str, Any]) -> None:
    """Compare the settings that a checkpoint restores with those asked for now.

    Args:
        now: settings of this run.
        then: settings stored in the checkpoint.

    Raises:
        InputError: naming the first key of :data:`RESTORED` that differs, with both values.
    """
    for key in RESTORED:
        if key not in now or key not in then:
            continue
        asked, stored = _flat(_plain(now[key]), key), _flat(_plain(then[key]), key)
        for name in sorted(asked.keys() | stored.keys()):
            if asked.get(name) != stored.get(name):
                shown = "seed_everything" if name == "run_seed" else f"model.{name}"
                raise InputError(
                    f"{shown} is {asked.get(name)} here but {stored.get(name)} in the checkpoint, and a resumed run "
                    "goes on with the checkpoint's state; give the checkpoint's value, or start a new run"
                )
