"""The layers beyond test_nn_torch.py's against PyTorch's: keys, repr, outputs, gradients, buffers, initial values."""

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn

from .test_nn_torch import ATOL, IMAGES, SIGNAL, compare, normal, transplanted

torch = pytest.importorskip("torch", minversion="2.4")

VOLUMES = (2, 4, 5, 6, 5)
SMALL_IMAGES = (2, 4, 4, 6)

LAYERS = {
    "conv3d": (lambda nn: nn.Conv3d(4, 6, 3), VOLUMES),
    "conv3d with everything": (
        lambda nn: nn.Conv3d(4, 6, (2, 3, 2), (2, 1, 2), (1, 0, 2), (1, 2, 1), groups=2, bias=False),
        VOLUMES,
    ),
    "conv3d same": (lambda nn: nn.Conv3d(4, 2, (2, 3, 4), padding="same"), VOLUMES),
    "conv3d replicate": (lambda nn: nn.Conv3d(4, 2, 3, padding=1, padding_mode="replicate"), VOLUMES[1:]),
    "conv_transpose1d": (lambda nn: nn.ConvTranspose1d(4, 6, 3), SIGNAL),
    "conv_transpose1d with everything": (lambda nn: nn.ConvTranspose1d(4, 6, 3, 3, 1, 2, 2, False, 2), SIGNAL),
    "conv_transpose1d unbatched": (lambda nn: nn.ConvTranspose1d(4, 6, 3), SIGNAL[1:]),
    "groupnorm": (lambda nn: nn.GroupNorm(2, 4), IMAGES),
    "groupnorm not affine": (lambda nn: nn.GroupNorm(4, 4, eps=0.1, affine=False), SIGNAL),
    "instancenorm1d": (lambda nn: nn.InstanceNorm1d(4), SIGNAL),
    "instancenorm1d of one": (lambda nn: nn.InstanceNorm1d(4, affine=True), SIGNAL[1:]),
    "instancenorm2d": (lambda nn: nn.InstanceNorm2d(4, 0.1, 0.3, True, True), IMAGES),
    "instancenorm2d in eval": (lambda nn: nn.InstanceNorm2d(4, affine=True, track_running_stats=True).eval(), IMAGES),
    "instancenorm3d": (lambda nn: nn.InstanceNorm3d(4), VOLUMES),
    "rmsnorm": (lambda nn: nn.RMSNorm(11), SIGNAL),
    "rmsnorm of two axes": (lambda nn: nn.RMSNorm((4, 11), 0.1, elementwise_affine=False), SIGNAL),
    "localresponsenorm": (lambda nn: nn.LocalResponseNorm(3, 0.5, 0.6, 2.0), IMAGES),
    "max_pool1d": (lambda nn: nn.MaxPool1d(2), SIGNAL),
    "max_pool1d with everything": (lambda nn: nn.MaxPool1d(3, 2, 1, 2, ceil_mode=True), SIGNAL),
    "avg_pool1d": (lambda nn: nn.AvgPool1d(2), SIGNAL),
    "avg_pool1d with everything": (lambda nn: nn.AvgPool1d(3, 2, 1, True, False), SIGNAL),
    "adaptive_avg_pool1d": (lambda nn: nn.AdaptiveAvgPool1d(3), SIGNAL),
    "adaptive_max_pool1d": (lambda nn: nn.AdaptiveMaxPool1d(3), SIGNAL),
    "adaptive_max_pool2d": (lambda nn: nn.AdaptiveMaxPool2d((3, None)), IMAGES),
    "upsample": (lambda nn: nn.Upsample(scale_factor=2), IMAGES),
    "upsample bilinear": (lambda nn: nn.Upsample((12, 5), mode="bilinear", align_corners=False), IMAGES),
    "upsample signals": (lambda nn: nn.Upsample(scale_factor=(1.5,), mode="linear", align_corners=True), SIGNAL),
    "upsampling nearest": (lambda nn: nn.UpsamplingNearest2d(scale_factor=3), IMAGES),
    "upsampling bilinear": (lambda nn: nn.UpsamplingBilinear2d((5, 7)), IMAGES),
    "pixel_shuffle": (lambda nn: nn.PixelShuffle(2), SMALL_IMAGES),
    "pixel_unshuffle": (lambda nn: nn.PixelUnshuffle(2), SMALL_IMAGES),
    "channel_shuffle": (lambda nn: nn.ChannelShuffle(2), SMALL_IMAGES),
    "unfold": (lambda nn: nn.Unfold(3, padding=1, stride=2), IMAGES),
    "fold": (lambda nn: nn.Fold((4, 3), 2), (2, 8, 6)),
    "zero_pad1d": (lambda nn: nn.ZeroPad1d(2), SIGNAL),
    "zero_pad2d": (lambda nn: nn.ZeroPad2d((1, 2, 0, -1)), IMAGES),
    "constant_pad1d": (lambda nn: nn.ConstantPad1d(2, 1.5), SIGNAL),
    "constant_pad2d": (lambda nn: nn.ConstantPad2d(1, 2), IMAGES),
    "constant_pad3d": (lambda nn: nn.ConstantPad3d((1, 1, 0, 2, 1, 0), 2.5), VOLUMES),
    "reflection_pad1d": (lambda nn: nn.ReflectionPad1d((3, 1)), SIGNAL),
    "reflection_pad2d": (lambda nn: nn.ReflectionPad2d((1, 2, 3, 0)), IMAGES),
    "replication_pad2d": (lambda nn: nn.ReplicationPad2d(2), IMAGES),
    "circular_pad2d": (lambda nn: nn.CircularPad2d((1, 2, 3, 0)), IMAGES),
    "prelu": (lambda nn: nn.PReLU(), IMAGES),
    "prelu by channel": (lambda nn: nn.PReLU(4, init=0.1), IMAGES),
    "selu": (lambda nn: nn.SELU(), SIGNAL),
    "selu in place": (lambda nn: nn.Sequential(nn.LeakyReLU(0.5), nn.SELU(True), nn.Softsign(), nn.CELU(1.5, True)), SIGNAL),
    "celu": (lambda nn: nn.CELU(1.5), SIGNAL),
    "hardsigmoid": (lambda nn: nn.Hardsigmoid(), SIGNAL),
    "hardswish": (lambda nn: nn.Hardswish(), SIGNAL),
    "glu": (lambda nn: nn.GLU(1), SIGNAL),
    "threshold": (lambda nn: nn.Threshold(0.1, 20.0), SIGNAL),
    "shrinks": (lambda nn: nn.Sequential(nn.Hardshrink(0.2), nn.Softshrink(0.3), nn.Tanhshrink()), SIGNAL),
    "softmin": (lambda nn: nn.Softmin(dim=1), SIGNAL),
    "softmax2d": (lambda nn: nn.Softmax2d(), IMAGES),
}  # fmt: skip


