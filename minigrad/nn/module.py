"""Module: what networks are made of."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from ..dtypes import category, check_device, float16, float32, float64
from ..grad_mode import no_grad
from ..tensor import RemovableHandle, Tensor
from . import state
from .hooks import ModuleHooks, forward_hook, forward_pre_hook, register
from .parameter import Parameter

M = TypeVar("M", bound="Module")


class _NotYet:
    """Stands for the registries of a module until Module.__init__ makes them."""

    def __get__(self, module: Any, owner: type) -> Any:
        raise AttributeError(
            f"cannot assign or use parameters, buffers and modules before Module.__init__() call: begin {owner.__name__}.__init__ with "
            "super().__init__()"
        )


class Module:
    """A part of a network: parameters, buffers and other modules, and a `forward` that computes with them.

    Subclasses call `super().__init__()`, assign their parts as attributes, and define `forward`; the module itself is
    then called. A part that is assigned is registered under its attribute's name, and is an ordinary attribute too, so that
    reading it costs no more than reading any other.

    >>> class Scale(nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.factor = nn.Parameter(minigrad.tensor(2.0))
    ...
    ...     def forward(self, x):
    ...         return x * self.factor
    >>> model = Scale()
    >>> model(minigrad.ones(2))
    tensor([2., 2.], grad_fn=<MulBackward0>)
    """

    training: bool = True
    optional_state: frozenset[str] = frozenset()  # buffers that a state to be loaded may lack
    _parameters: dict[str, Parameter | None] = _NotYet()  # type: ignore[assignment]
    _buffers: dict[str, Tensor | None] = _NotYet()  # type: ignore[assignment]
    _modules: dict[str, Module | None] = _NotYet()  # type: ignore[assignment]
    _non_persistent: set[str] = _NotYet()  # type: ignore[assignment]
    _hooks: ModuleHooks | None = None

    def __init__(self) -> None:
        self.__dict__.update(training=True, _parameters={}, _buffers={}, _modules={}, _non_persistent=set())

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the module computes; every subclass defines it."""
        raise NotImplementedError(f'Module [{type(self).__name__}] is missing the required "forward" function')

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self._hooks is None:
            return self.forward(*args, **kwargs)
        return self._hooks.call(self, args, kwargs)

    # ---- registering parts -----------------------------------------------------------------------------------------------

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Register `param` (or None, for one that is left out) under `name`, from now on an attribute."""
        self._check_name("parameter", name, self._parameters)
        if param is not None and not isinstance(param, Parameter):
            raise TypeError(
                f"cannot assign '{type(param).__name__}' object to parameter '{name}' (minigrad.nn.Parameter or None required)"
            )
        if param is not None and param.grad_fn is not None:
            raise ValueError(
                f"Cannot assign non-leaf Tensor to parameter '{name}'. Model parameters must be created explicitly. To express '{name}' "
                "as a function of another Tensor, compute the value in the forward() method."
            )
        self._parameters[name] = self.__dict__[name] = param

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Register a Tensor that is state but not learned; only a `persistent` one is part of the state_dict."""
        self._check_name("buffer", name, self._buffers)
        if tensor is not None and not isinstance(tensor, Tensor):
            raise TypeError(
                f"cannot assign '{type(tensor).__name__}' object to buffer '{name}' (minigrad.Tensor or None required)"
            )
        self._buffers[name] = self.__dict__[name] = tensor
        (self._non_persistent.discard if persistent else self._non_persistent.add)(name)

    def add_module(self, name: str, module: Module | None) -> None:
        """Register `module` as the child `name`, from now on an attribute."""
        if module is not None and not isinstance(module, Module):
            raise TypeError(f"{type(module).__name__} is not a Module subclass")
        self._check_name("module", name, self._modules)
        self._modules[name] = self.__dict__[name] = module

    register_module = add_module

    def _check_name(self, kind: str, name: str, registry: dict[str, Any]) -> None:
        if not isinstance(name, str):
            raise TypeError(f"{kind} name should be a string. Got {type(name).__name__}")
        if "." in name:
            raise KeyError(f'{kind} name can\'t contain ".", got: {name}')
        if name == "":
            raise KeyError(f'{kind} name can\'t be empty string ""')
        if hasattr(self, name) and name not in registry:
            raise KeyError(f"attribute '{name}' already exists")

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, Parameter):
            self._release(name, self._parameters)
            self.register_parameter(name, value)
        elif isinstance(value, Module):
            self._release(name, self._modules)
            self.add_module(name, value)
        else:
            for kind, registry in (("parameter", "_parameters"), ("child module", "_modules"), ("buffer", "_buffers")):
                held = self.__dict__.get(registry, ())
                if name in held:
                    if value is not None and (kind != "buffer" or not isinstance(value, Tensor)):
                        expected = {"parameter": "nn.Parameter", "child module": "nn.Module", "buffer": "Tensor"}[kind]
                        raise TypeError(
                            f"cannot assign '{type(value).__name__}' as {kind} '{name}' (minigrad.{expected} or None expected)"
                        )
                    held[name] = value
            object.__setattr__(self, name, value)

    def _release(self, name: str, keep: dict[str, Any]) -> None:
        """Free the name of an instance attribute, unless it is in the registry `keep`."""
        if name in self.__dict__ and name not in keep:
            delattr(self, name)

    def __delattr__(self, name: str) -> None:
        object.__delattr__(self, name)
        for registry in ("_parameters", "_buffers", "_modules"):
            self.__dict__.get(registry, {}).pop(name, None)

    def __copy__(self: M) -> M:
        result = object.__new__(type(self))
        result.__dict__.update(self.__dict__)
        for registry in ("_parameters", "_buffers", "_modules", "_non_persistent"):
            if registry in self.__dict__:
                result.__dict__[registry] = self.__dict__[registry].copy()
        return result

    # ---- looking at parts ------------------------------------------------------------------------------------------------

    def named_modules(
        self, memo: set[Module] | None = None, prefix: str = "", remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Module]]:
        """This module and all below it, with their dotted names; a shared one once, unless `remove_duplicate=False`."""
        memo = set() if memo is None else memo
        if self in memo:
            return
        if remove_duplicate:
            memo.add(self)
        yield prefix, self
        for name, module in self._modules.items():
            if module is not None:
                yield from module.named_modules(memo, f"{prefix}.{name}" if prefix else name, remove_duplicate)

    def modules(self) -> Iterator[Module]:
        """This module and all below it, each once."""
        return (module for _, module in self.named_modules())

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """The modules directly below, each once, with their names."""
        seen: set[Module] = set()
        for name, module in self._modules.items():
            if module is not None and module not in seen:
                seen.add(module)
                yield name, module

    def children(self) -> Iterator[Module]:
        """The modules directly below, each once."""
        return (module for _, module in self.named_children())

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """The parameters with their dotted names: all below, or only this module's own."""
        return self._named("_parameters", prefix, recurse, remove_duplicate)

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """The parameters, each once: all below, or only this module's own."""
        return (parameter for _, parameter in self.named_parameters(recurse=recurse))

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Tensor]]:
        """The buffers with their dotted names: all below, or only this module's own."""
        return self._named("_buffers", prefix, recurse, remove_duplicate)

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """The buffers, each once: all below, or only this module's own."""
        return (buffer for _, buffer in self.named_buffers(recurse=recurse))

    def _named(self, registry: str, prefix: str, recurse: bool, remove_duplicate: bool) -> Iterator[tuple[str, Any]]:
        seen: set[int] = set()
        modules = self.named_modules(None, prefix, remove_duplicate) if recurse else [(prefix, self)]
        for front, module in modules:
            for name, value in getattr(module, registry).items():
                if value is not None and id(value) not in seen:
                    if remove_duplicate:
                        seen.add(id(value))
                    yield (f"{front}.{name}" if front else name), value

    def get_submodule(self, target: str) -> Module:
        """The module of the dotted name `target` ('' is this one); AttributeError if there is none."""
        module = self
        for name in target.split(".") if target else ():
            if not hasattr(module, name):
                raise AttributeError(f"{type(module).__name__} has no attribute `{name}`")
            module = getattr(module, name)
            if not isinstance(module, Module):
                raise AttributeError(f"`{name}` is not an nn.Module")
        return module

    def set_submodule(self, target: str, module: Module, strict: bool = False) -> None:
        """Put `module` in the place of the dotted name `target`; with `strict` one has to be there."""
        if not target:
            raise ValueError("Cannot set the submodule without a target name!")
        if not isinstance(module, Module):
            raise ValueError(f"`module` is not an nn.Module, but {type(module).__name__}")
        if strict:
            self.get_submodule(target)
        path, _, name = target.rpartition(".")
        setattr(self.get_submodule(path), name, module)

    def get_parameter(self, target: str) -> Parameter:
        """The parameter of the dotted name `target`; AttributeError if there is none."""
        return self._get(target, "_parameters", "an nn.Parameter")

    def get_buffer(self, target: str) -> Tensor:
        """The buffer of the dotted name `target`; AttributeError if there is none."""
        return self._get(target, "_buffers", "a buffer")

    def _get(self, target: str, registry: str, kind: str) -> Any:
        path, _, name = target.rpartition(".")
        module = self.get_submodule(path)
        if not hasattr(module, name):
            raise AttributeError(f"{type(module).__name__} has no attribute `{name}`")
        if getattr(module, registry).get(name) is None:
            raise AttributeError(f"`{name}` is not {kind}")
        return getattr(module, name)

    # ---- changing all parts ------------------------------------------------------------------------------------------------

    def apply(self: M, fn: Callable[[Module], Any]) -> M:
        """Call `fn` with every module below and then this one (to initialize them, say); returns self."""
        for module in self.children():
            module.apply(fn)
        fn(self)
        return self

    def train(self: M, mode: bool = True) -> M:
        """Set `training` here and below, which dropout and batch norm heed; returns self."""
        if not isinstance(mode, bool):
            raise ValueError("training mode is expected to be boolean")
        self.training = mode
        for module in self.children():
            module.train(mode)
        return self

    def eval(self: M) -> M:
        """`train(False)`."""
        return self.train(False)

    def requires_grad_(self: M, requires_grad: bool = True) -> M:
        """Say for every parameter whether it is learned; returns self."""
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters, or set them to zero."""
        for parameter in self.parameters():
            if set_to_none or parameter.grad is None:
                parameter.grad = None
            else:
                with no_grad():
                    parameter.grad.detach_().zero_()

    def to(self: M, *args: Any, **kwargs: Any) -> M:
        """Convert floating parameters, their gradients, and buffers as `Tensor.to` does, in place; returns self.

        The Parameters stay the same objects, so an optimizer that has them keeps them. TypeError for a dtype that is not
        floating.
        """
        converted = []
        for tensor in (*self.parameters(), *self.buffers()):
            for part in (tensor, tensor.grad):
                if part is not None and part.is_floating_point():
                    result = part.detach().to(*args, **kwargs)
                    if category(result.dtype) != 2:
                        raise TypeError(f"nn.Module.to only accepts floating point dtypes, but got {result.dtype}")
                    converted.append((part, result))
        for part, result in converted:
            if part.dtype != result.dtype:
                part.data = result
        return self

    def float(self: M) -> M:
        """`to(float32)`."""
        return self.to(float32)

    def double(self: M) -> M:
        """`to(float64)`."""
        return self.to(float64)

    def half(self: M) -> M:
        """`to(float16)`, which minigrad has for storage."""
        return self.to(float16)

    def type(self: M, dst_type: Any) -> M:
        """`to(dst_type)`."""
        return self.to(dst_type)

    def cpu(self: M) -> M:
        """Self: it is on the CPU."""
        return self

    def cuda(self: M, device: Any = None) -> M:
        """RuntimeError: there is no such device."""
        check_device("cuda" if device is None else f"cuda:{device}")
        return self

    def to_empty(self: M, *, device: Any, recurse: bool = True) -> M:
        """Self, with what is in memory: the only device is 'cpu'."""
        check_device(device)
        return self

    def compile(self, *args: Any, **kwargs: Any) -> None:
        """Nothing: there is no compiler."""

    # ---- state ---------------------------------------------------------------------------------------------------------------

    def state_dict(self, *, destination: Any = None, prefix: str = "", keep_vars: bool = False) -> dict[str, Any]:
        """The parameters and persistent buffers by dotted name, detached (unless `keep_vars`) and sharing memory.

        They are added to the dict `destination` if there is one; `_extra_state` is what a module's `get_extra_state` says.
        """
        found = {} if destination is None else destination
        modules = list(self.named_modules(prefix=prefix.removesuffix("."), remove_duplicate=False))
        for name, module in modules:
            module._call_state_hooks("before_state", f"{name}." if name else "", keep_vars)
        for key, tensor, _ in state.named_state(self, prefix):
            found[key] = tensor if keep_vars else tensor.detach()
        for key, module in state.extra_states(self, prefix):
            found[key] = module.get_extra_state()
        for name, module in reversed(modules):
            module._call_state_hooks("after_state", found, f"{name}." if name else "", {})
        return found

    def load_state_dict(
        self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False
    ) -> state.IncompatibleKeys:
        """Copy a state (Tensors or arrays, by dotted name) into this module's memory, converting floats to its dtypes.

        With `assign` the Parameters take over the state's memory and dtypes instead. RuntimeError that lists all there is
        to say if a shape or dtype does not fit or, when `strict`, if keys are missing or unexpected; nothing has changed
        then. Otherwise returns `missing_keys` and `unexpected_keys`, after the hooks.
        """
        if isinstance(state_dict, Mapping):  # else `load` raises
            state_dict = dict(state_dict)
        missing: list[str] = []
        unexpected: list[str] = []
        errors: list[str] = []
        for name, module in self.named_modules(remove_duplicate=False):
            front = f"{name}." if name else ""
            module._call_state_hooks("before_load", state_dict, front, {}, strict, missing, unexpected, errors)
        result = state.load(self, state_dict, strict, assign, missing, unexpected, errors)
        for module in self.modules():
            module._call_state_hooks("after_load", result)
        return result

    def register_state_dict_pre_hook(self, hook: Callable) -> RemovableHandle:
        """Call `hook(module, prefix, keep_vars)` before each `state_dict` of this module or one that holds it."""
        return self._add_state_hook("before_state", hook)

    def register_state_dict_post_hook(self, hook: Callable) -> RemovableHandle:
        """Call `hook(module, state_dict, prefix, local_metadata)` after each `state_dict`: it may change the dict."""
        return self._add_state_hook("after_state", hook)

    def register_load_state_dict_pre_hook(self, hook: Callable) -> RemovableHandle:
        """Call `hook(module, state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs)` before
        each `load_state_dict`: it may change the dict, which is a copy, and add to the lists."""
        return self._add_state_hook("before_load", hook)

    def register_load_state_dict_post_hook(self, hook: Callable) -> RemovableHandle:
        """Call `hook(module, incompatible_keys)` after each `load_state_dict` of this module or one that holds it."""
        return self._add_state_hook("after_load", hook)

    _register_state_dict_hook = register_state_dict_post_hook  # the names by which PyTorch's own modules call them

    def _register_load_state_dict_pre_hook(self, hook: Callable, with_module: bool = False) -> RemovableHandle:
        return self._add_state_hook("before_load", hook if with_module else lambda module, *args: hook(*args))

    def _add_state_hook(self, when: str, hook: Callable) -> RemovableHandle:
        return RemovableHandle(self.__dict__.setdefault("_state_hooks", {}).setdefault(when, {}), hook)

    def _call_state_hooks(self, when: str, *args: Any) -> None:
        for hook in tuple(self.__dict__.get("_state_hooks", {}).get(when, {}).values()):
            hook(self, *args)

    def get_extra_state(self) -> Any:
        """What else belongs to the state_dict, as `_extra_state`; a subclass that has some defines this and `set_extra_state`."""
        raise RuntimeError(
            f"{type(self).__name__} has no extra state: define get_extra_state and set_extra_state if it is to have one"
        )

    def set_extra_state(self, state: Any) -> None:
        """Take what `get_extra_state` gave."""
        raise RuntimeError(f"{type(self).__name__} defines get_extra_state, so it has to define set_extra_state too")

    def has_extra_state(self) -> bool:
        """Whether the class defines `get_extra_state`."""
        return type(self).get_extra_state is not Module.get_extra_state

    # ---- hooks ---------------------------------------------------------------------------------------------------------------

    def _own_hooks(self) -> ModuleHooks:
        if self._hooks is None:
            self._hooks = ModuleHooks()
        return self._hooks

    def register_forward_pre_hook(
        self, hook: Callable, *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """Call `hook(module, args)` before every forward; what it returns, unless None, replaces the positional arguments.

        With `with_kwargs` it is `hook(module, args, kwargs)`, which returns None or (args, kwargs).
        """
        return register(self._own_hooks().forward_pre, forward_pre_hook(hook, with_kwargs), prepend)

    def register_forward_hook(
        self, hook: Callable, *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """Call `hook(module, args, output)` after every forward; what it returns, unless None, replaces the output.

        With `with_kwargs` it is `hook(module, args, kwargs, output)`.
        """
        return register(self._own_hooks().forward, forward_hook(hook, with_kwargs), prepend)

    def register_full_backward_pre_hook(self, hook: Callable, *, prepend: bool = False) -> RemovableHandle:
        """Call `hook(module, grad_output)` when the gradients of the outputs are known; it may return others."""
        return register(self._own_hooks().backward_pre, hook, prepend)

    def register_backward_hook(self, hook: Callable) -> RemovableHandle:
        """NotImplementedError: PyTorch's deprecated form, which saw the gradients of one operation inside."""
        raise NotImplementedError("register_backward_hook is deprecated in PyTorch: use register_full_backward_hook")

    def register_full_backward_hook(self, hook: Callable, *, prepend: bool = False) -> RemovableHandle:
        """Call `hook(module, grad_input, grad_output)` when the gradients of the positional inputs are known.

        Both are tuples with None where no gradient goes; what the hook returns, unless None, replaces `grad_input`.
        Inputs and outputs of the module are views then, which may not be changed in place.
        """
        return register(self._own_hooks().backward, hook, prepend)

    # ---- repr ----------------------------------------------------------------------------------------------------------------

    def _get_name(self) -> str:
        return type(self).__name__

    def extra_repr(self) -> str:
        """What the repr shows beside the children, such as 'p=0.5'."""
        return ""

    def _child_reprs(self) -> list[str]:
        return [f"({name}): {indented(repr(module))}" for name, module in self._modules.items()]

    def __repr__(self) -> str:
        extra = self.extra_repr()
        children = self._child_reprs()
        name = type(self).__name__
        if not children and "\n" not in extra:
            return f"{name}({extra})"
        return "\n  ".join([f"{name}(", *extra.split("\n") * bool(extra), *children]) + "\n)"


def indented(text: str) -> str:
    """`text` with its lines after the first indented by two spaces."""
    return text.replace("\n", "\n  ")
