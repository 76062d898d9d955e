"""Schedules of p: `schedule.step()` after each batch (or epoch) sets the `p` of the dropout layers of a model.

They take any module that has a number `p` as an attribute of its own, so also DropBlock, DropPath or one's own; nothing is
rebuilt. Layers keep their proportions: what a schedule computes, it computes from the `p` that each layer had at the start. The formulas
are closed, so a state is the number of the step and those first rates.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from numbers import Real
from typing import Any

from ...ops.dropout_base import check_number, check_one_of, check_positive, check_scale, check_share, check_size
from ..module import Module


def scheduled_modules(model: Module | Iterable[Module], attribute: str = "p") -> list[Module]:
    """The modules that a schedule of `model` steps, each once: those with a number of their own under the name `attribute`."""
    if not isinstance(model, Module | Iterable):
        raise TypeError(f"a schedule takes a Module or several, got {type(model).__name__}")
    modules = model.modules() if isinstance(model, Module) else model
    found: list[Module] = []
    for module in modules:
        if not isinstance(module, Module):
            raise TypeError(f"a schedule takes a Module or several, got {type(module).__name__}")
        rate = vars(module).get(attribute)
        if isinstance(rate, Real) and not isinstance(rate, bool) and not any(module is other for other in found):
            found.append(module)
    return found


class DropoutSchedule:
    """p = function(base, step) for every dropout layer of `model`, `base` being the p that the layer had at first.

    `model` is a Module or an iterable of modules (to leave others out, or give them another schedule). Making a schedule sets the rates of
    step 0; each `step()` goes on by one. `attribute` names another number to step, such as 'p_hidden'. With `total_steps` a step beyond
    the last raises ValueError. So does a rate outside [0, 1], and a model without dropout. A step that raises changes nothing.
    A second schedule begins from the rates as the first has left them, be they 0: set them again before.

    `state_dict` does not hold the function. The p of layers are no part of a model's state_dict, so `load_state_dict` sets them too.

    >>> model = nn.Sequential(nn.Dropout(0.2), nn.Linear(2, 2), nn.Dropout(0.5))
    >>> schedule = nn.DropoutSchedule(model, lambda base, step: base / (1 + step))
    >>> schedule.step()
    >>> schedule.get_last_p(), model[2].p
    ([0.1, 0.25], 0.25)
    """

    def __init__(
        self,
        model: Module | Iterable[Module],
        function: Callable[[float, int], float] | None = None,
        total_steps: int | None = None,
        *,
        attribute: str = "p",
    ) -> None:
        if function is not None and not callable(function):
            raise TypeError(f"{type(self).__name__}: function(base, step) is needed, not {type(function).__name__}")
        if total_steps is not None:
            total_steps = check_size(total_steps, f"{type(self).__name__}: total_steps")
        self.modules = scheduled_modules(model, attribute)
        if not self.modules:
            raise ValueError(f"{type(self).__name__}: the model has no module with a number {attribute!r}")
        self.function, self.total_steps, self.attribute = function, total_steps, attribute
        self.base_ps = [float(getattr(module, attribute)) for module in self.modules]
        self.last_step = -1
        self.step()

    def get_p(self, base: float, step: int) -> float:
        """The rate at a step, for a layer whose first was `base`."""
        if self.function is None:
            raise NotImplementedError(f"{type(self).__name__} needs a function(base, step), or a get_p of its own")
        return self.function(base, step)

    def get_last_p(self) -> list[float]:
        """The rates that the last step has set, one for each layer."""
        return list(self._last_p)

    def step(self) -> None:
        """Go to the next step and set its rates. If it has none (ValueError), nothing changes."""
        self._set(self.last_step + 1, self.base_ps)

    def _set(self, step: int, base_ps: list[float]) -> None:
        if self.total_steps is not None and step > self.total_steps:
            raise ValueError(
                f"{type(self).__name__}: step {step} is past the end, it was made for {self.total_steps} steps (total_steps)"
            )
        rates = [self._rate(module, base, step) for module, base in zip(self.modules, base_ps, strict=True)]
        for module, rate in zip(self.modules, rates, strict=True):
            setattr(module, self.attribute, rate)
        self.last_step, self.base_ps, self._last_p = step, list(base_ps), rates

    def _rate(self, module: Module, base: float, step: int) -> float:
        rate = check_number(self.get_p(base, step), f"{type(self).__name__}: the rate of step {step}")
        if not 0.0 <= rate <= 1.0:  # NaN is not
            raise ValueError(
                f"{type(self).__name__}: dropout probability has to be between 0 and 1, but step {step} gives {rate} for a layer of {base}"
            )
        if rate == 1.0 and getattr(module, "below_one", False):
            raise ValueError(
                f"{type(self).__name__}: step {step} gives 1, where the formula of {type(module).__name__} divides by 1 - p"
            )
        return rate

    def state_dict(self) -> dict[str, Any]:
        """All that the schedule knows, except its modules and its function."""
        return {key: value for key, value in self.__dict__.items() if key not in ("modules", "function")}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go back to a state that `state_dict` returned, and set its rates; one of another schedule raises ValueError and changes
        nothing."""
        if not isinstance(state_dict, Mapping):
            raise TypeError(f"{type(self).__name__}: expected a state dict, not {type(state_dict).__name__}")
        expected = self.state_dict()
        if state_dict.keys() != expected.keys() or len(state_dict["base_ps"]) != len(self.base_ps):
            raise ValueError(
                f"the state dict of a {type(self).__name__} of {len(self.base_ps)} layers holds {', '.join(expected)}; this one "
                f"holds {', '.join(state_dict)}"
                + (f" of {len(state_dict['base_ps'])} layers" if "base_ps" in state_dict else "")
            )
        before = expected
        self.__dict__.update(state_dict)
        try:
            self._set(state_dict["last_step"], state_dict["base_ps"])
        except BaseException:
            self.__dict__.update(before)
            raise


