"""A comparison shown: as a table, as JSON, and as a picture."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from files import write_json
from lab.study import Outcome

LABELS = {
    "p": "drop probability p",
    "train-size": "training images",
    "units": "units in a hidden layer",
    "samples": "passes that are averaged, k",
}


def table(outcomes: list[Outcome], sweep: str | None) -> str:
    """Markdown. The plus-minus is the standard error of the mean over seeds."""
    head = [
        "method",
        "options",
        *([sweep] if sweep else ["held-out error %"]),
        "test error %",
        "training error %",
        "s a run",
    ]
    rows = []
    for outcome in outcomes:
        held = "" if outcome.held_out is None else f"{outcome.held_out:.2f}"
        options = outcome.options + (f", {outcome.epochs} epochs" if "early-stopping" in outcome.method else "")
        rows.append(
            [
                outcome.method.partition("(")[0] if "+" not in outcome.method else outcome.method,
                options,
                f"{outcome.value:g}" if sweep else held,
                plus_minus(outcome),
                f"{np.mean(outcome.train_errors):.2f}",
                f"{outcome.seconds:.1f}",
            ]
        )
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    lines = [head, ["-" * width for width in widths], *rows]
    return "\n".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in lines
    )


def plus_minus(outcome: Outcome) -> str:
    spread = outcome.standard_error
    return f"{outcome.mean:.2f}" + ("" if spread is None else f" ± {spread:.2f}")


def monte_carlo_table(outcomes: list[Outcome]) -> str:
    """The error of the mean of k passes, beside that of weight scaling, over seeds and disjoint groups of passes."""
    lines = []
    for outcome in outcomes:
        lines += [
            f"{outcome.options}: weight scaling {plus_minus(outcome)} %",
            "",
            "| k | test error % |",
            "| --- | --- |",
        ]
        for k in outcome.mc[0]:
            errors = [error for one in outcome.mc for error in one[k]]
            lines.append(f"| {k} | {np.mean(errors):.2f} |")
    return "\n".join(lines)


def write(outcomes: list[Outcome], sweep: str | None, about: dict[str, Any], folder: Path, name: str) -> list[Path]:
    """The JSON and the picture; the paths of both."""
    data, picture = folder / f"{name}.json", folder / f"{name}.png"
    found = [{**asdict(one), "mean": one.mean, "standard_error": one.standard_error} for one in outcomes]
    write_json(data, {"about": about, "sweep": sweep, "outcomes": found})
    draw(outcomes, sweep, about).savefig(picture, dpi=110)
    return [data, picture]


def draw(outcomes: list[Outcome], sweep: str | None, about: dict[str, Any]) -> Figure:
    if sweep == "samples":
        figure = Figure((6, 3.6), layout="constrained")
        draw_samples(figure.subplots(), outcomes)
    elif sweep:
        figure = Figure((6, 3.6), layout="constrained")
        draw_sweep(figure.subplots(), outcomes, sweep)
    else:
        figure = Figure((6.4, 0.9 + 0.32 * len(outcomes)), layout="constrained")
        draw_methods(figure.subplots(), outcomes)
    for axes in figure.axes:
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.3)
    figure.suptitle(
        f"{about['net']} on {about['dataset']}, {about['epochs']} epochs, seeds: {about['seeds']}", fontsize=10
    )
    return figure


def draw_methods(axes: Axes, outcomes: list[Outcome]) -> None:
    """A row for each method: every seed a point, the mean a bar."""
    for row, outcome in enumerate(outcomes):
        axes.plot(outcome.errors, [row] * len(outcome.errors), "o", color="#4477aa", markersize=4, alpha=0.6)
        axes.plot([outcome.mean] * 2, [row - 0.3, row + 0.3], color="#cc3311", linewidth=2)
    axes.set_yticks(range(len(outcomes)), [outcome.options for outcome in outcomes], fontsize=8)
    axes.invert_yaxis()
    axes.set_xlabel("test error in percent (points: seeds, bar: their mean)")


def draw_sweep(axes: Axes, outcomes: list[Outcome], sweep: str) -> None:
    """A line for each method, its standard error as a band; dashed: the training error, which is 0 for small training sets."""
    logarithmic = sweep == "train-size" and all(outcome.mean > 0 for outcome in outcomes)
    for method in dict.fromkeys(outcome.method for outcome in outcomes):
        line = [outcome for outcome in outcomes if outcome.method == method]
        x = [outcome.value for outcome in line]
        mean = np.array([outcome.mean for outcome in line])
        spread = np.array([outcome.standard_error or 0.0 for outcome in line])
        (drawn,) = axes.plot(x, mean, "o-", markersize=4, label=method)
        axes.fill_between(x, mean - spread, mean + spread, color=drawn.get_color(), alpha=0.2)
        if not logarithmic:
            training = [float(np.mean(outcome.train_errors)) for outcome in line]
            axes.plot(x, training, "--", color=drawn.get_color(), linewidth=1)
    if sweep != "p":
        axes.set_xscale("log")
    if logarithmic:
        axes.set_yscale("log")
    axes.set(
        xlabel=LABELS[sweep], ylabel="test error in percent" if logarithmic else "error in percent (dashed: training)"
    )
    axes.legend(frameon=False, fontsize=8)


def draw_samples(axes: Axes, outcomes: list[Outcome]) -> None:
    """The error of the mean of k passes, over disjoint groups and seeds; dashed: weight scaling."""
    for outcome in outcomes:
        ks = [int(k) for k in outcome.mc[0]]
        groups = [[error for one in outcome.mc for error in one[str(k)]] for k in ks]
        mean = np.array([np.mean(group) for group in groups])
        spread = np.array([np.std(group) for group in groups])
        (drawn,) = axes.plot(ks, mean, "o-", markersize=4, label=f"{outcome.options}, mean of k passes")
        axes.fill_between(ks, mean - spread, mean + spread, color=drawn.get_color(), alpha=0.2)
        axes.axhline(outcome.mean, linestyle="--", color=drawn.get_color(), linewidth=1, label="weight scaling")
    axes.set_xscale("log")
    axes.set(xlabel=LABELS["samples"], ylabel="test error in percent")
    axes.legend(frameon=False, fontsize=8)
