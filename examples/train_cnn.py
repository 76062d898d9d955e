"""Train a small convolutional network on images, with dropout: python examples/train_cnn.py --help

A run that is stopped (Ctrl-C, or killed) goes on with --resume, and ends with the weights it would have had anyway.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import minigrad
from minigrad import datasets, nn, optim
from minigrad.training import CheckpointError, Trainer
from options import count, positive, probability


def conv(inputs: int, outputs: int) -> list[nn.Module]:
    """A 3x3 convolution that keeps the image's size; batch norm has the bias."""
    return [nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]


def cnn(shape: tuple[int, ...], classes: int, p: float) -> nn.Sequential:
    """Two stages that halve height and width, then two linear layers.

    Dropout2d drops whole feature maps, since the neighbours in one tell nearly the same; Dropout drops single features.
    """
    channels, height, width = shape
    return nn.Sequential(
        *conv(channels, 32),
        nn.MaxPool2d(2),
        nn.Dropout2d(p / 2),
        *conv(32, 64),
        *conv(64, 64),
        nn.MaxPool2d(2),
        nn.Dropout2d(p / 2),
        nn.Flatten(),
        nn.Linear(64 * (height // 4) * (width // 4), 128),
        nn.ReLU(),
        nn.Dropout(p),
        nn.Linear(128, classes),
    )


def main(args: argparse.Namespace) -> None:
    if args.threads is not None:
        minigrad.set_num_threads(args.threads)
    minigrad.manual_seed(args.seed)

    try:
        data = datasets.load(args.dataset, root=args.data_dir).normalized()
    except ValueError as error:  # files that are damaged
        sys.exit(f"train_cnn.py: {error}")
    print(data)
    train, test = (data.train_images, data.train_labels), (data.test_images, data.test_labels)

    model = cnn(data.shape, data.num_classes, args.dropout)
    print(f"{sum(parameter.numel() for parameter in model.parameters()):,} parameters, dropout {args.dropout:g}")

    # The rate rises to --lr and falls again, a little with every batch (Smith and Topin 2018).
    optimizer = optim.Adam(model.parameters(), lr=args.lr)
    batches = -(-len(train[0]) // args.batch_size)
    scheduler = optim.lr_scheduler.OneCycleLR(optimizer, max_lr=args.lr, total_steps=args.epochs * batches)

    trainer = Trainer(
        model,
        optimizer,
        loss=nn.CrossEntropyLoss(label_smoothing=0.1),
        metrics="accuracy",
        scheduler=scheduler,
        scheduler_step="batch",
        checkpoint=args.out / "checkpoint.minigrad",
        checkpoint_every=500,
    )
    # The test images are only watched: nothing is chosen by them, and the last epoch's weights are the result.
    history = trainer.fit(train, test, epochs=args.epochs, batch_size=args.batch_size, resume=args.resume)
    print(f"test accuracy: {100 * trainer.evaluate(test, batch_size=256)['accuracy']:.2f} %")
    history.plot(args.out / "learning_curves.png")
    print(f"learning curves and checkpoint are in {args.out}")


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Train a small convolutional network with dropout on images, and test it.",
        epilog="Ctrl-C stops a run after its current step; the same command with --resume goes on from there.",
    )
    option = parser.add_argument
    option("--dataset", choices=datasets.NAMES, default="digits", help="what to learn (default: digits, no download)")
    option("--epochs", type=count, help="passes over the training images (default: 20 for digits, else 3)")
    option("--batch-size", type=count, default=64, help="images in each step (default: %(default)s)")
    option("--lr", type=positive, default=0.01, help="the highest learning rate (default: %(default)s)")
    option("--dropout", type=probability, default=0.3, metavar="P", help="dropout probability (default: %(default)s)")
    option("--no-dropout", dest="dropout", action="store_const", const=0.0, help="the same as --dropout 0")
    option("--seed", type=int, default=0, help="for weights, order of images and dropout (default: %(default)s)")
    option(
        "--resume",
        action="store_true",
        help="go on from the checkpoint in --out, if there is one, with its weights and seed",
    )
    option("--threads", type=count, help="for the kernels (default: all processors); results do not depend on it")
    option("--data-dir", type=Path, help="folder that holds the set's files (default: download them once)")
    option("--out", type=Path, help="folder for curves and checkpoint (default: runs/<dataset>)")
    args = parser.parse_args(argv)
    args.epochs = args.epochs or (20 if args.dataset == "digits" else 3)
    args.out = args.out or Path("runs") / args.dataset
    return args


if __name__ == "__main__":
    try:
        main(arguments())
    except KeyboardInterrupt:
        sys.exit(130)
    except (
        OSError,
        ImportError,
        FloatingPointError,
        CheckpointError,
    ) as error:  # files, packages, a checkpoint or a rate
        sys.exit(f"train_cnn.py: {error}")
