"""Dropout put into a model that is already there, and taken out again.

A dropout is added as a child of the module whose output (or input) it drops, and called by a forward hook of that module. So the
model's own code and class stay as they are; and as dropout has no state, so do the keys of the state_dict: states of the model
without it load into it and the other way round. The child is a module like any other: `train()` and `eval()`, `mc_dropout`,
schedules of `p`, `print(model)` and deep copies know it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any, TypeVar

from ...tensor import RemovableHandle, Tensor
from .. import activation
from ..module import Module
from ..recurrent import RNNBase
from ..utils.rnn import PackedSequence
from .activations import Dropout
from .base import check_module

M = TypeVar("M", bound=Module)

AFTER, BEFORE = "added_dropout", "added_dropout_before"  # the names of the children
OUTPUTS = ("LogSigmoid", "LogSoftmax", "Softmax", "Softmax2d", "Softmin")  # what ends a net is not dropped
ACTIVATIONS = tuple(
    kind
    for name, kind in vars(activation).items()
    if isinstance(kind, type) and issubclass(kind, Module) and kind.__module__ == activation.__name__
    if not name.startswith("_") and name not in OUTPUTS
)


def selected(model: Module, where: Any, added: bool = False) -> list[tuple[str, Module]]:
    """The modules of `model` that `where` names, in their order, with their dotted names.

    `where` is a class; a dotted name, in which `*` and `?` stand for anything; a position, an int among the modules without children
    (negative: from the end); a module itself; a function of (name, module) that says whether; or a list or tuple of
    such. What `add_dropout` has added is passed over unless `added`. ValueError if it names none, IndexError for a position
    there is none.
    """
    every = [(name, module) for name, module in model.named_modules() if added or not _is_added(name)]
    if isinstance(where, list | tuple):
        kinds = tuple(part for part in where if isinstance(part, type))  # of which any will do
        chosen = {id(module) for _, module in every if isinstance(module, kinds)}
        chosen |= {id(m) for part in where if not isinstance(part, type) for _, m in selected(model, part, added)}
        if not chosen:
            names = ", ".join(part.__name__ for part in kinds) or "an empty list"
            raise ValueError(f"no module of {type(model).__name__} is one of {names}: choose others by where=")
        return [(name, module) for name, module in every if id(module) in chosen]
    if isinstance(where, int) and not isinstance(where, bool):
        leaves = [pair for pair in every if not any(name not in (AFTER, BEFORE) for name in pair[1]._modules)]
        if not -len(leaves) <= where < len(leaves):
            raise IndexError(f"position {where}: the model has {len(leaves)} modules without children")
        return [leaves[where]]
    test: Callable[[str, Module], Any]
    if isinstance(where, type):
        test = lambda name, module: isinstance(module, where)  # noqa: E731
    elif isinstance(where, str):
        test = lambda name, module: name == where or fnmatchcase(name, where)  # noqa: E731
    elif isinstance(where, Module):
        test = lambda name, module: module is where  # noqa: E731
    elif callable(where):
        test = where
    else:
        raise TypeError(
            f"where has to be a class, a name, a position, a module, a function or a list of such, not {type(where).__name__}"
        )
    found = [(name, module) for name, module in every if test(name, module)]
    if not found:
        raise ValueError(f"no module of {type(model).__name__} is named by where={where!r}")
    return found


def _is_added(name: str) -> bool:
    return name.rpartition(".")[2] in (AFTER, BEFORE)


def _host(name: str, module: Module, before: bool) -> tuple[str, Module]:
    """Which module gets the hook: a Sequential stands for its last module (or first), which its length then tells nothing of."""
    from ..containers import ModuleDict, ModuleList, Sequential
    from .structured import LayerDrop

    while isinstance(module, Sequential) and len(module):
        key = list(module._modules)[0 if before else -1]
        name, module = (f"{name}.{key}" if name else key), module._modules[key]
    if isinstance(module, Sequential | ModuleList | ModuleDict | LayerDrop):
        raise TypeError(f"'{name}' is a {type(module).__name__}, which runs its modules as a list: choose one of them")
    return name, module


def _after(module: Module, args: tuple, kwargs: dict, output: Any) -> Any:
    recurrent = isinstance(module, RNNBase)  # returns its state, too, which is not dropped
    first = output[0] if recurrent else output
    if not isinstance(first, Tensor | PackedSequence):
        raise TypeError(
            f"add_dropout: {type(module).__name__} returned a {type(output).__name__}, and only a Tensor can be dropped"
        )
    dropped = _dropped(module._modules[AFTER], first)
    return (dropped, *output[1:]) if recurrent else dropped


def _before(module: Module, args: tuple, kwargs: dict) -> Any:
    if not (args and isinstance(args[0], Tensor | PackedSequence)):
        raise TypeError(f"add_dropout: {type(module).__name__} was not called with a Tensor as its first argument")
    return (_dropped(module._modules[BEFORE], args[0]), *args[1:]), kwargs


def _dropped(layer: Any, x: Any) -> Any:
    return PackedSequence(layer(x.data), *x[1:]) if isinstance(x, PackedSequence) else layer(x)


def add_dropout(
    model: M,
    p: float | Iterable[float] | Mapping[Any, float] = 0.5,
    where: Any = ACTIVATIONS,
    *,
    before: bool = False,
    kind: Callable[..., Module] = Dropout,
    **options: Any,
) -> M:
    """Put dropout behind modules of `model` (in front of them with `before`); returns the model, which is changed.

    `where` chooses them: a class, such as nn.Linear; a dotted name or a pattern of names, "features.*"; a position among the
    modules without children, such as -1; a module; a function of (name, module); or a list of such. Unless given it is every
    activation module. `p` is one rate, or one for each chosen module in order (`nn.drop_path_rates`), or a dict from such
    choices to rates, of which the first that fits counts. `kind` is the class, called with a rate and `options`.

    Each dropout is a child called "added_dropout" (or "added_dropout_before") of the module it belongs to, called by a forward
    hook; so the keys of the state_dict stay as they were, unless `kind` has parameters. A Sequential stands for its last module
    (its first with `before`). Of what `nn.LSTM` and its kin return the output is dropped, not the state. A module that is used in
    several places drops in all of them. Nothing is changed if an error is raised: ValueError if nothing is chosen, p is no
    probability, their number doesn't fit or a module has one already; TypeError for lists of modules.

    >>> model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 2))
    >>> model = nn.add_dropout(model, {"1": 0.2, nn.ReLU: 0.5})
    >>> model[1]
    ReLU(
      (added_dropout): Dropout(p=0.2, inplace=False)
    )
    >>> [layer.p for layer in nn.added_dropout(model).values()], len(model)
    ([0.2, 0.5], 5)
    """
    check_module(model, "add_dropout")
    if isinstance(p, Mapping):
        if not p:
            raise ValueError("add_dropout: the dict of rates is empty")
        if where is not ACTIVATIONS:
            raise TypeError("add_dropout: a dict of rates says where itself: leave `where` out")
        found: dict[Module, tuple[str, float]] = {}
        for choice, rate in p.items():
            for name, module in selected(model, choice):
                found.setdefault(module, (name, rate))
        places = [(name, module, rate) for module, (name, rate) in found.items()]
    else:
        modules = selected(model, where)
        several = isinstance(p, Iterable) and not isinstance(p, str | Tensor)
        rates: list[Any] = list(p) if several else [p] * len(modules)  # type: ignore[arg-type]
        if len(rates) != len(modules):
            raise ValueError(f"add_dropout: {len(rates)} rates for {len(modules)} modules")
        places = [(name, module, rate) for (name, module), rate in zip(modules, rates, strict=True)]
    child = BEFORE if before else AFTER
    planned: dict[Module, Module] = {}
    for name, module, rate in places:
        name, host = _host(name, module, before)
        if host in planned or child in host._modules:
            raise ValueError(
                f"add_dropout: '{name}' has a dropout already: change its p, or remove_dropout(model) first"
            )
        planned[host] = kind(rate, **options)
        check_module(planned[host], "add_dropout: kind has to make a layer")
    for host, layer in planned.items():
        host.add_module(child, layer)
        handle = (
            host.register_forward_pre_hook(_before, with_kwargs=True)
            if before
            else host.register_forward_hook(_after, with_kwargs=True)
        )
        layer.train(host.training)
        object.__setattr__(layer, "_added_by", handle)
    return model


def added_dropout(model: Module) -> dict[str, Any]:
    """What `add_dropout` has put into `model`, by dotted name."""
    return {name: module for name, module in model.named_modules() if _is_added(name)}


def remove_dropout(model: M) -> M:
    """Take out what `add_dropout` has put in; returns the model."""
    for module in list(model.modules()):
        for child in (AFTER, BEFORE):
            layer = module._modules.get(child)
            if layer is not None:
                handle: RemovableHandle = layer.__dict__["_added_by"]
                handle.remove()
                delattr(module, child)
        hooks = module._hooks
        if hooks is not None and not (hooks.forward_pre or hooks.forward or hooks.backward_pre or hooks.backward):
            module._hooks = None  # so that what works only without hooks works again
    return model
