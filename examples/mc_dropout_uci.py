"""MC dropout on UCI's regression sets, after Gal and Ghahramani (2016): python examples/mc_dropout_uci.py --help

For each of a set's 20 splits, nets with every dropout probability and noise precision of the paper's grid are trained on
four fifths of the training part. The pair with the highest log-likelihood on the last fifth trains a net on the whole training
part, which is tested. All nets of several splits are trained at once, those with one dropout probability as one batched net. A
run that is stopped goes on with the same command: splits that are done are read from --out.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import minigrad
import minigrad.nn.functional as F
from files import write_json
from minigrad import Tensor, datasets, nn, optim
from options import count

HIDDEN = 50
BATCH = 128
LENGTHSCALE = 0.01  # of the prior: next to no weight decay
RATES = (0.005, 0.01, 0.05, 0.1)  # dropout probabilities to choose from
TAUS = {  # and precisions of the noise, in 1 / units of y squared: the authors' grids
    "boston": (0.1, 0.15, 0.2),
    "concrete": (0.025, 0.05, 0.075),
    "energy": (0.25, 0.5, 0.75),
    "kin8nm": (150.0, 200.0, 250.0),
    "power": (0.05, 0.1, 0.15),
    "wine": (2.5, 3.0, 3.5),
    "yacht": (0.25, 0.5, 0.75),
}
# MC RMSE and log-likelihood with their standard errors: the authors' grid search of 2018, and their run again of the paper's
# own code. Both are from the readme of github.com/yaringal/DropoutUncertaintyExps.
PUBLISHED = {
    "boston": ((2.90, 0.18, -2.40, 0.04), (2.83, 0.17, -2.40, 0.04)),
    "concrete": ((4.82, 0.16, -2.93, 0.02), (4.93, 0.14, -2.97, 0.02)),
    "energy": ((0.54, 0.06, -1.21, 0.01), (1.08, 0.03, -1.72, 0.01)),
    "kin8nm": ((0.08, 0.00, 1.14, 0.01), (0.09, 0.00, 0.97, 0.00)),
    "power": ((4.01, 0.04, -2.80, 0.01), (4.00, 0.04, -2.79, 0.01)),
    "wine": ((0.62, 0.01, -0.93, 0.01), (0.61, 0.01, -0.92, 0.01)),
    "yacht": ((0.67, 0.05, -1.25, 0.01), (0.70, 0.05, -1.38, 0.01)),
}
SCORES = ("rmse", "one_pass_rmse", "mc_rmse", "log_likelihood")


class Job(NamedTuple):
    """A net to be trained: on which of the data given, and with which hyper-parameters."""

    part: int
    p: float
    tau: float


class Nets(nn.Module):
    """Nets with one dropout probability, with an axis of nets before all others, so that one product computes a layer of all.

    Each has one hidden layer of ReLU and dropout before both layers, the input included. The nets see the same row numbers in
    a batch, but masks of their own, and nothing that one learns reaches another.
    """

    def __init__(self, p: float, jobs: Sequence[Job], rows: int, features: int) -> None:
        super().__init__()
        self.p, self.jobs, count = p, jobs, len(jobs)
        self.part = minigrad.tensor([job.part for job in jobs])
        self.weight1, self.weight2 = glorot(count, features, HIDDEN), glorot(count, HIDDEN, 1)
        self.bias1, self.bias2 = (nn.Parameter(minigrad.zeros(count, 1, size)) for size in (HIDDEN, 1))
        decay = [LENGTHSCALE**2 * (1 - p) / (2 * rows * job.tau) for job in jobs]
        self.decay = minigrad.tensor(decay).reshape(count, 1, 1)

    def loss(self, x: Tensor, y: Tensor) -> Tensor:
        """The sum over nets of mean squared error and weight decay, for x (parts, rows, features) and y (parts, rows, 1)."""
        x, y = x[self.part], y[self.part]
        hidden = F.dropout(x, self.p) @ self.weight1 + self.bias1
        predicted = F.relu_dropout(hidden, self.p) @ self.weight2 + self.bias2
        decay = (self.decay * self.weight1.square()).sum() + (self.decay * self.weight2.square()).sum()
        return F.mse_loss(predicted, y, reduction="sum") / y.shape[1] + decay

    @minigrad.no_grad()
    def net(self, k: int) -> nn.Sequential:
        """The net of job k, as a model of its own."""
        first, second = nn.Linear(self.weight1.shape[1], HIDDEN), nn.Linear(HIDDEN, 1)
        for layer, weight, bias in ((first, self.weight1, self.bias1), (second, self.weight2, self.bias2)):
            layer.weight.copy_(weight[k].T)
            layer.bias.copy_(bias[k, 0])
        return nn.Sequential(nn.Dropout(self.p), first, nn.ReLU(), nn.Dropout(self.p), second)


def glorot(count: int, inputs: int, outputs: int) -> nn.Parameter:
    bound = math.sqrt(6 / (inputs + outputs))
    return nn.Parameter(minigrad.empty(count, inputs, outputs).uniform_(-bound, bound))


class Part(NamedTuple):
    """Rows to train on, standardised, and what the same did to others."""

    x: Tensor
    y: Tensor
    others: tuple[Tensor, Tensor]
    y_std: float


def standardised(x: np.ndarray, y: np.ndarray, other_x: np.ndarray, other_y: np.ndarray) -> Part:
    """All less the mean of x and y, over their standard deviations."""
    x_mean, x_std, y_mean, y_std = x.mean(0), x.std(0), y.mean(), float(y.std())
    x_std[x_std == 0] = 1

    def scaled(x: np.ndarray, y: np.ndarray) -> tuple[Tensor, Tensor]:
        values = (x - x_mean) / x_std, (y - y_mean) / y_std
        return minigrad.tensor(values[0].astype(np.float32)), minigrad.tensor(values[1].astype(np.float32))

    return Part(*scaled(x, y), scaled(other_x, other_y), y_std)


def train(
    parts: Sequence[Part], jobs: Iterable[Job], epochs: int, tick: Callable[[], Any]
) -> list[tuple[Job, nn.Sequential]]:
    """A net for each job, on parts of one size; `tick` is called after each epoch."""
    x, y = minigrad.stack([part.x for part in parts]), minigrad.stack([part.y for part in parts]).unsqueeze(2)
    rows, features = x.shape[1:]
    by_p: dict[float, list[Job]] = defaultdict(list)
    for job in jobs:
        by_p[job.p].append(job)
    groups = [Nets(p, some, rows, features) for p, some in by_p.items()]
    # With the epsilon of Keras, which the authors used.
    optimizer = optim.Adam(nn.ModuleList(groups).parameters(), lr=1e-3, eps=1e-7)
    for _ in range(epochs):
        order = minigrad.randperm(rows)
        for batch in zip(x[:, order].split(BATCH, 1), y[:, order].split(BATCH, 1), strict=True):
            optimizer.zero_grad()
            for nets in groups:
                nets.loss(*batch).backward()
            optimizer.step()
        tick()
    return [(job, nets.net(k)) for nets in groups for k, job in enumerate(nets.jobs)]


def scores(net: nn.Sequential, part: Part, tau: float, samples: int) -> dict[str, float]:
    """Errors of the plain net, of one pass with dropout and of the mean of all, and the log-likelihood, in units of y.

    The plain net is dropout's weight scaling: one pass with dropout off.
    """
    (x, y), y_std = part.others, part.y_std
    copies = max(1, 4096 // len(x))  # of x in one pass: many small passes would mostly wait for Python
    passes = nn.mc_samples(net, x.expand(copies, *x.shape), samples=-(-samples // copies))
    drawn = passes.reshape(-1, len(x))[:samples]
    with minigrad.no_grad():
        plain = net.eval()(x).squeeze(1)
        # Of y / y_std; the density of y itself is 1 / y_std of that.
        likelihood = nn.predictive_log_likelihood(drawn, y, tau * y_std**2).mean().item() - math.log(y_std)

    def rmse(prediction: Tensor) -> float:
        return y_std * (prediction - y).square().mean().sqrt().item()

    values = (rmse(plain), rmse(drawn[0]), rmse(nn.predictive_mean(drawn)), likelihood)
    return dict(zip(SCORES, values, strict=True))


def run_splits(
    data: datasets.RegressionData, numbers: Sequence[int], args: argparse.Namespace, tick: Callable[[], Any]
) -> list[dict[str, Any]]:
    """Choose by the last fifth of each training part, train on all of it, test: what the splits' files will hold."""
    minigrad.manual_seed(args.seed * 1000 + numbers[0])
    splits = [data.split(number) for number in numbers]
    inner, whole = [], []
    for x, y, x_test, y_test in splits:
        cut = int(0.8 * len(x))
        inner.append(standardised(x[:cut], y[:cut], x[cut:], y[cut:]))
        whole.append(standardised(x, y, x_test, y_test))

    grid = (Job(*job) for job in product(range(len(splits)), RATES, TAUS[data.name]))
    best: dict[int, tuple[float, Job]] = {}
    for job, net in train(inner, grid, args.epochs, tick):
        found = scores(net, inner[job.part], job.tau, -(-args.samples // 10))["log_likelihood"]
        best[job.part] = max(best.get(job.part, (-math.inf, job)), (found, job))

    results = {}
    for job, net in train(whole, (job for _, job in best.values()), args.epochs, tick):
        tested = scores(net, whole[job.part], job.tau, args.samples)
        results[job.part] = {"p": job.p, "tau": job.tau, "held_out": best[job.part][0], "test": tested}
    return [results[part] for part in range(len(splits))]


def run_set(name: str, args: argparse.Namespace) -> list[dict[str, Any]]:
    """The results of a set's splits, those of earlier runs read from their files."""
    from tqdm import tqdm

    try:
        data = datasets.uci(name, args.data_dir)
    except ValueError as damaged:
        sys.exit(f"mc_dropout_uci.py: {damaged}")
    settings = {option: getattr(args, option) for option in ("epochs", "samples", "block", "seed")}
    paths = {number: args.out / name / f"split_{number:02d}.json" for number in range(args.splits)}
    left = [number for number, path in paths.items() if not (path.is_file() and read_result(path, settings))]
    blocks = [left[start : start + args.block] for start in range(0, len(left), args.block)]
    with tqdm(desc=name, total=2 * args.epochs * len(blocks), unit="epoch", disable=None) as bar:
        for numbers in blocks:
            for number, result in zip(numbers, run_splits(data, numbers, args, bar.update), strict=True):
                write_json(paths[number], {"settings": settings, **result})
                tested = "  ".join(f"{key} {value:.3f}" for key, value in result["test"].items())
                bar.write(f"{name}, split {number}: p {result['p']:g}, tau {result['tau']:g}: {tested}")
    return [read_result(path, settings) for path in paths.values()]


def read_result(path: Path, settings: dict[str, int]) -> dict:
    try:
        result = json.loads(path.read_text())
        if result["settings"] == settings and all(key in result["test"] for key in SCORES):
            return result
        other = json.dumps(result["settings"])
    except (ValueError, KeyError, TypeError) as error:
        sys.exit(f"mc_dropout_uci.py: {path} is no result of this program: remove it ({type(error).__name__}: {error})")
    sys.exit(f"mc_dropout_uci.py: {path} is of a run with {other}: give another --out, or those options")


def summary(results: Iterable[dict]) -> dict[str, Any]:
    """For each score, its mean over splits and the standard error of that."""
    results = list(results)
    means: dict[str, Any] = {"splits": len(results)}
    for key in SCORES:
        values = np.array([result["test"][key] for result in results])
        error = values.std(ddof=1) / math.sqrt(len(values)) if len(values) > 1 else math.nan
        means[key] = [values.mean(), error]
    return means


def table(summaries: dict[str, dict[str, Any]]) -> str:
    """Rows of a Markdown table: ours, and after them what is published (grid search; the paper's code again)."""
    head = "set", "splits", "plain RMSE", "one pass", "MC RMSE", "published", "log-likelihood", "published"
    rows = [head, ("---",) * len(head)]
    for name, means in summaries.items():
        plain, one, mc, likelihood = (f"{means[key][0]:.2f} ± {means[key][1]:.2f}" for key in SCORES)
        grid, paper = PUBLISHED[name]
        known_mc, known_likelihood = (f"{grid[i]:.2f} ± {grid[i + 1]:.2f} ({paper[i]:.2f})" for i in (0, 2))
        rows.append((name, str(means["splits"]), plain, one, mc, known_mc, likelihood, known_likelihood))
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def plot(summaries: dict[str, dict[str, Any]], path: Path) -> None:
    """Ours beside the published numbers, with standard errors."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    titles = {"mc_rmse": "RMSE of the MC mean", "log_likelihood": "log-likelihood"}
    figure, axes = pyplot.subplots(2, len(summaries), figsize=(1.5 + 1.4 * len(summaries), 5), squeeze=False)
    for column, (name, means) in enumerate(summaries.items()):
        grid, paper = PUBLISHED[name]
        for row, key in enumerate(titles):
            points = means[key], grid[2 * row : 2 * row + 2], paper[2 * row : 2 * row + 2]
            for at, ((value, error), colour) in enumerate(zip(points, ("C0", "0.2", "0.6"), strict=True)):
                axes[row, column].errorbar(at, value, error, fmt="o", color=colour, capsize=4)
            axes[row, column].set(xlim=(-0.7, 2.7), xticks=range(3), title=name if row == 0 else "")
            axes[row, column].set_xticklabels(("minigrad", "authors, grid", "authors, paper"), rotation=90)
            if row == 0:
                axes[row, column].set_xticklabels([])
    for row, title in enumerate(titles.values()):
        axes[row, 0].set_ylabel(title)
    figure.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


def main(args: argparse.Namespace) -> None:
    if args.threads is not None:
        minigrad.set_num_threads(args.threads)
    summaries = {}
    for name in args.datasets:
        summaries[name] = summary(run_set(name, args))
        write_json(args.out / "summary.json", summaries)
    print(table(summaries))
    plot(summaries, args.out / "uci.png")
    print(f"means and figure are in {args.out}")


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    def splits(text: str) -> int:
        value = count(text)
        if value > 20:
            raise argparse.ArgumentTypeError(f"there are 20, not {value}")
        return value

    def seed(text: str) -> int:
        value = int(text)
        if not 0 <= value < 2**50:
            raise argparse.ArgumentTypeError(f"must be at least 0 and below 2**50, not {value}")
        return value

    def names(text: str) -> list[str]:
        found = list(dict.fromkeys(text.split(",")))
        for name in found:
            if name not in TAUS:
                raise argparse.ArgumentTypeError(f"no set is called {name!r}; there are {', '.join(TAUS)}")
        return found

    parser = argparse.ArgumentParser(
        description="Train and test MC dropout on UCI's regression sets, beside the published numbers.",
        epilog="The same command goes on with a run that was stopped: splits that are done are not run again.",
    )
    option = parser.add_argument
    everything = "boston,concrete,energy,power,wine,yacht"
    option(
        "--datasets",
        type=names,
        default=everything,
        metavar="A,B",
        help=f"of {', '.join(TAUS)} (default: {everything})",
    )
    option("--splits", type=splits, default=20, help="the first so many of the 20 splits (default: %(default)s)")
    option("--epochs", type=count, default=4000, help="passes over the training rows (default: %(default)s)")
    option(
        "--samples",
        type=count,
        default=10_000,
        help="passes with dropout for a test; a tenth of it to choose by (default: %(default)s)",
    )
    option(
        "--block",
        type=splits,
        default=5,
        help="splits that are trained at once: more are faster, and use more memory (default: %(default)s)",
    )
    option("--seed", type=seed, default=0, help="for weights, batches and dropout (default: %(default)s)")
    option("--threads", type=count, help="for the kernels (default: all processors); results do not depend on it")
    option("--data-dir", type=Path, help="folder that holds the sets' files (default: download them once)")
    option("--out", type=Path, default=Path("runs/uci"), help="folder for results (default: %(default)s)")
    return parser.parse_args(argv)


if __name__ == "__main__":
    try:
        main(arguments())
    except KeyboardInterrupt:
        sys.exit(130)
    except (OSError, ImportError) as error:  # files and packages
        sys.exit(f"mc_dropout_uci.py: {error}")
