"""Layers beyond the first ones, without PyTorch: what they compute, lazy ones, containers of parameters, states."""

import copy

import numpy as np
import pytest

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import nn


def array(tensor):
    return tensor.numpy(force=True)


def test_conv3d_is_the_sum_over_its_window():
    layer = nn.Conv3d(2, 3, (2, 1, 2), stride=(1, 2, 1), dtype=mg.float64)
    x, w, b = mg.randn(1, 2, 3, 4, 3, dtype=mg.float64), array(layer.weight), array(layer.bias)
    out = array(layer(x))
    assert out.shape == (1, 3, 2, 2, 2)
    for o, d, i, j in np.ndindex(out.shape[1:]):
        window = x.numpy()[0, :, d : d + 2, 2 * i : 2 * i + 1, j : j + 2]
        assert out[0, o, d, i, j] == pytest.approx((window * w[o]).sum() + b[o])


def test_transposed_convolution_is_the_adjoint():
    x, y, w = (mg.randn(*shape, dtype=mg.float64) for shape in ((2, 3, 9), (2, 4, 4), (4, 3, 3)))
    forth, back = F.conv1d(x, w, stride=2), F.conv_transpose1d(y, w, stride=2)
    assert (forth * y).sum().item() == pytest.approx((x * back).sum().item())


def test_fold_is_the_adjoint_of_unfold():
    x, y = mg.randn(2, 3, 5, 6, dtype=mg.float64), mg.randn(2, 18, 20, dtype=mg.float64)
    options = {"kernel_size": (2, 3), "dilation": (2, 1), "padding": (1, 2), "stride": (1, 2)}
    columns = nn.Unfold(**options)(x)
    assert columns.shape == y.shape
    assert (columns * y).sum().item() == pytest.approx((x * nn.Fold((5, 6), **options)(y)).sum().item())


def test_convolution_is_a_product_with_patches():
    x, w = mg.randn(2, 3, 5, 6), mg.randn(4, 3, 3, 3)
    product = w.reshape(4, -1) @ F.unfold(x, 3, padding=1)
    assert np.allclose(array(product.reshape(2, 4, 5, 6)), array(F.conv2d(x, w, padding=1)), atol=1e-4)


def test_norms_normalize():
    x = mg.randn(3, 4, 5, 6, dtype=mg.float64) * 3 + 2
    grouped = array(nn.GroupNorm(2, 4, affine=False)(x)).reshape(3, 2, -1)
    assert np.allclose(grouped.mean(2), 0)
    assert np.allclose(grouped.std(2), 1, atol=1e-4)
    single = array(nn.InstanceNorm2d(4)(x)).reshape(3, 4, -1)
    assert np.allclose(single.mean(2), 0)
    assert np.allclose(single.std(2), 1, atol=1e-4)
    rows = array(nn.RMSNorm(6, dtype=mg.float64)(x))
    assert np.allclose((rows**2).mean(-1), 1)
    with pytest.raises(ValueError, match=r"num_channels \(4\) must be divisible by num_groups \(3\)"):
        nn.GroupNorm(3, 4)
    with pytest.raises(ValueError, match="match num_features"):
        nn.InstanceNorm1d(3, affine=True)(mg.ones(2, 4, 5))


def test_instance_norm_tracks_and_uses_statistics():
    layer = nn.InstanceNorm1d(2, momentum=0.5, track_running_stats=True)
    x = mg.randn(4, 2, 9) + 3
    layer(x)
    assert np.allclose(array(layer.running_mean), x.numpy().mean((0, 2)) / 2, atol=1e-6)
    expected = 0.5 + x.numpy().var(2, ddof=1).mean(0) / 2
    assert np.allclose(array(layer.running_var), expected, atol=1e-6)
    layer.eval()
    rstd = 1 / np.sqrt(array(layer.running_var) + 1e-5)
    expected = (x.numpy() - array(layer.running_mean)[:, None]) * rstd[:, None]
    assert np.allclose(array(layer(x)), expected, atol=1e-5)


