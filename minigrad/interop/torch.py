"""Copies of modules, states and Tensors, from PyTorch and to PyTorch.

A module becomes one of the class of the same name. Its arguments are read from the attributes that the constructor keeps
them in, which are the same in both libraries, and so are the keys and layouts of the state.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from .. import nn
from ..tensor import Tensor, _fresh, wrap

CONTAINERS = ("Sequential", "ModuleList", "ModuleDict")
PLAIN = (bool, int, float, str, type(None))

_LAYER: dict[str, Callable[[Any], Any]] = {
    "d_model": lambda layer: layer.self_attn.embed_dim,
    "nhead": lambda layer: layer.self_attn.num_heads,
    "dim_feedforward": lambda layer: layer.linear1.out_features,
    "dropout": lambda layer: layer.dropout.p,
    "layer_norm_eps": lambda layer: layer.norm1.eps,
    "batch_first": lambda layer: layer.self_attn.batch_first,
    "bias": lambda layer: layer.linear1.bias is not None,
}


def _of_first_layer(name: str) -> Callable[[Any], Any]:
    """An argument of a Transformer, as its layers have it."""

    def read(module: Any) -> Any:
        layer = next(iter([*module.encoder.layers, *module.decoder.layers]))
        return _LAYER[name](layer) if name in _LAYER else getattr(layer, name)

    return read


# Arguments that are no attributes of the same name: what they were.
READ: dict[str, dict[str, Callable[[Any], Any]]] = {
    "MultiheadAttention": {
        "bias": lambda module: module.in_proj_bias is not None,
        "add_bias_kv": lambda module: module.bias_k is not None,
    },
    "TransformerEncoderLayer": _LAYER,
    "TransformerDecoderLayer": _LAYER,
    "TransformerEncoder": {"encoder_layer": lambda module: module.layers[0]},
    "TransformerDecoder": {"decoder_layer": lambda module: module.layers[0]},
    "Transformer": {
        "num_encoder_layers": lambda module: len(module.encoder.layers),
        "num_decoder_layers": lambda module: len(module.decoder.layers),
        **{name: _of_first_layer(name) for name in (*_LAYER, "activation", "norm_first")},
    },
}
# Arguments that say how to begin, whom to draw from (PyTorch's layers have no choice), or nothing any more.
SKIPPED = {"self", "device", "dtype", "generator", "init", "mode", "size_average", "reduce", "min_value", "max_value"}

# Arguments that a class takes without naming them in its constructor, with their defaults.
UNNAMED: dict[str, dict[str, Any]] = {"RNN": {"nonlinearity": "tanh"}}


def from_torch(obj: Any) -> Any:
    """A copy in minigrad of what PyTorch has: a `torch.nn.Module`, a Tensor, or a state (nested dicts, lists and tuples; a
    `PackedSequence` stays one).

    A module's layers have to be of classes that minigrad has too, possibly in `Sequential`, `ModuleList` and `ModuleDict`; the
    copy has its parameters, buffers, dtypes, sharing, and training modes, but no hooks. A net of a class of one's own is
    written in minigrad, and takes the state: net.load_state_dict(from_torch(torch_net.state_dict())). So does an
    optimizer. TypeError names what cannot be copied.
    """
    return _Copy("from_torch", import_torch().nn, nn, _torch_side(), _our_side()).of(obj)


def to_torch(obj: Any) -> Any:
    """A copy in PyTorch of what minigrad has: a module, a Tensor, or a state (nested dicts, lists and tuples).

    The counterpart of `from_torch`. PyTorch has only part of the dropout family: TypeError names a layer that it has not.
    """
    return _Copy("to_torch", nn, import_torch().nn, _our_side(), _torch_side()).of(obj)


class _Side(NamedTuple):
    """What one library's objects are, and how arrays become them and come out of them."""

    name: str
    tensor: Any  # the classes
    parameter: Any
    module: Any
    array: Callable[[Any], np.ndarray]
    make: Callable[[np.ndarray], Any]


def _our_side() -> _Side:
    return _Side(
        "minigrad", Tensor, nn.Parameter, nn.Module, lambda x: x._value, lambda array: wrap(_fresh(np.asarray(array)))
    )


def _torch_side() -> _Side:
    torch = import_torch()

    def array(x: Any) -> np.ndarray:
        try:
            return x.detach().cpu().numpy()
        except TypeError:
            raise TypeError(f"minigrad has no dtype {x.dtype}: convert it first, with .float()") from None

    return _Side("torch", torch.Tensor, torch.nn.Parameter, torch.nn.Module, array, torch.tensor)


def import_torch() -> Any:
    """PyTorch, or an ImportError that says how to get it."""
    try:
        return importlib.import_module("torch")
    except ImportError as error:
        raise ImportError("this needs PyTorch: pip install torch") from error


