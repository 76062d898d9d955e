"""Runs a suite: every case in every library that is there."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import partial
from importlib import import_module

from .case import Case, Result
from .limits import Limits
from .peers import LIBRARIES, Sites, is_available
from .settings import Settings
from .suites import SUITES
from .timing import alternate


def results_of(suite: str, settings: Settings, sites: Sites, limits: Limits) -> Iterator[Result]:
    """The results of a suite, each as soon as it is there."""
    module = import_module(f"benchmarks.suites.{SUITES[suite]}")
    if hasattr(module, "measure"):
        yield from module.measure(settings)
        return
    for case in module.cases():
        yield result_of(suite, case, settings, sites, limits)


def result_of(suite: str, case: Case, settings: Settings, sites: Sites, limits: Limits) -> Result:
    """Time one case, the libraries in turn. A peer that fails is left out, with a line on stderr."""
    samplers = {}
    for name in case.build:
        if not is_available(name) or (name == "torch compiled" and not settings.compile):
            continue
        try:
            sampler = partial(sites.of(name).sample, suite, case.name, name, settings.seconds)
            sampler()
        except Exception as error:
            if name == "minigrad":
                raise
            print(f"{suite}, {case.name}: without {name}: {error}", file=sys.stderr)
        else:
            samplers[name] = sampler
    samples = alternate(samplers, settings.rounds, settings.pause)
    sites.release()
    flop = case.flop() if callable(case.flop) else case.flop
    return Result(
        suite,
        case.name,
        samples,
        [name for name in samples if LIBRARIES[name].is_peer],
        limit=limits.seconds_for(flop, case.moved, case.itemsize),
        flop=flop,
        moved=case.moved,
        itemsize=case.itemsize,
        per=case.per,
    )
