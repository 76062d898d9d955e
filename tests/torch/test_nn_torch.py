"""Modules against PyTorch's: the same keys and repr, and from the same weights the same outputs, gradients and buffers."""

import inspect
from collections import OrderedDict

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn

torch = pytest.importorskip("torch")

ATOL = {"float32": 2e-5, "float64": 1e-11}


def transplanted(make, dtype="float32"):
    """The module that `make(nn)` builds here and in PyTorch, with PyTorch's state in both."""
    torch.manual_seed(0)
    theirs = make(torch.nn).to(getattr(torch, dtype))
    for parameter in theirs.parameters():  # away from 0 and 1, so that every parameter matters
        torch.nn.init.normal_(parameter, 0.3, 0.5)
    ours = make(nn).to(dtype)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    ours.load_state_dict({key: value.numpy() for key, value in theirs.state_dict().items()})
    return ours, theirs


def compare(ours, theirs, *inputs, atol):
    """Outputs, gradients of inputs and parameters, and buffers after one forward and backward."""
    mine = [mg.tensor(x, requires_grad=x.dtype.kind == "f") for x in inputs]
    other = [torch.tensor(x, requires_grad=x.dtype.kind == "f") for x in inputs]
    out, expected = ours(*mine), theirs(*other)
    assert out.shape == tuple(expected.shape)
    assert str(out.dtype) == str(expected.dtype).removeprefix("torch.")
    np.testing.assert_allclose(out.numpy(force=True), expected.detach().numpy(), atol=atol, rtol=atol)
    weight = np.random.default_rng(1).standard_normal(out.shape).astype(out.dtype)
    (out * mg.tensor(weight)).sum().backward()
    (expected * torch.tensor(weight)).sum().backward()
    pairs = [*zip(mine, other, strict=True), *zip(ours.parameters(), theirs.parameters(), strict=True)]
    for a, b in pairs:
        if b.grad is None:
            assert a.grad is None
        else:
            np.testing.assert_allclose(a.grad.numpy(), b.grad.numpy(), atol=20 * atol, rtol=20 * atol)
    for (key, a), b in zip(ours.state_dict().items(), theirs.state_dict().values(), strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), atol=atol, rtol=atol, err_msg=key)


