"""LeNet-5, AlexNet, VGG and ResNet with dropout where their papers put it, and what one training step of each takes.

    from architectures import NETS, vgg
    model = vgg((3, 32, 32), classes=10, depth=16, p=0.5, spatial=nn.Dropout2d, spatial_p=0.1)

    python examples/architectures.py --net all --batch-size 8 --image 224

All take images of any size from 8x8, such as digits (1, 8, 8), MNIST (1, 28, 28), CIFAR (3, 32, 32) and ImageNet
(3, 224, 224). Small images go through the layers of the paper, all of them and as wide, with fewer strides and poolings: the
maps never become smaller than 2x2. Each function says how. `dropout` makes the layers on the features of the fully connected
part, by default nn.Dropout with the paper's p; `spatial`, where it is given, makes layers on feature maps. Weights are drawn
after He et al. 2015, for without that a VGG of 16 layers does not begin to learn.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any

import minigrad
import minigrad.nn.functional as F
from minigrad import Tensor, nn, optim

Shape = tuple[int, int, int]  # channels, height, width
Layer = Callable[[float], nn.Module]  # makes a dropout layer of a probability
Stages = dict[int, tuple[int, ...]]  # what each stage of a net has, by the depth of the net

SMALL = 64  # images of fewer pixels a side keep their size in the first layer of AlexNet and ResNet


class Net(nn.Module):
    """Convolutions (`features`), then fully connected layers on all that they give (`classifier`)."""

    def __init__(self, features: nn.Sequential, classifier: nn.Sequential) -> None:
        super().__init__()
        self.features, self.classifier = features, classifier
        he(self)
        nn.init.normal_(classifier[-1].weight, std=0.01)  # as in AlexNet: the logits begin small

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.features(x).flatten(1))


def features_of(layers: nn.Sequential, shape: Shape) -> int:
    """How many numbers `layers` make of one image, which they are asked, in eval mode."""
    layers.eval()
    with minigrad.no_grad():
        size = layers(minigrad.zeros(1, *shape)).numel()
    layers.train()
    return size


def he(model: nn.Module) -> None:
    """Weights normal with variance 2 / fan-in, biases 0: signals keep their size through layers of ReLUs (He et al. 2015)."""
    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)


def conv(inputs: int, outputs: int, kernel: int, **options: Any) -> list[nn.Module]:
    return [nn.Conv2d(inputs, outputs, kernel, **options), nn.ReLU()]


def on_maps(spatial: Layer | None, p: float) -> list[nn.Module]:
    return [] if spatial is None else [spatial(p)]


def check_shape(shape: Shape) -> int:
    """The shorter side of the image; ValueError for less than 8."""
    _, height, width = shape
    if min(height, width) < 8:
        raise ValueError(f"images of at least 8x8 are needed, got {height}x{width}")
    return min(height, width)


def lenet(
    shape: Shape,
    classes: int,
    p: float = 0.5,
    dropout: Layer = nn.Dropout,
    spatial: Layer | None = None,
    spatial_p: float = 0.0,
) -> nn.Module:
    """LeNet-5 (LeCun et al. 1998): convolutions of 6 and 16 maps, fully connected layers of 120 and 84.

    The paper has no dropout, which came in 2012: here it follows the two hidden fully connected layers, as it is put into LeNets since,
    and p=0 is the paper's net. Also of today are ReLU, max-pooling and a linear output, where the paper has tanh, averages with
    two weights a map, and distances. `spatial` follows each pooling.
    The paper pads MNIST to 32x32: here the first convolution pads images below 32 by 2 on each side, so 28x28 gives the paper's
    400 features. The second pads too where its input is below 10x10 (8x8 and 16x16 images).
    """
    size = check_shape(shape)
    channels, pad = shape[0], 2 if size < 32 else 0
    pooled = (size + 2 * pad - 4) // 2
    features = nn.Sequential(
        *conv(channels, 6, 5, padding=pad),
        nn.MaxPool2d(2),
        *on_maps(spatial, spatial_p),
        *conv(6, 16, 5, padding=2 if pooled < 10 else 0),
        nn.MaxPool2d(2),
        *on_maps(spatial, spatial_p),
    )
    return Net(features, fully_connected(features_of(features, shape), 120, 84, classes, p, dropout))


def alexnet(
    shape: Shape,
    classes: int,
    p: float = 0.5,
    dropout: Layer = nn.Dropout,
    spatial: Layer | None = None,
    spatial_p: float = 0.0,
    *,
    hidden: int = 4096,
) -> nn.Module:
    """AlexNet (Krizhevsky, Sutskever & Hinton 2012): dropout of 0.5 on both hidden fully connected layers.

    Five convolutions of 96, 256, 384, 384 and 256 maps, in two groups where the paper's two GPUs did not talk to each other, and
    overlapping max-pooling (3x3, stride 2) after the 1st, 2nd and 5th. Its normalization across maps is left out, as it has been
    since VGG found no use for it. (torchvision's AlexNet is of 2014: fewer maps, no groups, dropout before each of the two
    layers.) `spatial` follows each pooling.
    Images below 64x64: the first convolution is 3x3 in steps of 1, not 11x11 in steps of 4, and poolings that would leave less
    than 2x2 are left out (8x8: one is left, 16x16: two).
    """
    size = check_shape(shape)
    if size < SMALL:
        stem = conv(shape[0], 96, 3, padding=1)
    else:
        stem, size = conv(shape[0], 96, 11, stride=4, padding=2), (size + 4 - 11) // 4 + 1
    stages = [
        stem,
        conv(96, 256, 5, padding=2, groups=2),
        [
            *conv(256, 384, 3, padding=1),
            *conv(384, 384, 3, padding=1, groups=2),
            *conv(384, 256, 3, padding=1, groups=2),
        ],
    ]
    layers: list[nn.Module] = []
    for stage in stages:
        layers += stage
        if (size - 3) // 2 + 1 >= 2:
            layers.append(nn.MaxPool2d(3, 2))
            size = (size - 3) // 2 + 1
        layers += on_maps(spatial, spatial_p)
    features = nn.Sequential(*layers)
    return Net(features, fully_connected(features_of(features, shape), hidden, hidden, classes, p, dropout))


# How many convolutions each of VGG's five stages has (its columns A, B, D and E).
VGG: Stages = {11: (1, 1, 2, 2, 2), 13: (2, 2, 2, 2, 2), 16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}


def vgg(
    shape: Shape,
    classes: int,
    p: float = 0.5,
    dropout: Layer = nn.Dropout,
    spatial: Layer | None = None,
    spatial_p: float = 0.0,
    *,
    depth: int = 16,
    hidden: int = 4096,
) -> nn.Module:
    """VGG of 11, 13, 16 or 19 layers (Simonyan & Zisserman 2015): dropout of 0.5 on both hidden fully connected layers.

    Five stages of 3x3 convolutions with 64, 128, 256, 512 and 512 maps, each ended by max-pooling. `spatial` ends each stage.
    Poolings that would leave less than 2x2 are left out, the last ones: 8x8 has two of the five, 16x16 and 28x28 three,
    32x32 four.
    """
    size = check_shape(shape)
    layers: list[nn.Module] = []
    channels = shape[0]
    for maps, convolutions in zip((64, 128, 256, 512, 512), _of_depth(VGG, depth, "vgg"), strict=True):
        for _ in range(convolutions):
            layers += conv(channels, maps, 3, padding=1)
            channels = maps
        if size >= 4:
            layers.append(nn.MaxPool2d(2))
            size //= 2
        layers += on_maps(spatial, spatial_p)
    features = nn.Sequential(*layers)
    return Net(features, fully_connected(features_of(features, shape), hidden, hidden, classes, p, dropout))


def fully_connected(inputs: int, first: int, second: int, classes: int, p: float, dropout: Layer) -> nn.Sequential:
    """Two hidden layers, each with a dropout of its output, and the logits."""
    return nn.Sequential(
        nn.Linear(inputs, first),
        nn.ReLU(),
        dropout(p),
        nn.Linear(first, second),
        nn.ReLU(),
        dropout(p),
        nn.Linear(second, classes),
    )


# How many blocks each stage of a ResNet has. 20 is the paper's for CIFAR: three stages of 16, 32 and 64 maps.
RESNET: Stages = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 20: (3, 3, 3)}


class BasicBlock(nn.Module):
    """relu(shortcut(x) + branch(x)): two 3x3 convolutions beside an identity (He et al. 2016, figure 5 left).

    Where the size or the number of maps changes, the shortcut is a 1x1 convolution (the paper's option B).
    """

    def __init__(self, inputs: int, outputs: int, stride: int, between: list[nn.Module], drop_path: float) -> None:
        super().__init__()
        self.branch = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
            *between,
            nn.Conv2d(outputs, outputs, 3, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
        )
        self.shortcut: nn.Module = nn.Identity()
        if stride > 1 or inputs != outputs:
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))
        if drop_path > 0:
            self.branch.append(nn.DropPath(drop_path))

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.shortcut(x) + self.branch(x))


def resnet(
    shape: Shape,
    classes: int,
    p: float = 0.0,
    dropout: Layer = nn.Dropout,
    spatial: Layer | None = None,
    spatial_p: float = 0.0,
    *,
    depth: int = 18,
    drop_path: float = 0.0,
) -> nn.Module:
    """ResNet of 18 or 34 layers, or the 20 that the paper has for CIFAR (He et al. 2016).

    The paper has no dropout, and p is 0 unless given: `dropout` is then on the mean features, before the one fully connected layer.
    `spatial` stands between the two convolutions of each block, as in wide ResNets (Zagoruyko & Komodakis 2016). With
    `drop_path` the net is one of stochastic depth (Huang et al. 2016): nn.DropPath ends each branch, with rates that
    rise evenly over the blocks to `drop_path` at the last one.
    Images below 64x64 begin with a 3x3 convolution in place of the 7x7 one in steps of 2 and its pooling, as the paper has it
    for CIFAR; a stage whose stride would leave less than 2x2 has none (8x8: the last one).
    """
    size = check_shape(shape)
    blocks = _of_depth(RESNET, depth, "resnet")
    channels = first = 16 if depth == 20 else 64
    layers: list[nn.Module]
    if size < SMALL:
        layers = [nn.Conv2d(shape[0], first, 3, padding=1, bias=False), nn.BatchNorm2d(first), nn.ReLU()]
    else:
        layers = [nn.Conv2d(shape[0], first, 7, 2, padding=3, bias=False), nn.BatchNorm2d(first), nn.ReLU()]
        layers.append(nn.MaxPool2d(3, 2, padding=1))
        size = (size + 3) // 4
    rates = iter(nn.drop_path_rates(sum(blocks) + 1, drop_path)[1:])  # the input is block 0
    for stage, count in enumerate(blocks):
        maps = first << stage
        stride = 2 if stage and size >= 4 else 1
        size = -(-size // stride)
        for block in range(count):
            between = on_maps(spatial, spatial_p)
            layers.append(BasicBlock(channels, maps, 1 if block else stride, between, next(rates)))
            channels = maps
    return Net(nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1)), nn.Sequential(dropout(p), nn.Linear(channels, classes)))


def _of_depth(table: Stages, depth: int, name: str) -> tuple[int, ...]:
    if depth not in table:
        raise ValueError(f"{name}: depth has to be one of {', '.join(map(str, sorted(table)))}, not {depth}")
    return table[depth]


NETS: dict[str, Callable[..., nn.Module]] = {"lenet": lenet, "alexnet": alexnet, "vgg": vgg, "resnet": resnet}
DEPTHS: dict[str, Stages] = {"vgg": VGG, "resnet": RESNET}


# ---- one training step, measured -----------------------------------------------------------------------------------------


def measure(name: str, depth: int | None, args: argparse.Namespace) -> tuple[int, float, float]:
    """Parameters, seconds of the fastest step after a first one, and MB of memory at most."""
    if args.threads is not None:
        minigrad.set_num_threads(args.threads)
    minigrad.manual_seed(args.seed)
    options = {} if depth is None else {"depth": depth}
    model = NETS[name]((3, args.image, args.image), args.classes, **options)
    optimizer = optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    images = minigrad.randn(args.batch_size, 3, args.image, args.image)
    labels = minigrad.randint(args.classes, (args.batch_size,))
    seconds = []
    for _ in range(1 + args.steps):
        begin = time.perf_counter()
        loss = F.cross_entropy(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        seconds.append(time.perf_counter() - begin)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return parameters, min(seconds[1:]), peak / 1e6


def main(args: argparse.Namespace) -> None:
    nets = [("lenet", None), ("alexnet", None), ("vgg", 16), ("resnet", 18)]
    if args.net != "all":
        nets = [(args.net, args.depth or dict(nets)[args.net])]
    threads = args.threads or minigrad.get_num_threads()
    print(
        f"a training step (SGD with momentum) of {args.batch_size} random images, 3x{args.image}x{args.image}, "
        f"{args.classes} classes; threads: {threads}"
    )
    print(f"{'net':<10} {'parameters':>12} {'s/step':>8} {'images/s':>9} {'peak MB':>8}")
    for name, depth in nets:
        # Each in a process of its own, whose peak of memory is its own.
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as process:
            parameters, seconds, peak = process.submit(measure, name, depth, args).result()
        title = name if depth is None else f"{name}-{depth}"
        print(
            f"{title:<10} {parameters:>12,} {seconds:>8.3f} {args.batch_size / seconds:>9.1f} {peak:>8,.0f}",
            flush=True,
        )


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    def at_least(least: int) -> Callable[[str], int]:
        def number(text: str) -> int:
            value = int(text)
            if value < least:
                raise argparse.ArgumentTypeError(f"must be at least {least}, not {value}")
            return value

        return number

    parser = argparse.ArgumentParser(
        description="Time a training step of LeNet-5, AlexNet, VGG and ResNet on random images, and its peak of memory.",
        epilog="The time is that of the fastest step after a first one, the peak of memory that of a process for each net.",
    )
    option = parser.add_argument
    option(
        "--net", choices=[*NETS, "all"], default="all", help="which net (default: all, VGG-16 and ResNet-18 among them)"
    )
    option(
        "--depth", type=int, help="layers: 11, 13, 16 or 19 of vgg (default: 16); 18, 20 or 34 of resnet (default: 18)"
    )
    option("--batch-size", type=at_least(1), default=8, help="images in each step (default: %(default)s)")
    option("--image", type=at_least(8), default=224, help="pixels a side (default: %(default)s)")
    option("--classes", type=at_least(2), default=1000, help="(default: %(default)s)")
    option(
        "--steps", type=at_least(1), default=2, help="steps that are timed, after a first one (default: %(default)s)"
    )
    option("--threads", type=at_least(1), help="for the kernels (default: all processors)")
    option("--seed", type=int, default=0, help="for weights, images and dropout (default: %(default)s)")
    args = parser.parse_args(argv)
    if args.depth is not None and args.depth not in DEPTHS.get(args.net, ()):
        depths = ", ".join(map(str, sorted(DEPTHS.get(args.net, ()))))
        parser.error(
            f"argument --depth: {args.net} has {f'depths {depths}' if depths else 'one depth'}, not {args.depth}"
        )
    return args


if __name__ == "__main__":
    try:
        main(arguments())
    except KeyboardInterrupt:
        sys.exit(130)
    except (BrokenProcessPool, MemoryError):
        sys.exit("architectures.py: the step was ended, most likely for want of memory: try a smaller --batch-size")
