"""A process that measures for `peers.Elsewhere`: requests come on stdin and answers go to stdout, a line of JSON each."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

from .peers import Here


def blas() -> str | None:
    """The kernels that OpenBLAS has chosen in this process."""
    import numpy as np  # noqa: F401  (loads the library that is asked)

    try:
        infos = import_module("threadpoolctl").threadpool_info()
    except ImportError:
        return None
    return next((info.get("architecture") for info in infos if info["user_api"] == "blas"), None)


def main() -> None:
    """Answer until stdin ends. Arguments: how many threads, and how many processors (or 'all')."""
    threads, processors = int(sys.argv[1]), sys.argv[2]
    if processors != "all" and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: int(processors)])
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever a library prints goes to stderr
    here = Here(threads)
    actions: dict[str, Callable[..., Any]] = {"sample": here.sample, "release": here.release, "blas": blas}
    for line in sys.stdin:
        action, *arguments = json.loads(line)
        try:
            answer = {"result": actions[action](*arguments)}
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
