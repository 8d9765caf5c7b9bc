from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from matplotlib.figure import Figure
from PIL import Image

from lightning_gans.runs.curves import (
    FEW,
    SCORES,
    Panel,
    Series,
    draw_curves,
    draw_panel,
    index_of_best,
    read_log,
    running_mean,
    select_panels,
)
from lightning_gans.runs.scores import better

LATENT = [
    *("epoch", "grad_norm/d", "grad_norm/g", "logit/fake", "logit/real", "loss/d", "loss/g", "variance_ratio", "step"),
    *(f"test/{name}" for name in ("fid", "kid")),
    *(f"val/{name}" for name in ("class_kl", "coverage", "density", "fid", "kid", "kid_ci95", "modes")),
    *(f"val/{name}" for name in ("precision", "recall", "relative_fid")),
]
TRANSLATION = [
    *("epoch", "step", "loss/cycle_a", "loss/cycle_b", "loss/d", "loss/g", "logit/fake_a", "logit/fake_b"),
    *("logit/real_a", "logit/real_b", "lr/g", "lr/d", "val/a/fid", "val/b/fid"),
    *("val/a/ssim", "val/b/ssim", "val/b/miou", "val/a/l1"),
]


def shown(columns: list[str]) -> dict[str, list[tuple[str, str]]]:
    return {panel.title: [(line.name, line.domain) for line in panel.lines] for panel in select_panels(columns)}


def write(path: Path, *rows: str) -> Path:
    path.write_text("\n".join(rows) + "\n")
    return path


# Which panels


def test_panels_of_training_come_before_those_of_scores() -> None:
    assert shown(LATENT) == {
        "loss of D": [("d", "")],
        "loss of G": [("g", "")],
        "gradient norm": [("d", ""), ("g", "")],
        "D's mean logit": [("fake", ""), ("real", "")],
        "variance of a batch, fake / real": [("variance_ratio", "")],
        "FID": [("fid", "")],
        "KID": [("kid", "")],
        "precision and recall": [("precision", ""), ("recall", "")],
        "density and coverage": [("density", ""), ("coverage", "")],
        "KL of the classes": [("class_kl", "")],
    }


def test_ada_has_panels_for_its_probability_and_for_what_steers_it() -> None:
    panels = {panel.title: panel for panel in select_panels(["augment/p", "augment/real_sign", "loss/d", "step"])}
    assert list(panels) == ["loss of D", "probability of augmentation", "mean sign of D's real logits"]
    lines = [line for title in list(panels)[1:] for line in panels[title].lines]
    assert [(line.column, line.name, line.domain) for line in lines] == [
        ("augment/p", "p", ""),
        ("augment/real_sign", "real_sign", ""),
    ]


def test_domains_are_lines_of_one_panel() -> None:
    assert shown(TRANSLATION) == {
        "loss of D": [("d", "")],
        "loss of G": [("g", "")],
        "loss: cycle": [("cycle", "a"), ("cycle", "b")],
        "D's mean logit": [("fake", "a"), ("fake", "b"), ("real", "a"), ("real", "b")],
        "FID": [("fid", "a"), ("fid", "b")],
        "SSIM to the truth": [("ssim", "a"), ("ssim", "b")],
        "L1 to the truth": [("l1", "a")],
        "pixel accuracy and mIoU": [("miou", "b")],
        "learning rate": [("g", ""), ("d", "")],
    }


def test_each_line_has_a_color_that_no_other_line_of_its_panel_has() -> None:
    for panel in (*select_panels(LATENT), *select_panels(TRANSLATION)):
        assert len({line.color for line in panel.lines}) == len(panel.lines)


def test_each_side_has_one_color_in_all_panels() -> None:
    colors: dict[str, set[str]] = {}
    for panel in (*select_panels(LATENT), *select_panels(TRANSLATION)):
        for line in panel.lines:
            if line.domain in ("", "a"):
                colors.setdefault(line.name, set()).add(line.color)
    assert all(len(colors[name]) == 1 for name in ("d", "g", "fake", "real"))
    assert colors["g"] == colors["fake"] != colors["d"]


