"""The graph: what computed a value, and how gradients flow back through it.

Three ideas make a reverse-mode engine:

* A `Variable` is a value and its place in the graph: the function that computed it, or none for a leaf.
* A `Function` object *is* a node of the graph. `forward` computes on plain values and keeps what `backward` needs;
  `backward` maps the gradient of the output to gradients of the inputs. `inputs` are the edges: for each argument the
  node that made it, the leaf variable itself, or None where no gradient goes.
* Nodes are numbered as they are made, so whatever a node uses is older than the node. Going back from the youngest
  node to the oldest therefore visits every node once, after all gradients of its output have arrived: `run_backward`.

Nothing here knows what a value is, only that gradients can be added: numbers, arrays and Tensors all work.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from heapq import heappop, heappush
from itertools import count
from typing import Any, ClassVar

from .grad_mode import mode, refuse_inference

_numbers = count(1)  # one sequence for nodes and in-place writes, so that "written since" is a comparison
_last_write = 0


class Variable:
    """A value and its place in the graph."""

    __slots__ = ("_base", "_base_fn", "_grad", "_hooks", "_inference", "_tracked", "_value", "grad_fn")

    _base: Variable | None  # whose memory this variable is a view of; _base_fn: the base's grad_fn when it was taken
    _grad: Any
    _hooks: dict[float, Callable] | None  # on the gradient of a leaf; those of other variables hang on grad_fn
    _tracked: bool  # requires_grad
    grad_fn: Function | None  # the function that computed it; None for a leaf
    _silent = False  # whether in-place writes through this variable go unnoticed: `data`

    def __init__(self, value: Any, requires_grad: bool = False) -> None:
        self._value = value
        self._tracked = requires_grad
        self.grad_fn = self._grad = self._hooks = self._base = None
        self._inference = False

    @property
    def grad(self) -> Any:
        """The gradient that has accumulated in this leaf; None before the first."""
        return self._grad

    def accumulate(self, grad: Any, borrowed: bool) -> None:
        """Add `grad` to this leaf's gradient; a borrowed one may be in use elsewhere, so it must not be written to."""
        self._grad = grad if self._grad is None else self._grad + grad

    wrap_gradient: ClassVar[Callable[[Any], Variable]]  # makes the Variable that hooks on a leaf's gradient see

    def note_write(self, number: int) -> None:
        """Remember in the value that in-place write `number` went to it."""
        self._value.written = number

    def _become_view(self, source: Variable) -> None:
        self._base = source if source._base is None else source._base
        self._base_fn = self._base.grad_fn

    def _refresh(self) -> None:
        """Take this view's place in the graph anew, if its base has been changed in place since."""


def mark_written(variable: Variable) -> None:
    """Note that `variable`'s value has been written to in place."""
    global _last_write
    if not (variable if variable._base is None else variable._base)._silent:
        _last_write = next(_numbers)
        variable.note_write(_last_write)


# Saved values of these types are shapes and options: freeing them would gain nothing.
_PLAIN = frozenset({int, float, bool, str, tuple, type(None), slice, dict, list})


