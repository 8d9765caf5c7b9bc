"""In place of `lightning-gans fit`: writes the scores that its arguments ask for, and takes no second.

``--x`` is the score after many validations; an x of 13 fails, of 14 says nothing, of 15 never ends
unless ``--ends`` is given.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

STAMP = {
    **{"extractor": "digits", "real": 10, "fake": 10, "split": "val", "weights": "ema", "batch_norm": "running"},
    **{"dropout": "off", "pixels": "uint8-rounded", "neighbors": 5, "device": "cpu", "precision": "32-true", "seed": 0},
}
"""Written out, since an import would take longer than everything else."""

arguments = dict(argument[2:].split("=", 1) for argument in sys.argv[1:] if "=" in argument)
folder = Path(arguments["trainer.logger.save_dir"]) / "fake" / "version_0"
folder.mkdir(parents=True)
(folder / "process").write_text(str(os.getpid()))
(folder / "arguments.json").write_text(json.dumps(sys.argv[1:]))
(folder / "trial").write_text(f"{os.environ['LIGHTNING_GANS_STUDY']} {os.environ['LIGHTNING_GANS_TRIAL']}")
x = float(arguments["x"])
if x == 13:
    print("some warning\nlightning-gans: the loss is not finite\n", file=sys.stderr)
    sys.exit(1)
validations = 0 if x == 14 else int(arguments.get("validations", 3))
for validation in range(1, validations + 1):
    scores = {"val/kid": 0.0, "val/fid": x + 6.0 / validation}
    row = {"step": 10 * validation, "scores": scores, "stamp": STAMP}
    with (folder / "scores.jsonl").open("a") as file:
        file.write(json.dumps(row) + "\n")
    # Long enough for two looks at the scores where a test wants to see a run end early.
    time.sleep(float(arguments.get("pause", 0)))
if x == 15 and "--ends" not in sys.argv:
    (folder / "waiting").touch()
    while True:
        time.sleep(100)
