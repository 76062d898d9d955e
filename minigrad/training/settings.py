"""What a run was made with and no state_dict tells, as lines of text that a checkpoint keeps and compares."""

from __future__ import annotations

import functools
import inspect
import re
from typing import Any

from ..nn import Module

_PLAIN = (bool, int, float, str, tuple, list, type(None))


def of_model(model: Any) -> str:
    """The layers with their options."""
    return _without_addresses(repr(model))


def of_optimizer(optimizer: Any) -> str:
    """Its class and the options of each group as they were before a scheduler changed them."""
    lines = [type(optimizer).__name__]
    for i, group in enumerate(optimizer.param_groups):
        cycled = ("momentum", "betas") if "max_momentum" in group else ()
        options = {key: value for key, value in group.items() if isinstance(value, _PLAIN) and key not in cycled}
        options["lr"] = options.pop("initial_lr", options.get("lr"))
        lines += _lines(
            {key: options[key] for key in sorted(options) if key not in ("params", "param_names")}, f" of group {i}"
        )
    return "\n".join(lines)


def of_scheduler(scheduler: Any) -> str:
    """Its class and the options it was made with, as far as it keeps them under their names."""
    if scheduler is None:
        return "none"
    names = [name for name in inspect.signature(type(scheduler)).parameters if name != "last_epoch"]
    options = {
        name: vars(scheduler)[name] for name in names if isinstance(vars(scheduler).get(name, scheduler), _PLAIN)
    }
    return "\n".join([type(scheduler).__name__, *_lines(options)])


def of_loss(loss: Any) -> str:
    """A module's repr and plain attributes, or the name of a function or class."""
    if isinstance(loss, functools.partial):
        return "\n".join(
            [f"partial of {of_loss(loss.func)}", *map(_without_addresses, map(repr, loss.args)), *_lines(loss.keywords)]
        )
    if isinstance(loss, Module):
        options = {
            key: value
            for key, value in sorted(vars(loss).items())
            if isinstance(value, _PLAIN) and key != "training" and not key.startswith("_")
        }
        return "\n".join([_without_addresses(repr(loss)), *_lines(options)])
    return getattr(loss, "__qualname__", type(loss).__qualname__)


def _lines(options: dict[str, Any], of: str = "") -> list[str]:
    return [f"{name} {_without_addresses(repr(value))}{of}" for name, value in options.items()]


def _without_addresses(text: str) -> str:
    return re.sub(r" at 0x\w+", "", text)
