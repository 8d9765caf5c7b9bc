"""Dotted paths, classes and keys of the command line that the documentation names exist; sources are read as text."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest

from tests.docs.test_pages import DOCS, PAGES, PYTHON, text_of
from tests.support.paths import ROOT

pytestmark = pytest.mark.skipif(not DOCS.is_dir(), reason="docs is not beside the tests")

CHANGELOG = ROOT / "CHANGELOG.md"

CODE = re.compile(r"`([^`\n]+)`")
DOTTED = re.compile(r"\blightning_gans(?:\.\w+)+")
CAMEL = re.compile(r"^[A-Z][A-Za-z0-9]*[A-Z][A-Za-z0-9]*$")
IMPORT = re.compile(r"^from (lightning_gans[\w.]*) import (\w+(?:, \w+)*)$", re.MULTILINE)
SECTIONS = "model|data|evaluation|watchdog|analysis|ema|samples|last|predictions|compile|tf32|process"
"""Parts of the command line whose classes are ours; the trainer is Lightning's."""
KEY = re.compile(rf"(?<![\w./])((?:{SECTIONS})(?:\.[a-z]\w*)+)(?![\w/(-])")
NOT_OURS = {
    "CKPT",
    "COMPLETED",
    "EarlyStopping",
    "LearningRateMonitor",
    "ModelCheckpoint",
    "PreemptTime",
    "RESTARTS",
    "ValueError",
}
"""Between backticks, but not classes of this project."""
READERS_OWN = {"MyGAN"}
"""Classes that a page asks its reader to write."""
NOT_KEYS = {"help", "lrr"}
"""jsonargparse's own, and the wrong key of the tutorial."""
FILES = {"md", "py", "yaml", "html", "json", "jsonl", "ckpt", "safetensors"}
"""Endings of files' names, in which a page may have a word before a dot."""


@cache
def sources() -> dict[str, ast.Module]:
    """Every module of the package, and of the benchmarks, parsed."""
    folders = ("lightning_gans", "lightning_gans/datamodules", "benchmarks")  # the second is a link
    files = [file for folder in folders for file in (ROOT / folder).rglob("*.py")]
    return {
        ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): ast.parse(file.read_text())
        for file in files
    }


def defined_in(tree: ast.Module) -> set[str]:
    """Names that a module defines or imports at its top."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)):
            names.add(node.name)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            names |= {(alias.asname or alias.name).split(".")[0] for alias in node.names}
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.isidentifier():
            names.add(node.value)  # of `__all__` and of lazy exports
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names |= {target.id for target in targets if isinstance(target, ast.Name)}
    return names


def exists(dotted: str) -> bool:
    """Whether a dotted path is a module, or a name in one."""
    modules = sources()
    if dotted in modules:
        return True
    module, _, name = dotted.rpartition(".")
    return module in modules and name in defined_in(modules[module])


@cache
def classes() -> set[str]:
    """All classes of the package, and of the benchmarks."""
    return {node.name for tree in sources().values() for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}


def names_in(trees: Iterable[ast.AST]) -> set[str]:
    """Parameters and annotated attributes, of which keys of the command line are made."""
    nodes = [node for tree in trees for node in ast.walk(tree)]
    names = {node.arg for node in nodes if isinstance(node, ast.arg)}
    fields = [node.target for node in nodes if isinstance(node, ast.AnnAssign)]
    return names | {field.id for field in fields if isinstance(field, ast.Name)}


@cache
def parameters(section: str) -> set[str]:
    """Keys of a section: those of its class, or of any class, since models and data hold parts of their own."""
    (callbacks,) = (
        node.value
        for node in sources()["lightning_gans.callbacks.standard"].body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id == "CALLBACKS"
    )
    assert isinstance(callbacks, ast.Dict)
    pairs = zip(callbacks.keys, callbacks.values, strict=True)
    owners = {ast.unparse(key): ast.unparse(name) for key, name in pairs if key}
    owner = (owners | {"'process'": "ProcessSettings"}).get(repr(section))
    if owner is None:
        return names_in(sources().values())
    nodes = (node for tree in sources().values() for node in ast.walk(tree))
    return names_in(node for node in nodes if isinstance(node, ast.ClassDef) and node.name == owner)


@pytest.mark.parametrize("page", [*PAGES, CHANGELOG], ids=lambda page: page.name)
def test_dotted_paths_exist(page: Path) -> None:
    new = {"lightning_gans.variants.squared_gan", "lightning_gans.datamodules.inverted_digits"}  # CONTRIBUTING's
    named = {path for path in DOTTED.findall(text_of(page)) if path not in new}
    assert sorted(path for path in named if not exists(path)) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_names_that_code_imports_exist(page: Path) -> None:
    code = "\n".join(PYTHON.findall(text_of(page)))
    named = [(module, name) for module, names in IMPORT.findall(code) for name in names.split(", ")]
    assert [each for each in named if not hasattr(import_module(each[0]), each[1])] == []


@pytest.mark.parametrize("page", [*PAGES, CHANGELOG], ids=lambda page: page.name)
def test_classes_between_backticks_exist(page: Path) -> None:
    named = {name for name in CODE.findall(text_of(page)) if CAMEL.match(name)}
    assert sorted(named - classes() - NOT_OURS - READERS_OWN) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_keys_of_the_command_line_exist(page: Path) -> None:
    unknown = []
    for key in sorted(set(KEY.findall(text_of(page).replace(".init_args", "")))):
        section, first, *rest = key.split(".")
        known = parameters(section) | NOT_KEYS | FILES
        if first not in known or any(part not in parameters("model") | NOT_KEYS for part in rest):
            unknown.append(key)
    assert unknown == []


def test_names_are_found() -> None:
    text = "".join(text_of(page) for page in PAGES)
    assert len(set(DOTTED.findall(text))) > 5
    assert len({name for name in CODE.findall(text) if CAMEL.match(name)} & classes()) > 40
    assert len(IMPORT.findall(text)) > 8
    assert len(set(KEY.findall(text))) > 30
    assert not exists("lightning_gans.variants.NoGAN")
    assert {"window", "stop"} <= parameters("watchdog")
    assert "margin_of_a_hinge" not in parameters("model")
