"""Contents and safety of the report page."""

from __future__ import annotations

import json
import os
import re
from itertools import pairwise
from pathlib import Path

import pytest
from PIL import Image
from torch.utils.tensorboard import SummaryWriter

from lightning_gans.cli.commands.common import run_command
from lightning_gans.reporting.html.pictures import LARGE, evenly_spaced, read_picture
from lightning_gans.reporting.html.run_report import distinct_names
from lightning_gans.reporting.table import DASH
from lightning_gans.runs.scores import ARROWS
from tests.support.report_folders import LOG, Page, add_test, make, report, score

FID, MODES = (f"fid {ARROWS['min']}", f"modes {ARROWS['max']}")

# Contents.


def test_a_run_that_was_only_trained(capsys: pytest.CaptureFixture[str]) -> None:
    folder = make(seed=7, log=LOG)
    run_command("report", [str(folder)])
    assert capsys.readouterr().out == "report: runs/a/0/report.html\n"
    page = Page(folder / "report.html")
    assert "Variant DCGAN Seed 7 Reached epoch 2, step 40" in page.text
    assert "Validation scores, epoch 2, step 40 digits-0,28px | 2000 real, 2000 generated | split val" in page.text
    assert f"{FID} 30 {MODES} 9" in page.text
    assert "No test scores" in page.text
    assert "No warnings" in page.text
    assert "Environment Not recorded." in page.text
    assert "seed_everything: 7" in page.source
    # The newest grid is seen, the earlier one by the slider.
    assert [("hidden" in image, image["data-step"]) for image in page.all("img")] == [(True, "20"), (False, "40")]
    assert [slider["max"] for slider in page.all("input") if slider["type"] == "range"] == ["1"]
    assert {plot["role"] for plot in page.all("svg")} == {"img"}
    assert "loss of D, a/0: d from 1.5 at step 10 to 1 at 40" in page.source


def test_a_run_that_was_tested_and_warned() -> None:
    folder = make()
    add_test(folder, {"test/fid": 12.5, "test/class_fid_3": 77.0})
    warning = {"step": 30, "epoch": 1, "symptom": "dead_discriminator", "evidence": {"logit/real": 0.123456}}
    (folder / "watchdog.jsonl").write_text(json.dumps(warning) + "\n")
    (folder / "analysis").mkdir()
    Image.new("RGB", (9, 9)).save(folder / "analysis/neighbors.png")
    page = report(folder)
    assert "Test scores, epoch 2, step 40 digits-0,28px | 2000 real, 2000 generated | split test" in page.text
    assert page.text.count("77") == 1  # a class of its own is no headline
    assert "dead discriminator, epoch 1, step 30 logit/real 0.1235" in page.text
    assert "Commit abc123 torch 2.99.0 Cores 3 Training took 1 h 2 min Test took not known" in page.text
    assert [image["alt"] for image in page.all("img")][-2:] == [
        "Grid of samples of a/0, test, epoch 2, step 40",
        "Samples and their nearest training images, a/0",
    ]


def test_runs_are_shown_side_by_side() -> None:
    for seed, fid in enumerate((3.0, 2.0)):
        add_test(make(f"a/{seed}", seed, log=LOG, width=32 * (seed + 1)), {"test/fid": fid}, seed=seed)
    page = report("runs")
    assert [row for row in page.rows if row[:1] == [FID]] == [
        [FID, "3", "2"],  # test
        [FID, "30", "30"],  # validation
    ]
    assert page.row("seed_everything") == ["seed_everything", "0", "1"]
    assert page.row("model.init_args.width") == ["model.init_args.width", "32", "64"]
    assert not [row for row in page.rows if row[:1] == ["model.class_path"]]
    assert "seeds 0, 1" in page.text
    # One figure of losses with a line for each run, and those of each run alone.
    assert "loss of D: a/0 from 1.5 at step 10 to 1 at 40; a/1 from 1.5 at step 10 to 1 at 40" in page.source
    assert page.text.count("loss of D") == 3
    assert len({attributes["id"] for _, attributes in page.tags if "id" in attributes}) == sum(
        "id" in attributes for _, attributes in page.tags
    )


