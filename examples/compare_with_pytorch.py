"""Compare the CNN of train_cnn.py with PyTorch's, layer by layer: python examples/compare_with_pytorch.py --help

Both libraries get the same weights, images and dropout masks. The table shows, for each layer, the largest difference in what
it returns, in the gradient of that, in the gradients of its parameters, and in its running statistics. A mistake is in the
first layer whose output differs; if none does, in the last one whose gradients differ. Try --mistake.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import minigrad
import minigrad.nn.functional as F
from minigrad import datasets
from minigrad.interop import to_torch
from minigrad.testing import compare_with_torch
from train_cnn import cnn


def main(args: argparse.Namespace) -> bool:
    """Whether all that was asked for is equal."""
    minigrad.manual_seed(args.seed)
    data = datasets.load(args.dataset, root=args.data_dir).normalized()
    images = minigrad.tensor(data.train_images[: args.batch_size])
    labels = data.train_labels[: args.batch_size]
    model = cnn(data.shape, data.num_classes, args.dropout)
    if args.double:
        model, images = model.double(), images.double()
    if args.eval:
        model.eval()

    twin = to_torch(model)
    if args.mistake:
        twin[6].eps = 1e-2  # of the second batch norm; 1e-5 is right

    def loss(logits):  # called with the Tensors of either library
        if isinstance(logits, minigrad.Tensor):
            return F.cross_entropy(logits, minigrad.tensor(labels), label_smoothing=0.1)
        import torch

        return torch.nn.functional.cross_entropy(logits, torch.tensor(labels), label_smoothing=0.1)

    return bool(compare_with_torch(model, images, twin=twin, loss=loss))


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    def count(text: str) -> int:
        value = int(text)
        if value < 1:
            raise argparse.ArgumentTypeError(f"must be at least 1, not {value}")
        return value

    def probability(text: str) -> float:
        value = float(text)
        if not 0 <= value < 1:
            raise argparse.ArgumentTypeError(f"must be at least 0 and below 1, not {text}")
        return value

    parser = argparse.ArgumentParser(
        description="Compare a CNN with dropout with PyTorch's, layer by layer, forward and backward.",
        epilog="The exit status is 0 if both are equal within 1e-4 (1e-9 with --double), else 1. PyTorch has to be installed.",
    )
    option = parser.add_argument
    option("--dataset", choices=datasets.NAMES, default="digits", help="whose images (default: digits, no download)")
    option("--batch-size", type=count, default=16, help="how many of them (default: %(default)s)")
    option("--dropout", type=probability, default=0.3, metavar="P", help="dropout probability (default: %(default)s)")
    option("--seed", type=int, default=0, help="for weights and dropout (default: %(default)s)")
    option("--double", action="store_true", help="compute in float64")
    option("--eval", action="store_true", help="compare in eval mode: no dropout, batch norm by its running statistics")
    option("--mistake", action="store_true", help="put a wrong eps into one of PyTorch's layers, to see it found")
    option("--data-dir", type=Path, help="folder that holds the set's files (default: download them once)")
    return parser.parse_args(argv)


if __name__ == "__main__":
    try:
        sys.exit(0 if main(arguments()) else 1)
    except KeyboardInterrupt:
        sys.exit(130)
    except (OSError, ImportError) as error:
        sys.exit(f"compare_with_pytorch.py: {error}")
