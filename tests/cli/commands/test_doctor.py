"""``lightning-gans doctor``: versions, devices, caches, and what is missing for what."""

from __future__ import annotations

import re
import sys
from importlib import metadata
from pathlib import Path

import pytest

from lightning_gans.cli.commands import doctor
from lightning_gans.cli.commands.common import run_command
from lightning_gans.core.errors import RunEnded


def test_everything_that_is_installed_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    (tmp_path / "lightning-gans").mkdir()
    (tmp_path / "lightning-gans" / "a").write_bytes(bytes(2_000_000))
    monkeypatch.delenv("TORCH_HOME", raising=False)
    monkeypatch.setitem(sys.modules, "optuna", None)
    run_command("doctor", [])
    printed = capsys.readouterr().out
    assert [line for line in printed.splitlines() if not line.startswith(" ")] == [
        "versions",
        "devices",
        "caches",
        "extras",
    ]
    assert re.search(rf"^  torch +{re.escape(metadata.version('torch'))}$", printed, re.MULTILINE)
    assert re.search(r"^  cpu +\d+ cores, [\d.]+ GiB of memory free, \d+ threads of torch$", printed, re.MULTILINE)
    assert f"{tmp_path / 'lightning-gans'} (2.0 MB)\n" in printed
    assert f"{tmp_path / 'torch' / 'hub' / 'checkpoints'} (does not exist yet)\n" in printed
    assert "for `lightning-gans sweep` and `study`: optuna missing; `pip install 'lightning-gans[sweeps]'`\n" in printed
    assert "for videos of `translate` and `interpolate`: av\n" in printed


@pytest.mark.parametrize(
    ("requires", "wrong", "needed"),
    [
        (["torch>=999"], f"torch is {metadata.version('torch')}, needed is >=999", "torch>=999"),
        (["no-such-package>=1", 'never-asked>=1; extra == "demo"'], "no-such-package is missing", "no-such-package>=1"),
    ],
)
def test_what_every_command_needs_ends_with_status_1(
    requires: list[str], wrong: str, needed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metadata, "requires", lambda _: requires)
    with pytest.raises(RunEnded, match=r"^not as lightning-gans needs it: ") as caught:
        run_command("doctor", [])
    assert caught.value.status == 1
    assert str(caught.value).endswith(f": {wrong}; expected `pip install '{needed}'`")


def test_a_checkout_that_is_not_installed_has_no_requirements(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(name: str) -> None:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "requires", unknown)
    assert doctor.unmet_requirements() == {}
    monkeypatch.setattr(metadata, "version", unknown)
    assert doctor.versions()["torch"] == "missing"
