"""Add the trained model of a run to the models that ship with the package, or replace one.

Command, in the root of the repository:

    python docs/ship_model.py runs/cgan-mnist/version_0 cgan/mnist --license mit --terms "Made from nothing." \
        --command "lightning-gans fit --config cgan/mnist --data.root DATA"

It writes the folder `models/cgan/mnist` as `lightning-gans export --format huggingface --half` does, with a model card
that has the command, the terms of the data and the license of the weights; copies the run's examples, which the demo
and the gallery translate; and writes the hashes of all shipped files. Nothing is changed if the images of the rounded
weights differ from those of the model by more than two levels of gray, or all shipped models would be too large.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from lightning_gans.core.errors import InputError, exit_on_known_errors
from lightning_gans.core.shipped_models import MOST_BYTES, folder_bytes, models_folder, write_hashes
from lightning_gans.export import Parity, write_folder
from lightning_gans.export.formats import is_png
from lightning_gans.inference import ImageTranslator, load
from lightning_gans.inference.card import latest_scores
from lightning_gans.reporting.html.page import duration
from lightning_gans.runs.find_checkpoint import find_checkpoint
from lightning_gans.runs.folder import GridFile, RunFolder
from lightning_gans.runs.record import read_run_record

NAME = re.compile(r"[a-z0-9_]+/[a-z0-9_]+")
"""Form of the name of a shipped model: variant and data."""


def training_time(run: RunFolder) -> str:
    """How long a run was trained, and where, in words.

    Raises:
        InputError: if its folder does not say so.
    """
    try:
        facts = json.loads(run.fit_facts.read_text(encoding="utf-8"))
        machine = facts["machine"]
        device = machine.get("device_name") or machine["device"]
        threads = machine["threads"]
        where = f"{threads} thread{'' if threads == 1 else 's'} of a CPU" if device == "cpu" else device
        return f"{duration(facts['train_seconds'])} on {where}, {facts['precision']}"
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{run.fit_facts} does not say how long the run was trained ({error!r})") from error


def copy_examples(run: RunFolder, folder: RunFolder) -> None:
    """Copy the real images of a run that its translation model was given in the test."""
    for domain in "ab":
        for path in run.examples(domain):
            if is_png(GridFile(path, "test", 0, 0, domain)):
                folder.samples.mkdir(exist_ok=True)
                shutil.copyfile(path, folder.samples / path.name)


def ship(
    path: Path, name: str, license: str, terms: str, command: str, models: Path, data_name: str | None = None
) -> Parity:
    """Add a model.

    Args:
        path: the run's folder.
        name: of the shipped model, such as "cgan/mnist".
        license: of the weights, by the hub's name for it.
        terms: a sentence about the training data and the terms of their use.
        command: that trained the model.
        models: the folder of the shipped models.
        data_name: name of the training data; None for that in the checkpoint, which may be the name of a folder.

    Returns:
        The difference of the images of the rounded weights from those of the model.

    Raises:
        InputError: if the name has another form, the run cannot be used, or the models would be too large.
        RunEnded: if the images of the rounded weights differ too much.
    """
    if not NAME.fullmatch(name):
        raise InputError(f"NAME is {name}; expected VARIANT/DATA, such as cgan/mnist")
    checkpoint = find_checkpoint(path)
    if (run := RunFolder.containing(checkpoint)) is None:
        raise InputError(f"RUN is {path}; expected a run's folder")
    model = load(checkpoint)
    if data_name is not None:
        model.metadata["data_name"] = data_name
    facts = {"name": name, "command": command, "trained": training_time(run), "license": license, "terms": terms}
    model.metadata["shipped"] = facts
    # Those of the test, too, which are not in the checkpoint.
    rows = latest_scores(model.metadata, read_run_record(checkpoint, model.metadata))
    model.metadata["scores"] = [row.as_dict() for row in rows]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "model"
        parity = write_folder(model, checkpoint, folder, license, model.to_half())
        if isinstance(model, ImageTranslator):
            copy_examples(run, RunFolder(folder))
        others = sum(folder_bytes(each) for each in models.glob("*/*") if each != models / name)
        if (total := folder_bytes(folder) + others) > MOST_BYTES:
            raise InputError(f"the shipped models would have {total:,} bytes; expected at most {MOST_BYTES:,}")
        shutil.rmtree(models / name, ignore_errors=True)
        shutil.copytree(folder, models / name)
    write_hashes(models)
    return parity


def main(arguments: Sequence[str]) -> None:
    """Add the model that the arguments name."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("run", type=Path, metavar="RUN", help="the run's folder")
    parser.add_argument("name", metavar="NAME", help="name of the shipped model, such as cgan/mnist")
    parser.add_argument("--license", required=True, help="of the weights, by the hub's name for it")
    parser.add_argument("--terms", required=True, help="a sentence about the training data and their terms")
    parser.add_argument("--command", required=True, help="the command that trained the model")
    parser.add_argument("--data_name", help="name of the training data (default: that in the checkpoint)")
    given = parser.parse_args(arguments)
    with exit_on_known_errors():
        facts = (given.license, given.terms, given.command)
        parity = ship(given.run, given.name, *facts, models_folder(), given.data_name)
    folder = models_folder() / given.name
    print(f"{folder}: {folder_bytes(folder):,} bytes, all models {folder_bytes(models_folder()):,}; {parity}")


if __name__ == "__main__":
    main(sys.argv[1:])
