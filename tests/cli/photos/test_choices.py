"""The settings that are chosen from numbers: what pictures are, what the device can do, and what is given."""

from __future__ import annotations

from typing import Any

import pytest

from lightning_gans.cli.photos.choices import choose
from lightning_gans.cli.photos.parts import Attempt, Choice, Cost, Device, duration
from lightning_gans.cli.photos.survey import Survey
from lightning_gans.core.errors import InputError

CPU = Device("cpu", "this CPU", 2**33)
GPU = Device("cuda", "a GPU", 2**35)
ROOT = {"data.root": "pictures"}


def set_of(count: int, shape: tuple[int, int] = (128, 128), **kwargs: Any) -> Survey:
    """``count`` training pictures of one shape (height, width)."""
    shapes = [shape] * count
    return Survey(**{"counts": {"train": count}, "shapes": shapes, "channels": {3: len(shapes)}, **kwargs})


def fast(attempt: Attempt) -> Cost | None:
    """A device on which every step takes a tenth of a second and 1 MiB for each image."""
    return Cost(attempt.batch_size * 2**20, 0.1, attempt.batch_size)


def settings(chosen: list[Choice]) -> dict[str, Any]:
    return {key: value for choice in chosen for key, value in choice.settings.items()}


def chosen(found: Survey, device: Device = CPU, trial: Any = fast, **given: Any) -> dict[str, Any]:
    named = {key.replace("__", "."): value for key, value in given.items()}
    return settings(choose(found, device, trial, {**ROOT, **named}))


def reason(found: Survey, what: str, device: Device = CPU, **given: Any) -> str:
    named = {key.replace("__", "."): value for key, value in given.items()}
    (choice,) = [each for each in choose(found, device, fast, {**ROOT, **named}) if each.what == what]
    return f"{choice.value}: {choice.reason}"


def test_sixty_photos_on_a_laptop() -> None:
    assert chosen(set_of(60)) == {
        "data.size": 64,
        "data.channels": 3,
        "data.batch_size": 16,
        "model.generator.width": 64,
        "model.discriminator.width": 64,
        "model.augmentation": "DiffAugment",
        "data.flip": True,
        "model.penalty.weight": 0.18,
        "data.val_size": 0,
        "trainer.max_epochs": -1,
        "trainer.max_steps": 5000,
        "trainer.val_check_interval": 250,
        "trainer.check_val_every_n_epoch": None,
    }


def test_sixty_thousand_photos_on_a_gpu() -> None:
    found = set_of(60_000, (1080, 1440))
    assert {
        "data.size": [112, 144],
        "data.batch_size": 64,
        "model.generator.width": 128,
        "model.augmentation": None,
        "data.flip": False,
        "data.val_size": 1000,
        "trainer.max_steps": 20_000,
        "trainer.val_check_interval": 1000,
    }.items() <= chosen(found, GPU).items()
    assert "about 33.3 minutes on a GPU at 0.1 s a step" in reason(found, "length", GPU)


def test_colors_of_augmented_images_are_changed_where_images_are_very_few() -> None:
    for count, colors in ((60, True), (1200, False), (60_000, True)):
        assert chosen(set_of(count)).get("model.augmentation.color", True) is colors
    assert reason(set_of(1200), "augmentation").startswith(
        "DiffAugment without changes of color, and mirrored pictures: "
    )


def test_the_weight_of_the_penalty_grows_with_the_pixels_of_augmented_images() -> None:
    found = [chosen(set_of(5000), data__size=size)["model.penalty.weight"] for size in (16, 32, 48, 64)]
    assert found == [0.0028, 0.011, 0.025, 0.045]
    assert reason(set_of(5000), "penalty").startswith("R1 and R2 of weight 0.045: about 0.0007 x 4,096 pixels / 64; ")
    assert "model.penalty.weight" not in chosen(set_of(60_000), data__size=32)


