"""Terms of both losses that need more of the discriminator than its logits: a classifier, embeddings, codes."""

from lightning_gans.components.auxiliary.base import AuxiliaryLoss, Judgment, Origin
from lightning_gans.components.auxiliary.classification import Classification

__all__ = ["AuxiliaryLoss", "Classification", "Judgment", "Origin"]
