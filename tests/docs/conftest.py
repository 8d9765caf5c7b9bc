"""What several tests of the documentation share."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.docs_scripts import load_script


@pytest.fixture(scope="module")
def script() -> Any:
    """The module docs/sensitivity.py."""
    return load_script("sensitivity")
