"""The settings of a run that suit pictures and a machine, each with its reason: a function of numbers alone.

Nothing here reads a file or computes a step; :mod:`.survey` and :mod:`.trial` do.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from lightning_gans.cli.photos.parts import Attempt, Choice, Cost, Device, Trial, duration, gibibytes
from lightning_gans.cli.photos.refusals import MOST_CHANNELS, refuse_unusable
from lightning_gans.cli.photos.sizes import Fit, fit_of, fitting_size
from lightning_gans.cli.photos.survey import Survey
from lightning_gans.core.errors import InputError
from lightning_gans.core.images import plain_size
from lightning_gans.datamodules.set_summary import KINDS
from lightning_gans.networks.compact import compact_map, stem_widths
from lightning_gans.networks.sizes import LEAST_SIDE

SIDE, LARGE_SIDE = 64, 128
"""Side of a square with as many pixels as the largest images, on a CPU and on other devices."""

WIDTH, LARGE_WIDTH = 64, 128
"""Channels of the smallest map of both networks: those of the recipe, and those for many images on a GPU."""

MANY = 10_000
"""Number of training images from which on the networks are larger on a GPU."""

LEAST_CHANNELS = 8
"""Least number of channels of the largest hidden map; each map has half as many as the one of half its sides."""

BATCH, LEAST_BATCH = 64, 8
"""Images in a batch of the recipe, and the fewest to which a lack of memory leads."""

FEW = 20_000
"""Number of training images below which the discriminator is given augmented images."""

RECOLORED = 1000
"""Number of training images below which the colors of augmented images are changed, too."""

PENALTY = 0.0007
"""Weight of R1 and R2 where D is given augmented images, for each pixel of an image, divided by the batch."""

SCORED = 500
"""Number of images from which on some are held out for scores."""

MOST_HELD_OUT, MOST_HELD_OUT_ON_CPU = 1000, 500
"""Largest number of images that are held out."""

CLASS_IMAGES = 100
"""Number of images that each class needs for networks that are given the class."""

STEPS = ((1000, 20_000), (200, 10_000), (0, 5000))
"""Length of a run for at least so many training images."""

HOURS, LEAST_STEPS = 12, 1000
"""Longest time of a run, and its length if it takes longer even so."""

VALIDATIONS = 20
"""Number of validations in a run."""

WIDTHS = ("model.generator.width", "model.discriminator.width")


class Tried(NamedTuple):
    """A training step that the device can compute.

    Attributes:
        attempt: the step.
        cost: what it takes.
        fit: how its size suits the pictures.
        larger: whether larger images or batches were tried first.
    """

    attempt: Attempt
    cost: Cost
    fit: Fit
    larger: bool


def choose(found: Survey, device: Device, trial: Trial, given: Mapping[str, Any]) -> list[Choice]:
    """Choose the settings of a run.

    Args:
        found: what is in the set of pictures.
        device: where the run trains.
        trial: tries a training step there.
        given: values of the command line by dotted key, which take the place of choices; ``data.root`` among them.

    Raises:
        InputError: if the pictures cannot be trained on, a given value is invalid, or no step fits into the memory.
    """
    refuse_unusable(found, given)
    return Chooser(found, device, given).choices(trial)


class Chooser:
    """Chooses the settings of one run; arguments as in :func:`choose`."""

    def __init__(self, found: Survey, device: Device, given: Mapping[str, Any]) -> None:
        self.found, self.device, self.given = found, device, given
        self.channels = self._channels()
        self.scores = self._scores()
        self.classes = self._classes()
        count = found.counts["train"] - int(self.scores.settings.get("data.val_size") or 0)
        self.count = min(count, given.get("data.train_size") or count)
        """Number of training images."""
        self.augmentation = self._augmentation()

    def choices(self, trial: Trial) -> list[Choice]:
        """All choices, after a training step was tried."""
        tried = self._tried(trial)
        chosen = [self._size(tried), self.channels, self._depth(), self.classes, self._batch(tried)]
        chosen += [self._networks(tried), self.augmentation, self._penalty(tried), self.scores, self._length(tried)]
        return [each for each in chosen if each.value]

    def _given(self, what: str, key: str, shown: str) -> Choice:
        """The choice of a value that the command line has."""
        return Choice(what, shown, f"given by --{key}", {key: self.given[key]})

    def _channels(self) -> Choice:
        key, found = "data.channels", self.found
        if key in self.given:
            return self._given("channels", key, str(self.given[key]))
        if found.arrays:
            (channels,) = found.arrays
            return Choice("channels", str(channels), "those of the arrays", {key: channels})
        gray = sum(number for each, number in found.channels.items() if each < 3)
        with_alpha = sum(number for each, number in found.channels.items() if each % 2 == 0)
        keeps_alpha = found.transparent and 2 * with_alpha > found.examined
        channels = (1 if gray == found.examined else 3) + keeps_alpha
        reason = f"{gray:,} of {found.examined:,} pictures are gray" if gray else "no picture is gray"
        if keeps_alpha:
            reason += "; most are transparent in places"
        elif with_alpha:
            reason += "; what is transparent is drawn on white"
        return Choice("channels", f"{channels}, {KINDS[channels]}", reason, {key: channels})

    def _depth(self) -> Choice:
        key, found = "data.bits", self.found
        if key in self.given:
            return self._given("depth", key, f"{self.given[key]} bits")
        if not found.deep:
            return Choice("depth", "", "", {})
        bits = 16 if 2 * found.deep >= found.examined else 8
        reason = f"{found.deep:,} of {found.examined:,} pictures have more than 8"
        if bits == 16:
            reason += "; scores and grids are of 8 bits"
        return Choice("depth", f"{bits} bits", reason, {key: bits})

    def _classes(self) -> Choice:
        counts = self.found.classes
        if len(counts) < 2:
            return Choice("classes", "", "", {})
        least = min(counts, key=counts.__getitem__)
        if counts[least] < CLASS_IMAGES:
            reason = f"{least} has only {counts[least]:,} pictures; each class would need {CLASS_IMAGES}"
            return Choice("classes", f"the networks are not given the {len(counts):,} classes", reason)
        settings = {f"model.{side}.conditional": True for side in ("generator", "discriminator")}
        reason = f"each has at least {CLASS_IMAGES} pictures; `lightning-gans sample --classes` draws one of them"
        return Choice("classes", f"both networks are given the {len(counts):,} classes", reason, settings)

    def _scores(self) -> Choice:
        key, count = "data.val_size", self.found.counts["train"]
        channels = self.channels.settings["data.channels"]
        none = {"evaluation.extractor": None} if channels > MOST_CHANNELS else {}
        if none:
            held_out = self.given.get(key, 0)
            reason = f"there are no features to compare images of {channels} channels; look at the grids of samples"
            return Choice("scores", "none", reason, {key: held_out, **none})
        if (own := self.found.counts.get("val")) is not None:
            return Choice("scores", f"against the {own:,} pictures of the validation split", "it is there")
        if key in self.given:
            against = f"{self.given[key]} held-out pictures" if self.given[key] else "the training pictures"
            return self._given("scores", key, f"against {against}")
        if count < SCORED:
            reason = f"of {count:,} none can be spared; scores do not notice copies, look at the grids of samples"
            return Choice("scores", "against the training pictures", reason, {key: 0})
        held_out = min(count // 10, MOST_HELD_OUT_ON_CPU if self.device.kind == "cpu" else MOST_HELD_OUT)
        reason = "a tenth" if held_out == count // 10 else f"as many as are scored quickly on {self.device.name}"
        return Choice("scores", f"against {held_out:,} held-out pictures", reason, {key: held_out})

    def _augmentation(self) -> Choice:
        given, few = self.given, self.count < FEW
        flip = bool(given.get("data.flip", few and given.get("data.contents") != "digits"))
        settings: dict[str, Any] = {"model.augmentation": "DiffAugment" if few else None, "data.flip": flip}
        value = "DiffAugment" if few else "none"
        if RECOLORED <= self.count < FEW:
            settings["model.augmentation.color"] = False
            value += " without changes of color"
        value += ", and mirrored pictures" if flip else ""
        reason = f"D would memorize {self.count:,} pictures" if few else f"{self.count:,} pictures are many"
        if "data.flip" in given:
            reason += "; data.flip is given"
        elif flip:
            reason += "; add --data.flip false if left and right differ, as in text"
        return Choice("augmentation", value, reason, settings)

    def _penalty(self, tried: Tried) -> Choice:
        if self.augmentation.settings["model.augmentation"] is None:
            return Choice("penalty", "", "", {})
        pixels, size = tried.attempt.size[0] * tried.attempt.size[1], tried.attempt.batch_size
        weight = float(f"{PENALTY * pixels / size:.2g}")
        reason = f"about {PENALTY} x {pixels:,} pixels / {size}; a larger one makes D too weak for augmented images"
        return Choice("penalty", f"R1 and R2 of weight {weight}", reason, {"model.penalty.weight": weight})

    def _tried(self, trial: Trial) -> Tried:
        """The first of the steps that the device can compute."""
        larger, attempt = False, None
        for fit in self._fits():
            for batch_size in self._batch_sizes():
                attempt = self._attempt(fit.size, batch_size)
                if (cost := trial(attempt)) is not None:
                    return Tried(attempt, cost, fit, larger)
                larger = True
        if attempt is None:
            raise InputError(
                f"data.root is {self.given['data.root']}, where most pictures have a side of less than {LEAST_SIDE} "
                "pixels; expected larger ones, or --data.size to enlarge them"
            )
        raise InputError(
            f"a training step of {shown(attempt.size)} pixels in batches of {attempt.batch_size} does not fit into the "
            f"memory of {self.device.name}, of which {gibibytes(self.device.memory)} can be used; expected more memory"
            ", or a smaller --data.size or --data.batch_size"
        )

    def _fits(self) -> Iterator[Fit]:
        """The sizes to try, the largest first."""
        if "data.size" in self.given:
            size = size_of(self.given["data.size"])
            yield fit_of(self.found.shapes, size)
            return
        area, sizes = (SIDE if self.device.kind == "cpu" else LARGE_SIDE) ** 2, set()
        while area >= LEAST_SIDE**2:
            fit = fitting_size(self.found.shapes, area)
            if fit is not None and fit.size not in sizes:
                sizes.add(fit.size)
                yield fit
            area //= 2

    def _batch_sizes(self) -> list[int]:
        if "data.batch_size" in self.given:
            return [int(self.given["data.batch_size"])]
        first = min(BATCH, 2 ** max((self.count // 2).bit_length() - 1, 1))
        sizes = [first]
        while sizes[-1] // 2 >= LEAST_BATCH:
            sizes.append(sizes[-1] // 2)
        return sizes

    def _attempt(self, size: tuple[int, int], batch_size: int) -> Attempt:
        width = LARGE_WIDTH if self.device.kind != "cpu" and self.count >= MANY else WIDTH
        while stem_widths(width, compact_map(size).doublings)[-1] < LEAST_CHANNELS:
            width *= 2
        of_g, of_d = (int(self.given.get(key, width)) for key in WIDTHS)
        classes = len(self.found.classes) if self.classes.settings else 0
        augmented = self.augmentation.settings["model.augmentation"] is not None
        channels = int(self.channels.settings["data.channels"])
        return Attempt(channels, size, classes, (of_g, of_d), augmented, batch_size)

    def _size(self, tried: Tried) -> Choice:
        fit, size = tried.fit, plain_size(tried.fit.size)
        value = f"{shown(fit.size)}{'' if isinstance(size, int) else ' (height x width)'}"
        key, cropped = "data.size", 1 - fit.kept
        reasons = [] if cropped < 0.005 else [f"the crop to this shape leaves out {cropped:.0%} of the pictures' area"]
        if fit.enlarged:
            reasons.append(f"{fit.enlarged:.1%} of the pictures are smaller, and enlarged")
        if key in self.given:
            return Choice("size", value, "; ".join(["given by --data.size", *reasons]), {key: as_list(size)})
        side = SIDE if self.device.kind == "cpu" else LARGE_SIDE
        if fit.bounded:
            reasons.append("with more, small pictures would be enlarged")
        elif tried.larger and fit.size[0] * fit.size[1] <= side**2 // 2:
            reasons.append(f"more do not fit into the memory of {self.device.name}")
        else:
            exact = fit.size[0] * fit.size[1] == side**2
            pixels = "the most pixels" if exact else f"about as many pixels as {side} x {side}, the most"
            reasons.append(f"{pixels} chosen for {self.device.name}")
        return Choice("size", value, "; ".join(reasons), {key: as_list(size)})

    def _batch(self, tried: Tried) -> Choice:
        key, size, cost = "data.batch_size", tried.attempt.batch_size, tried.cost
        how = "tried" if cost.images == size else f"estimated from a step of {cost.images}"
        memory = f"a step takes {gibibytes(cost.memory)} of {gibibytes(self.device.memory)} ({how})"
        if key in self.given:
            reason = f"given by --{key}"
        elif size < self._batch_sizes()[0]:
            reason = "more do not fit into memory"
        else:
            reason = "as in the recipe" if size == BATCH else f"at most half of the {self.count:,} training pictures"
        return Choice("batch", f"{size} pictures", f"{reason}; {memory}", {key: size})

    def _networks(self, tried: Tried) -> Choice:
        widths = tried.attempt.widths
        value = f"width {widths[0]}" if widths[0] == widths[1] else f"widths {widths[0]} and {widths[1]} (G, D)"
        if given := [key for key in WIDTHS if key in self.given]:
            reason = "given by " + " and ".join(f"--{key}" for key in given)
        elif widths[0] == WIDTH:
            reason = "as in the recipe"
        elif self.count >= MANY:
            reason = f"{self.count:,} pictures are many, and {self.device.name} is fast"
        else:
            reason = f"the largest map of {shown(tried.attempt.size)} pixels would have few channels"
        return Choice("networks", value, reason, dict(zip(WIDTHS, widths, strict=True)))

    def _length(self, tried: Tried) -> Choice:
        wanted = next(steps for least, steps in STEPS if self.count >= least)
        seconds, possible = tried.cost.seconds, int(HOURS * 3600 / tried.cost.seconds)
        steps = wanted if possible >= wanted else max(possible // 1000 * 1000, LEAST_STEPS)
        epochs = steps * tried.attempt.batch_size / self.count
        reason = f"each of {self.count:,} pictures is seen {epochs:,.0f} times"
        if steps < wanted:
            reason += f"; {wanted:,} would take more than {HOURS} hours"
        reason += f"; about {duration(steps * seconds)} on {self.device.name} at {seconds:.2g} s a step, without scores"
        interval = steps // VALIDATIONS
        named: dict[str, Any] = {"trainer.max_epochs": -1, "trainer.max_steps": steps}
        named |= {"trainer.val_check_interval": interval, "trainer.check_val_every_n_epoch": None}
        return Choice("length", f"{steps:,} steps, scored every {interval:,}", reason, named)


def shown(size: tuple[int, int]) -> str:
    """A size as text, both sides of it."""
    return f"{size[0]} x {size[1]}"


def size_of(given: Any) -> tuple[int, int]:
    """The (height, width) that ``--data.size`` means.

    Raises:
        InputError: if it means none, or no networks have that size.
    """
    sides = given if isinstance(given, list) else [given, given]
    if len(sides) != 2 or not all(isinstance(side, int) for side in sides):
        raise InputError(f"data.size is {given}; expected one or two whole numbers")
    size = (sides[0], sides[1])
    try:
        compact_map(size)
    except ValueError as error:
        raise InputError(f"data.{error}") from error
    return size


def as_list(size: int | tuple[int, int]) -> int | list[int]:
    """A size as YAML has it."""
    return size if isinstance(size, int) else list(size)
