"""Feed minigrad's random numbers to dieharder, R. G. Brown's battery of tests, and record what it says.

    python tools/rng_dieharder.py --stream raw --tests all --seed 1 --out docs/results/dieharder_raw.md

dieharder is a program of its own (Debian and Ubuntu: apt install dieharder), which reads the numbers from a pipe. The streams:

raw        whole calls of the generator, 2^20 words of each: what one large mask is made of
decisions  the same words as their 16-bit halves in the order of the elements that they decide
mask       the mask of one endless call at p = 0.5, a bit for each element
calls      16 words of each call: whether neighbouring calls are related, as layers and steps of a training are
seeds      16 words of the first call of each seed, from the given one upwards: whether neighbouring seeds are related

docs/rng.md has the results. `--tests all` (dieharder -a) takes an hour and more.
"""

from __future__ import annotations

import argparse
import fcntl
import shlex
import shutil
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import numpy as np

from minigrad import _kernels as kernels

Words = Iterator[np.ndarray]  # arrays of uint32, one after the other

CALL = 2**20  # the words of a call of the streams `raw` and `decisions`
FEW = 16  # those of a call of `calls` and `seeds`: four blocks of Philox
PIPE = 2**20  # bytes that wait between the two programs, if the system lets them


def raw(seed: int) -> Words:
    words = np.empty(CALL, np.uint32)
    for call in range(2**64):
        kernels.dropout.random_bits(words, seed, call)
        yield words


def decisions(seed: int) -> Words:
    # docs/dropout_format.md: element r of a group of 128 has half (r div 16) mod 2 of word r div 32 of block r mod 16.
    for words in raw(seed):
        halves = words.astype("<u4", copy=False).view("<u2").reshape(-1, 16, 4, 2)
        yield np.ascontiguousarray(halves.transpose(0, 2, 3, 1)).view(np.uint32)


def mask(seed: int) -> Words:
    kept = np.empty(2**22, np.uint8)
    for offset in range(0, 2**63, kept.size):
        kernels.dropout.dropout_mask(kept, seed, 0, offset, 2**31)
        yield np.packbits(kept, bitorder="little")


def calls(seed: int) -> Words:
    words = np.empty((2**14, FEW), np.uint32)
    for first in range(0, 2**64, len(words)):
        for i, few in enumerate(words):
            kernels.dropout.random_bits(few, seed, first + i)
        yield words


def seeds(seed: int) -> Words:
    words = np.empty((2**14, FEW), np.uint32)
    for first in range(seed, 2**64, len(words)):
        for i, few in enumerate(words):
            kernels.dropout.random_bits(few, first + i, 0)
        yield words


STREAMS = {function.__name__: function for function in (raw, decisions, mask, calls, seeds)}

# Of dieharder -a those that take some 10^8 words or fewer, one size each: birthdays, ranks of 32x32 bits, bitstream, pairs
# (opso), counts of ones, runs, craps, monobit, serial patterns, bit distributions, lagged sums, Kolmogorov-Smirnov, bytes,
# cosine transform. Without `sums`, which dieharder itself says not to use.
QUICK = "0,2,4,5,8,9,15,16,100,101,102,200:4,203:1,204,205,206,209"


@dataclass
class Record:
    """What was run and what came of it, written to a file anew after each line of dieharder's."""

    title: str
    command: str
    path: Path | None
    began: float = field(default_factory=time.time)
    words: int = 0
    rows: list[list[str]] = field(default_factory=list)

    def add(self, row: list[str]) -> None:
        print(f"{row[0]:<22} {row[1]:>3} {row[2]:>9} {row[3]:>6} {row[4]:>12} {row[5]}", flush=True)
        self.rows.append(row)
        self.write(finished=False)

    def write(self, finished: bool) -> None:
        if self.path is None:
            return
        hours, minutes = divmod(round((time.time() - self.began) / 60), 60)
        day = time.strftime("%Y-%m-%d", time.gmtime(self.began))
        lines = [
            f"# {self.title}",
            "",
            f"`{self.command}`, {day}, {hours}:{minutes:02d} h, {self.words:.3g} words of 32 bits read"
            + ("." if finished else ", not finished."),
            "",
            f"{version()}: {self.summary()}",
            "",
            "| test | ntuple | tsamples | psamples | p | assessment |",
            "|---|---|---|---|---|---|",
            *(f"| {' | '.join(row)} |" for row in self.rows),
        ]
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text("\n".join(lines) + "\n")

    def count(self) -> Counter[str]:
        return Counter(row[5] for row in self.rows)

    def summary(self) -> str:
        count = self.count()
        return f"{len(self.rows)} p-values, " + ", ".join(
            f"{count[kind]} {kind}" for kind in ("PASSED", "WEAK", "FAILED")
        )


