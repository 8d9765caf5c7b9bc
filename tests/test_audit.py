"""What `make audit` says, with the network and without."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.audit import summarize

SKIPPED = {"name": "pip", "skip_reason": "not found"}
SAFE = {"name": "a", "version": "1", "vulns": []}
BAD = {"name": "b", "version": "2", "vulns": [{"id": "PYSEC-1", "fix_versions": ["3"]}]}


@pytest.mark.parametrize(
    ("packages", "last", "status"),
    [
        (None, "No audit: pip-audit could not", 0),
        ([SKIPPED], "No audit: the database knows none of the 1 packages", 0),
        ([SAFE, SKIPPED], "1 of 2 packages audited, 0 known vulnerabilities", 0),
        ([SAFE, BAD], "2 of 2 packages audited, 1 known vulnerabilities", 1),
    ],
)
def test_an_audit_fails_on_vulnerabilities_and_says_if_there_was_none(
    tmp_path: Path, packages: list[dict[str, Any]] | None, last: str, status: int
) -> None:
    report = tmp_path / "report.json"
    if packages is not None:
        report.write_text(json.dumps({"dependencies": packages}))
    lines, found = summarize(report)
    assert lines[-1].startswith(last)
    assert found == status
    assert (BAD in (packages or [])) is (lines[0] == "b 2: PYSEC-1, fixed in 3")
