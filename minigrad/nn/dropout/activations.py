"""Dropout of activations: of single elements, of whole channels, of time steps, words, heads and branches; and its relatives
that add or multiply noise.

Each is its functional form (`F.dropout`, ...) with the layer's `p`, `training` and `generator`; formulas, shapes and errors are
stated there. Without training they return their input itself, but for `HintonDropout` and the table `WordDropout`.
"""

from __future__ import annotations

from typing import Any

from ...ops import dropout as F
from ...ops import dropout_family as family
from ...ops.dropout_base import check_generator, check_probability, check_scale
from ...random import Generator
from ...tensor import Tensor
from ..embedding import Embedding
from .base import DropoutBase, InplaceDropout, RandomModule


class Dropout(InplaceDropout):
    """In training, zeroes each element with probability `p` and scales the others by 1 / (1 - p) (Srivastava et al. 2014).

    y = x m / (1 - p), m = 1 with probability 1 - p, otherwise 0; any shape, float32 or float64. The one to begin with:
    after the activations of fully connected layers, with p about 0.5 (0.1 to 0.2 on the input). See `F.dropout`.

    >>> layer = nn.Dropout(0.5, generator=minigrad.Generator().manual_seed(0))
    >>> layer(minigrad.ones(8))
    tensor([0., 0., 0., 0., 0., 0., 2., 2.])
    >>> layer.eval()(minigrad.ones(2))
    tensor([1., 1.])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.dropout(input, self.p, self.training, self.inplace, generator=self.generator)


class Dropout1d(InplaceDropout):
    """`Dropout` of whole channels of (N, C, L) or (C, L): spatial dropout (Tompson et al. 2015) in one dimension.

    For features of a sequence whose neighbours tell the same, as convolutions over time or text give them. See `F.dropout1d`.

    >>> y = nn.Dropout1d(0.5)(minigrad.ones(2, 4, 3))
    >>> bool((y == y[:, :, :1]).all())
    True
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.dropout1d(input, self.p, self.training, self.inplace, generator=self.generator)


class Dropout2d(InplaceDropout):
    """`Dropout` of whole feature maps of (N, C, H, W) (spatial dropout, Tompson et al. 2015).

    For convolutions: neighbouring pixels of a map are so alike that dropping single ones takes little away. See `F.dropout2d`.

    >>> layer = nn.Dropout2d(0.5)
    >>> y = layer(minigrad.ones(2, 4, 3, 3))
    >>> bool((y == y[:, :, :1, :1]).all())
    True
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.dropout2d(input, self.p, self.training, self.inplace, generator=self.generator)


class Dropout3d(InplaceDropout):
    """`Dropout` of whole channels of (N, C, D, H, W) or (C, D, H, W): spatial dropout (Tompson et al. 2015) for volumes and video.

    See `F.dropout3d`.

    >>> y = nn.Dropout3d(0.5)(minigrad.ones(2, 4, 3, 3, 3))
    >>> bool((y == y[:, :, :1, :1, :1]).all())
    True
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.dropout3d(input, self.p, self.training, self.inplace, generator=self.generator)


class AlphaDropout(InplaceDropout):
    """Dropout that keeps mean 0 and variance 1 (Klambauer et al. 2017): in networks of SELUs, with p of 0.05 to 0.1.

    Dropped elements become what SELU saturates to, and all are scaled and shifted; any shape. See `F.alpha_dropout`.

    >>> layer = nn.AlphaDropout(0.1)
    >>> y = layer(minigrad.randn(100_000))
    >>> bool(abs(y.mean()) < 0.02), bool(abs(y.std() - 1) < 0.02)
    (True, True)
    """

    def forward(self, input: Tensor) -> Tensor:
        return family.alpha_dropout(input, self.p, self.training, self.inplace, generator=self.generator)


class FeatureAlphaDropout(InplaceDropout):
    """`AlphaDropout` of whole channels of (N, C, ...), for convolutions with SELUs. See `F.feature_alpha_dropout`.

    >>> y = nn.FeatureAlphaDropout(0.5)(minigrad.randn(2, 3, 4).abs())
    >>> y.shape
    (2, 3, 4)
    """

    def forward(self, input: Tensor) -> Tensor:
        return family.feature_alpha_dropout(input, self.p, self.training, self.inplace, generator=self.generator)


class GaussianDropout(DropoutBase):
    """Multiplies by normal numbers of mean 1 and variance p / (1 - p) (Srivastava et al. 2014, section 10); 0 <= p < 1.

    The first two moments are those of `Dropout`; no unit is ever quite off. Works where `Dropout` does. See
    `F.gaussian_dropout`.

    >>> y = nn.GaussianDropout(0.2)(minigrad.ones(100_000))
    >>> bool(abs(y.mean() - 1) < 0.01), bool(abs(y.var() - 0.25) < 0.01)
    (True, True)
    """

    below_one = True

    def forward(self, input: Tensor) -> Tensor:
        return family.gaussian_dropout(input, self.p, self.training, generator=self.generator)


