"""`torch.utils.tensorboard`: curves, histograms, images and text for TensorBoard, where the package tensorboard is installed."""

from __future__ import annotations

import os
import socket
import struct
import time
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..ops.border import values

try:
    from tensorboard.compat.proto.event_pb2 import Event, SessionLog
    from tensorboard.compat.proto.summary_pb2 import HistogramProto, Summary, SummaryMetadata
    from tensorboard.compat.proto.tensor_pb2 import TensorProto
    from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
    from tensorboard.summary.writer.event_file_writer import EventFileWriter
except ImportError as error:
    raise ImportError(
        "minigrad.utils.tensorboard needs the package tensorboard: pip install tensorboard", name="tensorboard"
    ) from error

__all__ = ["SummaryWriter"]


class SummaryWriter:
    """Writes what TensorBoard shows into a folder; also a context, closed at its end.

    `log_dir` is runs/<time>_<host><comment> unless given. `purge_step` hides what an earlier run wrote from that step on.
    """

    def __init__(
        self,
        log_dir: str | os.PathLike[str] | None = None,
        comment: str = "",
        purge_step: int | None = None,
        max_queue: int = 10,
        flush_secs: int = 120,
        filename_suffix: str = "",
    ) -> None:
        if not log_dir:
            log_dir = os.path.join("runs", time.strftime("%b%d_%H-%M-%S_") + socket.gethostname() + comment)
        self.log_dir = os.fspath(log_dir)
        self._options = {
            "max_queue_size": max_queue, "flush_secs": flush_secs, "filename_suffix": filename_suffix,
        }  # fmt: skip
        self._writers: dict[str, Any] = {}
        self._writer()
        if purge_step is not None:
            self._event(Event(file_version="brain.Event:2"), purge_step, None)
            self._event(Event(session_log=SessionLog(status=SessionLog.START)), purge_step, None)

    def _writer(self, folder: str = "") -> Any:
        """The writer of the folder, or of a folder in it: TensorBoard shows each as a run of its own."""
        if folder not in self._writers:
            self._writers[folder] = EventFileWriter(os.path.join(self.log_dir, folder), **self._options)
        return self._writers[folder]

    def _event(self, event: Any, step: int | None, walltime: float | None, folder: str = "") -> None:
        event.wall_time = time.time() if walltime is None else walltime
        if step is not None:
            event.step = int(step)
        self._writer(folder).add_event(event)

    def _add(self, step: int | None, walltime: float | None, folder: str = "", **value: Any) -> None:
        self._event(Event(summary=Summary(value=[Summary.Value(**value)])), step, walltime, folder)

    def add_scalar(
        self, tag: str, scalar_value: Any, global_step: int | None = None, walltime: float | None = None,
        new_style: bool = False, double_precision: bool = False,
    ) -> None:  # fmt: skip
        """A point of the curve `tag`: a number, or a Tensor or array of one element."""
        self._add(global_step, walltime, tag=tag, simple_value=_number(scalar_value))

    def add_scalars(
        self,
        main_tag: str,
        tag_scalar_dict: Mapping[str, Any],
        global_step: int | None = None,
        walltime: float | None = None,
    ) -> None:
        """Points of several curves that are shown in one plot, each a run of its own."""
        for tag, scalar in tag_scalar_dict.items():
            folder = f"{main_tag.replace('/', '_')}_{tag}"
            self._add(global_step, walltime, folder, tag=main_tag, simple_value=_number(scalar))

    def add_histogram(
        self, tag: str, values: Any, global_step: int | None = None, bins: Any = "tensorflow",
        walltime: float | None = None, max_bins: int | None = None,
    ) -> None:  # fmt: skip
        """How the numbers in `values` are distributed. `bins`: a number, edges, one of NumPy's rules, or 'tensorflow'."""
        if max_bins is not None:
            raise NotImplementedError("add_histogram: max_bins is not supported; use bins=")
        self._add(global_step, walltime, tag=tag, histo=_histogram(_array(values), bins))

    def add_image(
        self, tag: str, img_tensor: Any, global_step: int | None = None, walltime: float | None = None,
        dataformats: str = "CHW",
    ) -> None:  # fmt: skip
        """An image of 1, 3 or 4 channels, of floats in [0, 1] or of uint8; `dataformats` names its axes ('CHW', 'HWC', 'HW')."""
        image = _pixels(_array(img_tensor), dataformats)
        height, width, channels = image.shape
        picture = Summary.Image(height=height, width=width, colorspace=channels, encoded_image_string=_png(image))
        self._add(global_step, walltime, tag=tag, image=picture)

    def add_images(
        self, tag: str, img_tensor: Any, global_step: int | None = None, walltime: float | None = None,
        dataformats: str = "NCHW",
    ) -> None:  # fmt: skip
        """Images side by side, along the axis that `dataformats` calls N."""
        batch = np.moveaxis(_array(img_tensor), dataformats.upper().index("N"), 0)
        images = [_pixels(image, dataformats.upper().replace("N", "")) for image in batch]
        self.add_image(tag, np.concatenate(images, axis=1), global_step, walltime, "HWC")

    def add_figure(
        self, tag: str, figure: Any, global_step: int | None = None, close: bool = True, walltime: float | None = None
    ) -> None:
        """A figure of matplotlib, which is closed if `close`."""
        figure.canvas.draw()
        self.add_image(tag, np.asarray(figure.canvas.buffer_rgba()), global_step, walltime, "HWC")
        if close:
            from matplotlib import pyplot

            pyplot.close(figure)

    def add_text(
        self, tag: str, text_string: str, global_step: int | None = None, walltime: float | None = None
    ) -> None:
        """Text, which TensorBoard reads as Markdown."""
        metadata = SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name="text"))
        tensor = TensorProto(
            dtype="DT_STRING",
            string_val=[text_string.encode()],
            tensor_shape=TensorShapeProto(dim=[TensorShapeProto.Dim(size=1)]),
        )
        self._add(global_step, walltime, tag=f"{tag}/text_summary", metadata=metadata, tensor=tensor)

    def add_graph(self, model: Any, input_to_model: Any = None, verbose: bool = False, **options: Any) -> None:
        """NotImplementedError: a graph here is made anew by each call, and is not TensorFlow's."""
        raise NotImplementedError("SummaryWriter.add_graph: minigrad traces no graphs")

    def get_logdir(self) -> str:
        """The folder that is written to."""
        return self.log_dir

    def flush(self) -> None:
        """Write what waits to be written."""
        for writer in self._writers.values():
            writer.flush()

    def close(self) -> None:
        """Write what waits, and close the files. What is added afterwards begins new ones."""
        for writer in self._writers.values():
            writer.close()
        self._writers.clear()

    def __enter__(self) -> SummaryWriter:
        return self

    def __exit__(self, *exception: Any) -> None:
        self.close()


