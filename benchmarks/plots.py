"""The roofline and the comparison as pictures, from a record of `report.record`."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

OWN, PEER, LINE = "#1f6f8b", "#e07a3f", "#555555"
MARKS = {"matmul float32": "o", "matmul float64": "D", "conv float32": "s"}


def draw(record: dict[str, Any], folder: str | Path) -> list[Path]:
    """Write `roofline.png` and `ratios.png` to `folder`, as far as there is something to draw; returns their paths."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, figure_of in (("roofline", roofline), ("ratios", ratios)):
        figure = figure_of(record, plt)
        if figure is not None:
            written.append(folder / f"{name}.png")
            figure.savefig(written[-1], dpi=150, bbox_inches="tight")
            plt.close(figure)
    return written


def title(record: dict[str, Any], text: str) -> str:
    threads = record["threads"]
    return f"{text}\n{record['machine']['processor']}, {threads} thread{'s' * (threads > 1)}, commit {record['commit']}"


def roofline(record: dict[str, Any], plt: Any) -> Any:
    """Operations a second over operations a byte (Williams et al. 2009), under the limits measured in the same run."""
    from matplotlib import ticker

    points = [result for result in record["results"] if result["flop"] and result["bytes"]]
    peaks, copies = record["limits"]["flop_per_second"], record["limits"]["copy_bytes_per_second"]
    if not points or not copies:
        return None
    intensities = [point["flop"] / point["bytes"] for point in points]
    left, right = min(intensities) / 2, max(intensities) * 2
    figure, axes = plt.subplots(figsize=(9, 6))
    size = max(copies, key=int)
    for dtype, peak in peaks.items():
        bend = peak / copies[size]
        x = [left, bend, right] if left < bend < right else [left, right]
        label = f"{dtype}: {peak / 1e9:.0f} GFLOP/s, copies of {int(size) / 2**20:g} MiB: {copies[size] / 1e9:.0f} GB/s"
        style = "-" if dtype == "float32" else "--"
        axes.plot(x, [min(peak, i * copies[size]) / 1e9 for i in x], style, color=LINE, label=label)
    for kind, mark in MARKS.items():
        chosen = [
            (i, p) for i, p in zip(intensities, points, strict=True) if f"{p['suite']} float{8 * p['itemsize']}" == kind
        ]
        for color, who in ((PEER, "best peer"), (OWN, "minigrad")):
            measured = [(i, p, "minigrad" if who == "minigrad" else p["best_peer"]) for i, p in chosen]
            found = [(i, p["flop"] / p["medians"][name] / 1e9) for i, p, name in measured if name]
            if found:
                axes.scatter(
                    *zip(*found, strict=True), s=36, marker=mark, color=color, label=f"{kind}, {who}", zorder=3
                )
    axes.set(xscale="log", yscale="log", xlim=(left, right))
    axes.set_ylim(bottom=axes.get_ylim()[0] / 2)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5)))
        axis.set_major_formatter(ticker.FormatStrFormatter("%g"))
        axis.set_minor_locator(ticker.NullLocator())
    axes.set_xlabel("floating-point operations for each byte that must be moved")
    axes.set_ylabel("GFLOP/s")
    axes.set_title(title(record, "What of the machine is used"), fontsize=11)
    axes.grid(True, which="both", alpha=0.2)
    axes.legend(fontsize=8, loc="lower right")
    return figure


def ratios(record: dict[str, Any], plt: Any) -> Any:
    """How many times minigrad's number the best peer's is, a bar for each case."""
    compared = [result for result in record["results"] if result["ratio"]][::-1]
    if not compared:
        return None
    figure, axes = plt.subplots(figsize=(9, 1.2 + 0.24 * len(compared)))
    places, labels, place, previous = [], [], 0.0, compared[0]["suite"]
    for result in compared:
        place += 1.0 if result["suite"] == previous else 1.8
        previous = result["suite"]
        places.append(place)
        labels.append(f"{result['suite']}: {result['case']}")
    values = [result["ratio"] for result in compared]
    # A bar goes from 1 to the ratio, so that its direction says who is ahead.
    axes.barh(places, [value - 1 for value in values], left=1, color=[OWN if value >= 1 else PEER for value in values])
    axes.set_xscale("log", base=2)
    low, high = min(*values, 1) / 1.3, max(*values, 1) * 1.6
    axes.set_xlim(low, high)
    powers = range(math.ceil(math.log2(low)), math.floor(math.log2(high)) + 1)
    axes.set_xticks([2.0**n for n in powers], [f"{2**n}x" if n >= 0 else f"1/{2**-n}x" for n in powers])
    axes.minorticks_off()
    for place, value, result in zip(places, values, compared, strict=True):
        label = f" {value:.2f}x  {result['best_peer']}"
        axes.text(max(value, 1), place, label, va="center", fontsize=7, color=LINE)
    axes.axvline(1, color=LINE, linewidth=1)
    axes.set_yticks(places, labels, fontsize=8)
    axes.set_ylim(places[0] - 0.8, places[-1] + 0.8)
    axes.grid(True, axis="x", alpha=0.2)
    axes.set_axisbelow(True)
    axes.set_xlabel("best peer / minigrad (right of 1x: minigrad is faster, or smaller)")
    axes.set_title(title(record, "minigrad beside the best peer of each case"), fontsize=11)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    return figure
