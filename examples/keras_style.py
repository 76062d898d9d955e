"""Four first lessons with dropout, in as few lines as Keras takes: python examples/keras_style.py --lesson 1

1  a dense network as a Sequential: 512 ReLU, Dropout 0.2, 10
2  a network as a class, whose forward takes the training flag: 64 ReLU, F.dropout 0.5, 10
3  the first with 128 ReLU and Dropout 0.5, and its learning curves
4  a dropout layer of one's own, beside nn.Dropout and in a network

They learn MNIST, which is downloaded once (11 MB), or scikit-learn's digits. What differs from Keras: layers say how many inputs
they take; the last layer gives logits, whose softmax is in the loss; `Trainer` is given what `compile` is.
"""

from __future__ import annotations

import argparse
import math
import sys
from pathlib import Path

import minigrad
import minigrad.nn.functional as F
from minigrad import Tensor, datasets, nn, optim
from minigrad.datasets import ImageData
from minigrad.training import History, Trainer


def dense(data: ImageData, epochs: int | None) -> History:
    """Keras's tutorial for beginners:

    model = Sequential([Flatten(), Dense(512, activation="relu"), Dropout(0.2), Dense(10, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x_train, y_train, epochs=5)
    model.evaluate(x_test, y_test)
    """
    x_train, y_train, x_test, y_test = arrays(data)

    model = nn.Sequential(nn.Flatten(), nn.Linear(pixels(data), 512), nn.ReLU(), nn.Dropout(0.2), nn.Linear(512, 10))
    trainer = Trainer(model, optim.Adam(model.parameters()), nn.CrossEntropyLoss(), "accuracy")
    history = trainer.fit((x_train, y_train), epochs=epochs or 5)
    show(trainer.evaluate((x_test, y_test)))
    return history


class Net(nn.Module):
    """A network whose forward takes the training flag, as `call(x, training)` does in Keras.

    Without it the flag is the module's own, which `Trainer` sets, and `train()` and `eval()`.
    """

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.dense1 = nn.Linear(inputs, 64)
        self.dense2 = nn.Linear(64, 10)

    def forward(self, x: Tensor, training: bool | None = None) -> Tensor:
        training = self.training if training is None else training
        x = F.relu(self.dense1(x.flatten(1)))
        x = F.dropout(x, 0.5, training)
        return self.dense2(x)


def subclassed(data: ImageData, epochs: int | None) -> History:
    """Keras: class Net(Model) with call(self, x, training=None), and

    model.fit(x_train, y_train, batch_size=32, epochs=10, validation_data=(x_test, y_test))
    """
    x_train, y_train, x_test, y_test = arrays(data)

    model = Net(pixels(data))
    trainer = Trainer(model, optim.Adam(model.parameters()), nn.CrossEntropyLoss(), "accuracy")
    history = trainer.fit((x_train, y_train), (x_test, y_test), epochs=epochs or 10, batch_size=32)

    model.eval()
    with minigrad.no_grad():
        images = minigrad.tensor(x_test)
        sure = F.softmax(model(images), 1).max(1).values
        doubtful = images[sure.argmin()].unsqueeze(0)
        calls = {flag: [F.softmax(model(doubtful, flag), 1).max().item() for _ in range(3)] for flag in (False, True)}
    for flag, found in calls.items():
        print(f"the least certain image, training={flag}, three calls: {', '.join(f'{p:.3f}' for p in found)}")
    return history


def curves(data: ImageData, epochs: int | None) -> History:
    """Keras: the model of lesson 1 with Dense(128, activation="relu") and Dropout(0.5), and

    history = model.fit(x_train, y_train, batch_size=32, epochs=5, validation_split=0.2)
    history.history["val_accuracy"]
    """
    x_train, y_train, x_test, y_test = arrays(data)
    held = len(x_train) // 5

    model = nn.Sequential(nn.Flatten(), nn.Linear(pixels(data), 128), nn.ReLU(), nn.Dropout(0.5), nn.Linear(128, 10))
    trainer = Trainer(model, optim.Adam(model.parameters()), nn.CrossEntropyLoss(), "accuracy")
    validation = (x_train[-held:], y_train[-held:])
    history = trainer.fit((x_train[:-held], y_train[:-held]), validation, epochs=epochs or 5, batch_size=32)
    print("epoch   accuracy   val_accuracy")  # history.plot("curves.png") draws them
    for epoch, (train, val) in enumerate(zip(history["accuracy"], history["val_accuracy"], strict=True), 1):
        print(f"{epoch:>5}   {train:>8.4f}   {val:>12.4f}")
    show(trainer.evaluate((x_test, y_test)))
    return history


class MyDropout(nn.Module):
    """nn.Dropout, written by oneself.

    `minigrad.rand` draws from minigrad's generator, so `manual_seed` replays it and a checkpoint of `Trainer` resumes it. With
    nn.DropoutBase as its base it would also check p, take `generator=`, and obey schedules and nn.mc_dropout.
    """

    def __init__(self, p: float = 0.5) -> None:
        super().__init__()
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return x
        mask = minigrad.rand(*x.shape) >= self.p
        return x * mask / (1 - self.p)


