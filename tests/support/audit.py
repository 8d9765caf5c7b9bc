"""Prints what pip-audit found: `make audit`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any


def summarize(report: Path) -> tuple[list[str], int]:
    """The lines to print for a report in JSON, and the exit status: 1 if a package has a known vulnerability."""
    try:
        packages: list[dict[str, Any]] = json.loads(report.read_text())["dependencies"]
    except (OSError, ValueError):
        return ["No audit: pip-audit could not be installed or could not reach its database (no network?)"], 0
    audited = [package for package in packages if "vulns" in package]
    if not audited:
        return [f"No audit: the database knows none of the {len(packages)} packages (a mirror without it?)"], 0
    lines = [
        f"{package['name']} {package['version']}: {found['id']}, fixed in {', '.join(found['fix_versions']) or 'none'}"
        for package in audited
        for found in package["vulns"]
    ]
    summary = f"{len(audited)} of {len(packages)} packages audited, {len(lines)} known vulnerabilities"
    return [*lines, summary], int(bool(lines))


if __name__ == "__main__":
    lines, status = summarize(Path(sys.argv[1]))
    print("\n".join(lines))
    sys.exit(status)