class _Copy:
    """One copying from `here` to `there`."""

    def __init__(self, name: str, ours: Any, theirs: Any, here: _Side, there: _Side) -> None:
        self.name, self.here, self.there = name, here, there
        self.classes: tuple[ModuleType, ModuleType] = (ours, theirs)
        self.made: dict[int, Any] = {}  # copies by the id of the original: what was shared stays shared

    def of(self, obj: Any) -> Any:
        if isinstance(obj, self.here.module):
            return self.module(obj)
        if isinstance(obj, self.here.tensor):
            return self.tensor(obj)
        if isinstance(obj, Mapping):
            return {key: self.of(value) for key, value in obj.items()}
        if isinstance(obj, self.classes[0].utils.rnn.PackedSequence):
            return self.classes[1].utils.rnn.PackedSequence(*(self.of(item) for item in obj))
        if isinstance(obj, list | tuple):
            items = [self.of(item) for item in obj]
            return items if isinstance(obj, list) else tuple(items)
        if isinstance(obj, PLAIN):
            return obj
        raise TypeError(
            f"{self.name} copies modules, Tensors and states of {self.here.name}, not a {type(obj).__module__}.{type(obj).__name__}"
        )

    def tensor(self, tensor: Any) -> Any:
        if id(tensor) not in self.made:
            copy = self.there.make(self.here.array(tensor))
            if isinstance(tensor, self.here.parameter):
                copy = self.there.parameter(copy, requires_grad=tensor.requires_grad)
            elif tensor.requires_grad:
                copy.requires_grad_()
            self.made[id(tensor)] = copy
        return self.made[id(tensor)]

    def module(self, module: Any) -> Any:
        if id(module) in self.made:
            return self.made[id(module)]
        ours, theirs = self.classes
        name = type(module).__name__
        if type(module) is not getattr(ours, name, None):
            raise TypeError(
                f"{self.name}: {name} is no class of {ours.__name__}. Write the net with {theirs.__name__}, and give it the state: "
                f"net.load_state_dict({self.name}(other.state_dict()))"
            )
        made = getattr(theirs, name, None)
        if made is None:
            raise TypeError(f"{self.name}: {theirs.__name__} has no {name}")
        if name.startswith("Lazy"):
            raise TypeError(f"{self.name}: a {name} has no weights yet: call it once, and it knows its shape")
        if name == "ParameterList":
            copy = made([self.of(value) for value in module])
        elif name == "ParameterDict":
            copy = made({key: self.of(value) for key, value in module.items()})
        elif name in CONTAINERS:
            copy = made()
            for key, child in module._modules.items():
                copy.add_module(key, None if child is None else self.module(child))
        else:
            try:
                copy = made(**self.arguments(module, made))
            except NotImplementedError as error:
                raise TypeError(f"{self.name}: {error}") from None
        self.fill(copy, module)
        return copy

    def fill(self, copy: Any, module: Any) -> None:
        """Give `copy`, made with the arguments of `module`, its state; and what it consists of too."""
        self.made[id(module)] = copy
        for own in (module._parameters, module._buffers):
            for key, value in own.items():
                if value is not None:
                    setattr(copy, key, self.tensor(value))
        copy.training = module.training
        for key, child in module._modules.items():
            if id(child) in self.made:
                setattr(copy, key, self.made[id(child)])
            elif child is not None and key in copy._modules:  # PyTorch's copies of decoder layers hide a module
                self.fill(copy._modules[key], child)

    def activation(self, function: Any) -> str:
        """The name of the function that a layer of a Transformer has; not of another one that happens to have that name."""
        functional = self.classes[0].functional
        for name in ("relu", "gelu"):
            if function in (
                name,
                getattr(functional, name),
                getattr(importlib.import_module(self.here.name), name, None),
            ):
                return name
        raise TypeError(f"{self.name}: an activation has to be F.relu, F.gelu, or a module, not {function!r}")

    def arguments(self, module: Any, made: type) -> dict[str, Any]:
        """What `module` was made with."""
        known = _parameters(made)
        arguments: dict[str, Any] = {}
        for name, parameter in _parameters(type(module)).items():
            if name in SKIPPED or name.startswith("_"):
                continue
            read = READ.get(type(module).__name__, {}).get(name)
            if read is None and not hasattr(module, name):
                if parameter.default is parameter.empty:
                    raise TypeError(f"{self.name}: what {name} a {type(module).__name__} was made with cannot be told")
                continue
            try:
                value = read(module) if read else getattr(module, name)
            except (AttributeError, IndexError, StopIteration):  # a Transformer of other layers, or of none
                raise TypeError(
                    f"{self.name}: what {name} a {type(module).__name__} was made with cannot be told: copy its parts"
                ) from None
            if name == "bias" and not isinstance(value, bool):
                value = value is not None
            if name not in known:
                if value != parameter.default:
                    raise TypeError(f"{self.name}: {self.there.name}'s {type(module).__name__} has no argument {name}")
                continue
            if isinstance(value, self.here.tensor | self.here.module):
                value = self.of(value)
            elif name == "activation":
                value = self.activation(value)
            arguments[name] = value
        return arguments


def _parameters(kind: type) -> dict[str, inspect.Parameter]:
    """The arguments of a class; where its constructor passes on all that it gets, its base's."""
    found = {
        name: inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default)
        for name, default in UNNAMED.get(kind.__name__, {}).items()
    }
    for base in kind.__mro__:
        if "__init__" not in vars(base):
            continue
        parameters = inspect.signature(base.__init__).parameters  # type: ignore[misc]
        found = {
            **{name: p for name, p in parameters.items() if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)},
            **found,
        }
        if all(p.kind is not p.VAR_POSITIONAL for p in parameters.values()):
            break
    return found


__all__ = ["from_torch", "to_torch"]