@pytest.mark.parametrize("field", ["extractor", "real", "weights", "of a later version"])
def test_scores_of_different_stamps_are_never_in_one_row(field: str) -> None:
    for name, value in (("a/0", 1), ("b/0", 2), ("c/0", 1)):
        add_test(make(name), {"test/fid": 10.0 + value}, **{field: value if field == "real" else f"as in {value}"})
    page = report("runs")
    rows = [row for row in page.rows if row[:1] == [FID]]
    assert rows[:2] == [[FID, "11", DASH, "11"], [FID, DASH, "12", DASH]]
    stamps = [row[0] for row in page.rows if row[:1] and row[0].startswith("Test scores")]
    assert len(set(stamps)) == 2


def test_scores_of_one_run_with_different_stamps_are_never_in_one_column() -> None:
    folder = make()
    for real, fid in ((2000, 11.0), (500, 12.0), (2000, 13.0)):
        add_test(folder, {"test/fid": fid}, real=real)
    page = report(folder)
    assert [row for row in page.rows if row and row[0] in ("2", "epoch")] == [
        *(["epoch", "step", FID], ["2", "40", "13"], ["2", "40", "11"]),
        *(["epoch", "step", FID], ["2", "40", "12"]),
        *(["epoch", "step", FID, MODES], ["2", "40", "30", "9"]),
    ]


def test_each_domain_has_a_timeline_of_its_own() -> None:
    page = report(make(domains=("a", "b")))
    assert [image["alt"] for image in page.all("img") if "hidden" not in image] == [
        f"Grid of samples of a/0, validation, domain {domain}, epoch 2, step 40" for domain in "ab"
    ]
    assert sum(slider["type"] == "range" for slider in page.all("input")) == 2


def test_a_long_timeline_shows_some_grids_and_says_so() -> None:
    page = report(make(grids=60))
    steps = [int(image["data-step"]) for image in page.all("img")]
    assert (len(steps), steps[0], steps[-1]) == (24, 20, 1200)
    assert {b - a for a, b in pairwise(steps)} <= {40, 60}
    assert "24 of the run's 60 grids, evenly spaced." in page.text


def test_a_run_without_logs_has_a_page() -> None:
    folder = make(grids=0)
    for name in ("metrics.csv", "scores.jsonl", "samples"):
        path = folder / name
        path.rmdir() if path.is_dir() else path.unlink()
    (folder / "checkpoints").mkdir()
    page = report(folder)
    for text in ("Reached not known", "No scores", "drawn no grids", "None: the run has no metrics.csv"):
        assert text in page.text
    # A test of a model that took no step is logged at one.
    (folder / "metrics.csv").write_text("step,test/fid\n0,5.0\n")
    assert "Reached not known" in report(folder).text


def test_an_earlier_report_is_not_part_of_a_run() -> None:
    folder = make()
    for path in folder.rglob("*"):
        os.utime(path, (0, 0))
    run_command("report", [str(folder)])
    assert "Started 1970-01-01 00:00 UTC Last written 1970-01-01 00:00 UTC" in report(folder).text


def test_runs_are_found_below_a_folder_and_have_distinct_names() -> None:
    first, second = make("x/a/0"), make("y/a/0")
    for path in ("wandb/files", "checkpoints"):
        (first / path).mkdir(parents=True)
        (first / path / "config.yaml").write_text("no run's")
    page = report("runs", second)
    assert page.text.startswith("2 runs")
    assert page.rows[0] == ["", "x/a/0", "y/a/0"]
    assert distinct_names([Path("/a/0"), Path("/a/1")]) == ["a/0", "a/1"]


def test_settings_are_those_of_the_newest_config() -> None:
    folder = make()
    config = (folder / "config.yaml").read_text()
    (folder / "config-2.yaml").write_text(config.replace("DCGAN", "LSGAN"))
    assert "Variant LSGAN" in report(folder).text


