"""Training on several processes: the strategy, a differentiable mean over processes, and batch normalization."""

from lightning_gans.distributed.async_sum import AsyncSum
from lightning_gans.distributed.synced_batch_norm import all_reduce_max, all_reduce_mean

__all__ = ["AsyncSum", "all_reduce_max", "all_reduce_mean"]