@pytest.mark.parametrize(
    ("shapes", "size"),
    [
        ([(480, 480)] * 3, 64),
        ([(400, 1600)] * 3, [32, 128]),
        ([(1600, 400)] * 3, [128, 32]),
        ([(300, 450)] * 3, [48, 72]),
        ([(300, 450), (450, 300)], 64),  # half of them upright: a square, and not one of both shapes
        ([(50, 50)] * 3, 48),
        ([(20, 300)] * 3, [16, 240]),
        ([(500, 500)] * 39 + [(17, 17)], 64),  # one of forty may be enlarged
        ([(500, 500)] * 3 + [(17, 17)], 16),
        ([(12, 40)] + [(16, 40)] * 3, [16, 40]),  # no size suits nearly all
    ],
)
def test_the_size_is_that_of_the_pictures_without_enlarging_many(shapes: list[tuple[int, int]], size: Any) -> None:
    assert chosen(set_of(60, shapes=shapes * 20, channels={3: len(shapes) * 20}))["data.size"] == size


def test_what_limits_the_size_is_said() -> None:
    assert reason(set_of(60), "size") == "64 x 64: the most pixels chosen for this CPU"
    assert "about as many pixels as 64 x 64, the most chosen for this CPU" in reason(set_of(60, (300, 450)), "size")
    assert "48 x 48: with more, small pictures would be enlarged" in reason(set_of(60, (50, 50)), "size")
    assert "leaves out 33% of the pictures' area" in reason(set_of(60, (300, 450)), "size", data__size=64)
    text = reason(set_of(60, (30, 30)), "size", data__size=[32, 48])
    assert text.startswith("32 x 48 (height x width): given by --data.size; ")
    assert "100.0% of the pictures are smaller, and enlarged" in text


def test_memory_that_is_too_small_leads_to_smaller_batches_then_to_smaller_images() -> None:
    tried: list[tuple[tuple[int, int], int]] = []

    def little(attempt: Attempt) -> Cost | None:
        tried.append((attempt.size, attempt.batch_size))
        height, width = attempt.size
        return fast(attempt) if height * width * attempt.batch_size <= 64 * 64 * 4 else None

    found = chosen(set_of(1000), trial=little)
    assert (found["data.size"], found["data.batch_size"]) == (40, 8)
    assert tried[:4] == [((64, 64), 64), ((64, 64), 32), ((64, 64), 16), ((64, 64), 8)]
    with pytest.raises(InputError, match=r"^a training step of 64 x 64 pixels in batches of 8 does not fit into the"):
        chosen(set_of(1000), trial=little, data__size=64)
    with pytest.raises(InputError, match=r"of which 8\.0 GiB can be used"):
        chosen(set_of(1000), trial=lambda attempt: None)


def test_a_slow_device_has_a_shorter_run() -> None:
    def slow(attempt: Attempt) -> Cost | None:
        return Cost(2**20, 10.0, 16)

    found = set_of(5000)
    assert chosen(found, trial=slow)["trainer.max_steps"] == 4000
    (length,) = [each for each in choose(found, CPU, slow, ROOT) if each.what == "length"]
    assert "20,000 would take more than 12 hours; about 11.1 hours" in length.reason


def test_what_is_given_takes_the_place_of_choices() -> None:
    keys: dict[str, Any] = {"data__size": 32, "data__batch_size": 5, "data__val_size": 7, "data__channels": 1}
    found = chosen(set_of(2000), data__flip=False, model__generator__width=16, **keys)
    assert {key.replace("__", "."): value for key, value in keys.items()}.items() <= found.items()
    assert (found["data.flip"], found["model.generator.width"], found["model.discriminator.width"]) == (False, 16, 64)
    assert reason(set_of(2000), "batch", **keys).startswith("5 pictures: given by --data.batch_size")
    with pytest.raises(InputError, match=r"^data\.size is 100 x 150; expected sides that are multiples of 16"):
        chosen(set_of(60), data__size=[100, 150])
    with pytest.raises(InputError, match=r"^data\.size is large; expected one or two whole numbers"):
        chosen(set_of(60), data__size="large")