class Function:
    """A differentiable operation; its instances are the nodes of the graph.

    A subclass writes `forward(self, *values)`, which returns the output's value, and under it `backward(self, grad)`,
    which returns a gradient for each argument in order (None for none, trailing ones left out). What `forward` stores
    under an argument's own name is taken to be that argument, what it stores as `self.out` to be the output, anything
    else to be a constant: so the same backward, run on Variables, records gradients of gradients.
    """

    __slots__ = ("__dict__", "__weakref__", "inputs", "number")

    inputs: list[Any]  # for each argument: the Function that made it, a leaf Variable, or None
    number: int  # nodes are numbered in the order they are made
    hooks: dict[float, Callable] | None = None
    freed = False
    where = ""  # under detect_anomaly: where the user's code called this
    view = False  # whether the output shares the first argument's memory
    names: ClassVar[tuple[str, ...]] = ()  # of forward's arguments
    wrap: ClassVar[Any] = Variable  # makes a Variable of a value
    last_write: ClassVar[Any] = staticmethod(lambda value: getattr(value, "written", 0))  # see Variable.note_write

    def __init_subclass__(cls) -> None:
        if "forward" in cls.__dict__:
            code = cls.forward.__code__
            cls.names = code.co_varnames[1 : code.co_argcount]

    def forward(self, *values: Any) -> Any:
        raise NotImplementedError

    def backward(self, grad: Any) -> Any:
        raise NotImplementedError(f"{self.name()} is not differentiable")

    @classmethod
    def apply(cls, *args: Any) -> Any:
        """Compute on `args` (Variables and constants), and record the call when a gradient may be asked for."""
        node = cls()
        node.inputs = inputs = []
        values: list[Any] = []
        recording, tracked, inference = mode.recording, False, False
        for arg in args:
            edge = None
            if isinstance(arg, Variable):
                if arg._base is not None and arg._base.grad_fn is not arg._base_fn:
                    arg._refresh()
                if recording and arg._tracked:
                    edge, tracked = arg.grad_fn or arg, True
                inference = inference or arg._inference
                arg = arg._value
            values.append(arg)
            inputs.append(edge)
        result = node.wrap(node.forward(*values))
        if node.view:
            result._become_view(args[0])
        if tracked:
            node.record()
            if inference:
                refuse_inference(node, args)
            result.grad_fn = node
            result._tracked = True
        elif not recording:
            result._inference = mode.inference
        return result

    def record(self) -> None:
        """Take a place in the order of nodes."""
        self.number, anomaly = next(_numbers), mode.anomaly
        if anomaly:
            anomaly.remember(self)

    def needs(self, index: int) -> bool:
        """Whether a gradient for argument `index` is of use."""
        return self.inputs[index] is not None

    @classmethod
    def name(cls) -> str:
        """What errors and `grad_fn` call it, such as MulBackward."""
        return f"{cls.__name__}Backward"

    def name_of(self, index: int) -> str:
        """Under which name argument `index` would be saved; the index after the last argument stands for the output."""
        return "out" if index == len(self.inputs) else self.names[index] if index < len(self.names) else ""

    def saves(self, index: int) -> bool:
        """Whether forward has kept argument `index` (or the output) for backward."""
        return vars(self).get(self.name_of(index)) is not None

    def check_saved(self) -> None:
        """Raise if a value that backward needs has been overwritten since forward."""
        for name, value in self.__dict__.items():
            if self.last_write(value) > self.number:
                what = f"argument {self.names.index(name)}" if name in self.names else name.replace("out", "output")
                raise RuntimeError(
                    f"{self.name()} needs its {what} for its gradient, but that has been modified by an inplace operation "
                    f"since: use the out-of-place form there, or clone() the value first{self.where and chr(10) + self.where}"
                )

    def differentiable_backward(self, grad: Any) -> Any:
        """`backward` on Variables, so that the gradients are recorded in turn."""
        twin = type(self)()
        twin.__dict__.update(self.__dict__)
        twin.inputs = self.inputs
        for index, edge in enumerate((*self.inputs, self)):
            if edge is not None and self.saves(index):
                name = self.name_of(index)
                twin.__dict__[name] = as_variable(self.wrap, self.__dict__[name], edge)
        return twin.backward(grad)

    def release(self) -> None:
        """Drop the saved values, keep the edges."""
        for value in self.__dict__.values():
            if type(value) not in _PLAIN:
                hooks = self.hooks
                self.__dict__.clear()
                self.freed = True
                if hooks:
                    self.hooks = hooks
                return


def as_variable(wrap: Callable[[Any], Variable], value: Any, edge: Any) -> Variable:
    """The Variable that `edge` (a Function, or a leaf) stands for, holding `value`."""
    if isinstance(edge, Variable):
        return edge
    variable = wrap(value)
    variable.grad_fn = edge
    variable._tracked = True
    return variable


