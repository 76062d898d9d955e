"""Compare regularizers on images, over several seeds: python examples/dropout_lab.py --help

    python examples/dropout_lab.py                                    # twelve ways on the digits, in two minutes
    python examples/dropout_lab.py --sweep p                          # the error over the drop probability
    python examples/dropout_lab.py --compare none,dropout,'dropout(p=0.5 input=0.2)+maxnorm(c=2)' --dataset mnist

Options that are left open, and the learning rate if --lr gives several, are chosen on training images held out for it; then
the net is trained on all training images, and tested once, after its last epoch. Each run is written when it ends: a
comparison that was stopped goes on where it was.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tqdm import tqdm

import minigrad
from lab import data, nets, regularizers, report
from lab.study import SWEEPS, Study
from lab.trial import Trial

DEFAULT = "none,l2,l1,maxnorm,early-stopping,augment,dropout,gaussian,dropconnect,standout,concrete,dropout+maxnorm"
DEFAULT_MAPS = "none,l2,dropout,maps,spatial,dropblock"  # of nets with feature maps


def main(args: argparse.Namespace) -> None:
    if args.threads is not None:
        minigrad.set_num_threads(args.threads)
    methods = split(args.compare)
    base = Trial(
        args.dataset, args.net, "none", "test", 0, args.epochs, args.batch_size, args.lr[0], args.units, args.layers,
        args.train_size,
    )  # fmt: skip
    study = Study(
        base, methods, args.seeds, args.out / "runs", args.data_dir,
        rates=args.lr, choose_epochs=args.choose_epochs, choose_seeds=args.choose_seeds, say=in_a_log,
    )  # fmt: skip
    values = args.values or SWEEPS.get(args.sweep, ())
    if args.sweep == "train-size" and not args.values:
        most = len(data.load(args.dataset, args.data_dir, args.net != "mlp").train_labels)
        values = [value for value in values if value < most] + [most]
    study.check()
    with tqdm(total=study.epochs(args.sweep, values), unit="epoch", disable=None, smoothing=0.05) as bar:
        outcomes = study.sweep(args.sweep, values, bar.update) if args.sweep else study.compare(bar.update)
    print(report.table(outcomes, args.sweep))
    if args.sweep == "samples":
        print(report.monte_carlo_table(outcomes))
    name = args.name or "-".join(filter(None, [args.dataset, args.net, args.sweep]))
    about = {key: str(value) if isinstance(value, Path) else value for key, value in vars(args).items()}
    paths = report.write(outcomes, args.sweep, about, args.out, name)
    print(f"\nwritten: {', '.join(map(str, paths))}")


def in_a_log(line: str) -> None:
    """Say it where there is no terminal for a progress bar."""
    if not sys.stderr.isatty():
        print(line, file=sys.stderr, flush=True)


def split(text: str) -> list[str]:
    """The methods of 'a,b(p=0.5, input=0.2)+c': at commas that stand in no brackets."""
    parts, depth = [""], 0
    for letter in text:
        depth += (letter == "(") - (letter == ")")
        if letter == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return [part.strip() for part in parts if part.strip()]


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    def count(text: str) -> int:
        value = int(text)
        if value < 1:
            raise argparse.ArgumentTypeError(f"must be at least 1, not {value}")
        return value

    def positive(text: str) -> float:
        value = float(text)
        if not 0 < value < float("inf"):
            raise argparse.ArgumentTypeError(f"must be a positive number, not {text}")
        return value

    def numbers(text: str) -> list[float]:
        return [float(part) for part in text.split(",")]

    def rates(text: str) -> list[float]:
        return [positive(part) for part in text.split(",")]

    lines = [f"  {name:15} {kind.__doc__}" for name, kind in regularizers.REGULARIZERS.items() if name != "none"]
    parser = argparse.ArgumentParser(
        description="Compare regularizers on images over several seeds.",
        epilog="what can be compared, alone or joined by +:\n" + "\n".join(lines),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    option = parser.add_argument
    option("--dataset", choices=data.NAMES, default="digits", help="default: digits, no download")
    option("--net", choices=nets.NAMES, default="mlp", help="default: %(default)s")
    option("--compare", metavar="A,B,...", help="names, or sums of names with options: dropout(p=0.5)+maxnorm(c=2)")
    option("--sweep", choices=SWEEPS, help="vary the rate, the size of the training set, units, or averaged passes")
    option("--values", type=numbers, metavar="X,Y,...", help="the values to sweep over")
    option("--seeds", type=count, help="runs of each (default: 5, other sets than the digits: 3)")
    option("--epochs", type=count, help="of a run (default: 40, other sets: 10)")
    option("--choose-epochs", type=count, help="of a run that chooses options (default: as --epochs)")
    option("--choose-seeds", type=count, help="runs for each choice (default: 2, other sets: 1)")
    option("--batch-size", type=count, help="default: 32, other sets: 100")
    option(
        "--lr", type=rates, metavar="X,Y,...", help="learning rate at the start, it falls to 0 (default: by the net)"
    )
    option("--units", type=count, help="in a hidden layer of the mlp (default: 128, other sets: 1024)")
    option("--layers", type=count, help="hidden layers of the mlp (default: 2, other sets: 3)")
    option("--train-size", type=count, help="train on so many images (default: all)")
    option("--threads", type=count, help="for the kernels (default: all processors); results do not depend on it")
    option("--data-dir", type=Path, help="folder that holds the set's files (default: download them once)")
    option("--out", type=Path, default=Path("runs/lab"), help="folder for runs and results (default: %(default)s)")
    option("--name", help="of the files written (default: by data set, net and sweep)")
    args = parser.parse_args(argv)
    small = args.dataset == "digits"
    args.seeds = args.seeds or (5 if small else 3)
    args.epochs = args.epochs or (40 if small else 10)
    args.choose_seeds = args.choose_seeds or (2 if small else 1)
    args.batch_size = args.batch_size or (32 if small else 100)
    args.units = args.units or (128 if small else 1024)
    args.layers = args.layers or (2 if small else 3)
    args.lr = args.lr or [nets.LEARNING_RATES[args.net]]
    if args.compare is None:
        args.compare = "dropout" if args.sweep in ("p", "samples") else "none,dropout"
        if args.sweep is None:
            args.compare = DEFAULT if args.net == "mlp" else DEFAULT_MAPS
    methods = split(args.compare)
    try:
        for method in methods:
            regularizers.parse(method)
    except ValueError as error:
        parser.error(f"argument --compare: {error}")
    if not methods or len(set(methods)) < len(methods):
        parser.error(f"argument --compare: expected methods, each once, got {args.compare!r}")
    if args.values and not args.sweep:
        parser.error("argument --values: they are those of a --sweep, which is to be given too")
    if args.sweep and len(args.lr) > 1:
        parser.error("argument --lr: nothing is chosen in a --sweep, which takes one learning rate")
    for value in args.values or ():
        if args.sweep == "p" and not 0 <= value <= 1:
            parser.error(f"argument --values: a rate lies in [0, 1], not {value:g}")
        if args.sweep != "p" and (value < 1 or value != int(value)):
            parser.error(f"argument --values: {args.sweep} counts from 1, not {value:g}")
    return args


if __name__ == "__main__":
    try:
        main(arguments())
    except KeyboardInterrupt:
        sys.exit(130)
    except (OSError, ValueError, ImportError, FloatingPointError) as error:  # files, options, packages, a rate
        sys.exit(f"dropout_lab.py: {error}")
