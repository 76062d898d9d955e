"""The images of a set and their labels."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False, repr=False)
class ImageData:
    """A set of images for classification, split into training and test, as NumPy arrays.

    Images are float32 ``(n, channels, height, width)`` in [0, 1]; labels are int64 ``(n,)``, indices into
    ``classes``. ``published`` counts the training and test images of the whole set, where this may be a part.
    """

    name: str
    train_images: NDArray[np.float32]
    train_labels: NDArray[np.int64]
    test_images: NDArray[np.float32]
    test_labels: NDArray[np.int64]
    classes: tuple[str, ...]
    published: tuple[int, int] | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one image: ``(channels, height, width)``."""
        return self.train_images.shape[1:]

    @property
    def num_classes(self) -> int:
        return len(self.classes)

    @property
    def partial(self) -> bool:
        """Whether this is only a part of the published set."""
        return self.published not in (None, (len(self.train_labels), len(self.test_labels)))

    def mean_std(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """The training images' mean and standard deviation, each ``(channels,)``; two passes in float64."""
        images = self.train_images
        mean = images.mean(axis=(0, 2, 3), dtype=np.float64)
        squares = np.zeros_like(mean)
        for start in range(0, len(images), 1024):  # float64 copies of a few images at a time
            squares += np.square(images[start : start + 1024] - mean[:, None, None]).sum(axis=(0, 2, 3))
        std = np.sqrt(squares / (images.size // images.shape[1]))
        return mean.astype(np.float32), std.astype(np.float32)

    def normalized(self) -> ImageData:
        """The same set with each channel less the training images' mean, over their standard deviation.

        A channel that never varies is only centred. The arrays are new; labels are shared.
        """
        mean, std = (statistic[:, None, None] for statistic in self.mean_std())
        scale = np.where(std > 0, std, np.float32(1))
        train, test = self.train_images - mean, self.test_images - mean
        train /= scale
        test /= scale
        return replace(self, train_images=train, test_images=test)

    def __repr__(self) -> str:
        size = "x".join(str(length) for length in self.shape)
        counts = f"{len(self.train_labels):,} training and {len(self.test_labels):,} test images"
        part = ""
        if self.published is not None and self.partial:
            part = f", a part of the {self.published[0]:,} and {self.published[1]:,} published"
        return f"ImageData({self.name!r}, {counts} of {size}, {self.num_classes} classes{part})"