def through_hooks(hooks: dict[float, Callable], grad: Any, wrap: Callable[[Any], Variable]) -> Any:
    """`grad` as the hooks leave it, in the order of their numbers: each sees a Variable and may return another."""
    variable = grad if isinstance(grad, Variable) else wrap(grad)
    for _, hook in sorted(hooks.items()):
        replaced = hook(variable)
        variable = variable if replaced is None else replaced
    return variable if isinstance(grad, Variable) else variable._value


def _towards(roots: Iterable[Any], targets: set[Any]) -> set[Function]:
    """The functions between `roots` and `targets`: those that have a target upstream."""
    stack = list(roots)
    found: set[Function] = set()
    while stack:
        node = stack.pop()
        if isinstance(node, Function) and node not in found:
            found.add(node)
            stack.extend(node.inputs)
    useful: set[Function] = set()
    for node in sorted(found, key=lambda node: node.number):
        if not (targets.isdisjoint(node.inputs) and useful.isdisjoint(node.inputs)):
            useful.add(node)
    return useful


def run_backward(
    roots: Sequence[Any], grads: Sequence[Any], targets: Any = None, retain: bool = False, create: bool = False
) -> dict[Any, Any]:
    """Carry `grads` back from `roots` to the leaves, where they accumulate; or, when `targets` are given, only to those,
    and return their gradients. Roots and targets are edges: Functions, or leaf Variables. `retain` keeps the saved values
    for another pass; `create` passes Variables and records what is computed."""
    pending: dict[Any, Any] = {}  # edge -> the gradient that has arrived so far
    ours: set[Any] = set()  # edges whose pending gradient was added up here, so that it may be added to in place
    borrowed: set[Any] = set()  # leaves whose gradient may be in use elsewhere too
    queue: list[tuple[int, Any]] = []
    wanted = set(targets or ())
    useful = None if targets is None else _towards(roots, wanted)
    captured: dict[Any, Any] = {}

    edges, arrivals, incoming, anomaly = roots, grads, None, mode.anomaly
    while True:
        for edge, grad in zip(edges, arrivals):  # noqa: B905 - the keyword would cost as much as the loop
            if edge is None or grad is None:
                continue
            if edge not in pending:
                pending[edge] = grad  # by reference: most gradients have one contribution
                if isinstance(edge, Function):
                    heappush(queue, (-edge.number, edge))
                elif grad is incoming or incoming is None:
                    borrowed.add(edge)
            elif edge in ours and not create:
                pending[edge] += grad
            else:
                pending[edge] = pending[edge] + grad
                ours.add(edge)
                borrowed.discard(edge)
        if not queue:
            break
        node = heappop(queue)[1]
        incoming = pending.pop(node)
        if node.hooks:
            incoming = through_hooks(node.hooks, incoming, node.wrap)
        edges = arrivals = ()
        if useful is not None:
            if node in wanted:
                captured[node] = incoming
            if node not in useful:
                continue
        if node.freed:
            raise RuntimeError(
                f"Trying to backward through the graph a second time: what {node.name()} had saved was freed by the first "
                "backward. Specify retain_graph=True in that call if you need another"
            )
        if node.number < _last_write:
            node.check_saved()
        arrivals = node.differentiable_backward(incoming) if create else node.backward(incoming)
        edges, arrivals = node.inputs, arrivals if type(arrivals) is tuple else (arrivals,)
        if anomaly:
            anomaly.check(node, arrivals)
        if not retain:
            node.release()

    for leaf, grad in pending.items():
        if leaf._hooks:
            grad = through_hooks(leaf._hooks, grad, type(leaf).wrap_gradient)
        if targets is None:
            leaf.accumulate(grad, leaf in borrowed)
        elif leaf in wanted:
            captured[leaf] = grad
    return captured
