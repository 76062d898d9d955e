"""Dropout that knows the structure of a net or an image: residual branches, layers, blocks and rectangles, pools, and several
samples of the last features."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from ...ops import dropout_family as family
from ...ops import dropout_spatial as spatial
from ...ops.dropout_base import check_one_of, check_probability, check_size, keep_mask
from ...random import Generator
from ...tensor import Tensor
from ..module import Module
from .activations import Dropout
from .base import DropoutBase, RandomModule, check_module


class DropPath(DropoutBase):
    """Drops the residual branch (N, ...) it ends, for whole examples or the batch (stochastic depth, Huang et al. 2016).

    y = x m / (1 - p), with an m for each example (`mode` "row") or one for all ("batch"). In `x + drop_path(branch(x))`, with rates
    that rise from 0 at the first block to p at the last (`drop_path_rates`). torchvision calls it StochasticDepth; what
    EfficientNet's code calls drop connect is this too. See `F.stochastic_depth`.

    >>> y = nn.DropPath(0.5)(minigrad.ones(100, 2, 3))
    >>> bool((y == y[:, :1, :1]).all())
    True
    """

    def __init__(
        self, p: float = 0.5, mode: str = "row", *, rescale: bool = True, generator: Generator | None = None
    ) -> None:
        super().__init__(p, generator=generator)
        check_one_of(mode, ("row", "batch"), "DropPath: mode")
        self.mode, self.rescale = mode, rescale

    def forward(self, input: Tensor) -> Tensor:
        return family.stochastic_depth(
            input, self.p, self.mode, self.training, rescale=self.rescale, generator=self.generator
        )

    def extra_repr(self) -> str:
        return f"p={self.p}, mode={self.mode}"


StochasticDepth = DropPath


def drop_path_rates(depth: int, p: float) -> list[float]:
    """The rates of `depth` blocks, rising evenly from 0 for the first to p for the last (one block alone gets p).

    Huang et al. 2016 count the input as block 0: that is `drop_path_rates(depth + 1, p)[1:]`. ValueError unless depth >= 1 and
    0 <= p <= 1.

    >>> nn.drop_path_rates(3, 0.2)
    [0.0, 0.1, 0.2]
    """
    depth = check_size(depth, "drop_path_rates: depth")
    p = check_probability(p, "drop_path_rates")
    return [p * (block / (depth - 1)) for block in range(depth)] if depth > 1 else [p]


class LayerDrop(DropoutBase):
    """Modules in a row of which training skips each with probability `p` (Fan et al. 2020), for deep transformers.

    Called with x and further arguments it gives x = layer(x, ...) for each layer in turn; a skipped one leaves x as it is. Nothing
    is rescaled, so layers have to keep shapes and to be residual. Without training no layer is skipped; a net trained so can
    then be cut shallower. Each call takes one call number of the generator; looking at the layers (`for layer in layers`, `len`,
    indexing, state_dict with keys as those of ModuleList) draws nothing. `sample()` is for code that calls the layers itself.

    >>> layers = nn.LayerDrop([nn.Linear(3, 3) for _ in range(4)], p=0.5)
    >>> len(list(layers)), layers(minigrad.ones(2, 3)).shape
    (4, (2, 3))
    """

    _modules: dict[str, Module]  # type: ignore[assignment]

    def __init__(self, modules: Iterable[Module] = (), p: float = 0.1, *, generator: Generator | None = None) -> None:
        super().__init__(p, generator=generator)
        if not isinstance(modules, Iterable):
            raise TypeError(f"LayerDrop: expected several modules, not {type(modules).__name__}")
        for module in modules:
            self.append(module)

    def append(self, module: Module) -> LayerDrop:
        """Add `module` at the end; returns self."""
        self.add_module(str(len(self)), module)
        return self

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[Module]:
        return iter(self._modules.values())

    def __getitem__(self, index: Any) -> Any:
        found = list(self)[index]
        return LayerDrop(found, self.p, generator=self.generator) if isinstance(found, list) else found

    def sample(self) -> list[Module]:
        """The layers that this pass runs: a draw in training, otherwise all."""
        layers = list(self)
        if not self.training or self.p == 0:
            check_probability(self.p, "LayerDrop")
            return layers
        kept = keep_mask((len(layers),), self.p, self.generator, "LayerDrop")
        return [layer for layer, keep in zip(layers, kept, strict=True) if keep]

    def forward(self, input: Any, *args: Any, **kwargs: Any) -> Any:
        for layer in self.sample():
            input = layer(input, *args, **kwargs)
        return input


class DropBlock2d(DropoutBase):
    """Drops square blocks of feature maps (N, C, H, W) (Ghiasi et al. 2018): for convolutional nets, in their later stages.

    `p` is about the share of a map that is dropped; the paper raises it from 0 over the training, which a schedule of p does
    here. `per_channel`, `normalize` and errors as those of `F.drop_block2d`.

    >>> nn.DropBlock2d(0.1, block_size=3)(minigrad.ones(2, 4, 8, 8)).shape
    (2, 4, 8, 8)
    """

    def __init__(
        self,
        p: float = 0.1,
        block_size: int = 7,
        *,
        per_channel: bool = True,
        normalize: str = "batch",
        generator: Generator | None = None,
    ) -> None:
        super().__init__(p, generator=generator)
        self.block_size = spatial.check_block_size(block_size, "DropBlock2d")
        check_one_of(normalize, ("batch", "sample"), "DropBlock2d: normalize")
        self.per_channel, self.normalize = per_channel, normalize

    def forward(self, input: Tensor) -> Tensor:
        return spatial.drop_block2d(
            input,
            self.p,
            self.block_size,
            self.training,
            per_channel=self.per_channel,
            normalize=self.normalize,
            generator=self.generator,
        )

    def extra_repr(self) -> str:
        return f"p={self.p}, block_size={self.block_size}"


class MaxPoolDropout2d(DropoutBase):
    """Max-pooling of units dropped first; without training, their expectation (Wu & Gu 2015). (N, C, H, W) or (C, H, W).

    In place of `MaxPool2d` after a ReLU. Which activation wins is then drawn, the larger the likelier; see
    `F.max_pool_dropout2d`.

    >>> nn.MaxPoolDropout2d(2, p=0.5).eval()(minigrad.tensor([[[1.0, 2.0], [3.0, 4.0]]]))
    tensor([[[3.0625]]])
    """

    def __init__(
        self, kernel_size: Any, stride: Any = None, p: float = 0.5, *, generator: Generator | None = None
    ) -> None:
        super().__init__(p, generator=generator)
        spatial.check_pair(kernel_size, "MaxPoolDropout2d: kernel_size")
        stride = kernel_size if stride is None else stride
        spatial.check_pair(stride, "MaxPoolDropout2d: stride")
        self.kernel_size, self.stride = kernel_size, stride

    def forward(self, input: Tensor) -> Tensor:
        return spatial.max_pool_dropout2d(
            input, self.kernel_size, self.stride, self.p, self.training, generator=self.generator
        )

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, p={self.p}"


MaxPoolDropout = MaxPoolDropout2d


class Cutout(DropoutBase):
    """Sets a square of each image (N, C, H, W) or (C, H, W) to 0 (DeVries & Taylor 2017): augmentation of inputs.

    The paper takes size 16 for CIFAR-10 and 8 for CIFAR-100. `p` is the probability that an image is cut at all. See `F.cutout`.

    >>> nn.Cutout(8)(minigrad.ones(4, 3, 32, 32)).shape
    (4, 3, 32, 32)
    """

    in_mc_dropout = False

    def __init__(self, size: int, holes: int = 1, p: float = 1.0, *, generator: Generator | None = None) -> None:
        super().__init__(p, generator=generator)
        self.size = check_size(size, "Cutout: size")
        self.holes = check_size(holes, "Cutout: holes")

    def forward(self, input: Tensor) -> Tensor:
        return spatial.cutout(input, self.size, self.training, p=self.p, holes=self.holes, generator=self.generator)

    def extra_repr(self) -> str:
        return f"size={self.size}, holes={self.holes}, p={self.p}"


class RandomErasing(DropoutBase):
    """Fills a rectangle of each image with `value`, with probability `p` (Zhong et al. 2017): augmentation of inputs.

    Arguments as torchvision's; each example of a batch has its own rectangle. See `F.random_erasing`.

    >>> nn.RandomErasing(0.5, value="random")(minigrad.ones(4, 3, 32, 32)).shape
    (4, 3, 32, 32)
    """

    in_mc_dropout = False

    def __init__(
        self,
        p: float = 0.5,
        scale: Sequence[float] = (0.02, 0.33),
        ratio: Sequence[float] = (0.3, 3.3),
        value: Any = 0.0,
        *,
        generator: Generator | None = None,
    ) -> None:
        super().__init__(p, generator=generator)
        spatial.check_rectangle(scale, ratio, value)
        self.scale, self.ratio, self.value = tuple(scale), tuple(ratio), value

    def forward(self, input: Tensor) -> Tensor:
        return spatial.random_erasing(
            input, self.p, self.scale, self.ratio, self.value, self.training, generator=self.generator
        )

    def extra_repr(self) -> str:
        return f"p={self.p}, scale={self.scale}, ratio={self.ratio}, value={self.value}"


class MultiSampleDropout(Module):
    """Several dropout samples of the last features, for training in fewer epochs (Inoue 2019).

    `module` (the classifier) sees `samples` masks of the features (N, ...), each of its own call number. `loss(input, target,
    criterion)` is the paper's objective, the mean of the samples' losses; calling the layer gives the mean of their outputs. Without
    training both see the features as they are, once. `p` is that of the child `dropout`; the state_dict has the module's keys
    below "module.".

    >>> head = nn.MultiSampleDropout(nn.Linear(16, 10), samples=4)
    >>> features, target = minigrad.randn(8, 16), minigrad.zeros(8).long()
    >>> head.loss(features, target, F.cross_entropy).shape, head(features).shape
    ((), (8, 10))
    """

    def __init__(self, module: Module, samples: int = 8, p: float = 0.5, *, generator: Generator | None = None) -> None:
        super().__init__()
        self.samples = check_size(samples, "MultiSampleDropout: samples")
        check_probability(p, "MultiSampleDropout")
        check_module(module, "MultiSampleDropout")
        self.dropout = Dropout(p, generator=generator)
        self.module = module

    def outputs(self, input: Tensor) -> list[Tensor]:
        """What the module gives for each sample; without training, once (under `mc_dropout`: for one mask)."""
        return [self.module(self.dropout(input)) for _ in range(self.samples if self.training else 1)]

    def forward(self, input: Tensor) -> Tensor:
        return _mean(self.outputs(input))

    def loss(self, input: Tensor, target: Any, criterion: Callable[[Tensor, Any], Tensor]) -> Tensor:
        """The mean of `criterion(output, target)` over the samples."""
        return _mean([criterion(output, target) for output in self.outputs(input)])

    def extra_repr(self) -> str:
        return f"samples={self.samples}"


def _mean(parts: list[Tensor]) -> Tensor:
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total / len(parts) if len(parts) > 1 else total


class ShakeShake(RandomModule):
    """Mixes two residual branches with random weights, other ones in backward (Gastaldi 2017); their mean without training.

    `x + shake(branch1(x), branch2(x))`; both (N, ...). `mode` "row" draws for each example (the paper's best, "image"), "batch"
    once. The gradient is on purpose not that of the result. See `F.shake_shake`.

    >>> shake = nn.ShakeShake()
    >>> shake.eval()(minigrad.ones(2), minigrad.zeros(2))
    tensor([0.5000, 0.5000])
    """

    def __init__(self, mode: str = "row", *, generator: Generator | None = None) -> None:
        super().__init__(generator=generator)
        check_one_of(mode, ("row", "batch"), "ShakeShake: mode")
        self.mode = mode

    def forward(self, input: Tensor, other: Tensor) -> Tensor:
        return family.shake_shake(input, other, self.training, self.mode, generator=self.generator)

    def extra_repr(self) -> str:
        return f"mode={self.mode}"
