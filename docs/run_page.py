"""Runs the Python blocks of a page, in order, in one namespace: `python docs/run_page.py PAGE`.

Line numbers in errors are the page's. Where a print ends in a comment, that is what it has to print.
"""

import contextlib
import io
import re
import sys
from typing import Any


def run_page(page: str) -> None:
    """AssertionError if a block prints something else than it promises; whatever a block raises, otherwise."""
    with open(page, encoding="utf-8") as file:
        text = file.read()
    scope: dict[str, Any] = {"__name__": "__main__"}
    for block in re.finditer(r"^```python\n(.*?)^```", text, re.M | re.S):
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            exec(compile("\n" * text[: block.start(1)].count("\n") + block[1], page, "exec"), scope)
        promised = re.findall(r"^ *print\(.*\)  # (.*)$", block[1], re.M)
        if promised:
            printed = said.getvalue()
            assert printed.splitlines() == promised, f"it printed {printed!r}, and promised {promised}"


if __name__ == "__main__":
    run_page(sys.argv[1])