def test_no_loss_flattens_another() -> None:
    """The loss of pix2pix's generator has 100 times the L1 distance in it."""
    columns = {
        name: Series([10, 20, 30], [factor * value for value in (0.9, 0.5, 0.4)])
        for name, factor in (("loss/d", 1.0), ("loss/g", 40.0), ("loss/l1", 0.3))
    }
    panels = select_panels(columns)
    assert [panel.title for panel in panels] == ["loss of D", "loss of G", "loss: l1"]
    for panel in panels:
        low, high = drawn(panel, columns).get_ylim()
        values = columns[panel.lines[0].column].values
        assert (max(values) - min(values)) / (high - low) > 0.8


def test_arrows_point_to_better_values() -> None:
    panels = {panel.title: panel.heading for panel in select_panels([*LATENT, *TRANSLATION])}
    assert panels["FID"] == "FID \N{DOWNWARDS ARROW}"
    assert panels["L1 to the truth"] == "L1 to the truth \N{DOWNWARDS ARROW}"
    assert panels["precision and recall"] == "precision and recall \N{UPWARDS ARROW}"
    assert panels["SSIM to the truth"] == "SSIM to the truth \N{UPWARDS ARROW}"
    assert panels["loss of G"] == "loss of G"
    # Scores of one panel have one direction.
    for scores in SCORES:
        assert len({better(score) for score in scores} - {None}) == len({better(score) for score in scores}) == 1


def test_unknown_columns_are_not_drawn() -> None:
    assert select_panels(["epoch", "step", "other/x", "test/fid", "val/modes", "val", "losses/d", "val/fidelity"]) == []


# The log


def test_empty_infinite_and_broken_cells_are_skipped(tmp_path: Path) -> None:
    log = write(
        tmp_path / "metrics.csv",
        "epoch,loss/d,loss/g,step,val/fid",
        "0,1.5,nan,49,",
        "0,inf,2.5,99,",
        "0,,,99,7.0",
        "0,-inf,x,149,",
        "1,0.5,1.0,,3.0",
        "1,0.25",
    )
    assert read_log(log) == {
        "loss/d": Series([50], [1.5]),
        "loss/g": Series([100], [2.5]),
        "val/fid": Series([100], [7.0]),
    }


def test_values_at_an_earlier_step_are_skipped(tmp_path: Path) -> None:
    log = write(tmp_path / "metrics.csv", "step,val/fid", "9,4.0", "19,3.0", "0,3.0", "19,3.0", "29,2.0")
    assert read_log(log) == {"val/fid": Series([10, 20, 30], [4.0, 3.0, 2.0])}


@pytest.mark.parametrize("content", [None, "", "epoch,loss/d,step\n", "epoch,loss/d,step\n0,nan,9\n", "\x00\xff"])
def test_a_log_without_values_draws_nothing(tmp_path: Path, content: str | None) -> None:
    log = tmp_path / "metrics.csv"
    if content is not None:
        log.write_bytes(content.encode("latin-1"))
    draw_curves(log, tmp_path / "curves.png")
    assert read_log(log) == {}
    assert not (tmp_path / "curves.png").exists()


# What is drawn


def drawn(panel: Panel, columns: dict[str, Series]) -> Any:
    axes = Figure().subplots()
    draw_panel(axes, panel, columns)
    return axes


def test_the_best_value_is_marked_in_each_domain() -> None:
    columns = {
        "val/a/fid": Series([10, 20, 30], [3.0, 1.25, 1.25]),
        "val/b/fid": Series([10, 20, 30], [3.0, 2.0, 1.0]),
    }
    assert [index_of_best(series, "min") for series in columns.values()] == [1, 2]
    assert [index_of_best(series, "max") for series in columns.values()] == [0, 0]
    (panel,) = select_panels(columns)
    axes = drawn(panel, columns)
    assert [tuple(map(tuple, line.get_xydata())) for line in axes.lines[::2]] == [((20, 1.25),), ((30, 1.0),)]
    assert [text.get_text() for text in axes.get_legend().texts] == ["a best 1.25 at 20", "b best 1 at 30"]
    (panel,) = select_panels(["val/ssim"])
    (legend,) = drawn(panel, {"val/ssim": Series([1, 2, 3], [0.1, 0.4, 0.2])}).get_legend().texts
    assert legend.get_text() == "best 0.4 at 2"


