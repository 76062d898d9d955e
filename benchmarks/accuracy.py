"""The example's test accuracy over several seeds: python -m benchmarks.accuracy --dataset digits --seeds 5

Runs examples/train_cnn.py once for each seed, with whatever other options are given, and prints each result and the mean.
"""

from __future__ import annotations

import argparse
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

EXAMPLE = Path(__file__).parent.parent / "examples" / "train_cnn.py"


def run(options: list[str], seed: int) -> tuple[float, float]:
    """(test accuracy in percent, seconds) of one run of the example."""
    with tempfile.TemporaryDirectory() as folder:
        begin = time.perf_counter()
        command = [sys.executable, str(EXAMPLE), *options, "--seed", str(seed), "--out", folder]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        seconds = time.perf_counter() - begin
    found = re.search(r"test accuracy: ([\d.]+) %", done.stdout)
    if found is None:
        sys.exit(f"the example failed:\n{done.stdout}{done.stderr}")
    return float(found[1]), seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dataset", default="digits")
    parser.add_argument("--seeds", type=int, default=5)
    args, options = parser.parse_known_args()
    results = []
    for seed in range(args.seeds):
        accuracy, seconds = run(["--dataset", args.dataset, *options], seed)
        results.append(accuracy)
        print(f"seed {seed}: test accuracy {accuracy:.2f} %  ({seconds:.1f} s)", flush=True)
    print(f"mean of {len(results)} seeds: {statistics.mean(results):.2f} %")


if __name__ == "__main__":
    main()
