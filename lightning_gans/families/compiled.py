"""Models that were compiled as a whole, which a run refuses before it trains."""

from __future__ import annotations

from collections.abc import Mapping

from lightning.pytorch import LightningModule
from lightning.pytorch.utilities.compile import to_uncompiled
from torch import nn

from lightning_gans.components.compat import compiled_call, set_compiled_call
from lightning_gans.core.errors import InputError

INSTEAD = (
    "expected the model itself, and for compiled networks the callback "
    "lightning_gans.callbacks.Compilation(networks=True), on the command line --compile.networks true"
)


def refuse_compiled(model: LightningModule, networks: Mapping[str, nn.Module]) -> None:
    """Check that a user has neither compiled the model as a whole nor wrapped a network of it.

    A compiled ``training_step`` is split at every backward pass, hook and random generator, and is compiled for minutes
    in vain. ``model.compile()`` compiles ``forward``, which training does not call. In both cases the model is not
    compiled any more when the error is raised, so that a notebook can go on with it.

    Args:
        model: the model of a run.
        networks: its networks, by attribute name.

    Raises:
        InputError: if the model or a network is compiled.
    """
    in_place = compiled_call(model) is not None
    set_compiled_call(model, None)
    try:
        to_uncompiled(model)
    except ValueError:  # it is not compiled
        pass
    else:
        raise InputError(f"the model is compiled by torch.compile(model), which cannot compile its training; {INSTEAD}")
    if in_place:
        raise InputError(f"the model is compiled by model.compile(), which has no effect on training; {INSTEAD}")
    for name, network in networks.items():
        if hasattr(network, "_orig_mod"):  # the class of what torch.compile returns is not public
            raise InputError(f"{name} is wrapped by torch.compile, which renames weights in checkpoints; {INSTEAD}")