@pytest.mark.parametrize("dtype", ATOL)
@pytest.mark.parametrize("name", LAYERS)
def test_layers(name, dtype):
    if (name, dtype) == ("hardsigmoid", "float64"):
        pytest.skip("PyTorch's slope is 1 / 6 in float32 there")
    make, shape = LAYERS[name]
    ours, theirs = transplanted(make, dtype)
    compare(ours, theirs, normal(*shape, dtype=dtype), atol=ATOL[dtype])
    if "bias=" in repr(theirs) or "orm" not in name:
        assert repr(ours) == repr(theirs)


SIGNS = np.array([1, -1, 1, -1, 1, 1])
SEVERAL = {
    "bilinear": (lambda nn: nn.Bilinear(4, 3, 5), (6, 4), (6, 3)),
    "bilinear without bias": (lambda nn: nn.Bilinear(4, 3, 5, bias=False), (2, 6, 4), (2, 6, 3)),
    "cosine_similarity": (lambda nn: nn.CosineSimilarity(), (6, 4), (6, 4)),
    "pairwise_distance": (lambda nn: nn.PairwiseDistance(1, keepdim=True), (6, 4), (6, 4)),
    "cosine_embedding_loss": (lambda nn: nn.CosineEmbeddingLoss(0.2), (6, 4), (6, 4), SIGNS),
    "margin_ranking_loss": (lambda nn: nn.MarginRankingLoss(0.3, reduction="sum"), (6,), (6,), SIGNS),
    "triplet_margin_loss": (lambda nn: nn.TripletMarginLoss(), (6, 4), (6, 4), (6, 4)),
    "triplet_margin_loss swapped": (lambda nn: nn.TripletMarginLoss(2.0, 1, swap=True, reduction="none"), (6, 4), (6, 4), (6, 4)),
    "hinge_embedding_loss": (lambda nn: nn.HingeEmbeddingLoss(), (6,), SIGNS),
    "soft_margin_loss": (lambda nn: nn.SoftMarginLoss(), (6,), SIGNS),
}  # fmt: skip


