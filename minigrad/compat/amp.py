"""`torch.amp`: mixed precision, which minigrad does not have. What is switched off, or meant for a GPU, does nothing."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import Any

from ..device import device

__all__ = ["GradScaler", "autocast"]


class autocast:
    """A context, or decorator, in which everything keeps its dtype.

    For 'cuda' it warns that it is disabled, as PyTorch does where there is no such device. NotImplementedError where it
    would lower precision on the CPU.
    """

    def __init__(
        self,
        device_type: str = "cuda",
        dtype: Any = None,
        enabled: bool = True,
        cache_enabled: bool | None = None,
    ) -> None:
        if not isinstance(device_type, str):
            raise ValueError(f"Expected `device_type` of type `str`, got: `{type(device_type)}`")
        if enabled and device(device_type).type == "cpu":
            raise NotImplementedError(
                "autocast(device_type='cpu'): minigrad does not compute in lower precision; use enabled=False"
            )
        if enabled:
            warnings.warn(f"{device_type} is not available. Disabling autocast.", stacklevel=2)

    def __enter__(self) -> autocast:
        return self

    def __exit__(self, *exception: Any) -> None:
        pass

    def __call__(self, function: Callable) -> Callable:
        @functools.wraps(function)
        def decorated(*args: Any, **kwargs: Any) -> Any:
            return function(*args, **kwargs)

        return decorated


class GradScaler:
    """A scaler of losses that is disabled: the loss stays as it is, and `step(optimizer)` steps."""

    def __init__(
        self,
        device: str = "cuda",
        init_scale: float = 65536.0,
        growth_factor: float = 2.0,
        backoff_factor: float = 0.5,
        growth_interval: int = 2000,
        enabled: bool = True,
    ) -> None:
        if enabled and device == "cpu":
            raise NotImplementedError("GradScaler('cpu'): minigrad has no mixed precision; use enabled=False")
        if enabled:
            warnings.warn("GradScaler is enabled, but CUDA is not available. Disabling.", stacklevel=2)

    def scale(self, outputs: Any) -> Any:
        """`outputs`."""
        return outputs

    def unscale_(self, optimizer: Any) -> None:
        """Nothing."""

    def step(self, optimizer: Any, *args: Any, **kwargs: Any) -> Any:
        """`optimizer.step(*args, **kwargs)`."""
        return optimizer.step(*args, **kwargs)

    def update(self, new_scale: Any = None) -> None:
        """Nothing."""

    def get_scale(self) -> float:
        """1."""
        return 1.0

    def is_enabled(self) -> bool:
        """False."""
        return False

    def state_dict(self) -> dict:
        """An empty one."""
        return {}

    def load_state_dict(self, state_dict: dict) -> None:
        """Nothing, as for a scaler that is disabled."""
