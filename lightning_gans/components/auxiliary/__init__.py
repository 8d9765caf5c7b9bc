"""Terms of both losses that need more of the discriminator than its logits: a classifier, embeddings, codes."""

from lightning_gans.components.auxiliary.base import AuxiliaryLoss, Judgment, Origin
from lightning_gans.components.auxiliary.classification import Classification
from lightning_gans.components.auxiliary.data_to_data import DataToData
from lightning_gans.components.auxiliary.information import MutualInformation

__all__ = ["AuxiliaryLoss", "Classification", "DataToData", "Judgment", "MutualInformation", "Origin"]