def write_fit(folder: Path, device: str = "cpu", **facts: object) -> None:
    machine = {"device": device, "cores": 3}
    recorded = {"started": "2026-03-04T05:06:07+00:00", "train_seconds": 125.0, "versions": {"torch": "2.99.0"}}
    (folder / "fit.json").write_text(json.dumps({**recorded, "machine": machine, "commit": "abc123", **facts}))


def test_facts_are_known_from_fit() -> None:
    folder = make(data="lightning_gans.datamodules.ImageFolderDataModule")
    write_fit(folder, processes=2)
    page = report(folder)
    assert "Data ImageFolder, photos/cats" in page.text
    assert "Device 2 x cpu Trained for 2 min 5 s Started 2026-03-04 05:06 UTC" in page.text
    assert "Commit abc123 torch 2.99.0 Device cpu Cores 3 Training took 2 min 5 s From training." in page.text
    # Without them, the device is that of the scores.
    (folder / "fit.json").unlink()
    assert "Device cpu Started" in report(folder).text


def test_what_no_run_has_is_left_out() -> None:
    first, second = make("a/0", log=LOG), make("a/1", seed=1)
    for folder in (first, second):
        (folder / "scores.jsonl").unlink()
    page = report("runs")
    assert not {"device", "trained for", "data"} & {row[0] for row in page.rows}
    for heading in ("Watchdog No", "Analysis", "Environment", "No test scores"):
        assert heading not in page.text
    (runs,) = [attributes for _, attributes in page.tags if attributes.get("class") == "runs"]
    assert runs["style"] == "--blocks: 4"  # facts, samples, curves and settings
    assert sum(tag == "article" for tag, _ in page.tags) == 2
    # As soon as one run has it, all say what they have.
    write_fit(second, device="mps")
    page = report("runs")
    assert page.row("device") == ["device", DASH, "mps"]
    assert page.row("trained for") == ["trained for", DASH, "2 min 5 s"]
    assert page.text.count("Not recorded.") == 1


def marked(page: Page) -> set[str]:
    return {mark for mark in re.findall(r"<mark>(.*?)</mark>", page.source) if mark != "marked"}


def test_fields_in_which_stamps_differ_are_marked() -> None:
    for name, real in (("a/0", 2000), ("b/0", 500)):
        add_test(make(name), {"test/fid": 1.0}, real=real)
        score(Path("runs", name), {"test/probe/accuracy": 0.5}, extractor="discriminator", seed=real)
    assert marked(report("runs")) == {"2000 real, 2000 generated", "500 real, 2000 generated"}
    assert not marked(report("runs/a"))


def test_values_of_curves_are_in_the_page() -> None:
    folder = make(log=LOG)
    (loss, *_, fid) = [json.loads(str(plot["data-lines"])) for plot in report(folder).all("svg")]
    assert (loss[0]["name"], loss[0]["step"], loss[0]["value"]) == ("d", [10, 20, 40], [1.5, 1.25, 1.0])
    assert (fid[0]["step"], fid[0]["value"]) == ([20, 40], [40.0, 30.0])
    # A smaller value is further down, a later step further right; both in the drawing.
    for line in (*loss, *fid):
        assert line["x"] == sorted(line["x"])
        assert line["y"] == sorted(line["y"])
        assert 0 < line["x"][0] < line["x"][-1] < 224
        assert 0 < line["y"][0] < line["y"][-1] < 127
    # A name is not taken for something else, whatever it begins with.
    make("_b/0", log=LOG)
    overlaid = [json.loads(str(plot["data-lines"])) for plot in report("runs").all("svg")]
    assert [line["name"] for line in overlaid[0]] == ["_b/0", "a/0"]


