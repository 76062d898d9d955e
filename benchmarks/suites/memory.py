"""Memory: what training steps add to the peak of a process, the page faults of a steady loop, and what dropout keeps.

Each number comes from a process of its own: `python -m benchmarks.suites.memory LIBRARY THREADS WHAT [NET]`.
"""

from __future__ import annotations

import os
import re
import resource
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from .. import nets
from ..case import Result
from ..peers import ROOT, is_available
from ..settings import Settings

STEPS = 20
PEAK = f"peak of {STEPS} steps"
FAULTS = "page faults a step"
KEPT = "kept by dropout"
NO_REUSE = {"MALLOC_MMAP_THRESHOLD_": "65536", "MINIGRAD_POOL": "0"}  # freed memory goes back to the system at once


def measure(settings: Settings) -> Iterator[Result]:
    """Two results for each net, and one for dropout."""
    runs = 1 if settings.quick else 3
    for what, unit in ((PEAK, "MiB"), (FAULTS, "faults"), (KEPT, "bytes/element")):
        for net in [""] if what == KEPT else nets.NETS:
            samples = {
                library: [in_a_process(library, settings.threads, what, net) for _ in range(runs)]
                for library in ("minigrad", "torch")
                if is_available(library)
            }
            yield Result("memory", f"{net}, {what}" if net else what, samples, ["torch"], unit)


def in_a_process(library: str, threads: int, what: str, net: str) -> float:
    """The number that a new process finds."""
    command = [sys.executable, "-m", "benchmarks.suites.memory", library, str(threads), what, net]
    environment = {**os.environ, **(NO_REUSE if what == KEPT else {})}
    done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return float(done.stdout.split()[-1])


def resident(peak: bool) -> float:
    """The bytes of this process in memory, now or at most so far.

    Linux says it for this program alone; `ru_maxrss` begins at what the process held that started this one.
    """
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        scale = 1 if sys.platform == "darwin" else 1024
        return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * scale)
    found = re.search(rf"{'VmHWM' if peak else 'VmRSS'}:\s+(\d+) kB", status)
    assert found is not None
    return 1024.0 * int(found[1])


def steps_peak(torch: Any, net: nets.Net) -> float:
    """MiB that the peak grows by with some steps."""
    before = resident(peak=True)
    step = nets.training_step(torch, net)
    for _ in range(STEPS):
        step()
    return (resident(peak=True) - before) / 2**20


def page_faults(torch: Any, net: nets.Net) -> float:
    """Page faults of a step, once a loop is steady: memory that goes back to the system and is asked for again."""
    step = nets.training_step(torch, net)
    for _ in range(STEPS):
        step()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(STEPS):
        step()
    return (resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) / STEPS


def kept_by_dropout(torch: Any, size: int = 2**20, depth: int = 32) -> float:
    """Bytes an element that the graph of a dropout holds on to: how memory grows along a chain of them, of which only
    the last output is held."""
    y = torch.rand(size).requires_grad_()

    def grow(y: Any) -> Any:
        for _ in range(depth):
            y = torch.nn.functional.dropout(y, 0.5)
        return y

    y = grow(y)  # the buffers that any chain needs are there now
    before = resident(peak=False)
    y = grow(y)
    return max(0.0, round((resident(peak=False) - before) / (depth * size), 2))


def main() -> None:
    """Measure in this process, and print the number."""
    library, threads, what, net = sys.argv[1:]
    torch = import_module(library)
    torch.set_num_threads(int(threads))
    if what == KEPT:
        print(kept_by_dropout(torch))
    else:
        print((steps_peak if what == PEAK else page_faults)(torch, nets.NETS[net]))


if __name__ == "__main__":
    main()