def compare(p: float = 0.3, rows: int = 1000, columns: int = 500) -> None:
    """Print what MyDropout and nn.Dropout make of ones; both draw, so they agree but for chance.

    `deviation` is that of the number kept from its expectation, in standard deviations, and `columns` and `rows` say whether single
    ones are favoured: the chi-square of their counts, also in standard deviations. All lie within 4 unless something is wrong.
    """
    n = rows * columns
    print(
        f"{'of ' + format(n, ',') + ' ones':<16} {'kept':>7} {'mean':>7} {'variance':>9} {'deviation':>10} {'columns':>8} {'rows':>6}"
    )
    print(f"{'expected':<16} {1 - p:>7.4f} {1:>7.4f} {p / (1 - p):>9.4f} {0:>10.2f} {0:>8.2f} {0:>6.2f}")
    for layer in (MyDropout(p), nn.Dropout(p)):
        x = minigrad.ones(rows, columns, requires_grad=True)
        y = layer(x)
        y.sum().backward()
        assert y.shape == x.shape
        assert x.grad is not None
        assert minigrad.equal(x.grad, y)  # of ones: the gradient has the mask of the result
        assert minigrad.equal(layer.eval()(x), x)
        kept = y.detach() > 0
        assert minigrad.allclose(y[kept], minigrad.full((), 1 / (1 - p)))
        deviation = (kept.sum().item() - n * (1 - p)) / math.sqrt(n * p * (1 - p))
        uneven = []
        for axis, length in ((0, rows), (1, columns)):
            squares = (kept.float().sum(axis) - length * (1 - p)).square() / (length * p * (1 - p))
            uneven.append((squares.sum().item() - squares.numel()) / math.sqrt(2 * squares.numel()))
        print(
            f"{type(layer).__name__:<16} {kept.float().mean().item():>7.4f} {y.mean().item():>7.4f} {y.var().item():>9.4f} "
            f"{deviation:>10.2f} {uneven[0]:>8.2f} {uneven[1]:>6.2f}"
        )


def own_layer(data: ImageData, epochs: int | None) -> History:
    """Keras: class MyDropout(Layer) with call(self, x, training=None), in the model of lesson 1."""
    compare()
    x_train, y_train, x_test, y_test = arrays(data)

    model = nn.Sequential(nn.Flatten(), nn.Linear(pixels(data), 512), nn.ReLU(), MyDropout(0.2), nn.Linear(512, 10))
    trainer = Trainer(model, optim.Adam(model.parameters()), nn.CrossEntropyLoss(), "accuracy")
    history = trainer.fit((x_train, y_train), epochs=epochs or 5)
    show(trainer.evaluate((x_test, y_test)))
    return history


LESSONS = {"1": dense, "2": subclassed, "3": curves, "4": own_layer}


def arrays(data: ImageData) -> tuple:
    """x_train, y_train, x_test, y_test: images (N, 1, H, W) from 0 to 1, and labels."""
    return data.train_images, data.train_labels, data.test_images, data.test_labels


def pixels(data: ImageData) -> int:
    return math.prod(data.shape)


def show(found: dict[str, float]) -> None:
    print(f"test loss {found['loss']:.4f}, test accuracy {100 * found['accuracy']:.2f} %")


def load(name: str | None, folder: Path | None) -> ImageData:
    """The data set of this name; if the user asks for nothing, MNIST, or the digits where that cannot be had."""
    try:
        return datasets.load(name or "mnist", root=folder)
    except OSError as error:
        if name is not None or folder is not None:
            raise
        print(f"MNIST cannot be had ({str(error).splitlines()[0]}); these are scikit-learn's digits")
        return datasets.digits()


def main(args: argparse.Namespace) -> None:
    if args.threads is not None:
        minigrad.set_num_threads(args.threads)
    try:
        data = load(args.dataset, args.data_dir)
    except ValueError as error:  # files that are damaged
        sys.exit(f"keras_style.py: {error}")
    print(data)
    for number in LESSONS if args.lesson == "all" else [args.lesson]:
        print(f"\nlesson {number}: {LESSONS[number].__name__}")
        minigrad.manual_seed(args.seed)
        LESSONS[number](data, args.epochs)


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    def count(text: str) -> int:
        value = int(text)
        if value < 1:
            raise argparse.ArgumentTypeError(f"must be at least 1, not {value}")
        return value

    parser = argparse.ArgumentParser(
        description="Four first lessons with dropout, in as few lines as Keras takes.",
        epilog="1: dense network; 2: a network as a class, with a training flag; 3: learning curves; 4: a dropout layer of one's own.",
    )
    option = parser.add_argument
    option("--lesson", choices=[*LESSONS, "all"], default="all", help="which lesson (default: %(default)s)")
    option(
        "--dataset", choices=("mnist", "digits"), help="what to learn (default: mnist, or digits if that cannot be had)"
    )
    option("--epochs", type=count, help="passes over the training images (default: 5; lesson 2: 10)")
    option("--seed", type=int, default=0, help="for weights, order of images and dropout (default: %(default)s)")
    option("--threads", type=count, help="for the kernels (default: all processors); results do not depend on it")
    option("--data-dir", type=Path, help="folder that holds MNIST's files (default: download them once)")
    return parser.parse_args(argv)


if __name__ == "__main__":
    try:
        main(arguments())
    except KeyboardInterrupt:
        sys.exit(130)
    except (OSError, ImportError) as error:  # files, packages
        sys.exit(f"keras_style.py: {error}")