def test_a_run_that_logged_to_tensorboard_alone_has_curves() -> None:
    folder = make()
    (folder / "metrics.csv").unlink()
    with SummaryWriter(str(folder)) as writer:
        for step, value in ((9, 1.5), (19, 1.25), (29, float("nan"))):
            writer.add_scalar("loss/d", value, step)
            writer.add_scalar("hp_metric", -1, step)
        writer.add_scalar("val/fid", 30.0, 19)
    page = report(folder)
    assert "loss of D, a/0: d from 1.5 at step 10 to 1.25 at 20" in page.source
    assert "FID, a/0: fid from 30 at step 20 to 30 at 20" in page.source
    assert sum(1 for _ in page.all("svg")) == 2
    events = next(folder.glob("events*"))
    events.write_bytes(events.read_bytes()[:-30])
    assert "loss of D, a/0" in report(folder).source


def test_a_run_that_logged_to_wandb_alone_says_so() -> None:
    folder = make()
    (folder / "metrics.csv").unlink()
    (folder / "wandb.json").write_text("[]")
    assert "no metrics.csv with values to draw, and this page does not read W&B's log." in report(folder).text


# Safety.


def test_the_page_loads_nothing_from_elsewhere() -> None:
    for seed in range(2):
        add_test(make(f"a/{seed}", seed, log=LOG), {"test/fid": 1.0})
    page = report("runs")
    for tag, attributes in page.tags:
        assert tag not in ("link", "iframe", "object", "embed", "base")
        for key in ("src", "href", "xlink:href", "srcset", "action", "data", "poster"):
            assert (attributes.get(key) or "#").startswith(("#", "data:image/png;base64,", "data:image/webp;base64,"))
    assert not re.search(r"url\((?!#)|@import", page.source)
    assert "://" not in re.sub(r"<pre.*?</pre>", "", page.source, flags=re.DOTALL)
    (policy,) = [meta["content"] for meta in page.all("meta") if "http-equiv" in meta]
    assert policy.startswith("default-src 'none'; img-src data:; ")
    assert "'unsafe-inline'" not in policy[policy.index("script-src") :]


def test_names_and_settings_are_escaped() -> None:
    evil = "<script>alert(1)<!-- \"' $x^{ ]]>"
    for seed in range(2):
        folder = make(
            f"{evil}/{seed}", seed, grids=1, domains=("'><img src=x onerror=alert(1)>",), note=f"{evil}{seed}"
        )
        add_test(folder, {f"test/{evil}": 1.0}, extractor=evil)
        (folder / "metrics.csv").write_text(
            f'"loss/{evil.replace(chr(34), chr(34) * 2)}",loss/é漢,step\n1,2,1\n2,3,5\n'
        )
        row = {"symptom": evil, "evidence": {evil: evil}, evil: evil}
        (folder / "watchdog.jsonl").write_text(json.dumps(row) + "\n")
        (folder / "results.json").write_text(json.dumps({"versions": {evil: evil}, "machine": {}, "commit": evil}))
    page = report("runs")
    assert sum(tag == "script" for tag, _ in page.tags) == 1
    assert all(image["src"].startswith("data:") for image in page.all("img"))
    assert not any(key.startswith("on") for _, attributes in page.tags for key in attributes)
    assert page.text.count("<script>alert(1)<!--") > 20


# Parts.


def test_a_large_grid_takes_less_space() -> None:
    Image.effect_noise((1000, 1000), 90).save("noise.png")
    assert Path("noise.png").stat().st_size > LARGE
    picture = read_picture(Path("noise.png"))
    assert picture.recoded
    assert picture.uri.startswith("data:image/webp;base64,")
    assert (picture.width, picture.height) == (1000, 1000)
    assert len(picture.uri) < Path("noise.png").stat().st_size


@pytest.mark.parametrize("most", [1, 2, 3, 7, 24])
@pytest.mark.parametrize("count", [0, 1, 2, 24, 25, 100])
def test_evenly_spaced(count: int, most: int) -> None:
    found = evenly_spaced(range(count), most)
    assert len(found) == min(count, most)
    assert found == sorted(set(found))
    assert found[-1:] == [count - 1][:count]
    if most > 1:
        assert found[:1] == [0][:count]
