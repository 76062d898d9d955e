"""What the lab compares: ways against overfitting, each a class with a few numbers as its options.

They are combined by `+`, and their options given in brackets: 'dropout(p=0.5)+maxnorm(c=3)'. An option that is not given is
chosen from its `tries` on held-out images.
"""

from __future__ import annotations

import itertools
import re
from typing import ClassVar

import numpy as np

import minigrad
from lab.nets import Place, hidden_layers, put
from minigrad import Tensor, nn
from minigrad.nn import functional as F


class Regularizer:
    """Does nothing. A subclass overrides the steps of training that it takes part in; its docstring's first line is shown."""

    tries: ClassVar[dict[str, tuple[float, ...]]] = {}  # the values of each option, the default first

    def __init__(self, **options: float) -> None:
        unknown = ", ".join(sorted(set(options) - set(self.tries)))
        if unknown:
            raise ValueError(f"{type(self).__name__} has no option {unknown}: it has {', '.join(self.tries) or 'none'}")
        for name, values in self.tries.items():
            setattr(self, name, options.get(name, values[0]))

    def fill(self, model: nn.Sequential, examples: int) -> None:
        """Put layers into the new model's places; `examples` is the size of the training set."""

    def begin(self, model: nn.Sequential, steps: int) -> None:
        """Before the first of `steps` steps."""

    def weight_decay(self) -> float:
        """What the optimizer's weight decay is to be."""
        return 0.0

    def augment(self, images: np.ndarray, draw: np.random.Generator) -> np.ndarray:
        """A batch of images as training is to see it."""
        return images

    def penalty(self, model: nn.Sequential) -> Tensor | float:
        """What is added to the loss of a batch."""
        return 0.0

    def after_step(self, model: nn.Sequential) -> None:
        """After each step of the optimizer."""


def weights(model: nn.Module) -> list[Tensor]:
    """The parameters that are matrices or filters: those that penalties and limits are about."""
    return [parameter for name, parameter in model.named_parameters() if parameter.ndim >= 2]


class L2(Regularizer):
    """the squares of the weights are added to the loss (weight decay)"""

    tries: ClassVar = {"weight": (1e-4, 1e-3, 1e-5)}

    def weight_decay(self) -> float:
        return 2 * self.weight


class L1(Regularizer):
    """the absolute values of the weights are added to the loss"""

    tries: ClassVar = {"weight": (1e-5, 1e-4, 1e-6)}

    def penalty(self, model: nn.Sequential) -> Tensor:
        return self.weight * sum(weight.abs().sum() for weight in weights(model))


class KLSparsity(Regularizer):
    """hidden units are to be active with a mean of rho, of their activity h / (1 + h)"""

    tries: ClassVar = {"weight": (1e-3, 1e-2), "rho": (0.05,)}

    class Watch(nn.Module):
        """Hands on its input, and remembers the batch's mean activity of each unit."""

        def forward(self, x: Tensor) -> Tensor:
            self.activity = (x / (1 + x)).mean(0) if self.training else None
            return x

    def fill(self, model: nn.Sequential, examples: int) -> None:
        put(model, "hidden", lambda: nn.Sequential(self.Watch(), Place("hidden")))

    def penalty(self, model: nn.Sequential) -> Tensor:
        """The sum over units of KL(Bernoulli(rho) || Bernoulli(activity))."""
        total = 0.0
        for module in model.modules():
            if isinstance(module, self.Watch):
                a = module.activity.clamp(1e-6, 1 - 1e-6)
                total = total - (self.rho * a.log() + (1 - self.rho) * (1 - a).log()).sum()
        return self.weight * total


class MaxNorm(Regularizer):
    """the weights into a unit are scaled back to norm c when they grow beyond (Srivastava 2014, section 5.1)"""

    tries: ClassVar = {"c": (2.0, 1.0, 4.0)}

    def after_step(self, model: nn.Sequential) -> None:
        with minigrad.no_grad():
            for weight in weights(model):
                rows = weight.detach().reshape(weight.shape[0], -1)
                norms = (rows * rows).sum(1, keepdim=True).sqrt()
                if float(norms.max()) > self.c:
                    rows *= self.c / norms.clamp(min=self.c)


class EarlyStopping(Regularizer):
    """training ends after the epoch at which the held-out error was least"""