class ConstantSchedule(DropoutSchedule):
    """p for all layers at all steps; the layers' own p if it is None.

    >>> layer = nn.Dropout(0.4)
    >>> schedule = nn.ConstantSchedule(layer, 0.1)
    >>> layer.p
    0.1
    """

    def __init__(
        self,
        model: Module | Iterable[Module],
        p: float | None = None,
        total_steps: int | None = None,
        *,
        attribute: str = "p",
    ) -> None:
        self.p = None if p is None else check_share(p, "ConstantSchedule: p")
        super().__init__(model, None, total_steps, attribute=attribute)

    def get_p(self, base: float, step: int) -> float:
        return base if self.p is None else self.p


class LinearSchedule(DropoutSchedule):
    """From `start` to `end` in `total_steps` equal steps; None stands for the layer's own p. A step beyond the last raises ValueError.

    DropBlock's schedule (Ghiasi et al. 2018, section 3) is the default: from 0 up to each layer's p.

    >>> layer = nn.Dropout(0.4)
    >>> schedule = nn.LinearSchedule(layer, total_steps=4)
    >>> rates = [layer.p]
    >>> for _ in range(4):
    ...     schedule.step()
    ...     rates.append(layer.p)
    >>> rates
    [0.0, 0.1, 0.2, 0.30000000000000004, 0.4]
    """

    def __init__(
        self,
        model: Module | Iterable[Module],
        total_steps: int,
        start: float | None = 0.0,
        end: float | None = None,
        *,
        attribute: str = "p",
    ) -> None:
        self.start = None if start is None else check_share(start, "LinearSchedule: start")
        self.end = None if end is None else check_share(end, "LinearSchedule: end")
        self.total_steps: int = check_size(total_steps, "LinearSchedule: total_steps")
        super().__init__(model, None, self.total_steps, attribute=attribute)

    def get_p(self, base: float, step: int) -> float:
        start, end = (base if rate is None else rate for rate in (self.start, self.end))
        share = step / self.total_steps
        return start * (1 - share) + end * share  # both ends to the bit


