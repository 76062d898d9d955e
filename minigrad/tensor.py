"""Tensor: an array, its place in the graph, and how it speaks to its surroundings.

The arithmetic is not here: operators and methods are declared beside the operations in `minigrad.ops` and attached to
this class when that package is imported.
"""

from __future__ import annotations

import math
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from . import engine
from ._kernels import aligned, empty_like, memory, owns_memory
from .device import CPU
from .device import device as Device
from .dtypes import as_array, category, get_default_dtype
from .engine import Variable
from .grad_mode import mode
from .printing import tensor_repr
from .size import Size

_new = object.__new__
_new_tuple = tuple.__new__
LAST = math.inf  # the number of the hook that retains a gradient: after all others


def _holding(value: Any) -> Tensor:
    """A Tensor on an array (or number) just computed; moved to a 64-byte boundary if it is not a view."""
    tensor = _new(Tensor)
    tensor._value = aligned(value)
    tensor._tracked = tensor._inference = False
    tensor.grad_fn = tensor._grad = tensor._hooks = tensor._base = None
    return tensor


def wrap(value: Any) -> Tensor:
    """A Tensor on an array (or number), an inference tensor in that mode."""
    tensor = _holding(value)
    tensor._inference = mode.inference
    return tensor


class Tensor(Variable):
    """An n-dimensional array that can be differentiated through.

    `minigrad.tensor(data)` makes one by copying; `from_numpy` and `from_dlpack` share memory. `requires_grad=True` asks
    for a gradient: after `backward()` on a result it is in `.grad`.
    """

    __slots__ = ("__dict__", "__weakref__")
    __array_priority__ = 1000  # ndarray * tensor is left to the Tensor
    __hash__ = object.__hash__
    _value: np.ndarray
    _grad: Tensor | None
    _post_hooks: dict[float, Callable] | None = None

    def __init__(self, *data: Any, dtype: Any = None, requires_grad: bool = False) -> None:
        """From a sequence or an array a copy, in the default dtype; from sizes, or a Size, memory that is not initialized."""
        if len(data) == 1 and not isinstance(data[0], int | float | Size):
            if dtype is None and not hasattr(data[0], "dtype"):
                dtype = get_default_dtype()  # as PyTorch's constructor; tensor(data) keeps integers
            value = _fresh(as_array(data[0], dtype))
        else:
            sizes = data[0] if data and isinstance(data[0], Size) else data or (0,)
            if not all(type(size) is int for size in sizes):
                raise TypeError(
                    f"Tensor(...) takes a sequence, an array or sizes, not {data}: use tensor(3.0) for a number"
                )
            value = empty_like(np.broadcast_to(np.zeros((), dtype or get_default_dtype()), sizes))
        Variable.__init__(self, value)
        self._inference = mode.inference
        self.requires_grad = requires_grad

    # ---- the array ---------------------------------------------------------------------------------------------------

    @property
    def shape(self) -> Size:
        """The lengths of the axes."""
        return _new_tuple(Size, self._value.shape)

    @property
    def dtype(self) -> np.dtype:
        """The type of the elements, such as `minigrad.float32`."""
        return self._value.dtype

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return self._value.ndim

    @property
    def device(self) -> Device:
        """Always `device('cpu')`."""
        return CPU

    @property
    def is_cuda(self) -> bool:
        """False."""
        return False

    @property
    def itemsize(self) -> int:
        """Bytes of one element."""
        return self._value.itemsize

    @property
    def nbytes(self) -> int:
        """Bytes of all elements."""
        return self._value.nbytes

    def size(self, dim: int | None = None) -> Any:
        """The shape, or the length of axis `dim`."""
        if dim is None:
            return self.shape
        if not -self.ndim <= dim < self.ndim:
            raise IndexError(
                f"Dimension out of range (expected to be in range of [{-self.ndim}, {self.ndim - 1}], but got {dim})"
            )
        return self._value.shape[dim]

    def dim(self) -> int:
        """The number of axes."""
        return self._value.ndim

    def numel(self) -> int:
        """The number of elements."""
        return self._value.size

    def element_size(self) -> int:
        """Bytes of one element."""
        return self._value.itemsize

    def stride(self, dim: int | None = None) -> Any:
        """Steps between neighbours along each axis (or `dim`), in elements."""
        strides = tuple(step // self.itemsize for step in self._value.strides)
        return strides if dim is None else strides[dim]

    def is_contiguous(self) -> bool:
        """Whether the elements lie in memory in logical order without gaps."""
        return self._value.flags.c_contiguous

    def data_ptr(self) -> int:
        """The address of the first element."""
        return self._value.ctypes.data

    def is_floating_point(self) -> bool:
        """Whether the dtype is float16, float32 or float64."""
        return category(self.dtype) == 2

    # ---- its place in the graph ----------------------------------------------------------------------------------------

    @property
    def requires_grad(self) -> bool:
        """Whether gradients flow to this Tensor."""
        return self._tracked

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        if value and category(self._value.dtype) != 2:
            raise RuntimeError(
                f"only Tensors of floating point dtype can require gradients, and this one is {self.dtype}"
            )
        if self.grad_fn is not None and not value:
            raise RuntimeError(
                "you can only change requires_grad flags of leaf variables; use detach() for a copy without history"
            )
        if value and self._inference and not mode.inference:
            raise RuntimeError("Setting requires_grad=True on inference tensor outside InferenceMode is not allowed.")
        self._tracked = bool(value)

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Set `requires_grad`; returns self."""
        self.requires_grad = requires_grad
        return self

    @property
    def is_leaf(self) -> bool:
        """Whether no recorded operation made this Tensor."""
        return self.grad_fn is None

    @property
    def _version(self) -> int:
        """The number of the last in-place write to this memory, 0 if there was none."""
        return memory.last_write(self._value)

    @property
    def grad(self) -> Tensor | None:
        """The gradient that `backward` calls have accumulated here; None before the first."""
        return self._grad

    @grad.setter
    def grad(self, value: Tensor | None) -> None:
        if value is not None:
            if not isinstance(value, Tensor):
                raise TypeError(f"assigned grad must be a Tensor or None, got {type(value).__name__}")
            if value.shape != self.shape:
                raise RuntimeError(
                    f"assigned grad has data of a different size: {list(value.shape)}, expected {list(self.shape)}"
                )
            if value.dtype != self.dtype:
                raise RuntimeError(f"assigned grad has data of a different type: {value.dtype}, expected {self.dtype}")
        self._grad = value

    def backward(
        self, gradient: Any = None, retain_graph: bool | None = None, create_graph: bool = False, inputs: Any = None
    ) -> None:
        """Accumulate the gradient of this Tensor in the `.grad` of the leaves it came from.

        `gradient`, of this Tensor's shape, may be left out for a single element. `retain_graph=True` keeps what a second
        backward needs; `create_graph=True` records the gradients, so that they can be differentiated. With `inputs`
        gradients accumulate in those leaves only.

        >>> x = minigrad.tensor([1.0, 2.0], requires_grad=True)
        >>> (x * x).sum().backward()
        >>> x.grad
        tensor([2., 4.])
        """
        from .autograd import backward

        backward(self, gradient, retain_graph, create_graph, inputs)

    def accumulate(self, grad: Any, borrowed: bool) -> None:
        """Add `grad` (an array, or a Tensor under create_graph) to `.grad`."""
        if isinstance(grad, Tensor):
            self._grad = grad if self._grad is None else self._grad + grad
        elif self._grad is None:
            array = grad if type(grad) is np.ndarray else np.asarray(grad)
            if borrowed or not owns_memory(array) or array.dtype != self._value.dtype:
                array = _fresh(array.astype(self._value.dtype, copy=False))
            self._grad = _holding(array)
        elif self._grad._tracked or not self._grad._value.flags.writeable:
            self._grad = wrap(self._grad._value + grad)
        else:
            self._grad._value += grad
            engine.mark_written(self._grad)
        if self._post_hooks:
            for hook in tuple(self._post_hooks.values()):
                hook(self)

    wrap_gradient = staticmethod(wrap)

    def detach(self) -> Tensor:
        """The same memory, outside the graph."""
        return wrap(self._value[...])

    def detach_(self) -> Tensor:
        """Cut this Tensor from its history, making it a leaf."""
        if self._base is not None:
            raise RuntimeError("Can't detach views in-place. Use detach() instead.")
        self.grad_fn, self._tracked = None, False
        return self

    @property
    def data(self) -> Tensor:
        """The same memory as a Tensor without history, whose in-place changes the graph does not notice."""
        result = wrap(self._value[...])
        result._silent = True
        return result

    @data.setter
    def data(self, value: Tensor) -> None:
        if not isinstance(value, Tensor):
            raise TypeError(f"data has to be a Tensor, not {type(value).__name__}")
        if value.shape != self.shape or value.dtype != self.dtype:
            engine.mark_written(self)  # gradients of what used the earlier value would not fit this one
        self._value = value._value

    def note_write(self, number: int) -> None:
        """Remember in the memory, which views share, that in-place write `number` went to it."""
        memory.note_write(self._value, number)

    @property
    def retains_grad(self) -> bool:
        """Whether a non-leaf keeps its gradient in `.grad`."""
        return self.grad_fn is not None and LAST in (self.grad_fn.hooks or ())

    def retain_grad(self) -> None:
        """Keep the gradient of this non-leaf Tensor in `.grad` during backward."""
        if not self._tracked:
            raise RuntimeError("can't retain_grad on Tensor that has requires_grad=False")
        if self.grad_fn is None or self.retains_grad:
            return
        this = weakref.ref(self)

        def keep(grad: Tensor) -> None:
            tensor = this()
            if tensor is not None:
                tensor._grad = grad.clone() if tensor._grad is None else tensor._grad + grad

        self._hooks_of_gradient()[LAST] = keep

    def register_hook(self, hook: Callable[[Tensor], Tensor | None]) -> RemovableHandle:
        """Call `hook(grad)` when the gradient of this Tensor is known; what it returns, if anything, replaces it.

        >>> x = minigrad.tensor([1.0, 2.0], requires_grad=True)
        >>> handle = x.register_hook(lambda grad: grad.clamp(max=1.0))
        >>> (x * 3).sum().backward()
        >>> x.grad
        tensor([1., 1.])
        """
        if not self._tracked:
            raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")

        def checked(grad: Tensor) -> Tensor | None:
            replaced = hook(grad)
            if replaced is None:
                return None
            if not isinstance(replaced, Tensor):
                raise TypeError(f"a gradient hook must return a Tensor or None, not {type(replaced).__name__}")
            if replaced.shape != grad.shape or replaced.dtype != grad.dtype:
                raise RuntimeError(
                    f"a gradient hook must return a gradient like the one it got, {list(grad.shape)} of {grad.dtype}, not "
                    f"{list(replaced.shape)} of {replaced.dtype}"
                )
            return replaced

        return RemovableHandle(self._hooks_of_gradient(), checked)

    def _hooks_of_gradient(self) -> dict[float, Callable]:
        """The hooks by number: a leaf has them itself, the others at the node that made them."""
        owner: Any = self if self.grad_fn is None else self.grad_fn
        name = "_hooks" if self.grad_fn is None else "hooks"
        if getattr(owner, name) is None:
            setattr(owner, name, {})
        return getattr(owner, name)

    def _rebase(self, result: Tensor) -> None:
        """Become the output of what computed `result`, after an in-place write; a retained gradient follows."""
        keeper = self._hooks_of_gradient().pop(LAST) if self.retains_grad else None
        self.grad_fn, self._tracked = result.grad_fn, result._tracked
        if keeper is not None and self.grad_fn is not None:
            self._hooks_of_gradient()[LAST] = keeper

    def register_post_accumulate_grad_hook(self, hook: Callable[[Tensor], None]) -> RemovableHandle:
        """Call `hook(self)` each time `.grad` of this leaf has been added to."""
        if self.grad_fn is not None:
            raise RuntimeError("post accumulate grad hooks cannot be registered on non-leaf tensors")
        if self._post_hooks is None:
            self._post_hooks = {}
        return RemovableHandle(self._post_hooks, hook)

    # ---- conversions -----------------------------------------------------------------------------------------------------

    def item(self) -> Any:
        """The one element as a Python number."""
        if self._value.size != 1:
            raise RuntimeError(f"a Tensor with {self._value.size} elements cannot be converted to Scalar")
        return self._value.item()

    def tolist(self) -> Any:
        """The elements as nested lists of Python numbers."""
        return self._value.tolist()

    def numpy(self, *, force: bool = False) -> np.ndarray:
        """The array itself, sharing memory. A Tensor that requires grad refuses, unless `force` detaches it."""
        if self._tracked and not force:
            raise RuntimeError("Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead.")
        return self._value

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.numpy(), dtype=dtype, copy=copy)

    def __array_wrap__(self, array: np.ndarray, context: Any = None, return_scalar: bool = False) -> Tensor:
        return wrap(array)

    def __dlpack__(
        self, *, stream: Any = None, max_version: Any = None, dl_device: Any = None, copy: bool | None = None
    ) -> Any:
        if self._tracked:
            raise BufferError("Can't export tensors that require gradient, use tensor.detach()")
        return self._value.__dlpack__(stream=stream, max_version=max_version, dl_device=dl_device, copy=copy)

    def __dlpack_device__(self) -> tuple[int, int]:
        return self._value.__dlpack_device__()

    def __bool__(self) -> bool:
        if self._value.size != 1:
            raise RuntimeError(
                f"Boolean value of Tensor with {'no values' if self._value.size == 0 else 'more than one value'} is ambiguous"
            )
        return bool(self._value.item())

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __complex__(self) -> complex:
        return complex(self.item())

    def __index__(self) -> int:
        if self._value.size != 1 or category(self.dtype) == 2:
            raise TypeError("only integer tensors of a single element can be converted to an index")
        return int(self._value.item())

    def __len__(self) -> int:
        if not self._value.ndim:
            raise TypeError("len() of a 0-d tensor")
        return len(self._value)

    def __iter__(self) -> Iterator[Tensor]:
        if not self._value.ndim:
            raise TypeError("iteration over a 0-d tensor")
        return (self[i] for i in range(len(self._value)))

    def __contains__(self, element: Any) -> bool:
        return bool(np.any(self._value == (element._value if isinstance(element, Tensor) else element)))

    def __repr__(self) -> str:
        return tensor_repr(self._value, self.grad_fn.name() if self.grad_fn else None, self._tracked)

    def __format__(self, spec: str) -> str:
        if self._value.ndim == 0:  # of any dtype, and tracked or not, as the number that it is
            return format(self.item(), spec)
        return object.__format__(self, spec) if spec else repr(self)

    def __copy__(self) -> Tensor:
        result = self.detach()
        result._tracked = self._tracked
        return result

    def __deepcopy__(self, memo: dict) -> Tensor:
        if self.grad_fn is not None:
            raise RuntimeError(
                "Only Tensors created explicitly by the user (graph leaves) support the deepcopy protocol"
            )
        result = _new(type(self))
        memo[id(self)] = result
        Variable.__init__(result, _fresh(self._value), self._tracked)
        result._inference = self._inference
        result.__dict__.update(self.__dict__)
        result.__dict__.pop("_post_hooks", None)
        if self._grad is not None:
            result._grad = wrap(_fresh(self._grad._value))
        return result

    def __reduce_ex__(self, protocol: Any) -> Any:
        if self.grad_fn is not None:
            raise RuntimeError("only leaf Tensors can be pickled: detach() it first")
        return _unpickle, (type(self), np.array(self._value), self._tracked)


def _unpickle(kind: type, array: np.ndarray, requires_grad: bool) -> Tensor:
    tensor = _new(kind)
    Variable.__init__(tensor, _fresh(array), requires_grad)
    return tensor


def _fresh(array: np.ndarray) -> np.ndarray:
    """A copy in aligned memory of our own."""
    copy = empty_like(array)
    copy[...] = array
    return copy


class Function(engine.Function):
    """An operation on arrays, a node of the graph."""

    wrap = staticmethod(_holding)
    last_write = staticmethod(memory.last_write)

    @classmethod
    def on(cls, *args: Any) -> Any:
        """Compute on Tensors as `apply` does, or on plain arrays: what a backward rule calls, since it gets either."""
        for arg in args:
            if isinstance(arg, Tensor):
                return cls.apply(*args)
        node = cls()
        node.inputs = [None] * len(args)
        return node.forward(*[np.asarray(arg) if isinstance(arg, np.generic) else arg for arg in args])


class Alias(Function):
    """The same Tensor under another node, to tell apart two uses of it."""

    def forward(self, x: np.ndarray) -> np.ndarray:
        return x[...]

    def backward(self, g: Any) -> Any:
        return g


class Fused(Function):
    """An operation with a kernel that does in one pass what `definition` composes of plain operations.

    `forward` stores all arguments under their own names; `backward` is only ever given arrays. Under create_graph the
    definition is what is differentiated, and in the tests it is what the kernel is compared with.
    """

    @staticmethod
    def definition(*args: Any) -> Tensor:
        """The same operation, composed."""
        raise NotImplementedError

    def differentiable_backward(self, grad: Any) -> Any:
        arguments: list[Any] = []
        targets = []
        for name, edge in zip(self.names, self.inputs, strict=True):
            value = self.__dict__[name]
            if edge is not None:
                value = Alias.apply(engine.as_variable(wrap, value, edge))
                targets.append(value.grad_fn)
            elif isinstance(value, np.ndarray):
                value = wrap(value)
            arguments.append(value)
        out = self.definition(*arguments)
        found = engine.run_backward([out.grad_fn], [grad], targets, True, True)
        by_edge = iter(targets)
        return tuple(None if edge is None else found.get(next(by_edge)) for edge in self.inputs)


class RemovableHandle:
    """Takes a hook away again: by `remove()`, or at the end of a `with` block."""

    _count = 0

    def __init__(self, hooks: dict[Any, Callable], hook: Callable) -> None:
        RemovableHandle._count += 1
        self.hooks, self.id = hooks, RemovableHandle._count
        hooks[self.id] = hook

    def remove(self) -> None:
        """Take the hook away; a second time does nothing."""
        self.hooks.pop(self.id, None)

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *exc: object) -> None:
        self.remove()
