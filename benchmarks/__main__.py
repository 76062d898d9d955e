"""`python -m benchmarks`: minigrad beside the other libraries of this machine, measured now."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import minigrad

from . import bench, plots, report
from .limits import Limits
from .peers import Sites
from .settings import Settings
from .suites import SUITES


def parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--suite", action="append", choices=list(SUITES), help="only this one (may be repeated)")
    parser.add_argument("--threads", type=int, default=1, metavar="N", help="for every library (default: 1)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all that was measured to this file")
    parser.add_argument("--plot", type=Path, metavar="FOLDER", help="draw roofline.png and ratios.png there")
    parser.add_argument("--quick", action="store_true", help="a look instead of a measurement")
    parser.add_argument("--compile", action="store_true", help="add torch.compile to the training steps")
    return parser


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, and write what was asked for."""
    options = parser().parse_args(arguments)
    if options.threads < 1:
        parser().error(f"--threads: {options.threads} is less than 1")
    settings = Settings(options.threads, options.quick, options.compile)
    minigrad.set_num_threads(settings.threads)
    limits = Limits(settings.threads, *((0.01, 5) if settings.quick else ()))
    sites = Sites(settings.threads)
    print(report.heading(report.record([], settings, limits, sites)), flush=True)
    results = []
    try:
        for suite in options.suite or SUITES:
            of_suite = []
            for result in bench.results_of(suite, settings, sites, limits):
                of_suite.append(result)
                if sys.stderr.isatty():
                    print(f"\r{suite}: {result.case}\033[K", end="\r", file=sys.stderr)
            print(f"\n{suite}\n{report.table(of_suite)}", flush=True)
            results += of_suite
    finally:
        sites.close()
    found = report.record(results, settings, limits, sites)
    print(f"\n{report.footing(found)}".rstrip())
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(found, indent=1) + "\n")
    if options.plot:
        for path in plots.draw(found, options.plot):
            print(f"drawn: {path}")


if __name__ == "__main__":
    main()
