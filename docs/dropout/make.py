"""Runs chapters of this book and draws their figures into images/: `python docs/dropout/make.py [03_definition.md ...]`.

Without arguments it runs all of them. Each runs in a process and an empty folder of its own, and has to write exactly the
images that its text shows.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BOOK = Path(__file__).parent
RUN_PAGE = BOOK.parent / "run_page.py"


def chapters() -> list[Path]:
    return sorted(BOOK.glob("[0-9][0-9]_*.md"))


def images(page: Path) -> set[str]:
    """The names of the images that the page shows."""
    return set(re.findall(r"!\[[^\]]*\]\(images/([^)\s]+)\)", page.read_text(encoding="utf-8")))


def run(page: Path, folder: Path) -> None:
    """Run the blocks of `page` in `folder`, its images going to `folder`/images; RuntimeError says what went wrong."""
    (folder / "images").mkdir()
    package = importlib.util.find_spec("minigrad")
    if package is None or package.origin is None:
        raise RuntimeError("minigrad is not installed")
    environment = {**os.environ, "PYTHONPATH": str(Path(package.origin).parent.parent)}  # "." would mean another folder
    done = subprocess.run([sys.executable, RUN_PAGE, page], cwd=folder, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{page.name}:\n{done.stderr}")
    shown, drawn = images(page), {path.name for path in (folder / "images").iterdir()}
    if shown != drawn:
        raise RuntimeError(f"{page.name} shows the images {sorted(shown)}, but draws {sorted(drawn)}")


def main(names: list[str]) -> None:
    (BOOK / "images").mkdir(exist_ok=True)
    for page in [BOOK / Path(name).name for name in names] or chapters():
        with tempfile.TemporaryDirectory() as folder:
            start = time.perf_counter()
            run(page, Path(folder))
            print(f"{page.name}: {time.perf_counter() - start:.1f} s")
            shutil.copytree(Path(folder) / "images", BOOK / "images", dirs_exist_ok=True)


if __name__ == "__main__":
    main(sys.argv[1:])