def test_interpolation():
    ramp = mg.arange(4.0).reshape(1, 1, 4)
    assert F.interpolate(ramp, 8).reshape(-1).tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert F.interpolate(ramp, 7, mode="linear", align_corners=True).reshape(-1).tolist() == [0, 0.5, 1, 1.5, 2, 2.5, 3]
    image = mg.arange(12.0).reshape(1, 1, 3, 4)
    out = array(F.interpolate(image, scale_factor=3, mode="bilinear"))[0, 0]  # a plane, away from the border
    rows, columns = np.meshgrid((np.arange(9) + 0.5) / 3 - 0.5, (np.arange(12) + 0.5) / 3 - 0.5, indexing="ij")
    inside = (slice(1, 8), slice(1, 11))
    assert np.allclose(out[inside], (4 * rows + columns)[inside], atol=1e-5)
    out = array(F.interpolate(image, scale_factor=3, mode="bicubic"))[0, 0]
    assert np.allclose(out[1::3, 1::3], array(image)[0, 0], atol=1e-5)
    assert np.allclose(array(F.interpolate(mg.ones(1, 1, 3, 4), (5, 7), mode="bicubic")), 1)
    assert mg.equal(
        F.pixel_unshuffle(F.pixel_shuffle(mg.arange(24).reshape(8, 1, 3), 2), 2), mg.arange(24).reshape(8, 1, 3)
    )


def test_adaptive_max_pool_finds_the_largest():
    x = mg.randn(2, 3, 5, 7)
    out, places = nn.AdaptiveMaxPool2d((3, 4), return_indices=True)(x)
    assert mg.equal(x.reshape(2, 3, 35).gather(2, places.reshape(2, 3, 12)), out.reshape(2, 3, 12))
    assert out[0, 0, 1, 2].item() == x[0, 0, 1:4, 3:6].max().item()


def test_prelu_learns_its_slope():
    layer = nn.PReLU(2, init=0.5)
    layer(mg.tensor([[-2.0, 3.0], [-1.0, -4.0]])).sum().backward()
    assert layer.weight.grad.tolist() == [-3, -4]
    layer.weight.data = mg.zeros(2)
    layer.reset_parameters()
    assert layer.weight.tolist() == [0.5, 0.5]


def test_losses_of_distances():
    a, b = mg.tensor([[3.0, 4.0]]), mg.tensor([[4.0, -3.0]])
    assert nn.CosineSimilarity()(a, b).item() == pytest.approx(0)
    assert nn.PairwiseDistance(eps=0)(a, b).item() == pytest.approx(50**0.5)
    assert nn.CosineEmbeddingLoss()(a, 2 * a, mg.tensor([1])).item() == pytest.approx(0, abs=1e-6)
    assert nn.CosineEmbeddingLoss(0.25)(a, 2 * a, mg.tensor([-1])).item() == pytest.approx(0.75)
    assert nn.MarginRankingLoss(1.0)(mg.tensor([2.0]), mg.tensor([1.5]), mg.tensor([1])).item() == pytest.approx(0.5)
    assert nn.TripletMarginLoss(eps=0)(a, a, b).item() == 0
    assert nn.TripletMarginLoss(eps=0)(a, b, a).item() == pytest.approx(50**0.5 + 1)
    with pytest.raises(ValueError, match="greater than 0"):
        nn.TripletMarginLoss(0)


def lazy_net():
    return nn.Sequential(nn.LazyConv2d(4, 3), nn.LazyBatchNorm2d(), nn.ReLU(), nn.Flatten(), nn.LazyLinear(3))


