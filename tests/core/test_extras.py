"""Packages of extras: training needs none of them, and what needs a missing one says how to install it."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from lightning_gans.cli.commands.common import run_command
from lightning_gans.core.errors import InputError
from lightning_gans.core.extras import EXTRAS, install_command, missing_modules, require_extra
from tests.support.paths import ROOT

PACKAGE = ROOT / "lightning_gans"
HEAVY = {module for modules in EXTRAS.values() for module in modules}
OWN = ("demo", "sweeps", "studies")
"""Packages that are imported by their commands alone, when these run."""


def hide(monkeypatch: pytest.MonkeyPatch, *modules: str) -> None:
    for module in modules:
        monkeypatch.setitem(sys.modules, module, None)


def test_the_extras_are_those_of_the_project() -> None:
    project = ROOT / "pyproject.toml"
    if not project.is_file():
        pytest.skip("pyproject.toml is not beside the tests")
    settings = tomllib.loads(project.read_text())["project"]
    named = {
        extra: {re.split(r"[>=<]", package)[0] for package in settings["optional-dependencies"][extra]}
        for extra in EXTRAS
    }
    assert named == {extra: set(modules) for extra, modules in EXTRAS.items()}
    assert settings["optional-dependencies"]["all"] == [f"lightning-gans[{','.join(EXTRAS)}]"]
    base = {re.split(r"[>=<\[]", package)[0] for package in settings["dependencies"]}
    assert not base & HEAVY
    assert {"lightning", "torch", "torchvision", "torchmetrics", "wandb"} <= base


def test_a_missing_package_is_named_with_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    hide(monkeypatch, "onnx", "onnxscript")
    assert missing_modules("export") == ["onnx", "onnxscript"]
    with pytest.raises(InputError) as caught:
        require_extra("export", "--format onnx")
    assert str(caught.value) == (
        "--format onnx needs onnx and onnxscript, which are not installed; expected "
        "`pip install 'lightning-gans[export]'`"
    )


def test_what_an_import_hook_hides_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    class Hook:
        def find_spec(self, name: str, path: object = None, target: object = None) -> None:
            if name.partition(".")[0] == "av":
                raise ModuleNotFoundError(name)

    monkeypatch.delitem(sys.modules, "av", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Hook(), *sys.meta_path])
    with pytest.raises(InputError, match=r"^a video needs av, which is not installed; "):
        require_extra("video", "a video")


@pytest.mark.parametrize(
    ("extra", "arguments"),
    [
        ("demo", ["demo", "run"]),
        ("export", ["export", "run", "--format", "onnx"]),
        ("sweeps", ["sweep", "random"]),
        ("sweeps", ["study", "quick"]),
        ("video", ["interpolate", "run", "--out", "way.mp4"]),
    ],
    ids=lambda value: value if isinstance(value, str) else value[0],
)
def test_commands_say_what_they_lack_before_they_start(
    extra: str, arguments: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    hide(monkeypatch, *EXTRAS[extra])
    with pytest.raises(InputError, match=re.escape(install_command(extra))):
        run_command(arguments[0], arguments[1:])
    assert list(tmp_path.iterdir()) == []


def at_import(tree: ast.Module) -> Iterator[ast.Import | ast.ImportFrom]:
    """The imports that run when a module is imported: those outside functions and `if TYPE_CHECKING`."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            yield node
        elif isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            waiting += node.orelse
        elif not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            waiting += ast.iter_child_nodes(node)


@cache
def imported_by(module: str) -> frozenset[str]:
    """Dotted names that a module of ours imports when it is imported; a name may be a module or a part of one."""
    path = ROOT.joinpath(*module.split("."))
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    if not file.is_file():
        return frozenset()
    names = set()
    for node in at_import(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        else:
            names |= {str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)}
    return frozenset(names)


def test_no_module_that_training_may_use_imports_a_package_of_an_extra() -> None:
    """The command line with all commands, and every module that a class path may name."""
    found = [path.relative_to(PACKAGE).with_suffix("").parts for path in PACKAGE.rglob("*.py")]
    waiting = [
        ".".join(("lightning_gans", *parts)).removesuffix(".__init__")
        for parts in found
        if parts[0] not in (*OWN, "cli") or parts[:2] in (("cli", "train"), ("cli", "commands"))
    ]
    assert "lightning_gans.cli.train" in waiting
    assert "lightning_gans.cli.commands.sweep" in waiting
    why = dict.fromkeys(waiting, "")
    while waiting:
        module = waiting.pop()
        for name in imported_by(module):
            assert name.partition(".")[0] not in HEAVY, f"{why[module]}{module} imports {name}"
            for part in (name, name.rpartition(".")[0]):
                if part.startswith("lightning_gans") and part not in why:
                    why[part] = f"{why[module]}{module} > "
                    waiting.append(part)


HIDDEN = """
import sys
class Hiding:
    def __init__(self, finder):
        self.finder = finder
    def __getattr__(self, name):
        return getattr(self.finder, name)
    def find_spec(self, name, *others):
        hidden = name.partition(".")[0] in {modules!r}
        return None if hidden else self.finder.find_spec(name, *others)
sys.meta_path[:] = map(Hiding, sys.meta_path)
sys.argv[0] = "lightning-gans"
from lightning_gans.__main__ import main
main()
"""


@pytest.mark.slow
def test_training_and_what_follows_need_no_extra(tmp_path: Path) -> None:
    def command(*arguments: str, status: int = 0) -> str:
        code = HIDDEN.format(modules=sorted(HEAVY))
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=280,
            check=False,
        )
        assert done.returncode == status, done.stderr
        return done.stdout + done.stderr

    short = ["--trainer.max_steps", "2", "--trainer.accelerator", "cpu", "--trainer.enable_progress_bar", "false"]
    command("fit", "cgan/digits", *short)
    run = "runs/cgan-digits/version_0"
    command("sample", run, "--out", "grid.png")
    command("interpolate", run, "--out", "way.gif")
    command("export", run, "--format", "safetensors")
    command("report", run, "--out", "report.html")
    assert "pip install 'lightning-gans[video]'" in command("interpolate", run, "--out", "way.mp4", status=2)
    lacking = command("fit", "cgan/digits", "logger/tensorboard", *short, status=2)
    assert "trainer.logger is TensorBoardLogger, which needs tensorboard, which is not installed; " in lacking
    assert "pip install 'lightning-gans[demo]'" in command("doctor")
