"""Weights as a direction and a length (Salimans & Kingma 2016), or over their largest singular value (Miyato et al. 2018).

The weight is computed anew before each forward; what is learned are Parameters beside it, under PyTorch's names.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from ...grad_mode import no_grad
from ...ops.creation import randn
from ...ops.matmul import dot, mv
from ...ops.norm import normalize
from ...ops.reduce import norm
from ...tensor import Tensor
from ..module import Module
from ..parameter import Parameter

M = TypeVar("M", bound=Module)


def _kind(module: Module, name: str, kind: type[_Reweighted]) -> Any:
    """The key and the hook of that kind by which `module` computes its parameter `name`, if there is one."""
    for key, hook in module.__dict__.get("_weight_hooks", {}).items():
        if isinstance(hook, kind) and hook.name == name:
            return key, hook
    return None


class _Reweighted:
    """A forward pre-hook that sets a weight; what it is computed from are parameters and buffers of the module."""

    name: str

    def compute(self, module: Module) -> Tensor:
        raise NotImplementedError

    def __call__(self, module: Module, args: Any) -> None:
        setattr(module, self.name, self.compute(module))

    def hook_to(self, module: Module) -> None:
        hooks = module.__dict__.setdefault("_weight_hooks", {})
        hooks[module.register_forward_pre_hook(self)] = self

    @classmethod
    def take_from(cls, module: M, name: str, parts: Callable[[str], tuple[str, ...]]) -> M:
        found = _kind(module, name, cls)
        if found is None:
            raise ValueError(f"{cls.__name__.strip('_')} of '{name}' not found in {module}")
        handle, hook = found
        with no_grad():
            weight = hook.compute(module).detach()
        handle.remove()
        del module.__dict__["_weight_hooks"][handle]
        delattr(module, name)
        for part in parts(name):
            delattr(module, part)
        setattr(module, name, Parameter(weight))
        return module


def _length(weight: Tensor, dim: int | None) -> Tensor:
    """The norm of each slice along `dim`, kept in place; of the whole with None or -1."""
    if dim is None or dim == -1:
        return norm(weight)
    axes = [axis for axis in range(weight.ndim) if axis != dim % weight.ndim]
    return norm(weight, 2, axes, True) if axes else weight.abs()


class _WeightNorm(_Reweighted):
    def __init__(self, name: str, dim: int | None) -> None:
        self.name, self.dim = name, dim

    def compute(self, module: Module) -> Tensor:
        g, v = getattr(module, f"{self.name}_g"), getattr(module, f"{self.name}_v")
        return v * (g / _length(v, self.dim))


def weight_norm(module: M, name: str = "weight", dim: int | None = 0) -> M:
    """Replace a weight by `<name>_g`, the norms of its slices along `dim` (None: of the whole), and `<name>_v`, its direction.

    >>> layer = nn.utils.weight_norm(nn.Linear(20, 40))
    >>> layer.weight_g.shape, layer.weight_v.shape
    ((40, 1), (40, 20))
    """
    if _kind(module, name, _WeightNorm):
        raise RuntimeError(f"Cannot register two weight_norm hooks on the same parameter {name}")
    weight = getattr(module, name)
    hook = _WeightNorm(name, dim)
    delattr(module, name)
    module.register_parameter(f"{name}_g", Parameter(_length(weight.detach(), dim)))
    module.register_parameter(f"{name}_v", Parameter(weight.detach()))
    hook(module, ())
    hook.hook_to(module)
    return module


def remove_weight_norm(module: M, name: str = "weight") -> M:
    """Make the weight a Parameter again, of its present value. ValueError if it is none of `weight_norm`'s."""
    return _WeightNorm.take_from(module, name, lambda name: (f"{name}_g", f"{name}_v"))


class _SpectralNorm(_Reweighted):
    def __init__(self, name: str, iterations: int, eps: float, dim: int) -> None:
        self.name, self.iterations, self.eps, self.dim = name, iterations, eps, dim

    def matrix(self, weight: Tensor) -> Tensor:
        return weight.movedim(self.dim, 0).reshape(weight.shape[self.dim], -1)

    def compute(self, module: Module) -> Tensor:
        weight = getattr(module, f"{self.name}_orig")
        u, v = getattr(module, f"{self.name}_u"), getattr(module, f"{self.name}_v")
        matrix = self.matrix(weight)
        if module.training:
            self.iterate(matrix, u, v, self.iterations)
        return weight / dot(u.clone(), mv(matrix, v.clone()))  # clones, since another forward will write to u and v

    @no_grad()
    def iterate(self, matrix: Tensor, u: Tensor, v: Tensor, times: int) -> None:
        """Steps of the power iteration, after which u and v approach the largest singular vectors."""
        for _ in range(times):
            v.copy_(normalize(mv(matrix.t(), u), dim=0, eps=self.eps))
            u.copy_(normalize(mv(matrix, v), dim=0, eps=self.eps))


def spectral_norm(
    module: M, name: str = "weight", n_power_iterations: int = 1, eps: float = 1e-12, dim: int | None = None
) -> M:
    """Divide a weight by its largest singular value, which power iterations estimate: `n_power_iterations` in each forward
    of training. `<name>_orig` is learned; `<name>_u` and `<name>_v` are buffers.

    `dim` is the axis of the outputs: 0, and 1 for transposed convolutions, unless given.

    >>> layer = nn.utils.spectral_norm(nn.Linear(20, 40))
    >>> list(layer.state_dict())
    ['bias', 'weight_orig', 'weight_u', 'weight_v']
    """
    if n_power_iterations <= 0:
        raise ValueError(f"Expected n_power_iterations to be positive, but got n_power_iterations={n_power_iterations}")
    if _kind(module, name, _SpectralNorm):
        raise RuntimeError(f"Cannot register two spectral_norm hooks on the same parameter {name}")
    if dim is None:
        dim = 1 if type(module).__name__.startswith("ConvTranspose") else 0
    weight = getattr(module, name)
    hook = _SpectralNorm(name, n_power_iterations, eps, dim)
    matrix = hook.matrix(weight.detach())
    delattr(module, name)
    module.register_parameter(f"{name}_orig", weight)
    for part, size in (("u", matrix.shape[0]), ("v", matrix.shape[1])):
        module.register_buffer(f"{name}_{part}", normalize(randn(size, dtype=weight.dtype), dim=0, eps=eps))
    setattr(module, name, weight.detach())
    hook.hook_to(module)
    return module


def remove_spectral_norm(module: M, name: str = "weight") -> M:
    """Make the weight a Parameter again, of its present value. ValueError if it is none of `spectral_norm`'s."""
    return _SpectralNorm.take_from(module, name, lambda name: (f"{name}_orig", f"{name}_u", f"{name}_v"))
