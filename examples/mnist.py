"""PyTorch's first example, MNIST with a plain loop, by another import: python examples/mnist.py --help

After mnist/main.py of github.com/pytorch/examples: the same net, options and schedule. What differs: the images come as
arrays and are normalised once; there is one device, so nothing is sent to it; a bar takes the place of the lines that tell a
batch's loss.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tqdm import tqdm

import minigrad as torch
import minigrad.nn as nn
import minigrad.nn.functional as F
import minigrad.optim as optim
from minigrad import Tensor, datasets
from minigrad.optim.lr_scheduler import StepLR
from minigrad.utils.data import DataLoader, TensorDataset
from options import count, positive

MEAN, STD = 0.1307, 0.3081  # of MNIST's training pixels


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 32, 3, 1)
        self.conv2 = nn.Conv2d(32, 64, 3, 1)
        self.dropout1 = nn.Dropout(0.25)
        self.dropout2 = nn.Dropout(0.5)
        self.fc1 = nn.Linear(9216, 128)
        self.fc2 = nn.Linear(128, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Log-probabilities (n, 10) of images (n, 1, 28, 28)."""
        x = F.relu(self.conv1(x))
        x = F.relu(self.conv2(x))
        x = F.max_pool2d(x, 2)
        x = self.dropout1(x)
        x = torch.flatten(x, 1)
        x = F.relu(self.fc1(x))
        x = self.dropout2(x)
        return F.log_softmax(self.fc2(x), dim=1)


def train(
    args: argparse.Namespace, model: nn.Module, train_loader: DataLoader, optimizer: optim.Optimizer, epoch: int
) -> float:
    """One pass over the training images; the mean of the batches' losses, dropout on."""
    model.train()
    total = done = 0.0
    with tqdm(train_loader, desc=f"epoch {epoch}/{args.epochs}", unit="batch", leave=False, disable=None) as bar:
        for batch_idx, (data, target) in enumerate(bar):
            optimizer.zero_grad()
            output = model(data)
            loss = F.nll_loss(output, target)
            loss.backward()
            optimizer.step()
            total, done = total + loss.item() * len(data), done + len(data)
            if batch_idx % args.log_interval == 0:
                bar.set_postfix(loss=f"{loss.item():.4f}")
            if args.dry_run:
                break
    return total / done


@torch.no_grad()
def test(model: nn.Module, test_loader: DataLoader) -> tuple[float, int]:
    """The mean loss of the test images, and how many are classified rightly."""
    model.eval()
    test_loss, correct = 0.0, 0
    for data, target in test_loader:
        output = model(data)
        test_loss += F.nll_loss(output, target, reduction="sum").item()
        pred = output.argmax(dim=1)
        correct += int(pred.eq(target).sum().item())
    return test_loss / len(test_loader.dataset), correct


def main(args: argparse.Namespace) -> None:
    if args.threads is not None:
        torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    try:
        data = datasets.mnist(root=args.data_dir)
    except ValueError as error:  # files that are damaged
        sys.exit(f"mnist.py: {error}")
    train_images, test_images = (
        (torch.from_numpy(images) - MEAN) / STD for images in (data.train_images, data.test_images)
    )
    train_labels, test_labels = torch.from_numpy(data.train_labels), torch.from_numpy(data.test_labels)
    train_loader = DataLoader(TensorDataset(train_images, train_labels), batch_size=args.batch_size, shuffle=True)
    test_loader = DataLoader(TensorDataset(test_images, test_labels), batch_size=args.test_batch_size)

    model = Net()
    optimizer = optim.Adadelta(model.parameters(), lr=args.lr)
    scheduler = StepLR(optimizer, step_size=1, gamma=args.gamma)
    for epoch in range(1, args.epochs + 1):
        loss = train(args, model, train_loader, optimizer, epoch)
        test_loss, correct = test(model, test_loader)
        scheduler.step()
        total = len(test_images)
        print(
            f"epoch {epoch}/{args.epochs}  training loss {loss:.4f}  test loss {test_loss:.4f}, "
            f"accuracy {correct}/{total} ({100 * correct / total:.2f} %)",
            flush=True,
        )
        if args.dry_run:
            break
    print(f"test accuracy: {100 * correct / total:.2f} %")

    if args.save_model:
        torch.save(model.state_dict(), "mnist_cnn.safetensors")
        print("the weights are in mnist_cnn.safetensors")


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Train a CNN with dropout on MNIST, in a loop of one's own.")
    option = parser.add_argument
    option("--batch-size", type=count, default=64, metavar="N", help="images in each step (default: %(default)s)")
    option("--test-batch-size", type=count, default=1000, metavar="N", help="in each test step (default: %(default)s)")
    option("--epochs", type=count, default=14, metavar="N", help="passes over the images (default: %(default)s)")
    option("--lr", type=positive, default=1.0, help="Adadelta's learning rate (default: %(default)s)")
    option(
        "--gamma", type=positive, default=0.7, metavar="M", help="what lr falls by each epoch (default: %(default)s)"
    )
    option("--dry-run", action="store_true", help="one training step and one test, to see that all works")
    option("--seed", type=int, default=1, help="for weights, order of images and dropout (default: %(default)s)")
    option(
        "--log-interval",
        type=count,
        default=10,
        metavar="N",
        help="batches from one loss shown beside the bar to the next (default: %(default)s)",
    )
    option("--save-model", action="store_true", help="write the weights to mnist_cnn.safetensors")
    option("--threads", type=count, help="for the kernels (default: all processors); results do not depend on it")
    option("--data-dir", type=Path, help="folder that holds the set's files (default: download them once)")
    return parser.parse_args(argv)


if __name__ == "__main__":
    try:
        main(arguments())
    except KeyboardInterrupt:
        sys.exit(130)
    except OSError as error:  # files
        sys.exit(f"mnist.py: {error}")
