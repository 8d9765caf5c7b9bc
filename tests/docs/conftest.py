"""What several tests of the documentation share."""

from __future__ import annotations

from importlib.util import module_from_spec, spec_from_file_location
from typing import Any

import pytest

from tests.support.paths import ROOT


@pytest.fixture(scope="module")
def script() -> Any:
    """The module docs/sensitivity.py."""
    path = ROOT / "docs" / "sensitivity.py"
    if not path.is_file():
        pytest.skip("docs is not beside the tests")
    spec = spec_from_file_location("sensitivity", path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
