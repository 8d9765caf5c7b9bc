"""Train the classifier behind the ``digits`` extractor and save its weights.

    python -m lightning_gans.metrics.train_digits --root DATA [--out FILE] [--seed 0] [--epochs 10]

DATA is a folder in torchvision's layout (DATA/MNIST/raw). Trains on the 60,000 training images, each shifted by up to
two pixels, and prints the accuracy on the 10,000 test images. The result is reproducible with the same seed, versions
and machine.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional as F
from torchvision.datasets import MNIST

from lightning_gans.metrics.cache import file_hash
from lightning_gans.metrics.digits import WEIGHTS, DigitClassifier


def load_split(root: str, *, train: bool) -> tuple[Tensor, Tensor]:
    """Images (N, 1, 28, 28) in [-1, 1] and labels (N,) of one split of MNIST."""
    split = MNIST(root, train=train)
    return split.data[:, None].float() / 127.5 - 1, split.targets


def shift_randomly(images: Tensor, max_shift: int = 2) -> Tensor:
    """Shift each image by its own random number of pixels, at most ``max_shift`` in each direction."""
    size = images.shape[-1]
    padded = F.pad(images, [max_shift] * 4, value=-1.0)
    rows, columns = (torch.randint(0, 2 * max_shift + 1, (len(images), 1)) + torch.arange(size) for _ in range(2))
    batch = torch.arange(len(images))[:, None, None]
    return padded[batch, 0, rows[:, :, None], columns[:, None, :]][:, None]


def train(root: str, seed: int, epochs: int, batch_size: int = 128) -> DigitClassifier:
    """Train a classifier and return it in evaluation mode."""
    torch.manual_seed(seed)
    images, labels = load_split(root, train=True)
    model = DigitClassifier()
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=0.01)
    steps = len(images) // batch_size
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=3e-3, epochs=epochs, steps_per_epoch=steps)
    for epoch in range(epochs):
        for indices in torch.randperm(len(images))[: steps * batch_size].view(steps, batch_size):
            loss = F.cross_entropy(model(shift_randomly(images[indices])), labels[indices], label_smoothing=0.05)
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            optimizer.step()
            schedule.step()
        print(f"epoch {epoch + 1}/{epochs}: loss of the last batch {loss.item():.4f}", flush=True)
    return model.eval()


def main() -> None:
    """Command-line entry."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", required=True, help="folder that holds MNIST/raw")
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=10)
    arguments = parser.parse_args()
    model = train(arguments.root, arguments.seed, arguments.epochs)
    images, labels = load_split(arguments.root, train=False)
    with torch.no_grad():
        accuracy = (model(images).argmax(1) == labels).float().mean().item()
    save_file(model.state_dict(), arguments.out)
    print(f"test accuracy {accuracy:.4f}; wrote {arguments.out} ({file_hash(arguments.out)})")


if __name__ == "__main__":
    main()
