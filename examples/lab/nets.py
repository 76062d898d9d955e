"""The nets, with places in them where a regularizer may put a layer."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from architectures import alexnet, lenet, resnet
from minigrad import nn

NAMES = ("mlp", "lenet", "alexnet", "resnet")
LEARNING_RATES = {"mlp": 0.1, "lenet": 0.05, "alexnet": 0.005, "resnet": 0.1}


class Place(nn.Identity):
    """Nothing, until a regularizer puts its layer here. `kind` is 'input', 'hidden' (units) or 'maps' (feature maps)."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind


def build(name: str, shape: tuple[int, ...], classes: int, units: int, layers: int) -> nn.Sequential:
    """The net `name` for images of `shape`, with its places empty. `units` are those of a hidden layer of mlp and alexnet,
    `layers` the hidden ones of the mlp."""
    if name == "mlp":
        return mlp(shape[0] * shape[1] * shape[2], classes, units, layers)
    make = {"lenet": lenet, "alexnet": alexnet, "resnet": resnet}[name]
    options = {"resnet": {"depth": 20}, "alexnet": {"hidden": units}}.get(name, {})
    net = make(shape, classes, dropout=lambda p: Place("hidden"), spatial=lambda p: Place("maps"), **options)
    return nn.Sequential(Place("input"), net)


def mlp(inputs: int, classes: int, units: int, layers: int) -> nn.Sequential:
    parts: list[nn.Module] = [Place("input"), nn.Flatten()]
    for _ in range(layers):
        parts += [nn.Linear(inputs, units), nn.ReLU(), Place("hidden")]
        inputs = units
    return nn.Sequential(*parts, nn.Linear(inputs, classes))


def put(model: nn.Module, kind: str, make: Callable[[], nn.Module]) -> None:
    """Put a layer into each place of `kind`; ValueError if the net has none."""
    found = [name for name, module in model.named_modules() if isinstance(module, Place) and module.kind == kind]
    if not found:
        raise ValueError(f"this net has no place for a layer on {kind}")
    for name in found:
        path, _, last = name.rpartition(".")
        setattr(model.get_submodule(path) if path else model, last, make())


def hidden_layers(model: nn.Module) -> Iterator[tuple[nn.Sequential, int, nn.Module]]:
    """(a Sequential, the index in it of a hidden Linear, the layer that takes its units) for each one followed by an
    activation and a place; ValueError if the net has none."""
    none = True
    for parent in model.modules():
        if not isinstance(parent, nn.Sequential):
            continue
        children = list(parent)
        for i, child in enumerate(children[:-3]):
            place = children[i + 2]
            if isinstance(child, nn.Linear) and isinstance(place, Place) and place.kind == "hidden":
                none = False
                yield parent, i, children[i + 3]
    if none:
        raise ValueError("this net has no fully connected hidden layer")