class GaussianNoise(RandomModule):
    """Adds normal numbers of mean 0 and standard deviation `std`: noise on inputs or activations (Bishop 1995).

    `std` is an ordinary attribute that may change between calls. See `F.gaussian_noise`.

    >>> y = nn.GaussianNoise(0.5)(minigrad.zeros(100_000))
    >>> bool(abs(y.std() - 0.5) < 0.01)
    True
    """

    def __init__(self, std: float = 0.1, *, generator: Generator | None = None) -> None:
        super().__init__(generator=generator)
        check_scale(std, "GaussianNoise: std")
        self.std = std

    def forward(self, input: Tensor) -> Tensor:
        return family.gaussian_noise(input, self.std, self.training, generator=self.generator)

    def extra_repr(self) -> str:
        return f"std={self.std}"


class HintonDropout(DropoutBase):
    """Dropout in the original convention (Hinton et al. 2012): x m in training, (1 - p) x otherwise.

    For recipes from papers of that time, whose learning rates and max-norm bounds belong to it: with q = 1 - p the inverted form of
    the same net has q times the weights, and goes the same way under SGD with q^2 times their learning rate and q
    times the bound. See `F.hinton_dropout`.

    >>> nn.HintonDropout(0.25).eval()(minigrad.tensor([2.0, 4.0]))
    tensor([1.5000, 3.0000])
    """

    def forward(self, input: Tensor) -> Tensor:
        return family.hinton_dropout(input, self.p, self.training, generator=self.generator)


class LockedDropout(DropoutBase):
    """Dropout with one mask for all time steps of (T, N, H), or (N, T, H) with `batch_first` (Gal & Ghahramani 2016).

    Between the layers of a recurrent net, and on its inputs and outputs: a new mask at each step would drown what it is to
    remember. See `F.locked_dropout`.

    >>> y = nn.LockedDropout(0.5)(minigrad.ones(4, 2, 3))
    >>> bool((y == y[:1]).all())
    True
    """

    def __init__(self, p: float = 0.5, batch_first: bool = False, *, generator: Generator | None = None) -> None:
        super().__init__(p, generator=generator)
        self.batch_first = batch_first

    def forward(self, input: Tensor) -> Tensor:
        return family.locked_dropout(input, self.p, self.training, self.batch_first, generator=self.generator)

    def extra_repr(self) -> str:
        return f"p={self.p}, batch_first={self.batch_first}"


class WordDropout(Embedding, RandomModule):
    """An `Embedding` that drops words by type: all places of a dropped word are 0 (Gal & Ghahramani 2016, section 4.2).

    The other rows are scaled by 1 / (1 - p). For language models and classifiers of text. All arguments but `p` and `generator`
    are those of Embedding, and so is the state_dict, `weight` (num_embeddings, embedding_dim): either loads the other's.
    See `F.word_dropout`.

    >>> layer = nn.WordDropout(10, 3, p=0.5)
    >>> y = layer(minigrad.tensor([7, 2, 7]))
    >>> bool((y[0] == y[2]).all()), list(layer.state_dict())
    (True, ['weight'])
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        *args: Any,
        p: float = 0.1,
        generator: Generator | None = None,
        **options: Any,
    ) -> None:
        check_generator(generator, "WordDropout")
        check_probability(p, "WordDropout")
        super().__init__(num_embeddings, embedding_dim, *args, **options)
        self.p, self.generator = p, generator

    def forward(self, input: Tensor) -> Tensor:
        rows = super().forward(input)
        return family.drop_words(rows, input, self.num_embeddings, self.p, self.training, self.generator)

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, p={self.p}"


class DropHead(DropoutBase):
    """Drops whole attention heads of (N, heads, ...) (Zhou et al. 2020), against a few heads doing all the work.

    Put it on what the heads give, (N, heads, L, D), before they are joined. See `F.drop_head`.

    >>> y = nn.DropHead(0.5)(minigrad.ones(2, 8, 4, 16))
    >>> bool((y == y[:, :, :1, :1]).all())
    True
    """

    def __init__(self, p: float = 0.1, *, generator: Generator | None = None) -> None:
        super().__init__(p, generator=generator)

    def forward(self, input: Tensor) -> Tensor:
        return family.drop_head(input, self.p, self.training, generator=self.generator)


class AttentionDropout(DropoutBase):
    """Dropout of attention weights (..., L, S), after their softmax (Radford et al. 2018, section 4.1); p of 0.1 is usual.

    Rows then sum to 1 only on average, unless `renormalize`. See `F.attention_dropout`.

    >>> weights = F.softmax(minigrad.zeros(2, 64), -1)
    >>> nn.AttentionDropout(0.5, renormalize=True)(weights).sum(-1)
    tensor([1., 1.])
    """

    def __init__(self, p: float = 0.1, renormalize: bool = False, *, generator: Generator | None = None) -> None:
        super().__init__(p, generator=generator)
        self.renormalize = renormalize

    def forward(self, weights: Tensor) -> Tensor:
        return family.attention_dropout(
            weights, self.p, self.training, renormalize=self.renormalize, generator=self.generator
        )

    def extra_repr(self) -> str:
        return f"p={self.p}, renormalize={self.renormalize}"
