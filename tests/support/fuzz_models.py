"""Reads models that were made by random changes of good ones, in a process of limited memory.

``python -m tests.support.fuzz_models FOLDER SEED COUNT`` prints a JSON object: ``cases`` by outcome, ``failures``
(errors other than one sentence, and what an audit hook saw), and ``megabytes``, the growth of the process's memory.
"""

from __future__ import annotations

import copy
import io
import json
import random
import resource
import signal
import sys
import traceback
import warnings
from collections import Counter
from collections.abc import Callable
from contextlib import redirect_stdout, suppress
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

import lightning_gans
import lightning_gans.variants
from lightning_gans.cli.commands.inspect import format_facts
from lightning_gans.core.errors import InputError
from lightning_gans.families import Adversarial
from lightning_gans.inference import ImageTranslator, LatentSampler, PretrainedModel
from lightning_gans.inference.facts import checkpoint_facts
from lightning_gans.runs.checkpoint_io import AtomicCheckpointIO
from lightning_gans.runs.weights_file import to_safetensors
from tests.support import checkpoint_files

GIGABYTE = 2**30
SECONDS_PER_CASE = 20

FORBIDDEN = ("os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "subprocess.Popen", "socket.connect")
"""Beginnings of the names of audit events that reading a model must not cause."""

EVIL = "touch evil-ran"
ATTACKS: list[Any] = [
    {"class_path": "os.system", "init_args": {"command": EVIL}},
    {"class_path": "subprocess.Popen", "init_args": {"args": ["touch", "evil-ran"]}},
    {"class_path": "evil.make"},
    {"class_path": "torch.load", "init_args": {"f": "x"}},
    {"class_path": "torch.nn.Linear", "init_args": {"in_features": 10**6, "out_features": 10**6}},
    {"class_path": "lightning_gans.networks.R3GANGenerator", "init_args": {"channels": 1, "size": 28, "blocks": 10**9}},
    {"class_path": "lightning_gans.networks.PatchGAN", "init_args": {"layers": 10**9}},
    {"class_path": "lightning_gans.networks.MLPGenerator", "init_args": {"widths": [10**6] * 4}},
    {"class_path": "lightning_gans.components.noise.UniformNoise", "init_args": {"low": 0, "high": 10**300}},
]
VALUES: list[Any] = [
    *ATTACKS,
    *map(json.dumps, ATTACKS),
    *("os.system", "evil.make", "evil", "lightning_gans.networks.UNet", "torch.nn.ReLU"),
    *("", "\0", "a" * 10_000, "!!python/x", "\x1b[2J", "\ud800", 2**5000),
    *(None, True, False, 0, -1, 1, 3, 10**6, 10**9, 10**30, -(10**400), 0.5, float("nan"), float("inf"), 1e300),
    *([], {}, [[]], {"": None}, [1, "a", None], {"init_args": {}}, {"class_path": []}, [10**9] * 3),
]
KEYS: list[Any] = ["class_path", "init_args", "dict_kwargs", "norm", "norm", "init", "trust", "extra", 5]
"""Keys that are added; ``norm`` is an argument that takes a function."""

TENSORS: list[Callable[[], Any]] = [
    lambda: torch.full((3,), float("nan")),
    lambda: torch.zeros(1).expand(10**6, 10**4),
    lambda: torch.zeros(3, dtype=torch.int64),
    lambda: torch.zeros(2, 2, dtype=torch.complex64),
    lambda: torch.zeros(4, device="meta"),
    lambda: torch.zeros(4).to_sparse(),
    lambda: torch.zeros(()),
    lambda: torch.zeros(0, 5),
    lambda: 5,
]


class Audit:
    """What the process did that reading a model must not do."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.on = False
        self.known = {name.partition(".")[0] for name in sys.modules} | set(sys.stdlib_module_names)
        sys.addaudithook(self.hook)

    def hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.on:
            return
        if event.startswith(FORBIDDEN):
            self.seen.append(f"{event} {arguments!r}"[:200])
        elif event == "import" and str(arguments[0]).partition(".")[0] not in self.known:
            self.seen.append(f"import {arguments[0]}"[:200])
        elif event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+"):
            self.seen.append(f"open {arguments[0]} {arguments[1]}"[:200])


def places(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The keys that lead to each value within a tree."""
    if len(path) > 12:
        return []
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [found for key, value in items for found in ((*path, key), *places(value, (*path, key)))]


def mutate(tree: Any, rng: random.Random) -> Any:
    """A copy of a tree with one to three random changes."""
    tree = copy.deepcopy(tree)
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        if not (paths := places(tree)):
            break
        weights = [4 if {"init_args", "generator", "network"} & {*path} else 1 for path in paths]
        *above, last = rng.choices(paths, weights)[0]
        node = tree
        for key in above:
            node = node[key]
        change = rng.random()
        if change < 0.1:
            del node[last]
        elif change < 0.2 and isinstance(node, dict):
            node[rng.choice(KEYS)] = rng.choice(VALUES)
        elif change < 0.3:
            node[last] = wrapped(node[last], rng.choice([1, 2, 50, 5000]))
        elif isinstance(node[last], torch.Tensor):
            node[last] = rng.choice(TENSORS)()
        else:
            node[last] = rng.choice(VALUES)
    return tree


def wrapped(value: Any, levels: int) -> Any:
    for _ in range(levels):
        value = [value]
    return value


def broken(contents: bytes, rng: random.Random) -> bytes:
    """Bytes of which some are changed, left out or repeated."""
    changed = bytearray(contents)
    for _ in range(rng.choice([1, 1, 4, 30])):
        place = rng.randrange(len(changed)) if rng.random() < 0.5 else rng.randrange(min(2000, len(changed)))
        changed[place] = rng.randrange(256)
    cut = rng.random()
    if cut < 0.1:
        return bytes(changed[: rng.randrange(len(changed))])
    return bytes(changed + changed[: rng.randrange(len(changed))]) if cut < 0.15 else bytes(changed)


def text_of(tree: Any, rng: random.Random) -> bytes:
    try:
        text = json.dumps(tree).encode()
    except (TypeError, ValueError, RecursionError):  # keys of mixed types, numbers of too many digits, deep lists
        text = b'{"generator": ' + b"[" * 100_000
    return broken(text, rng) if rng.random() < 0.2 else text


def writers(folder: Path) -> list[Callable[[random.Random], Path]]:
    """Functions that write a changed checkpoint, folder or file."""
    made: list[Callable[[random.Random], Path]] = []
    for name, make in (
        ("latent", checkpoint_files.latent),
        ("one", checkpoint_files.one_way),
        ("both", checkpoint_files.both_ways),
    ):
        good = make(folder / f"{name}.ckpt")
        contents, written = torch.load(good), good.read_bytes()
        lightning_gans.load(good).save_pretrained(folder / name)
        config = json.loads((folder / name / "config.json").read_text())
        weights = load_file(folder / name / "model.safetensors")

        def checkpoint(rng: random.Random, contents: Any = contents, written: bytes = written) -> Path:
            path = folder / "changed.ckpt"
            if rng.random() < 0.2:
                path.write_bytes(broken(written, rng))
                return path
            changed = dict(contents)
            part = rng.choice(["hyper_parameters", "hyper_parameters", "hyper_parameters", "state_dict", None])
            changed = {**changed, part: mutate(changed[part], rng)} if part else mutate(changed, rng)
            try:
                torch.save(changed, path)
            except Exception:
                torch.save(contents, path)
            return path

        def exported(rng: random.Random, name: str = name, config: Any = config, weights: Any = weights) -> Path:
            path = folder / f"changed-{name}"
            path.mkdir(exist_ok=True)
            (path / "config.json").write_bytes(text_of(mutate(config, rng), rng))
            stored = to_safetensors(weights, {})
            (path / "model.safetensors").write_bytes(broken(stored, rng) if rng.random() < 0.2 else stored)
            return path

        def file(rng: random.Random, config: Any = config, weights: Any = weights) -> Path:
            path = folder / "changed.safetensors"
            prefixes = ("network.", "networks.a_to_b.")
            own = {next((k.removeprefix(p) for p in prefixes if k.startswith(p)), k): v for k, v in weights.items()}
            changed = mutate(config, rng)
            try:
                stored = to_safetensors(own, {str(key): value for key, value in changed.items()})
            except Exception:
                stored = to_safetensors(own, config)
            path.write_bytes(broken(stored, rng) if rng.random() < 0.3 else stored)
            return path

        made += [checkpoint, exported, file]
    return made


def use(model: PretrainedModel) -> None:
    """Make an image."""
    if isinstance(model, LatentSampler):
        model.sample(1)
    if isinstance(model, ImageTranslator):
        for direction in model.directions:
            height, width = model.sizes[direction]
            if height * width <= 10_000:
                model.translate(torch.zeros(1, model.network(direction).channels_in, height, width), direction)


def inspect(path: Path) -> None:
    facts = checkpoint_facts(path)
    json.dumps(facts)
    list(format_facts(facts))


def readers(path: Path) -> list[Callable[[], Any]]:
    """Functions that read a path in every way there is."""
    found: list[Callable[[], Any]] = [lambda: use(lightning_gans.load(path)), lambda: inspect(path)]
    if path.is_dir():
        found += [lambda: LatentSampler.from_pretrained(path), lambda: ImageTranslator.from_pretrained(path)]
    elif path.suffix == ".ckpt":
        found += [lambda: Adversarial.load_from_checkpoint(path), lambda: AtomicCheckpointIO().load_checkpoint(path)]
    return found


def too_slow(*_: Any) -> None:
    raise TimeoutError(f"it took more than {SECONDS_PER_CASE} seconds")


def main(folder: Path, seed: int, count: int) -> dict[str, Any]:
    rng = random.Random(seed)
    (folder / "evil.py").write_text("open('evil-ran', 'w')\nmake = dict\n")
    sys.path.insert(0, str(folder))
    write = writers(folder)
    for path in (folder / "latent.ckpt", folder / "one.ckpt", folder / "both"):  # imports what they need
        for read in readers(path):
            with suppress(Exception):
                read()
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    limit = int(status["VmSize"].split()[0]) * 1024 + 2 * GIGABYTE
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    signal.signal(signal.SIGALRM, too_slow)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    audit, outcomes, failures = Audit(), Counter[str](), []
    for case in range(count):
        path = rng.choice(write)(rng)
        for index, read in enumerate(readers(path)):
            signal.alarm(SECONDS_PER_CASE)
            audit.on = True
            try:
                with redirect_stdout(io.StringIO()):
                    read()
                outcomes["read"] += 1
            except InputError as error:
                outcomes["refused"] += 1
                if "\n" in str(error) or len(str(error)) > 2000:
                    failures.append(f"case {case}, reader {index}: {len(str(error))} characters: {str(error)[:300]!r}")
            except BaseException as error:
                trace = "".join(traceback.format_exception(error))[-1500:]
                failures.append(f"case {case}, reader {index}, {path.name}: {trace}")
            audit.on = False
            signal.alarm(0)
    if (folder / "evil-ran").exists():
        failures.append("evil.py ran")
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    return {"cases": dict(outcomes), "failures": failures + audit.seen, "megabytes": round(grown)}


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    print(json.dumps(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))))