@pytest.mark.parametrize(
    ("given", "channels"),
    [
        ({"channels": {3: 60}}, 3),
        ({"channels": {1: 60}}, 1),
        ({"channels": {1: 59, 3: 1}}, 3),
        ({"channels": {4: 60}}, 3),
        ({"channels": {4: 40, 3: 20}, "transparent": True}, 4),
        ({"channels": {4: 20, 3: 40}, "transparent": True}, 3),
        ({"channels": {2: 60}, "transparent": True}, 2),
        ({"channels": {}, "arrays": {7: 60}}, 7),
        ({"channels": {3: 30}, "arrays": {4: 30}}, 4),
    ],
)
def test_channels_are_those_that_all_pictures_can_be_converted_to(given: dict[str, Any], channels: int) -> None:
    assert chosen(set_of(60, **given))["data.channels"] == channels


def test_images_of_many_channels_are_not_scored() -> None:
    found = chosen(set_of(2000, channels={}, arrays={7: 2000}))
    assert (found["evaluation.extractor"], found["data.val_size"]) == (None, 0)


def test_scores_hold_few_images_out() -> None:
    assert chosen(set_of(499))["data.val_size"] == 0
    assert chosen(set_of(600))["data.val_size"] == 60
    assert chosen(set_of(9000))["data.val_size"] == 500
    assert chosen(set_of(9000), GPU)["data.val_size"] == 900
    assert "data.val_size" not in chosen(set_of(60, counts={"train": 60, "val": 20}))


def test_classes_are_used_where_each_has_enough_images() -> None:
    enough = set_of(300, classes={"cat": 100, "dog": 200})
    assert chosen(enough)["model.generator.conditional"] is True
    few = set_of(300, classes={"cat": 99, "dog": 201})
    assert "model.generator.conditional" not in chosen(few)
    assert "cat has only 99 pictures" in reason(few, "classes")
    assert "model.generator.conditional" not in chosen(set_of(300, classes={"cat": 300}))


@pytest.mark.parametrize(
    ("found", "messages"),
    [
        (set_of(9), ["there are 9, but a run needs at least 10"]),
        (
            set_of(5, channels={1: 5}, deep=5),
            ["there are 5, but a run needs at least 10"],
        ),
        (set_of(20, channels={}, arrays={5: 12, 7: 8}), ["numbers of channels, 5 (12 files) and 7 (8 files)"]),
        (set_of(20, channels={3: 10}, arrays={7: 10}), ["arrays have 7 channels, and image files among them"]),
        (set_of(20, classes={"a": 19, "b": 1}), ["1 class has fewer than 2 pictures (b)"]),
        (set_of(20, (15, 15)), ["where most pictures have a side of less than 16 pixels"]),
    ],
)
def test_what_cannot_be_trained_on_is_refused_with_all_reasons(found: Survey, messages: list[str]) -> None:
    with pytest.raises(InputError) as refused:
        chosen(found)
    assert str(refused.value).startswith("data.root is pictures, ")
    assert all(message in str(refused.value) for message in messages)


def test_sixteen_bits_are_kept_if_half_of_the_pictures_have_them() -> None:
    assert "data.bits" not in chosen(set_of(20))
    assert chosen(set_of(20, deep=9))["data.bits"] == 8
    assert chosen(set_of(20, deep=10))["data.bits"] == 16
    assert chosen(set_of(20, deep=20), data__bits=8)["data.bits"] == 8
    assert reason(set_of(20, deep=20), "depth").startswith("16 bits: 20 of 20 pictures have more than 8; scores and ")


def test_durations_are_in_units_that_people_use() -> None:
    assert [duration(each) for each in (20, 600, 36000, 864000)] == [
        "20 seconds",
        "10.0 minutes",
        "10.0 hours",
        "10.0 days",
    ]
