from __future__ import annotations

import os
from pathlib import Path

from lightning_gans.demo.limits import KEEP_SECONDS, MAX_BROWSERS, MB, Limits, UploadQuota, prune_folder


def test_a_quota_is_that_of_a_browser_and_an_hour() -> None:
    quota = UploadQuota(Limits(session_mb=2))
    assert [quota.take("a", MB, now) for now in (0, 10, 20)] == [True, True, False]
    assert quota.take("b", 2 * MB, 20)
    assert not quota.take("a", MB, KEEP_SECONDS - 1)
    assert quota.take("a", MB, KEEP_SECONDS)
    assert not quota.take("a", 2 * MB, KEEP_SECONDS)


def test_few_browsers_are_counted() -> None:
    quota = UploadQuota(Limits())
    for number in range(2 * MAX_BROWSERS):
        quota.take(str(number), 1)
    assert len(quota._taken) == MAX_BROWSERS


def test_the_oldest_files_are_deleted(tmp_path: Path) -> None:
    for number, name in enumerate(("new", "old", "oldest")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.png").write_bytes(b"0" * 5000)
        os.utime(tmp_path / name / "a.png", (1000 - number, 1000 - number))
    prune_folder(tmp_path, 12_500)
    assert sorted(path.parent.name for path in tmp_path.rglob("*.png")) == ["new", "old"]
    prune_folder(tmp_path, 4999, {tmp_path / "old" / "a.png"})
    assert [path.parent.name for path in tmp_path.rglob("*.png")] == ["old"]
    prune_folder(tmp_path, 4999)
    assert not list(tmp_path.rglob("*.png"))