class Augment(Regularizer):
    """each image is moved by up to `pixels` pixels, anew at each sight"""

    tries: ClassVar = {"pixels": (1, 2)}

    def augment(self, images: np.ndarray, draw: np.random.Generator) -> np.ndarray:
        reach = int(self.pixels)
        height, width = images.shape[2:]
        padded = np.pad(images, ((0, 0), (0, 0), (reach, reach), (reach, reach)), mode="edge")
        windows = np.lib.stride_tricks.sliding_window_view(padded, (height, width), axis=(2, 3))
        down, right = draw.integers(0, 2 * reach + 1, (2, len(images)))
        return windows[np.arange(len(images)), :, down, right]


class Dropout(Regularizer):
    """units are dropped, and inputs if `input` is above 0 (Hinton 2012)"""

    tries: ClassVar = {"p": (0.5, 0.25), "input": (0.0, 0.2)}
    kind: ClassVar[type[nn.Module]] = nn.Dropout

    def fill(self, model: nn.Sequential, examples: int) -> None:
        put(model, "hidden", lambda: self.kind(self.p))
        if self.input:
            put(model, "input", lambda: self.kind(self.input))


class Gaussian(Dropout):
    """units are multiplied by normal noise of mean 1 and variance p / (1 - p) (Srivastava 2014, section 10)"""

    kind = nn.GaussianDropout


class MapsDropout(Regularizer):
    """single elements of feature maps are dropped"""

    tries: ClassVar = {"p": (0.2, 0.1, 0.4)}
    kind: ClassVar[type[nn.Module]] = nn.Dropout

    def fill(self, model: nn.Sequential, examples: int) -> None:
        put(model, "maps", lambda: self.kind(self.p))


class Spatial(MapsDropout):
    """whole feature maps are dropped (Tompson 2015)"""

    kind = nn.Dropout2d


class DropBlock(MapsDropout):
    """squares of feature maps are dropped (Ghiasi 2018)"""

    tries: ClassVar = {"p": (0.1, 0.2), "block": (3,)}

    class OfMap(nn.Module):
        """DropBlock2d whose blocks are at most as large as the maps, the last of which are 2x2 for small images."""

        def __init__(self, p: float, block: int) -> None:
            super().__init__()
            self.largest, self.drop = block, nn.DropBlock2d(p, block)

        def forward(self, x: Tensor) -> Tensor:
            side = min(x.shape[2:])
            self.drop.block_size = min(self.largest, side - (side + 1) % 2)  # an odd one
            return self.drop(x)

    def fill(self, model: nn.Sequential, examples: int) -> None:
        put(model, "maps", lambda: self.OfMap(self.p, int(self.block)))


class Noise(Regularizer):
    """normal noise is added to the inputs"""

    tries: ClassVar = {"std": (0.1, 0.3)}

    def fill(self, model: nn.Sequential, examples: int) -> None:
        put(model, "input", lambda: nn.GaussianNoise(self.std))


class Cutout(Regularizer):
    """a square of each image is set to 0 (DeVries 2017)"""

    tries: ClassVar = {"size": (2, 4, 8)}

    def fill(self, model: nn.Sequential, examples: int) -> None:
        put(model, "input", lambda: nn.Cutout(int(self.size)))


class DropConnect(Regularizer):
    """single weights are dropped, others for each example (Wan 2013)"""

    tries: ClassVar = {"p": (0.5, 0.25)}

    def fill(self, model: nn.Sequential, examples: int) -> None:
        for parent, i, _ in hidden_layers(model):
            linear = parent[i]
            parent[i] = nn.DropConnect(linear.in_features, linear.out_features, self.p, activation=F.relu)
            parent[i + 1] = nn.Identity()


class Standout(Regularizer):
    """units are kept with probabilities that their inputs decide (Ba & Frey 2013)"""

    tries: ClassVar = {"beta": (0.0, 1.0), "alpha": (1.0,)}

    def fill(self, model: nn.Sequential, examples: int) -> None:
        for parent, i, _ in hidden_layers(model):
            parent[i] = nn.Standout(parent[i], self.alpha, self.beta)
            parent[i + 1] = nn.Identity()


class Concrete(Regularizer):
    """units are dropped at rates that are learned (Gal 2017)"""

    tries: ClassVar = {"length": (0.1, 0.01), "entropy": (1.0,)}

    def fill(self, model: nn.Sequential, examples: int) -> None:
        self.pairs = []
        for parent, i, following in hidden_layers(model):
            drop = nn.ConcreteDropout(
                0.1,
                weight_regularizer=self.length**2 / (2 * examples),
                dropout_regularizer=self.entropy / examples,
            )
            parent[i + 2] = drop
            self.pairs.append((drop, following))

    def penalty(self, model: nn.Sequential) -> Tensor:
        return sum(drop.regularizer(layer) for drop, layer in self.pairs)