def _array(data: Any) -> np.ndarray:
    return np.asarray(values(data))


def _number(scalar: Any) -> float:
    array = _array(scalar)
    if array.size != 1:
        raise AssertionError(f"scalar should be 0D: expected one number, got shape {array.shape}")
    return float(array.reshape(()))


def _edges() -> np.ndarray:
    """TensorFlow's buckets: 1e-12 and on, each 1.1 times the one before, on both sides of 0."""
    positive = 1e-12 * 1.1 ** np.arange(776)  # up to 1e20
    return np.concatenate([-positive[::-1], [0], positive])


def _histogram(array: np.ndarray, bins: Any) -> Any:
    if array.size == 0:
        raise ValueError("The input has no element.")
    numbers = array.astype(np.float64).ravel()
    counts, edges = np.histogram(numbers, _edges() if isinstance(bins, str) and bins == "tensorflow" else bins)
    used = np.flatnonzero(counts)
    if not used.size:
        raise ValueError("The histogram is empty: no number lies within its bins")
    first, last = int(used[0]), int(used[-1]) + 1
    return HistogramProto(
        min=numbers.min(), max=numbers.max(), num=numbers.size, sum=numbers.sum(), sum_squares=np.square(numbers).sum(),
        bucket_limit=edges[first : last + 1].tolist(), bucket=[0, *counts[first:last].tolist()],
    )  # fmt: skip


def _pixels(image: np.ndarray, dataformats: str) -> np.ndarray:
    """An image as height x width x channels of uint8."""
    axes = dataformats.upper()
    if sorted(axes) not in (["H", "W"], ["C", "H", "W"]) or len(axes) != image.ndim:
        raise AssertionError(f"size of input tensor and input format are different: {image.shape} and {dataformats!r}")
    image = image.transpose([axes.index(axis) for axis in "HWC" if axis in axes])
    image = image.reshape(*image.shape, 1) if image.ndim == 2 else image
    if image.shape[2] not in (1, 3, 4):
        raise ValueError(f"an image has 1, 3 or 4 channels, not {image.shape[2]}")
    return image if image.dtype == np.uint8 else (image * 255.0).clip(0, 255).astype(np.uint8)


def _png(image: np.ndarray) -> bytes:
    """A PNG file of height x width x channels of uint8."""
    height, width, channels = image.shape
    rows = np.concatenate(
        [np.zeros((height, 1), np.uint8), image.reshape(height, -1)], axis=1
    )  # each: filter 0, pixels
    header = struct.pack(">IIBBBBB", width, height, 8, {1: 0, 3: 2, 4: 6}[channels], 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(rows.tobytes())), (b"IEND", b""))
    chunks = (
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in parts
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)
