"""Dropout of weights: of each example's own, or of the parameters of any module."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ...ops import dropout as ops
from ...ops import dropout_weights as F
from ...ops.creation import empty
from ...ops.dropout_base import check_one_of, check_share, check_size
from ...random import Generator
from ...tensor import Tensor
from ..linear import default_init_
from ..module import Module
from ..parameter import Parameter
from .base import DropoutBase, check_module


class DropConnect(DropoutBase):
    """A linear layer that drops weights, other ones for each example: f(((M * weight) x) / (1 - p) + bias) (Wan et al. 2013).

    M[n, o, i] is 1 with probability 1 - p, drawn again in backward and never stored. (..., in_features) to (..., out_features), each
    row an example. `activation` is f, a function of Tensors (None: the identity). In eval mode the mean weight is used; or, with
    `eval_samples` = K, the paper's inference (its algorithm 2): the mean of f over K samples from the normal distribution whose mean
    and variance are those over the masks. Some hundred settle it; without an activation the mean is the same without sampling.

    Use it where dropout fits and the layer is wide: it has out_features times more masks, each weaker, and costs a pass over the
    weight for each example. Two things differ from the paper: kept weights are scaled in training, so that eval needs no
    scale, and the bias is not dropped. (EfficientNet's "drop connect" is DropPath.)

    State: `weight` (out_features, in_features), `bias` (out_features,), initialized as `nn.Linear`.

    >>> layer = nn.DropConnect(4, 2, p=0.5, activation=F.relu, eval_samples=100)
    >>> layer(minigrad.ones(3, 4)).shape, layer.eval()(minigrad.ones(3, 4)).shape
    ((3, 2), (3, 2))
    """

    bias: Parameter | None

    def __init__(
        self,
        in_features: int,
        out_features: int,
        p: float = 0.5,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        activation: Callable[[Tensor], Tensor] | None = None,
        eval_samples: int = 0,
        generator: Generator | None = None,
    ) -> None:
        super().__init__(p, generator=generator)
        eval_samples = check_size(eval_samples, "DropConnect: eval_samples", least=0)
        if activation is not None and not callable(activation):
            raise TypeError(
                f"DropConnect: activation has to be a function of a Tensor, not {type(activation).__name__}"
            )
        self.in_features, self.out_features = in_features, out_features
        self.activation, self.eval_samples = activation, eval_samples
        self.weight = Parameter(empty((out_features, in_features), device=device, dtype=dtype))
        self.register_parameter("bias", Parameter(empty((out_features,), device=device, dtype=dtype)) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the weight and the bias anew."""
        default_init_(self.weight, self.bias)

    def forward(self, input: Tensor) -> Tensor:
        return F.dropconnect(
            input,
            self.weight,
            self.bias,
            self.p,
            self.training,
            activation=self.activation,
            eval_samples=self.eval_samples,
            generator=self.generator,
        )

    def extra_repr(self) -> str:
        sizes = f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"
        return f"{sizes}, p={self.p}, eval_samples={self.eval_samples}"


class _OnParameters(DropoutBase):
    """Calls a module with some of its parameters replaced, for the time of the call, by what `_dropped` makes of them.

    The module keeps its parameters: only the attributes under which its code reads them change, and are put back whatever
    happens. So `parameters()`, `state_dict()` and the gradients are those of the raw parameters, under their own names.
    """

    def __init__(
        self, module: Module, names: str | Iterable[str], p: float = 0.5, *, generator: Generator | None = None
    ) -> None:
        super().__init__(p, generator=generator)
        check_module(module, type(self).__name__)
        self.names = (names,) if isinstance(names, str) else tuple(names) if isinstance(names, Iterable) else (names,)
        if not all(isinstance(name, str) for name in self.names):
            raise TypeError(f"{type(self).__name__}: names of parameters have to be strings, got {names!r}")
        if not self.names:
            raise ValueError(f"{type(self).__name__}: names of parameters are needed, such as 'weight'")
        for name in self.names:
            module.get_parameter(name)  # raises unless it is one
        self.module = module

    def _dropped(self, weight: Tensor) -> Tensor:
        raise NotImplementedError

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        before: list[tuple[dict[str, Any], str, Tensor]] = []
        dropped: dict[int, Tensor] = {}  # a parameter of two names is dropped once
        try:
            for name in self.names:
                path, _, last = name.rpartition(".")
                attributes = vars(self.module.get_submodule(path))
                raw = attributes[last]
                if id(raw) not in dropped:
                    dropped[id(raw)] = self._dropped(raw)
                before.append((attributes, last, raw))
                attributes[last] = dropped[id(raw)]
            return self.module(*args, **kwargs)
        finally:
            for attributes, last, raw in reversed(before):
                attributes[last] = raw

    def extra_repr(self) -> str:
        return f"names={self.names}, p={self.p}"


class WeightDrop(_OnParameters):
    """`module` with dropout on named parameters, one mask for each call (Merity, Keskar & Socher 2018, section 2).

    `names` are dotted names below `module`. In training each becomes param * m / (1 - p) while the module computes; in eval mode it is
    the parameter itself. The raw parameter stays where it is: its state_dict key is 'module.' and its own name, and it gets
    the gradient, through the mask. An exception in the module leaves the parameters in place too. Inputs and outputs are the module's.

    AWD-LSTM drops the hidden-to-hidden matrix: wrap what runs over the whole sequence, so that all steps share a mask (around a cell
    that is called for each step, each has its own). One call at a time: the attributes change while a call runs.
    AttributeError for a name that is no parameter.

    >>> layer = nn.WeightDrop(nn.Linear(3, 2), "weight", p=0.5)
    >>> list(layer.state_dict())
    ['module.weight', 'module.bias']
    >>> layer(minigrad.ones(1, 3)).sum().backward()
    >>> layer.module.weight.grad.shape
    (2, 3)
    """

    def _dropped(self, weight: Tensor) -> Tensor:
        return ops.dropout(weight, self.p, self.training, generator=self.generator)


class TargetedDropout(_OnParameters):
    """`module` with dropout on those weights that pruning would take (Gomez et al. 2019), so that it learns to do without them.

    Of each named parameter (out, ...), in training, the `fraction` of smallest magnitude in each row (target 'weight'), or of rows
    of smallest norm ('unit'), is dropped with probability `p`, without rescaling; the candidates are chosen anew at each call. In eval
    mode they are all dropped (`eval_mode` 'prune', as in the authors' code) or none ('identity'). As with `WeightDrop`
    the raw parameters stay in the module, with their keys ('module.' and the name) and gradients.

    Use it for a net to be pruned after training, then with the same fraction.

    >>> layer = nn.TargetedDropout(nn.Linear(4, 2, bias=False), "weight", p=0.5, fraction=0.75).eval()
    >>> minigrad.equal((layer(minigrad.eye(4)) != 0).sum(0), minigrad.tensor([1, 1]))  # a weight in four remains
    True
    """

    in_mc_dropout = False  # at test time it prunes

    def __init__(
        self,
        module: Module,
        names: str | Iterable[str] = "weight",
        p: float = 0.5,
        fraction: float = 0.5,
        *,
        target: str = "weight",
        eval_mode: str = "prune",
        generator: Generator | None = None,
    ) -> None:
        super().__init__(module, names, p, generator=generator)
        check_share(fraction, "TargetedDropout: fraction")
        check_one_of(target, ("weight", "unit"), "TargetedDropout: target")
        check_one_of(eval_mode, ("prune", "identity"), "TargetedDropout: eval_mode")
        self.fraction, self.target, self.eval_mode = fraction, target, eval_mode

    def _dropped(self, weight: Tensor) -> Tensor:
        return F.targeted_dropout(
            weight,
            self.p,
            self.fraction,
            self.training,
            target=self.target,
            eval_mode=self.eval_mode,
            generator=self.generator,
        )

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, fraction={self.fraction}, target={self.target!r}, eval_mode={self.eval_mode!r}"