class Variational(Regularizer):
    """units are multiplied by normal noise of a learned variance (Kingma 2015)"""

    tries: ClassVar = {"kl": (1.0, 0.1)}

    def fill(self, model: nn.Sequential, examples: int) -> None:
        self.layers, self.scale = [], self.kl / examples
        for parent, i, _ in hidden_layers(model):
            layer = nn.VariationalGaussianDropout(parent[i].out_features, 0.3)
            parent[i + 2] = layer
            self.layers.append(layer)

    def penalty(self, model: nn.Sequential) -> Tensor:
        return self.scale * sum(layer.kl() for layer in self.layers)


class Schedule(Regularizer):
    """A schedule of the rates of the layers that stand before it in a sum."""

    def schedule(self, model: nn.Sequential, steps: int) -> nn.DropoutSchedule:
        raise NotImplementedError

    def begin(self, model: nn.Sequential, steps: int) -> None:
        self.rates = self.schedule(model, steps)

    def after_step(self, model: nn.Sequential) -> None:
        self.rates.step()


class Curriculum(Schedule):
    """the rates of dropout rise from 0 (Morerio 2017)"""

    def schedule(self, model: nn.Sequential, steps: int) -> nn.DropoutSchedule:
        return nn.CurriculumSchedule(model, gamma=10 / steps)


class Early(Schedule):
    """dropout in the first part of training alone (Liu 2023)"""

    tries: ClassVar = {"part": (0.3, 0.5)}

    def schedule(self, model: nn.Sequential, steps: int) -> nn.DropoutSchedule:
        return nn.EarlySchedule(model, cutoff=max(1, round(self.part * steps)))


class Late(Early):
    """dropout in the last part of training alone (Liu 2023)"""

    def schedule(self, model: nn.Sequential, steps: int) -> nn.DropoutSchedule:
        return nn.LateSchedule(model, cutoff=max(1, round((1 - self.part) * steps)))


REGULARIZERS: dict[str, type[Regularizer]] = {
    "none": Regularizer,
    "l2": L2,
    "l1": L1,
    "kl": KLSparsity,
    "maxnorm": MaxNorm,
    "early-stopping": EarlyStopping,
    "augment": Augment,
    "noise": Noise,
    "cutout": Cutout,
    "dropout": Dropout,
    "gaussian": Gaussian,
    "maps": MapsDropout,
    "spatial": Spatial,
    "dropblock": DropBlock,
    "dropconnect": DropConnect,
    "standout": Standout,
    "concrete": Concrete,
    "variational": Variational,
    "curriculum": Curriculum,
    "early": Early,
    "late": Late,
}

Options = dict[str, dict[str, float]]  # of each part of a sum


def parse(text: str) -> Options:
    """'dropout(p=0.5)+maxnorm' as {'dropout': {'p': 0.5}, 'maxnorm': {}}; ValueError if it is anything else."""
    parts: Options = {}
    for part in text.split("+"):
        match = re.fullmatch(r"\s*([a-z0-9-]+)\s*(?:\((.*)\))?\s*", part)
        if not match or match[1] not in REGULARIZERS:
            raise ValueError(f"no regularizer is called {part.strip()!r}: there are {', '.join(REGULARIZERS)}")
        if match[1] in parts:
            raise ValueError(f"{match[1]} stands twice in {text!r}")
        options = {}
        for pair in filter(None, re.split(r"[;,\s]+", match[2] or "")):
            name, _, value = pair.partition("=")
            try:
                options[name] = float(value)
            except ValueError:
                raise ValueError(f"expected name=number in {part!r}, got {pair!r}") from None
        REGULARIZERS[match[1]](**options)  # raises unless it knows them
        parts[match[1]] = options
    return parts


def written(parts: Options) -> str:
    """The text that `parse` reads."""
    return "+".join(
        name + (f"({' '.join(f'{key}={value:g}' for key, value in options.items())})" if options else "")
        for name, options in parts.items()
    )


def tries(parts: Options) -> list[Options]:
    """Every combination of the values to try for what `parts` leaves open, the defaults first."""
    open_options = [
        (name, option, values)
        for name, given in parts.items()
        for option, values in REGULARIZERS[name].tries.items()
        if option not in given
    ]
    found = []
    for values in itertools.product(*(values for _, _, values in open_options)):
        whole = {name: dict(given) for name, given in parts.items()}
        for (name, option, _), value in zip(open_options, values, strict=True):
            whole[name][option] = value
        found.append(whole)
    return found


def make(parts: Options) -> list[Regularizer]:
    return [REGULARIZERS[name](**options) for name, options in parts.items()]