def version() -> str:
    """dieharder's own line about itself, such as 'dieharder version 3.31.1'."""
    text = subprocess.run(["dieharder", "-l"], capture_output=True, text=True).stdout
    return next(
        (" ".join(line.strip("# ").split()[:3]) for line in text.splitlines() if "version" in line), "dieharder"
    )


def run(options: list[str], words: Words, record: Record) -> None:
    """One run of dieharder on the stream, from where the one before left it."""
    columns = [f"-D{name}" for name in ("test_name", "ntuple", "tsamples", "psamples", "pvalues", "assessment")]
    process = subprocess.Popen(
        ["dieharder", "-g", "200", *options, "-c", ",", *columns], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    if hasattr(fcntl, "F_SETPIPE_SZ"):
        fcntl.fcntl(process.stdin, fcntl.F_SETPIPE_SZ, PIPE)

    def read(lines: IO[bytes]) -> None:
        for line in lines:
            row = [part.strip() for part in line.decode().split(",")]
            if len(row) == 6:
                record.add(row)

    reader = threading.Thread(target=read, args=(process.stdout,))
    reader.start()
    try:
        for part in words:
            process.stdin.write(part.data)
            record.words += part.nbytes // 4
    except BrokenPipeError:  # dieharder has what it wants
        pass
    finally:
        process.terminate()
        reader.join()
    if process.wait() > 0:
        raise RuntimeError(f"dieharder ended with status {process.returncode}")


def main(args: argparse.Namespace, argv: list[str]) -> int:
    if shutil.which("dieharder") is None:
        sys.exit(
            "rng_dieharder.py: there is no program dieharder: install it (Debian and Ubuntu: apt install dieharder)"
        )
    if args.tests == "all":
        runs = [["-a"]]
    else:
        runs = [["-d", test, *(["-n", size] if size else [])] for test, _, size in args.tests]
    if args.psamples is not None:
        runs = [[*options, "-p", str(args.psamples)] for options in runs]
    record = Record(
        f"dieharder, stream `{args.stream}`, seed {args.seed}",
        shlex.join(["python", "tools/rng_dieharder.py", *argv]),
        args.out,
    )
    words = STREAMS[args.stream](args.seed)
    for options in runs:
        run(options, words, record)
    record.write(finished=True)
    print(record.summary())
    return 1 if record.count()["FAILED"] else 0


def arguments(argv: list[str]) -> argparse.Namespace:
    def seed(text: str) -> int:
        value = int(text)
        if not 0 <= value < 2**63:
            raise argparse.ArgumentTypeError(f"must be at least 0 and below 2^63, not {value}")
        return value

    def count(text: str) -> int:
        value = int(text)
        if value < 1:
            raise argparse.ArgumentTypeError(f"must be at least 1, not {value}")
        return value

    def tests(text: str) -> str | list[tuple[str, str, str]]:
        if text == "all":
            return text
        found = [test.partition(":") for test in (QUICK if text == "quick" else text).split(",")]
        if not all(number.isdecimal() and (not colon or size.isdecimal()) for number, colon, size in found):
            raise argparse.ArgumentTypeError(f"must be all, quick, or numbers such as 0,2,200:8, not {text!r}")
        return found

    parser = argparse.ArgumentParser(
        description="Test minigrad's random numbers with dieharder, which has to be installed.",
        epilog="Exit status: 0 if nothing failed, 1 if a test did or dieharder could not run.",
    )
    option = parser.add_argument
    option(
        "--stream",
        choices=STREAMS,
        default="raw",
        help="which numbers (default: raw; the file's head says what they are)",
    )
    option(
        "--tests",
        type=tests,
        default="quick",
        help="all (dieharder -a), quick, or numbers of dieharder -l with an ntuple after a colon (default: %(default)s)",
    )
    option("--psamples", type=count, help="p-values that each result sums up (default: dieharder's, 100 for most)")
    option("--seed", type=seed, default=1, help="(default: %(default)s)")
    option("--out", type=Path, help="Markdown file for the record (default: none)")
    return parser.parse_args(argv)


if __name__ == "__main__":
    try:
        sys.exit(main(arguments(sys.argv[1:]), sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
    except (OSError, RuntimeError) as error:
        sys.exit(f"rng_dieharder.py: {error}")
