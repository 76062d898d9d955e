"""How the examples write their results."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any


def write_json(path: Path, value: Any) -> None:
    """Write JSON beside its place and rename it there, so that a file is whole whenever the program is stopped.

    Two programs may write to one folder: each has a name of its own beside the file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(f".{os.getpid()}.part")
    part.write_text(json.dumps(value, indent=1) + "\n")
    os.replace(part, path)
