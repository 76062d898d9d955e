"""The same masks in both libraries: what minigrad's dropout draws is noted, and done to PyTorch's Tensors.

While it lasts, the random functions of both are replaced, for the modules' calls and the user's.
"""

from __future__ import annotations

import contextlib
import copy
import functools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .. import nn
from ..grad_mode import no_grad
from ..ops import attention, dropout, dropout_family
from ..ops.creation import full, ones
from ..random import default_generator

# The random functions that PyTorch has too, and where minigrad's own modules look them up.
RANDOM = {
    "dropout": dropout,
    "dropout1d": dropout,
    "dropout2d": dropout,
    "dropout3d": dropout,
    "alpha_dropout": dropout_family,
    "feature_alpha_dropout": dropout_family,
}

ATTENTION = "scaled_dot_product_attention"  # its dropout is that of `dropout` on the weights

Draw = tuple[str, np.ndarray, np.ndarray]  # of a call of the function named: what x is multiplied by, and what is added


@contextlib.contextmanager
def recording(masks: list[Draw]) -> Iterator[None]:
    """Inside, random functions note what they do to their input x as a x + b: (name, a, b)."""
    functional = nn.functional

    def recorded(name: str, original: Callable) -> Callable:
        default = "alpha" not in name  # whether it is training, unless it is told

        def call(input: Any, p: float = 0.5, training: bool = default, inplace: bool = False, **options: Any) -> Any:
            generator = options.get("generator") or default_generator
            before = copy.deepcopy(generator)
            value = input.detach()
            shape, dtype = value.shape, value.dtype
            result = original(input, p, training, inplace, **options)
            if training and p > 0:
                probes = []
                with no_grad():
                    for fill in (0, 1):
                        again = {"generator": copy.deepcopy(before)}
                        if "mask" in options:
                            again["mask"] = options["mask"]
                        x = full(shape, fill, dtype=dtype)
                        probes.append(original(x, p, True, False, **again).numpy())
                masks.append((name, probes[1] - probes[0], probes[0].copy()))
            return result

        return call

    def attend(
        query: Any, key: Any, value: Any, mask: Any = None, dropout_p: float = 0.0, *args: Any, **kwargs: Any
    ) -> Any:
        generator = kwargs.get("generator") or default_generator
        before = copy.deepcopy(generator)
        result = attended(query, key, value, mask, dropout_p, *args, **kwargs)
        if dropout_p > 0:
            shape = (*result.shape[:-1], key.shape[-2])
            kept = drop(ones(shape, dtype=query.dtype), dropout_p, generator=before).numpy()
            masks.append(("dropout", kept, np.zeros_like(kept)))
        return result

    attended, drop = attention.scaled_dot_product_attention, dropout.dropout
    wrappers = {name: (module, recorded(name, getattr(module, name))) for name, module in RANDOM.items()}
    wrappers[ATTENTION] = attention, attend
    with contextlib.ExitStack() as undo:
        for name, (module, wrapper) in wrappers.items():
            for place in (module, functional):
                undo.callback(setattr, place, name, getattr(place, name))
                setattr(place, name, wrapper)
        yield


@contextlib.contextmanager
def replaying(masks: list[Draw], torch: Any) -> Iterator[None]:
    """Inside, PyTorch's random functions do to their input what minigrad's have done, in the same order."""

    def replayed(name: str, original: Callable) -> Callable:
        default = "alpha" not in name

        def call(input: Any, p: float = 0.5, training: bool = default, inplace: bool = False) -> Any:
            if not training or p == 0:
                return original(input, p, training, inplace)
            if not masks or masks[0][0] != name or masks[0][1].shape != tuple(input.shape):
                drawn = f"{masks[0][0]} of {list(masks[0][1].shape)}" if masks else "nothing"
                raise RuntimeError(
                    f"compare_with_torch: PyTorch calls {name} of {list(input.shape)} where minigrad has called {drawn}: the two do not "
                    "draw in the same order"
                )
            _, slope, shift = masks.pop(0)
            result = input * torch.tensor(slope) + torch.tensor(shift)
            return input.copy_(result) if inplace else result

        return call

    with contextlib.ExitStack() as undo:
        for name in RANDOM:
            undo.callback(setattr, torch.nn.functional, name, getattr(torch.nn.functional, name))
            setattr(torch.nn.functional, name, replayed(name, getattr(torch.nn.functional, name)))
        attend = torch.nn.functional.scaled_dot_product_attention
        undo.callback(setattr, torch.nn.functional, ATTENTION, attend)
        setattr(torch.nn.functional, ATTENTION, functools.partial(_composed_attention, attend, torch))
        recurrent = torch.nn.modules.rnn
        undo.callback(setattr, recurrent, "_VF", recurrent._VF)
        recurrent._VF = _LayerByLayer(recurrent._VF, torch)
        yield


def _composed_attention(
    original: Any, torch: Any, query: Any, key: Any, value: Any, attn_mask: Any = None, dropout_p: float = 0.0,
    is_causal: bool = False, scale: float | None = None, enable_gqa: bool = False,
) -> Any:  # fmt: skip
    """PyTorch's attention, its dropout by `functional.dropout` on the weights."""
    options = {"scale": scale, "enable_gqa": enable_gqa}
    if dropout_p == 0:
        return original(query, key, value, attn_mask, 0.0, is_causal, **options)
    count = key.shape[-2]  # attention to the rows of the identity gives the weights
    rows = torch.eye(count, dtype=query.dtype).expand(*key.shape[:-1], count)
    weights = original(query, key, rows, attn_mask, 0.0, is_causal, **options)
    if enable_gqa:
        value = value.repeat_interleave(query.shape[-3] // value.shape[-3], -3)
    batch = torch.broadcast_shapes(weights.shape[:-2], value.shape[:-2])
    return torch.nn.functional.dropout(weights.expand(*batch, *weights.shape[-2:]), dropout_p) @ value


class _LayerByLayer:
    """PyTorch's recurrent functions, with the dropout between layers by `functional.dropout`, as minigrad has it."""

    def __init__(self, original: Any, torch: Any) -> None:
        self.original, self.functional, self.join = original, torch.nn.functional, torch.cat

    def __getattr__(self, name: str) -> Any:
        function = getattr(self.original, name)
        return (
            functools.partial(self.run, name, function) if name in ("lstm", "gru", "rnn_tanh", "rnn_relu") else function
        )

    def run(self, name: str, function: Callable, *args: Any) -> Any:
        packed = not isinstance(
            args[3], bool
        )  # (x, hx, weights, biases, ...) or (x, batch_sizes, hx, weights, biases, ...)
        x, *sizes, hx, weights, biases, layers, rate, training, bidirectional = args[: 9 if packed else 8]
        batch_first = args[8:] if not packed else ()
        if not training or not rate or layers == 1:
            return function(*args)
        step, directions, last = len(weights) // layers, 1 + bidirectional, []
        for layer in range(layers):
            if layer:
                rows = x.transpose(0, 1) if any(batch_first) else x
                rows = self.functional.dropout(rows.reshape(-1, x.shape[-1]), rate).reshape(rows.shape)
                x = rows.transpose(0, 1) if any(batch_first) else rows
            place = slice(layer * directions, (layer + 1) * directions)
            first = tuple(state[place] for state in hx) if name == "lstm" else hx[place]
            own = weights[layer * step : (layer + 1) * step]
            x, *states = function(x, *sizes, first, own, biases, 1, 0.0, training, bidirectional, *batch_first)
            last.append(states)
        return x, *(self.join(states) for states in zip(*last, strict=True))


__all__ = ["RANDOM", "Draw", "recording", "replaying"]
