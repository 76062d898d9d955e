"""What a fit shows while it runs: tqdm's bar in a terminal, else a line for each epoch."""

from __future__ import annotations

import shutil
import sys
from types import TracebackType
from typing import Any

from .metrics import Means

# What was measured comes first: a narrow terminal cuts the end.
FORMAT = "{desc}  {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} [{elapsed}<{remaining}]"


class Progress:
    """The bar of one epoch: `step` moves it, `finish` leaves the epoch's results standing.

    There is a bar if `verbose`, where standard error is a terminal and tqdm is installed; otherwise, if `verbose`,
    `finish` prints one line to standard output.
    """

    def __init__(self, epoch: int, epochs: int, batches: int | None, done: int = 0, verbose: bool = True) -> None:
        self.title = f"epoch {epoch + 1:{len(str(epochs))}d}/{epochs}"
        self.verbose = verbose
        self.bar = _bar(desc=self.title, total=batches, initial=done) if verbose else None

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        if self.bar is not None:
            self.bar.close()

    def step(self, means: Means) -> None:
        """One more batch is done, after which these are the epoch's means."""
        if self.bar is not None:
            self.bar.set_description_str(f"{self.title}  {line(means.means())}", refresh=False)
            self.bar.update()

    def finish(self, values: dict[str, float]) -> None:
        """The epoch has ended, with these results."""
        shown = {name: value for name, value in values.items() if name not in ("lr", "seconds")}
        if self.bar is not None:
            self.bar.bar_format = "{desc}"  # results alone, which fit a terminal's line
            self.bar.set_description_str(f"{self.title}  {line(shown)}")
        elif self.verbose:
            print(f"{self.title}  {line(shown)}  ({values['seconds']:.1f} s)", flush=True)


def line(values: dict[str, float]) -> str:
    """'loss 0.1234  accuracy 0.9876'"""
    return "  ".join(f"{name} {value:.4f}" for name, value in values.items())


def _bar(**options: Any) -> Any:
    if sys.stderr is None or not sys.stderr.isatty():
        return None
    try:
        from tqdm import tqdm
    except ImportError:
        return None
    columns, lines = shutil.get_terminal_size()  # 80 x 24 where a terminal does not say, and tqdm would show nothing
    return tqdm(**options, ncols=columns, nrows=lines, bar_format=FORMAT)
