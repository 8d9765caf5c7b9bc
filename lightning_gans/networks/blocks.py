"""The blocks of a network of any kind: its layers with weights, each with what follows it."""

from __future__ import annotations

from collections.abc import Iterator

from torch import nn


def weighted_blocks(network: nn.Module) -> list[list[nn.Module]]:
    """Divide a network into blocks, in the order in which its modules were registered.

    A block consists of one module with a weight of at least two dimensions, such as a convolution or a residual block,
    and the modules without one that follow it, such as normalization and activations. The first block also has those in
    front of it. Members of ``nn.Sequential`` and ``nn.ModuleList`` count as modules of their own; and where all weights
    are in one module, so do its members.

    Args:
        network: any network.

    Returns:
        The modules of each block.
    """
    modules = list(members(network))
    while sum(map(has_matrix, modules)) == 1:
        only = next(filter(has_matrix, modules))
        if not (inner := list(members(only))):
            break
        modules = inner
    blocks: list[list[nn.Module]] = []
    before: list[nn.Module] = []
    for module in modules:
        if has_matrix(module):
            blocks.append([*before, module])
            before = []
        else:
            (blocks[-1] if blocks else before).append(module)
    return blocks


def members(module: nn.Module) -> Iterator[nn.Module]:
    """The children of a module, where those of ``nn.Sequential`` and ``nn.ModuleList`` replace these."""
    for child in module.children():
        if isinstance(child, nn.Sequential | nn.ModuleList):
            yield from members(child)
        else:
            yield child


def has_matrix(module: nn.Module) -> bool:
    """Whether a module has a weight of at least two dimensions."""
    return any(parameter.ndim > 1 for parameter in module.parameters())