def test_single_batches_are_drawn_with_their_running_mean() -> None:
    values = [float(value) for value in (0, 1) * 40]
    means = running_mean(values)
    assert len(means) == 80
    assert means[0] == pytest.approx(1 / 3)
    assert means[40] == pytest.approx(2 / 5)
    assert running_mean([3.0, 1.0]) == [3.0, 1.0]
    columns = {"variance_ratio": Series(list(range(80)), values)}
    axes = drawn(select_panels(columns)[0], columns)
    raw, mean, level = axes.lines
    assert list(raw.get_ydata()) == values
    assert list(mean.get_ydata()) == means
    assert list(level.get_ydata()) == [1, 1]


@pytest.mark.parametrize(
    ("values", "scale"),
    [
        ([1.0, 9.0], "linear"),
        ([1.0, 11.0], "log"),
        ([-0.01, 30.0], "symlog"),
        ([0.0, 1.0], "symlog"),
        ([0.0], "linear"),
    ],
)
def test_the_axis_is_logarithmic_if_values_differ_widely(values: tuple[float, ...], scale: str) -> None:
    columns = {"val/kid": Series(list(range(len(values))), list(values))}
    assert drawn(select_panels(columns)[0], columns).get_yscale() == scale


def test_kid_has_its_interval() -> None:
    columns = {"val/kid": Series([1, 2], [1.0, 2.0]), "val/kid_ci95": Series([1, 2], [0.5, 0.25])}
    axes = drawn(select_panels(columns)[0], columns)
    corners = axes.collections[0].get_paths()[0].vertices
    assert {(x, y) for x, y in corners.tolist()} >= {(1.0, 0.5), (1.0, 1.5), (2.0, 1.75), (2.0, 2.25)}
    columns["val/kid_ci95"] = Series([2], [0.25])
    assert not drawn(select_panels(columns)[0], columns).collections


def test_a_figure_is_the_same_every_time(tmp_path: Path) -> None:
    log = write(tmp_path / "metrics.csv", "loss/d,loss/g,step,val/fid", "1,2,9,8", "1,3,19,7")
    figures = [tmp_path / "new" / f"{name}.png" for name in ("first", "second")]
    for figure in figures:
        draw_curves(log, figure)
    assert figures[0].read_bytes() == figures[1].read_bytes()


@pytest.mark.parametrize(("count", "marker"), [(1, "o"), (FEW, "o"), (FEW + 1, "")])
def test_few_values_are_drawn_as_points(count: int, marker: str) -> None:
    columns = {name: Series(list(range(count)), [float(count)] * count) for name in ("loss/d", "val/recall")}
    for panel in select_panels(columns):
        assert drawn(panel, columns).lines[-1].get_marker() == marker


def test_a_figure_has_a_title(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    titles: list[str] = []
    save = Figure.savefig

    def saving(figure: Figure, *arguments: Any, **options: Any) -> None:
        titles.append(figure.get_suptitle())
        save(figure, *arguments, **options)

    monkeypatch.setattr(Figure, "savefig", saving)
    log = write(tmp_path / "metrics.csv", "loss/d,step", "1,9", "2,19")
    draw_curves(log, tmp_path / "plain.png")
    draw_curves(log, tmp_path / "titled.png", "dcgan/version_0: DCGAN")
    assert titles == ["", "dcgan/version_0: DCGAN"]
    with Image.open(tmp_path / "plain.png") as plain, Image.open(tmp_path / "titled.png") as titled:
        assert titled.height > plain.height


def test_one_row_is_enough_for_all_panels(tmp_path: Path) -> None:
    columns = sorted({*LATENT, *TRANSLATION} - {"epoch", "step"})
    cells = [f"{math.sin(index):.3f}" for index in range(len(columns))]
    log = write(tmp_path / "metrics.csv", ",".join(["step", *columns]), ",".join(["9", *cells]))
    draw_curves(log, tmp_path / "curves.png")
    with Image.open(tmp_path / "curves.png") as picture:
        assert 800 < picture.height < picture.width