@pytest.mark.parametrize("name", SEVERAL)
def test_layers_of_several_inputs(name):
    make, *shapes = SEVERAL[name]
    ours, theirs = transplanted(make)
    inputs = [s if isinstance(s, np.ndarray) else normal(*s, seed=i) for i, s in enumerate(shapes)]
    compare(ours, theirs, *inputs, atol=2e-5)
    assert repr(ours) == repr(theirs)


def test_losses_of_a_likelihood():
    x, y = normal(6, 4), np.abs(normal(6, 4, seed=1)) + 1
    for make, inputs in (
        (lambda nn: nn.GaussianNLLLoss(full=True), (x, y, y)),
        (lambda nn: nn.PoissonNLLLoss(full=True), (x, y)),
    ):
        ours = make(nn)(*map(mg.tensor, inputs)).item()
        assert ours == pytest.approx(make(torch.nn)(*map(torch.tensor, inputs)).item(), rel=1e-5)


def test_lazy_layers():
    def make(nn):
        return nn.Sequential(nn.LazyConv2d(6, 3, 2, 1, groups=2), nn.LazyBatchNorm2d(), nn.Flatten(), nn.LazyLinear(3))

    x = normal(*IMAGES)
    ours, theirs = make(nn), make(torch.nn)
    assert repr(ours) == repr(theirs).replace("affine=True, track", "affine=True, bias=True, track").replace(
        "bias=True, bias=True", "bias=True"
    )
    assert list(ours.state_dict()) == list(theirs.state_dict())
    theirs(torch.tensor(x))
    ours.load_state_dict({key: value.numpy() for key, value in theirs.state_dict().items()})  # gives the shapes
    expected = theirs.eval()(torch.tensor(x)).detach().numpy()
    np.testing.assert_allclose(ours.eval()(mg.tensor(x)).numpy(force=True), expected, atol=2e-5)
    assert [type(part).__name__ for part in ours] == [type(part).__name__ for part in theirs]


def test_parameter_containers():
    def make(nn, ones):
        net = nn.Module()
        net.list = nn.ParameterList([ones(2), nn.Parameter(ones(3)), 5])
        net.list.append(ones(1))
        net.dict = nn.ParameterDict({"a": ones(2), "b": nn.Parameter(ones(2, 2))})
        return net

    ours, theirs = make(nn, mg.ones), make(torch.nn, torch.ones)
    assert [(k, v.shape) for k, v in ours.state_dict().items()] == [
        (k, tuple(v.shape)) for k, v in theirs.state_dict().items()
    ]
    assert repr(ours.list) == repr(theirs.list).replace("torch.", "minigrad.")


@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("side", ["left", "right"])
def test_pad_sequence(batch_first, side):
    parts = [normal(n, 3, seed=n) for n in (2, 4, 0, 1)]
    ours = nn.utils.rnn.pad_sequence(map(mg.tensor, parts), batch_first, 1.5, side).numpy()
    theirs = torch.nn.utils.rnn.pad_sequence(list(map(torch.tensor, parts)), batch_first, 1.5, side).numpy()
    np.testing.assert_array_equal(ours, theirs)


def test_dirac():
    for shape, groups in (((3, 5, 4), 1), ((4, 2, 3, 3), 2), ((6, 2, 3, 2, 1), 3)):
        ours = nn.init.dirac_(mg.ones(*shape), groups).numpy()
        np.testing.assert_array_equal(ours, torch.nn.init.dirac_(torch.ones(*shape), groups).numpy())


@pytest.mark.parametrize("make", [
    lambda nn: nn.Bilinear(50, 20, 30), lambda nn: nn.Conv3d(10, 20, 3), lambda nn: nn.ConvTranspose1d(20, 30, 5),
], ids=["Bilinear", "Conv3d", "ConvTranspose1d"])  # fmt: skip
def test_initial_values_have_the_same_distribution(make):
    mg.manual_seed(0)
    torch.manual_seed(0)
    for mine, other in zip(make(nn).parameters(), make(torch.nn).parameters(), strict=True):
        a, b = mine.numpy(force=True), other.detach().numpy()
        assert a.shape == b.shape
        assert abs(a).max() == pytest.approx(abs(b).max(), rel=0.15)
        assert a.std() == pytest.approx(b.std(), rel=0.25 if a.size < 100 else 0.05)
