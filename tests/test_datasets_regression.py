"""datasets.uci: the table that is read, the published splits, downloads, and malformed files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from minigrad import datasets
from minigrad.datasets import regression
from minigrad.datasets.download import ChecksumError

SHAPE = (30, 3)


@pytest.fixture(autouse=True)
def _own_folders(tmp_path, monkeypatch):
    """No test sees the user's cache or data; yacht is a table of 30 rows."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("MINIGRAD_DATA", raising=False)
    put(tmp_path / "original", text())
    digest = regression.table_digest(tmp_path / "original" / "data.txt", SHAPE).removeprefix("values:")
    monkeypatch.setitem(regression.TABLES, "yacht", regression.Table("yacht", SHAPE, digest))


def text(number: str = "%.3f", separator: str = " ") -> str:
    values = np.random.default_rng(0).integers(-5000, 5000, SHAPE) / 1000
    return "".join(separator.join(number % value for value in row) + "\n" for row in values)


def put(folder: Path, data: str | bytes) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "data.txt").write_bytes(data if isinstance(data, bytes) else data.encode())
    return folder


def test_the_last_column_is_the_target(tmp_path):
    data = datasets.uci("Yacht", put(tmp_path / "given", text(separator=" \t")))
    values = np.array([line.split() for line in text().splitlines()], np.float64)
    np.testing.assert_array_equal(data.x, values[:, :2])
    np.testing.assert_array_equal(data.y, values[:, 2])
    assert repr(data) == "RegressionData('yacht', 30 rows of 2 features, 20 splits)"


def test_a_split_shares_out_all_rows(tmp_path):
    data = datasets.uci("yacht", put(tmp_path / "given", text()))
    assert len(data.splits) == 20
    for number, (train, test) in enumerate(data.splits):
        assert (len(train), len(test)) == (27, 3)
        assert sorted([*train, *test]) == list(range(30))
        x, y, x_test, y_test = data.split(number)
        np.testing.assert_array_equal(x, data.x[train])
        np.testing.assert_array_equal(y, data.y[train])
        np.testing.assert_array_equal(x_test, data.x[test])
        np.testing.assert_array_equal(y_test, data.y[test])
    for number in (-1, 20):
        with pytest.raises(IndexError, match="has splits 0 to 19"):
            data.split(number)


def test_splits_are_those_of_the_published_files():
    yacht, boston = regression._splits(308), regression._splits(506)
    assert yacht[0][1][:3].tolist() == [121, 115, 286]  # index_test_0.txt begins so
    assert yacht[19][1][-3:].tolist() == [75, 135, 290]
    assert boston[0][1][:3].tolist() == [431, 115, 470]
    assert boston[19][0][-3:].tolist() == [163, 341, 103]


@pytest.mark.parametrize("folder", ["", "yacht", "yacht/data", "uci/yacht/data", "UCI_Datasets/yacht/data"])
def test_where_the_file_may_lie(tmp_path, monkeypatch, folder):
    put(tmp_path / "root" / folder, text())
    assert datasets.uci("yacht", tmp_path / "root").x.shape == (30, 2)
    monkeypatch.setenv("MINIGRAD_DATA", str(tmp_path / "root"))
    assert datasets.uci("yacht").x.shape == (30, 2)


def test_what_is_not_there_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"yacht: looked for data.txt in(.|\n)*MINIGRAD_DATA"):
        datasets.uci("yacht", tmp_path)
    with pytest.raises(FileNotFoundError, match="download=False"):
        datasets.uci("yacht", download=False)
    with pytest.raises(ValueError, match="no set is called 'naval'; there are boston, concrete"):
        datasets.uci("naval")


def test_it_is_downloaded_once_and_checked(tmp_path, monkeypatch):
    server = put(tmp_path / "server" / "yacht", text("%.4f"))  # the same numbers, written otherwise
    monkeypatch.setattr(regression, "MIRROR", (tmp_path / "server").as_uri() + "/{}/")
    data = datasets.uci("yacht")
    (server / "data.txt").unlink()
    np.testing.assert_array_equal(datasets.uci("yacht").x, data.x)

    (tmp_path / "cache" / "minigrad" / "datasets" / "yacht" / "data.txt").unlink()
    put(server, text().replace("1", "2"))
    with pytest.raises(ChecksumError, match="expected values:"):
        datasets.uci("yacht")
    put(server, "<html>")
    with pytest.raises(ChecksumError, match="unreadable file"):
        datasets.uci("yacht")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("", "empty"),
        (" \n", "empty"),
        (text() + "1 2 3\n", "holds 31 x 3 values, not 30 x 3"),
        (text().rsplit("\n", 2)[0], "holds 29 x 3"),
        (text() + "1 2\n", "columns"),
        (text().replace("1", "x", 1), "could not convert"),
        ("nan" + text()[text().index(" ") :], "not finite"),
        ("½ 1 2\n".encode(), "ascii"),
        (" " * (90 * 32 + 1), "larger than 30 x 3 values"),
    ],
)
def test_malformed_files(tmp_path, data, message):
    put(tmp_path, data)
    with pytest.raises(ValueError, match=message) as caught:
        datasets.uci("yacht", tmp_path)
    assert str(tmp_path / "data.txt") in str(caught.value)


def test_all_sets_have_a_source():
    assert datasets.UCI_NAMES == ("boston", "concrete", "energy", "kin8nm", "power", "wine", "yacht")
    source = regression.source_of("boston")
    assert source.count == (455, 51)
    assert source.mirrors[0].endswith("/UCI_Datasets/bostonHousing/data/")
    assert len(source.files["data.txt"]) == len("values:") + 64
