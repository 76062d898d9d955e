"""SummaryWriter: what it writes, read back by TensorBoard's own reader; and what is said where that is not installed."""

import io
import subprocess
import sys

import numpy as np
import pytest

import minigrad


def test_without_tensorboard_the_import_says_what_is_missing():
    code = "import sys; sys.modules['tensorboard'] = None\nimport minigrad.utils.tensorboard"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "ImportError: minigrad.utils.tensorboard needs the package tensorboard" in done.stderr


def test_a_writer_is_not_loaded_with_minigrad():
    code = "import minigrad, sys; print([name for name in sys.modules if 'tensorboard' in name])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"


@pytest.fixture
def written(tmp_path):
    """A writer, and a function that reads a folder back as {tag: [(step, value), ...]}."""
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_file_loader import LegacyEventFileLoader

    from minigrad.utils.tensorboard import SummaryWriter

    writer = SummaryWriter(tmp_path)

    def read(folder="."):
        writer.flush()
        found = {}
        for path in sorted((tmp_path / folder).glob("events.*")):
            for event in LegacyEventFileLoader(str(path)).Load():
                for value in event.summary.value:
                    found.setdefault(value.tag, []).append((event.step, value))
        return found

    with writer:
        yield writer, read


def test_curves(written):
    writer, read = written
    for step in range(3):
        writer.add_scalar("loss", minigrad.tensor(1.5 * step), step)
    writer.add_scalars("both", {"train": 1.0, "test": np.float64(2.0)}, 7)
    assert [(step, value.simple_value) for step, value in read()["loss"]] == [(0, 0.0), (1, 1.5), (2, 3.0)]
    assert [(step, value.simple_value) for step, value in read("both_test")["both"]] == [(7, 2.0)]
    with pytest.raises(AssertionError, match="one number"):
        writer.add_scalar("loss", minigrad.ones(2), 0)


def test_histograms(written):
    writer, read = written
    values = minigrad.tensor([-1.0, 0.0, 0.5, 0.5, 2.0])
    writer.add_histogram("auto", values, 1)
    writer.add_histogram("four", values, 1, bins=4)
    auto, four = (read()[tag][0][1].histo for tag in ("auto", "four"))
    for histogram in (auto, four):
        assert (histogram.min, histogram.max, histogram.num, histogram.sum) == (-1, 2, 5, 2)
        assert sum(histogram.bucket) == 5
        assert len(histogram.bucket) == len(histogram.bucket_limit)
    assert list(four.bucket) == [0, 1, 1, 2, 1]
    assert np.allclose(four.bucket_limit, [-1, -0.25, 0.5, 1.25, 2])
    with pytest.raises(ValueError, match="no element"):
        writer.add_histogram("none", minigrad.ones(0))


def test_images(written):
    pyplot = pytest.importorskip("matplotlib.pyplot")
    writer, read = written
    color, gray = minigrad.rand(3, 5, 4), minigrad.rand(5, 4)
    writer.add_image("color", color)
    writer.add_image("gray", gray, dataformats="HW")
    writer.add_images("pair", minigrad.stack([color, color]))
    found = {tag: pyplot.imread(io.BytesIO(rows[0][1].image.encoded_image_string)) for tag, rows in read().items()}
    assert np.abs(found["color"] - color.permute(1, 2, 0).numpy()).max() < 1 / 254
    assert np.abs(found["gray"] - gray.numpy()).max() < 1 / 254
    assert found["pair"].shape == (5, 8, 3)
    with pytest.raises(AssertionError, match="format"):
        writer.add_image("gray", gray)


def test_text_and_what_is_not_there(written):
    writer, read = written
    writer.add_text("note", "*hello*", 3)
    ((step, value),) = read()["note/text_summary"]
    assert (step, value.tensor.string_val[0]) == (3, b"*hello*")
    with pytest.raises(NotImplementedError, match="add_graph"):
        writer.add_graph(minigrad.nn.Linear(1, 1))