def normal(*shape, dtype="float32", seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


IMAGES, SIGNAL = (3, 4, 9, 8), (3, 4, 11)

LAYERS = {
    "linear": (lambda nn: nn.Linear(8, 5), (3, 8)),
    "linear without bias": (lambda nn: nn.Linear(8, 5, bias=False), (2, 3, 8)),
    "linear of a vector": (lambda nn: nn.Linear(8, 5), (8,)),
    "conv1d": (lambda nn: nn.Conv1d(4, 6, 3, stride=2, padding=1, dilation=2), SIGNAL),
    "conv1d same": (lambda nn: nn.Conv1d(4, 6, 4, padding="same", groups=2), SIGNAL),
    "conv1d circular": (lambda nn: nn.Conv1d(4, 6, 3, padding=2, padding_mode="circular"), SIGNAL),
    "conv1d unbatched": (lambda nn: nn.Conv1d(4, 6, 3), (4, 11)),
    "conv2d": (lambda nn: nn.Conv2d(4, 6, 3), IMAGES),
    "conv2d with everything": (
        lambda nn: nn.Conv2d(4, 6, (3, 2), (2, 1), (1, 2), (1, 2), groups=2, bias=False),
        IMAGES,
    ),
    "conv2d unbatched": (lambda nn: nn.Conv2d(4, 6, 3, padding=1), IMAGES[1:]),
    "conv2d same": (lambda nn: nn.Conv2d(4, 6, (3, 4), padding="same", dilation=(2, 1)), IMAGES),
    "conv2d valid": (lambda nn: nn.Conv2d(4, 6, 3, padding="valid"), IMAGES),
    "conv2d reflect": (lambda nn: nn.Conv2d(4, 6, 3, padding=(1, 2), padding_mode="reflect"), IMAGES),
    "conv2d replicate same": (lambda nn: nn.Conv2d(4, 6, 4, padding="same", padding_mode="replicate"), IMAGES),
    "conv2d circular valid": (lambda nn: nn.Conv2d(4, 6, 3, padding="valid", padding_mode="circular"), IMAGES),
    "conv2d depthwise": (lambda nn: nn.Conv2d(4, 8, 3, groups=4), IMAGES),
    "conv_transpose2d": (lambda nn: nn.ConvTranspose2d(4, 6, 3), IMAGES),
    "conv_transpose2d with everything": (
        lambda nn: nn.ConvTranspose2d(4, 6, (3, 2), (2, 3), 1, (1, 0), groups=2, dilation=2),
        IMAGES,
    ),
    "batchnorm1d": (lambda nn: nn.BatchNorm1d(4), (6, 4)),
    "batchnorm1d of signals": (lambda nn: nn.BatchNorm1d(4, eps=1e-3, momentum=0.3), SIGNAL),
    "batchnorm1d cumulative": (lambda nn: nn.BatchNorm1d(4, momentum=None), (6, 4)),
    "batchnorm2d": (lambda nn: nn.BatchNorm2d(4), IMAGES),
    "batchnorm2d not affine": (lambda nn: nn.BatchNorm2d(4, affine=False), IMAGES),
    "batchnorm2d not tracking": (lambda nn: nn.BatchNorm2d(4, track_running_stats=False), IMAGES),
    "batchnorm3d": (lambda nn: nn.BatchNorm3d(4), (2, 4, 3, 2, 2)),
    "layernorm": (lambda nn: nn.LayerNorm(11), SIGNAL),
    "layernorm of two axes": (lambda nn: nn.LayerNorm((4, 11), eps=1e-3, bias=False), SIGNAL),
    "layernorm not affine": (lambda nn: nn.LayerNorm([9, 8], elementwise_affine=False), IMAGES),
    "max_pool2d": (lambda nn: nn.MaxPool2d(2), IMAGES),
    "max_pool2d with everything": (lambda nn: nn.MaxPool2d((3, 2), 2, 1, (2, 1), ceil_mode=True), IMAGES),
    "avg_pool2d": (lambda nn: nn.AvgPool2d(2), IMAGES),
    "avg_pool2d with everything": (lambda nn: nn.AvgPool2d((3, 2), 2, 1, True, False), IMAGES),
    "adaptive_avg_pool2d": (lambda nn: nn.AdaptiveAvgPool2d((3, 4)), IMAGES),
    "adaptive_avg_pool2d uneven": (lambda nn: nn.AdaptiveAvgPool2d((None, 3)), IMAGES),
    "flatten": (lambda nn: nn.Flatten(1, 2), IMAGES),
    "unflatten": (lambda nn: nn.Unflatten(1, (2, 2)), IMAGES),
    "identity": (lambda nn: nn.Identity(3), IMAGES),
    "a network": (
        lambda nn: nn.Sequential(
            OrderedDict(
                conv=nn.Conv2d(4, 6, 3, padding=1, bias=False),
                bn=nn.BatchNorm2d(6),
                act=nn.ReLU(),
                head=nn.Sequential(nn.AvgPool2d(2), nn.Flatten(), nn.Linear(6 * 4 * 4, 3)),
            )
        ),
        IMAGES,
    ),
}

ACTIVATIONS = {
    "ReLU": [{}, {"inplace": True}],
    "ReLU6": [{}],
    "LeakyReLU": [{}, {"negative_slope": 0.2}],
    "ELU": [{}, {"alpha": 1.5}],
    "SiLU": [{}],
    "Mish": [{}],
    "Sigmoid": [{}],
    "Tanh": [{}],
    "LogSigmoid": [{}],
    "Softsign": [{}],
    "Hardtanh": [{}, {"min_val": -0.3, "max_val": 0.6}],
    "GELU": [{}, {"approximate": "tanh"}],
    "Softplus": [{}, {"beta": 2.0, "threshold": 1.0}],
    "Softmax": [{"dim": 1}],
    "LogSoftmax": [{"dim": -1}],
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.filterwarnings("ignore:Using padding='same'")
def test_layers(name, dtype):
    make, shape = LAYERS[name]
    ours, theirs = transplanted(make, dtype)
    for seed in range(2):  # twice: gradients accumulate and statistics move on
        compare(ours, theirs, normal(*shape, dtype=dtype, seed=seed), atol=ATOL[dtype])
    compare(ours.eval(), theirs.eval(), normal(*shape, dtype=dtype, seed=3), atol=ATOL[dtype])


@pytest.mark.parametrize(
    ("name", "options"), [(name, options) for name, several in ACTIVATIONS.items() for options in several]
)
def test_activations(name, options):
    layers = [getattr(module, name)(**options) for module in (nn, torch.nn)]
    assert repr(layers[0]) == repr(layers[1])
    if options.get("inplace"):
        layers = [mod.Sequential(mod.Identity(), layer) for mod, layer in zip((nn, torch.nn), layers, strict=True)]
        x = normal(3, 4)
        assert np.array_equal(layers[0](mg.tensor(x)).numpy(), layers[1](torch.tensor(x)).numpy())
        return
    compare(*layers, normal(3, 4, 5), atol=ATOL["float32"])


@pytest.mark.parametrize("options", [
    {}, {"padding_idx": 2}, {"padding_idx": -1}, {"scale_grad_by_freq": True}, {"max_norm": 1.0},
    {"max_norm": 0.7, "norm_type": 1.0, "padding_idx": 0}, {"max_norm": 0.3, "norm_type": float("inf")},
], ids=str)  # fmt: skip
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_embedding(options, dtype):
    ours, theirs = transplanted(lambda nn: nn.Embedding(6, 5, **options), dtype)
    assert repr(ours) == repr(theirs)
    for seed in range(2):
        for kind in ("int64", "int32"):
            indices = np.random.default_rng(seed).integers(0, 5, (3, 4)).astype(kind)
            compare(ours, theirs, indices, atol=ATOL[dtype])


PROBABILITIES = np.random.default_rng(5).uniform(0.05, 0.95, (6, 4)).astype(np.float32)
WEIGHT = np.array([0.5, 1, 2, 0.1], np.float32)
LABELS = np.array([0, 3, 1, 2, 3, 0])

# name: options, input, target; a weight is turned into a Tensor of either library
LOSSES = [
    ("MSELoss", {}, normal(6, 4), normal(6, 4, seed=1)),
    ("L1Loss", {}, normal(6, 4), normal(6, 4, seed=1)),
    ("SmoothL1Loss", {}, normal(6, 4), normal(6, 4, seed=1)),
    ("SmoothL1Loss", {"beta": 0.3}, normal(6, 4), normal(6, 4, seed=1)),
    ("HuberLoss", {"delta": 0.7}, normal(6, 4), normal(6, 4, seed=1)),
    ("BCELoss", {}, PROBABILITIES, PROBABILITIES[::-1].copy()),
    ("BCELoss", {"weight": WEIGHT}, PROBABILITIES, PROBABILITIES[::-1].copy()),
    ("BCEWithLogitsLoss", {}, normal(6, 4) * 20, PROBABILITIES),
    ("BCEWithLogitsLoss", {"weight": WEIGHT, "pos_weight": WEIGHT}, normal(6, 4), PROBABILITIES),
    ("KLDivLoss", {}, normal(6, 4), PROBABILITIES),
    ("KLDivLoss", {"log_target": True}, normal(6, 4), np.log(PROBABILITIES)),
    ("NLLLoss", {}, normal(6, 4), LABELS),
    ("NLLLoss", {"weight": WEIGHT, "ignore_index": 3}, normal(6, 4), LABELS),
    ("CrossEntropyLoss", {}, normal(6, 4), LABELS),
    ("CrossEntropyLoss", {"weight": WEIGHT, "ignore_index": 3, "label_smoothing": 0.1}, normal(6, 4), LABELS),
    ("CrossEntropyLoss", {}, normal(6, 4, 2), np.stack([LABELS, LABELS], 1)),
    ("CrossEntropyLoss", {"label_smoothing": 0.2}, normal(6, 4), PROBABILITIES),
]


@pytest.mark.parametrize(
    ("name", "options", "input", "target", "reduction"),
    [(*row, how) for row in LOSSES for how in ("mean", "sum", "none", "batchmean")[: 3 + (row[0] == "KLDivLoss")]],
)
@pytest.mark.filterwarnings("ignore:reduction. 'mean' divides")
def test_losses(name, options, input, target, reduction):
    results = []
    for module, tensor in ((nn, mg.tensor), (torch.nn, torch.tensor)):
        built = {key: tensor(value) if isinstance(value, np.ndarray) else value for key, value in options.items()}
        layer = getattr(module, name)(reduction=reduction, **built)
        x = tensor(input, requires_grad=True)
        loss = layer(x, tensor(target))
        loss.sum().backward()
        results.append((loss.detach().numpy(), x.grad.numpy(), list(layer.state_dict()), repr(layer)))
    (loss, grad, keys, shown), (their_loss, their_grad, their_keys, theirs_shown) = results
    assert loss.shape == their_loss.shape
    np.testing.assert_allclose(loss, their_loss, atol=1e-5, rtol=1e-5)
    np.testing.assert_allclose(grad, their_grad, atol=1e-5, rtol=1e-5)
    assert keys == their_keys
    assert shown == theirs_shown


SHOWN = {
    **{name: make for name, (make, _) in LAYERS.items()},
    "containers": lambda nn: nn.ModuleDict(
        {
            "list": nn.ModuleList([nn.Linear(2, 2), nn.Linear(2, 2), nn.Sequential(nn.ReLU(inplace=True)), nn.ReLU()]),
            "empty": nn.Sequential(),
            "blocks": nn.ModuleList([nn.Sequential(nn.Linear(1, 1)) for _ in range(3)]),
            "slice": nn.Sequential(nn.ReLU(), nn.Tanh(), nn.Sigmoid())[1:],
        }
    ),
    "dropout": lambda nn: nn.Sequential(nn.Dropout(), nn.Dropout1d(0.1), nn.Dropout2d(0.2, True), nn.Dropout3d(0)),
    "in place": lambda nn: nn.Sequential(
        nn.LeakyReLU(0.1, True), nn.ELU(1.0, True), nn.Hardtanh(0, 1, True), nn.SiLU(True), nn.ReLU6(True), nn.Mish(True)
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SHOWN)
def test_repr(name):
    expected = repr(SHOWN[name](torch.nn))
    ours = repr(SHOWN[name](nn))
    if "bias" not in inspect.signature(torch.nn.BatchNorm2d).parameters:  # PyTorch before 2.13
        ours = ours.replace("affine=True, bias=True", "affine=True").replace("affine=False, bias=False", "affine=False")
    assert ours == expected


def test_conv_transpose_output_size():
    ours, theirs = transplanted(lambda nn: nn.ConvTranspose2d(4, 6, 3, stride=2, padding=1))
    x = normal(2, 4, 5, 5)
    for size in ([9, 9], [10, 9], [2, 6, 10, 10]):
        out = ours(mg.tensor(x), size).numpy(force=True)
        np.testing.assert_allclose(out, theirs(torch.tensor(x), size).detach().numpy(), atol=1e-5)


def test_max_pool_indices():
    x = normal(2, 3, 6, 6)
    out, indices = nn.MaxPool2d(2, return_indices=True)(mg.tensor(x))
    expected, places = torch.nn.MaxPool2d(2, return_indices=True)(torch.tensor(x))
    assert np.array_equal(out.numpy(), expected.numpy())
    assert np.array_equal(indices.numpy(), places.numpy())


def test_load_errors_read_alike():
    def message(module, tensor):
        net = module.Sequential(module.Linear(2, 3), module.BatchNorm1d(3))
        state = {key: tensor(value.numpy()) for key, value in net.state_dict().items()}
        state["0.bias"] = tensor(np.ones(5, np.float32))
        state["extra"] = state.pop("1.weight")
        with pytest.raises(RuntimeError) as caught:
            net.load_state_dict(state)
        return str(caught.value)

    expected = message(torch.nn, torch.tensor).replace("torch.Size([5])", "[5]").replace("torch.Size([3])", "[3]")
    assert message(nn, mg.tensor) == expected


def test_hooks_fire_alike():
    def trace(module, tensor):
        net = module.Sequential(module.Linear(2, 2), module.Tanh(), module.Linear(2, 1))
        fill = np.arange(6, dtype=np.float32).reshape(3, 2) / 10
        net.load_state_dict(
            {"0.weight": tensor(fill[:2]), "0.bias": tensor(fill[0]), "2.weight": tensor(fill[1:2]), "2.bias": tensor(fill[0, :1])}
        )  # fmt: skip
        log = []
        for name, part in net.named_modules():
            part.register_forward_pre_hook(lambda m, args, name=name: log.append(("pre", name)))
            part.register_forward_hook(lambda m, args, out, name=name: log.append(("post", name)))
            part.register_full_backward_pre_hook(
                lambda m, out, name=name: log.append(("back pre", name, out[0].tolist()))
            )
            part.register_full_backward_hook(
                lambda m, into, out, name=name: log.append(("back", name, into[0].tolist(), out[0].tolist()))
            )
        net(tensor(fill).requires_grad_()).sum().backward()
        return log

    ours, theirs = trace(nn, mg.tensor), trace(torch.nn, torch.tensor)
    assert [entry[:2] for entry in ours] == [entry[:2] for entry in theirs]
    for a, b in zip(ours, theirs, strict=True):
        for mine, other in zip(a[2:], b[2:], strict=True):
            np.testing.assert_allclose(mine, other, atol=1e-6)


@pytest.mark.parametrize("norm_type", [1.0, 2.0, 3.0, float("inf")])
def test_clip_grad_norm(norm_type):
    grads = [normal(3, 4), normal(5, seed=1)]
    clipped = []
    for module, tensor in ((nn, mg.tensor), (torch.nn, torch.tensor)):
        parameters = [module.Parameter(tensor(grad)) for grad in grads]
        for parameter, grad in zip(parameters, grads, strict=True):
            parameter.grad = tensor(grad)
        total = module.utils.clip_grad_norm_(parameters, 0.5, norm_type)
        clipped.append([total.numpy(), *(parameter.grad.numpy() for parameter in parameters)])
    for mine, other in zip(*clipped, strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-5)
