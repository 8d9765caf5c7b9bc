"""Which score is looked at first."""

from __future__ import annotations

FEW = 2000
"""Images below which FID is not to be trusted."""

AMONG_MANY = ("relative_fid", "fid", "kid", "kid_ci95")
AMONG_FEW = ("kid", "kid_ci95", "relative_fid", "fid")


def order_scores(names: list[str], images: int) -> list[str]:
    """Names of scores, such as ``fid`` or ``a/fid``, the most telling one first, the others as they were.

    FID of few images is too large, by more the fewer they are, and by an amount that depends on the generator; the
    estimate of KID has no such bias (Bińkowski et al., 2018, section 3).

    Args:
        names: of scores.
        images: how many there were of the real or of the generated ones, whichever are fewer.
    """
    order = {name: place for place, name in enumerate(AMONG_FEW if images < FEW else AMONG_MANY)}
    return sorted(names, key=lambda name: order.get(name.rpartition("/")[2], len(order)))