class StepSchedule(DropoutSchedule):
    """The layer's own p times `gamma` every `step_size` steps.

    >>> layer = nn.Dropout(0.4)
    >>> schedule = nn.StepSchedule(layer, step_size=2)
    >>> for _ in range(5):
    ...     schedule.step()
    >>> layer.p
    0.1
    """

    def __init__(
        self,
        model: Module | Iterable[Module],
        step_size: int,
        gamma: float = 0.5,
        total_steps: int | None = None,
        *,
        attribute: str = "p",
    ) -> None:
        self.step_size = check_size(step_size, "StepSchedule: step_size")
        self.gamma = check_scale(gamma, "StepSchedule: gamma")
        super().__init__(model, None, total_steps, attribute=attribute)

    def get_p(self, base: float, step: int) -> float:
        return base * self.gamma ** (step // self.step_size)


class CurriculumSchedule(DropoutSchedule):
    """Curriculum dropout (Morerio et al. 2017, section 3): from 0 up to the layer's own p, p(t) = p (1 - exp(-gamma t)).

    In the paper's terms the keep probability is (1 - k) exp(-gamma t) + k with k = 1 - p. It takes gamma = 10 / T for a training of
    T steps, 0.001 in its code. Training begins easy, without noise, and grows harder. ValueError unless gamma > 0.

    >>> layer = nn.Dropout(0.5)
    >>> schedule = nn.CurriculumSchedule(layer, gamma=0.1)
    >>> for _ in range(10):
    ...     schedule.step()
    >>> round(layer.p, 4)
    0.3161
    """

    def __init__(
        self,
        model: Module | Iterable[Module],
        gamma: float = 1e-3,
        total_steps: int | None = None,
        *,
        attribute: str = "p",
    ) -> None:
        self.gamma = check_positive(gamma, "CurriculumSchedule: gamma")
        super().__init__(model, None, total_steps, attribute=attribute)

    def get_p(self, base: float, step: int) -> float:
        return -base * math.expm1(-self.gamma * step)


class EarlySchedule(DropoutSchedule):
    """Early dropout (Liu et al. 2023, section 4): the layer's own p falls to 0 at step `cutoff`, and none from there on.

    `shape` 'linear' (p (1 - t / cutoff)) or 'constant' (p until the cutoff). For models that underfit: dropout at the start makes
    the gradients of different batches agree more, and none at the end leaves the model its capacity.

    >>> layer = nn.Dropout(0.4)
    >>> schedule = nn.EarlySchedule(layer, cutoff=4)
    >>> schedule.step()
    >>> round(layer.p, 4)
    0.3
    """

    def __init__(
        self,
        model: Module | Iterable[Module],
        cutoff: int,
        total_steps: int | None = None,
        *,
        shape: str = "linear",
        attribute: str = "p",
    ) -> None:
        self.cutoff = check_size(cutoff, "EarlySchedule: cutoff")
        check_one_of(shape, ("linear", "constant"), "EarlySchedule: shape")
        self.shape = shape
        super().__init__(model, None, total_steps, attribute=attribute)

    def get_p(self, base: float, step: int) -> float:
        if step >= self.cutoff:
            return 0.0
        return base * (1 - step / self.cutoff) if self.shape == "linear" else base


class LateSchedule(DropoutSchedule):
    """Late dropout (Liu et al. 2023, section 4): none before step `cutoff`, the layer's own p from there on.

    For models that overfit: they learn without noise first.

    >>> layer = nn.Dropout(0.4)
    >>> schedule = nn.LateSchedule(layer, cutoff=1)
    >>> before = layer.p
    >>> schedule.step()
    >>> before, layer.p
    (0.0, 0.4)
    """

    def __init__(
        self,
        model: Module | Iterable[Module],
        cutoff: int,
        total_steps: int | None = None,
        *,
        attribute: str = "p",
    ) -> None:
        self.cutoff = check_size(cutoff, "LateSchedule: cutoff")
        super().__init__(model, None, total_steps, attribute=attribute)

    def get_p(self, base: float, step: int) -> float:
        return 0.0 if step < self.cutoff else base
