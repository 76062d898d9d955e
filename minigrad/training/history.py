"""History: what a fit measured, epoch by epoch, and its learning curves."""

from __future__ import annotations

import os
from typing import Any

PANEL = (4.8, 3.6)  # inches


class History(dict[str, list[float]]):
    """A list for each quantity, with a value for each epoch that ended.

    `loss` and the metrics are means over the training samples, taken while the weights were changing and dropout was
    on; `val_loss` and `val_<metric>` are of the validation data after the epoch; `lr` is the learning rate of the
    epoch's last step (first parameter group), `seconds` the time it took. A dict, so `json.dumps(history)` works.
    """

    @property
    def epochs(self) -> int:
        """The number of epochs that ended."""
        return len(self.get("loss", ()))

    def append(self, values: dict[str, float]) -> None:
        """Add an epoch."""
        for name, value in values.items():
            self.setdefault(name, []).append(value)

    def plot(self, path: str | os.PathLike[str] | None = None) -> Any:
        """Draw the learning curves, a panel for the loss and one for each metric; returns the matplotlib Figure.

        With a `path` it is written there (the format follows the ending: .png, .svg, .pdf), and no window opens; without
        one it is a pyplot figure, which notebooks show. ValueError if no epoch has ended.
        """
        names = [name for name in self if name not in ("lr", "seconds") and not name.startswith("val_")]
        if not names:
            raise ValueError("there is nothing to plot: no epoch has ended")
        figure = _figure((PANEL[0] * len(names), PANEL[1]), path is None)
        for axes, name in zip(figure.subplots(1, len(names), squeeze=False)[0], names, strict=True):
            self._draw(axes, name)
        if path is not None:
            os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
            figure.savefig(path, dpi=150)
        return figure

    def _draw(self, axes: Any, name: str) -> None:
        from matplotlib.ticker import MaxNLocator

        for key, label in ((name, "training"), (f"val_{name}", "validation")):
            values = self.get(key, [])
            if values:
                axes.plot(range(1, len(values) + 1), values, marker="o", markersize=3, label=label)
        axes.set(xlabel="epoch", ylabel=name)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False)


def _figure(size: tuple[float, float], shown: bool) -> Any:
    try:
        if shown:
            from matplotlib import pyplot

            return pyplot.figure(figsize=size, layout="constrained")
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError("History.plot needs matplotlib: pip install minigrad[examples]") from error
    figure = Figure(figsize=size, layout="constrained")
    FigureCanvasAgg(figure)
    return figure
