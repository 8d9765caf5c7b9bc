"""The scripts in docs/, which are no modules of the package."""

from __future__ import annotations

from importlib.util import module_from_spec, spec_from_file_location
from typing import Any

import pytest

from tests.support.paths import ROOT


def load_script(name: str) -> Any:
    """The module of a script in docs/; the test is skipped where docs is not beside the tests.

    Args:
        name: the name of the file, without .py.
    """
    path = ROOT / "docs" / f"{name}.py"
    if not path.is_file():
        pytest.skip("docs is not beside the tests")
    spec = spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
