"""What produced a result: package versions, commit and machine."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path

import torch

from lightning_gans.core import __version__

PACKAGE = Path(__file__).resolve().parents[1]

PACKAGES = ("torchvision", "lightning", "torchmetrics", "numpy")


def package_versions() -> dict[str, str]:
    """Versions of Python, this package and its main dependencies."""
    # torch's own attribute includes the build, as in 2.15.0+cu130.
    here = {"python": platform.python_version(), "lightning-gans": __version__, "torch": str(torch.__version__)}
    return here | {name: version(name) for name in PACKAGES}


def current_commit(package: Path = PACKAGE) -> str | None:
    """The commit of the git checkout that contains the package, with ``+changes`` if files differ from it.

    None if the package is installed from a wheel or git is not available. The commit of another repository around an
    installation is not used.
    """
    root = package.parent
    if not (root / ".git").exists():
        return None
    try:
        head, changes = (
            subprocess.run(["git", *command], cwd=root, capture_output=True, text=True, check=True, timeout=20).stdout
            for command in (["rev-parse", "HEAD"], ["status", "--porcelain", "--untracked-files=no"])
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return head.strip() + ("+changes" if changes.strip() else "")


def describe_machine(device: torch.device) -> dict[str, str | int]:
    """The operating system, the number of cores and threads, and the device."""
    described: dict[str, str | int] = {
        "system": platform.platform(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        "threads": torch.get_num_threads(),
        "device": str(device),
    }
    if device.type == "cuda":
        described["device_name"] = torch.cuda.get_device_name(device)
    return described
