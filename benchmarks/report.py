"""Results as a table to read and as a record to keep."""

from __future__ import annotations

import platform
import re
import subprocess
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import minigrad

from .case import Result, geometric_mean
from .limits import Limits
from .peers import LIBRARIES, ROOT, Sites, version_of
from .settings import Settings

MODULES = ("minigrad", "numpy", "torch", "jax")


def table(results: list[Result]) -> str:
    """A line for each result: minigrad's median, its rate and its share of what the machine could do, then the other
    libraries, and how many times minigrad's number the best peer's is."""
    measured = {name for result in results for name in result.samples}
    others = [name for name in LIBRARIES if name in measured and name != "minigrad"]
    header = ["case", "minigrad", "rate", "of limit", *others, "best peer / minigrad"]
    rows = [header, *(row(result, others) for result in results)]
    ratios = [result.ratio for result in results if result.ratio]
    if len(ratios) > 1 and len({result.unit for result in results}) == 1:
        rows.append(["geometric mean", *[""] * (len(header) - 2), f"{geometric_mean(ratios):.2f}"])
    kept = [column for column in range(len(header)) if any(row[column] for row in rows[1:])]
    widths = [max(len(row[column]) for row in rows) for column in kept]
    lines = []
    for cells in rows:
        first, *rest = (cells[column] for column in kept)
        lines.append("  ".join([first.ljust(widths[0]), *map(str.rjust, rest, widths[1:])]).rstrip())
    return "\n".join([lines[0], "-" * max(map(len, lines)), *lines[1:]])


def row(result: Result, others: list[str]) -> list[str]:
    """The cells of one result."""
    numbers = [quantity(result.medians[name], result.unit) if name in result.medians else "" for name in others]
    return [
        result.case,
        quantity(result.own, result.unit),
        rate(result),
        f"{result.share:.0%}" if result.share else "",
        *numbers,
        f"{result.ratio:.2f}" if result.ratio else "",
    ]


def quantity(value: float, unit: str) -> str:
    """Three digits and a unit."""
    if unit != "s":
        return f"{value:.2f} {unit}"
    scales = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
    name = next((name for name, scale in scales.items() if abs(value) >= scale), "ns")
    value /= scales[name]
    return f"{value:.{2 if abs(value) < 10 else 1 if abs(value) < 100 else 0}f} {name}"


def rate(result: Result) -> str:
    """What minigrad got done: time for each thing, operations a second, or bytes a second."""
    if result.per:
        count, thing = result.per
        return f"{quantity(result.own / count, 's')}/{thing}"
    if result.flop:
        return f"{result.flop / result.own / 1e9:.1f} GFLOP/s"
    return f"{result.moved / result.own / 1e9:.1f} GB/s" if result.moved else ""


def record(results: list[Result], settings: Settings, limits: Limits, sites: Sites) -> dict[str, Any]:
    """Everything that was measured, and on what: plain dicts and lists."""
    return {
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "commit": commit(),
        "machine": {"processor": processor(), "system": platform.platform(), "level": minigrad._kernels.LEVEL},
        "versions": {
            "python": platform.python_version(),
            **{module: found for module in MODULES if (found := version_of(module))},
        },
        "openblas_kernels": sites.blas,
        "threads": settings.threads,
        "quick": settings.quick,
        "limits": {
            "flop_per_second": {f"float{8 * itemsize}": peak for itemsize, peak in sorted(limits.peaks.items())},
            "copy_bytes_per_second": {str(size): found for size, found in sorted(limits.copies.items())},
        },
        "results": [
            {
                "suite": result.suite,
                "case": result.case,
                "unit": result.unit,
                "flop": result.flop,
                "bytes": result.moved,
                "itemsize": result.itemsize,
                "per": result.per,
                "least": result.limit,
                "of_limit": result.share,
                "medians": result.medians,
                "best_peer": result.best_peer,
                "ratio": result.ratio,
                "samples": result.samples,
            }
            for result in results
        ],
    }


def commit() -> str | None:
    """The commit that was measured, with '+' if files differ from it; None outside a repository."""

    def git(*arguments: str) -> str:
        return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()

    try:
        return git("rev-parse", "--short=12", "HEAD") + ("+" if git("status", "--porcelain", "-uno") else "")
    except (OSError, subprocess.CalledProcessError):
        return None


def processor() -> str:
    """The processor's name."""
    try:
        found = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    except OSError:
        found = None
    return found[1] if found else platform.processor() or platform.machine()


def heading(record: dict[str, Any]) -> str:
    """What was measured on what, in two lines."""
    versions = ", ".join(f"{name} {found}" for name, found in record["versions"].items())
    threads = f"{record['threads']} thread{'s' * (record['threads'] > 1)}"
    machine = record["machine"]
    return f"{machine['processor']}, kernels {machine['level']}, {threads}\n{versions}, commit {record['commit']}"


def footing(record: dict[str, Any]) -> str:
    """The limits that shares are shares of, and the kernels that OpenBLAS used."""
    limits = record["limits"]
    lines = [f"{dtype} {peak / 1e9:.0f} GFLOP/s" for dtype, peak in limits["flop_per_second"].items()]
    copies = limits["copy_bytes_per_second"]
    lines += [f"copies of {int(size) / 1024:g} KiB {copies[size] / 1e9:.0f} GB/s" for size in copies]
    text = "limits measured: " + ", ".join(lines) if lines else ""
    for library, kernels in record["openblas_kernels"].items():
        text += f"\n{library} ran on its {kernels} kernels" if kernels else ""
    return text