def test_lazy_layers_become_ordinary_ones():
    net = lazy_net()
    assert all(isinstance(p, nn.UninitializedParameter) for p in net.parameters())
    with pytest.raises(RuntimeError, match="uninitialized"):
        net[0].weight.shape  # noqa: B018
    with pytest.raises(ValueError, match="uninitialized"):
        sum(p.numel() for p in net.parameters())
    parameters = list(net.parameters())
    assert copy.deepcopy(net.double())(mg.ones(2, 3, 6, 6, dtype=mg.float64)).dtype == mg.float64
    net.float()(mg.randn(2, 3, 6, 6)).sum().backward()
    assert [type(part).__name__ for part in net] == ["Conv2d", "BatchNorm2d", "ReLU", "Flatten", "Linear"]
    assert [id(p) for p in net.parameters()] == [id(p) for p in parameters]  # an optimizer that had them keeps them
    assert (net[0].weight.shape, net[4].weight.shape, net[1].running_var.shape) == ((4, 3, 3, 3), (3, 64), (4,))
    assert all(p.grad is not None for p in net.parameters())
    bound = 1 / 8
    assert 0.8 * bound < abs(array(net[4].weight)).max() <= bound
    with pytest.raises(RuntimeError, match="channels"):
        net(mg.randn(2, 4, 6, 6))


def test_a_state_gives_lazy_layers_their_shapes():
    source = lazy_net()
    x = mg.randn(2, 3, 6, 6)
    expected = source.eval()(x)
    net = lazy_net()
    assert repr(net.load_state_dict(source.state_dict())) == "<All keys matched successfully>"
    assert mg.equal(net.eval()(x), expected)
    assert net[4].in_features == 64
    with pytest.raises(RuntimeError, match="size mismatch"):
        source.load_state_dict(lazy_net().state_dict())
    untouched = lazy_net()
    untouched.load_state_dict(lazy_net().state_dict())
    assert isinstance(untouched[0].weight, nn.UninitializedParameter)


def test_parameter_list():
    weights = nn.ParameterList([mg.ones(2), nn.Parameter(mg.zeros(1)), "name"])
    assert isinstance(weights[0], nn.Parameter)
    assert weights[-1] == "name"
    assert len(weights) == 3
    assert list(weights.state_dict()) == ["0", "1"]
    weights[1] = mg.ones(3)
    weights += [mg.zeros(4)]
    assert [p.shape for p in weights.parameters()] == [(2,), (3,), (4,)]
    assert len(weights[1:]) == 3
    for wrong, error in ((lambda: weights[4], IndexError), (lambda: weights.extend(mg.ones(2)), TypeError)):
        with pytest.raises(error):
            wrong()
    with pytest.raises(RuntimeError, match="should not be called"):
        weights(1)


def test_parameter_dict():
    weights = nn.ParameterDict({"a": mg.ones(2), "b": nn.Parameter(mg.zeros(1))})
    weights["c"] = mg.ones(3)
    assert list(weights) == list(weights.keys()) == ["a", "b", "c"]
    assert [value.shape for value in weights.values()] == [(2,), (1,), (3,)]
    assert weights.pop("b").shape == (1,)
    assert list(weights.state_dict()) == ["a", "c"]
    assert weights.get("b") is None
    weights.update([("d", mg.ones(1))])
    assert [key for key, _ in weights.items()] == ["a", "c", "d"]
    with pytest.raises(KeyError):
        weights["b"]
    with pytest.raises(KeyError, match="already exists"):
        weights["training"] = mg.ones(1)
    weights.clear()
    assert len(weights) == 0


def test_sequences_are_padded_and_cut_again():
    parts = [mg.arange(3.0), mg.arange(1.0), mg.arange(2.0)]
    padded = nn.utils.rnn.pad_sequence(parts, padding_value=9)
    assert padded.tolist() == [[0, 0, 0], [1, 9, 1], [2, 9, 9]]
    again = nn.utils.rnn.unpad_sequence(padded, mg.tensor([3, 1, 2]))
    assert [part.tolist() for part in again] == [part.tolist() for part in parts]
    with pytest.raises(RuntimeError, match=r"\[2, 3\] and \[2, 4\]"):
        nn.utils.rnn.pad_sequence([mg.ones(2, 3), mg.ones(2, 4)])
    with pytest.raises(RuntimeError, match="padding_side"):
        nn.utils.rnn.pad_sequence(parts, padding_side="both")
    with pytest.raises(RuntimeError, match="empty"):
        nn.utils.rnn.pad_sequence([])


