"""The networks of a run, printed before it trains."""

from __future__ import annotations

from typing import Any

from lightning.pytorch.callbacks import ModelSummary
from lightning.pytorch.utilities.model_summary.model_summary import get_human_readable_count
from torch import nn


class NetworkSummary(ModelSummary):
    """Prints each network with its class and number of parameters.

    Lightning's own summary has a column of FLOPs, which are 0 unless the model has example inputs, and counts modules
    in eval mode, which are those of the averages.

    Args:
        max_depth: depth of layers within layers that are shown; 1 shows the networks only.
    """

    def __init__(self, max_depth: int = 1) -> None:
        super().__init__(max_depth)

    @staticmethod
    def summarize(
        summary_data: list[tuple[str, list[str]]],
        total_parameters: int,
        trainable_parameters: int,
        model_size: float,
        total_training_modes: dict[str, int],  # noqa: ARG004 (the base class has it)
        total_flops: int,
        **summarize_kwargs: Any,  # noqa: ARG004
    ) -> None:
        """Print the table; Lightning calls this with its columns."""
        columns = dict(summary_data)
        titles = {
            "Name": "network",
            "Type": "class",
            "Params": "parameters",
            **({"FLOPs": "FLOPs"} if total_flops else {}),
        }
        table = [[title, *map(str, columns[name])] for name, title in titles.items()]
        widths = [max(map(len, column)) for column in table]
        for name, kind, *numbers in zip(*table, strict=True):
            if kind == nn.ModuleDict.__name__ and numbers[0].strip() == "0":  # no averages
                continue
            right = (number.rjust(width) for number, width in zip(numbers, widths[2:], strict=True))
            print("  ".join([name.ljust(widths[0]), kind.ljust(widths[1]), *right]))
        trained = get_human_readable_count(int(trainable_parameters)).strip()
        rest = get_human_readable_count(int(total_parameters - trainable_parameters)).strip()
        print(f"{trained} parameters are trained, {rest} are not; {model_size:.4g} MB", flush=True)
