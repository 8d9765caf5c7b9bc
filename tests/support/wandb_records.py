"""Reads what W&B has written to disk for a run: the records of an offline run, in its own file format."""

from __future__ import annotations

import json
import struct
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from wandb.proto import wandb_internal_pb2

FILE_HEADER, RECORD_HEADER, BLOCK = struct.Struct("<4sHB"), struct.Struct("<IHB"), 32768
RECORD: Any = vars(wandb_internal_pb2)["Record"]

FULL, FIRST, MIDDLE, LAST = 1, 2, 3, 4
"""Types of the parts of a record, which a block's end divides, as in LevelDB's log."""


def read_records(path: Path) -> Iterator[Any]:
    """The records of a ``.wandb`` file that are complete."""
    data = path.read_bytes()
    assert FILE_HEADER.unpack_from(data)[0] == b":W&B"
    place, parts = FILE_HEADER.size, b""
    while place + RECORD_HEADER.size <= len(data):
        if BLOCK - place % BLOCK < RECORD_HEADER.size:
            place += BLOCK - place % BLOCK
            continue
        _, length, kind = RECORD_HEADER.unpack_from(data, place)
        place += RECORD_HEADER.size
        parts = (b"" if kind in (FULL, FIRST) else parts) + data[place : place + length]
        place += length
        if kind in (FULL, LAST):
            yield RECORD.FromString(parts)


def values(items: Any) -> dict[str, Any]:
    """Values by key, a nested key with slashes."""
    return {"/".join(item.nested_key) or item.key: json.loads(item.value_json) for item in items}


class OfflineRun:
    """A finished offline run.

    Args:
        folder: the folder that holds W&B's own folder ``wandb``.

    Attributes:
        files: the run's folder of files, such as images.
        rows: what was logged, in order.
        config: the settings.
        summary: the result by key; a metric that is defined with a minimum has ``min`` and so on.
        metrics: the summaries of the metrics that were defined, by name.
        artifacts: types of the artifacts, by name.
        run: the record of the run itself, with its group, tags and job type.
    """

    def __init__(self, folder: Path) -> None:
        (run,) = (folder / "wandb").glob("offline-run-*")
        self.files = run / "files"
        # W&B's own process writes the records, and may do so after finish() has returned.
        deadline = time.monotonic() + 60
        while not any(record.HasField("exit") for path in run.glob("*.wandb") for record in read_records(path)):
            assert time.monotonic() < deadline, "W&B has not written the end of the run"
            time.sleep(0.2)
        (path,) = run.glob("*.wandb")
        self.rows: list[dict[str, Any]] = []
        self.config: dict[str, Any] = {}
        self.summary: dict[str, Any] = {}
        self.metrics: dict[str, set[str]] = {}
        self.artifacts: dict[str, str] = {}
        for record in read_records(path):
            self._add(record)

    def _add(self, record: Any) -> None:
        kind = record.WhichOneof("record_type")
        if kind == "history":
            self.rows.append(values(record.history.item))
        elif kind == "run":
            self.run = record.run
            self.config |= values(record.run.config.update)
        elif kind == "config":
            self.config |= values(record.config.update)
        elif kind == "summary":
            self.summary |= values(record.summary.update)
        elif kind == "metric":
            summary = record.metric.summary
            self.metrics[record.metric.name or record.metric.glob_name] = {
                f.name for f, on in summary.ListFields() if on
            }
        elif kind == "artifact":
            self.artifacts[record.artifact.name] = record.artifact.type
