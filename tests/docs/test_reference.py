"""Every public name is on a page of the API reference, and all that these pages name exists."""

from __future__ import annotations

import ast
import re
from functools import cache

import pytest

from lightning_gans.core.shipped_configs import config_folder
from tests.docs.test_names import classes, exists, sources
from tests.docs.test_pages import DOCS, text_of

pytestmark = pytest.mark.skipif(not DOCS.is_dir(), reason="docs is not beside the tests")

REFERENCE = DOCS / "reference"
DIRECTIVE = re.compile(r"^::: (lightning_gans[\w.]*)$", re.MULTILINE)
CLASS = re.compile(r": *(?:lightning_gans[\w.]*\.)?([A-Z]\w*)\b")
"""A class in a config, by its name or path."""

CHOSEN = (
    *("components.generator_penalties", "components.noise", "components.optimizers", "components.schedules"),
    *("networks.constraints", "core.data", "core.batches"),
)
"""Modules without ``__all__`` whose classes are chosen by class path, or are written by users."""

INTERNAL = {"lightning_gans.core.data.AttachableLoader"}
FUNCTIONS = {"lightning_gans.load": "inference", "lightning_gans.train": "training"}
FUNCTIONS |= {"lightning_gans.default_callbacks": "callbacks", "lightning_gans.__version__": "core"}
"""Names of the package itself, and where they are documented."""


@cache
def documented() -> list[str]:
    """The paths of all objects on the pages of the reference."""
    return [path for page in sorted(REFERENCE.glob("*.md")) for path in DIRECTIVE.findall(text_of(page))]


def exported() -> set[str]:
    """The paths of all names in an ``__all__``."""
    found: set[str] = set()
    for module, tree in sources().items():
        for node in tree.body:
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
                found |= {f"{module}.{name}" for name in ast.literal_eval(node.value)}
    return found


def test_every_exported_name_is_in_the_reference() -> None:
    names = exported()
    assert {"lightning_gans.load", "lightning_gans.variants.DCGAN"} <= names
    homes = {
        f"lightning_gans.{FUNCTIONS[name]}.{name.rpartition('.')[2]}" if name in FUNCTIONS else name for name in names
    }
    assert sorted(homes - {*documented()}) == []


def test_every_class_that_is_chosen_by_its_path_is_in_the_reference() -> None:
    chosen = {
        f"lightning_gans.{module}.{node.name}"
        for module in CHOSEN
        for node in sources()[f"lightning_gans.{module}"].body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    }
    assert sorted(chosen - INTERNAL - {*documented()}) == []


def test_every_class_in_a_config_is_in_the_reference() -> None:
    texts = [re.sub(r"(^|\s)#.*", "", text_of(path)) for path in config_folder().rglob("*.yaml")]
    named = {name for text in texts for name in CLASS.findall(text)} & classes()
    assert {"DCGAN", "R1", "MNISTDataModule", "InfoGANGenerator", "CosineDecay"} <= named
    assert sorted(named - {path.rpartition(".")[2] for path in documented()}) == []


def test_the_reference_names_what_exists_once() -> None:
    assert [path for path in documented() if not exists(path)] == []
    assert len(documented()) == len({*documented()})


def test_every_page_is_in_the_references_index() -> None:
    index = text_of(REFERENCE / "README.md")
    assert [
        page.name for page in REFERENCE.glob("*.md") if page.name != "README.md" and f"({page.name})" not in index
    ] == []