def test_sparse_initial_values():
    weight = nn.init.sparse_(mg.empty(10, 200), 0.25, 2.0, mg.Generator().manual_seed(0)).numpy()
    assert ((weight == 0).sum(0) == 3).all()
    assert weight[weight != 0].std() == pytest.approx(2, rel=0.05)
    with pytest.raises(ValueError, match="2 dimensions"):
        nn.init.sparse_(mg.empty(3), 0.5)
    with pytest.raises(ValueError, match="divisible by groups"):
        nn.init.dirac_(mg.empty(3, 2, 1), 2)
    x = mg.randn(1, 3, 5, 5)
    assert mg.equal(F.conv2d(x, nn.init.dirac_(mg.empty(3, 3, 3, 3)), padding=1), x)


def test_older_names_of_initial_values_warn():
    with pytest.warns(FutureWarning, match=r"nn.init.constant` is now deprecated in favor of `nn.init.constant_"):
        assert nn.init.constant(mg.empty(2), 3.0).tolist() == [3, 3]


def test_norms_of_gradients_that_are_known():
    p = nn.Parameter(mg.zeros(2))
    p.grad = mg.tensor([3.0, 4.0])
    total = nn.utils.get_total_norm([p.grad])
    assert total.item() == 5
    nn.utils.clip_grads_with_norm_([p], 1.0, total)
    assert np.allclose(p.grad.numpy(), [0.6, 0.8])


class Counter(nn.Module):
    def __init__(self):
        super().__init__()
        self.count = 0

    def get_extra_state(self):
        return {"count": self.count}

    def set_extra_state(self, state):
        self.count = state["count"]


def test_extra_state():
    net, other = nn.Sequential(nn.Linear(1, 1), Counter()), nn.Sequential(nn.Linear(1, 1), Counter())
    net[1].count = 7
    state = net.state_dict()
    assert state["1._extra_state"] == {"count": 7}
    other.load_state_dict(state)
    assert other[1].count == 7
    del state["1._extra_state"]
    with pytest.raises(RuntimeError, match=r'Missing key\(s\) in state_dict: "1._extra_state"'):
        other.load_state_dict(state)


def test_states_may_be_taken_over():
    layer = nn.Linear(2, 1)
    weight = layer.weight
    state = {"weight": mg.ones(1, 2, dtype=mg.float64), "bias": mg.zeros(1, dtype=mg.float64)}
    layer.load_state_dict(state, assign=True)
    assert layer.weight is weight
    assert weight.dtype == mg.float64
    assert layer.weight.data_ptr() == state["weight"].data_ptr()
    into = {}
    assert layer.state_dict(destination=into, prefix="a.") is into
    assert list(into) == ["a.weight", "a.bias"]


def test_hooks_after_loading():
    net = nn.Sequential(nn.Linear(1, 1))
    seen = []
    handle = net[0].register_load_state_dict_post_hook(lambda module, keys: seen.append((module, keys.missing_keys)))
    net.load_state_dict({"0.weight": mg.ones(1, 1)}, strict=False)
    assert seen == [(net[0], ["0.bias"])]
    handle.remove()
    net.load_state_dict(net.state_dict())
    assert len(seen) == 1


def test_modules_are_replaced_by_name():
    net = nn.Sequential(nn.Sequential(nn.Linear(1, 1)), nn.ReLU())
    net.set_submodule("0.0", nn.Tanh())
    assert isinstance(net[0][0], nn.Tanh)
    with pytest.raises(AttributeError):
        net.set_submodule("0.1", nn.Tanh(), strict=True)
    with pytest.raises(ValueError, match="not an nn.Module"):
        net.set_submodule("0.0", 3)


def test_conversions_of_modules():
    layer = nn.Linear(1, 1)
    assert layer.half().weight.dtype == mg.float16
    assert layer.type(mg.float64).bias.dtype == mg.float64
    assert layer.to_empty(device="cpu") is layer
    assert layer.compile() is None
    with pytest.raises(RuntimeError, match="no device 'cuda'"):
        layer.cuda()
    with pytest.raises(NotImplementedError, match="register_full_backward_hook"):
        layer.register_backward_hook(print)
