"""state_dict and load_state_dict: all or nothing."""

from collections import OrderedDict

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn


def net_():
    return nn.Sequential(OrderedDict(conv=nn.Linear(2, 3), bn=nn.BatchNorm1d(3), out=nn.Linear(3, 1, bias=False)))


def snapshot(net):
    return {key: value.numpy(force=True).copy() for key, value in net.state_dict().items()}


def unchanged(net, before):
    return all(np.array_equal(value.numpy(), before[key]) for key, value in net.state_dict().items())


def test_keys_memory_and_detachment():
    net = net_()
    state = net.state_dict()
    assert type(state) is dict
    assert list(state) == [
        "conv.weight",
        "conv.bias",
        "bn.weight",
        "bn.bias",
        "bn.running_mean",
        "bn.running_var",
        "bn.num_batches_tracked",
        "out.weight",
    ]
    assert type(state["conv.weight"]) is mg.Tensor
    assert not state["conv.weight"].requires_grad
    state["conv.weight"].fill_(7)
    assert net.conv.weight[0, 0].item() == 7
    net(mg.randn(5, 2))
    assert state["bn.num_batches_tracked"].item() == 1
    assert next(iter(net.state_dict(prefix="net."))) == "net.conv.weight"
    assert net.state_dict(keep_vars=True)["conv.weight"] is net.conv.weight


def test_round_trip_copies():
    net, twin = net_(), net_()
    net(mg.randn(5, 2))
    weight = twin.conv.weight
    keys = twin.load_state_dict(net.state_dict())
    assert keys == ([], [])
    assert repr(keys) == "<All keys matched successfully>"
    assert unchanged(twin, snapshot(net))
    assert twin.conv.weight is weight
    assert twin.conv.weight.requires_grad
    with mg.no_grad():
        net.conv.weight.zero_()
    assert twin.conv.weight.numpy(force=True).any()


def test_arrays_and_other_floats_are_converted():
    net = net_()
    state = {key: value.astype(value.dtype.str.replace("f4", "f8")) for key, value in snapshot(net_()).items()}
    net.load_state_dict(state)
    assert net.conv.weight.dtype == mg.float32
    assert np.allclose(net.conv.weight.numpy(force=True), state["conv.weight"])
    net.load_state_dict(
        {**state, "conv.bias": np.array([1, 2, 3], ">i8"), "out.weight": np.array([[1, 2, 3]], np.int64)}
    )
    assert net.conv.bias.tolist() == [1, 2, 3]


def test_everything_wrong_is_said_at_once_and_nothing_changes():
    net = net_()
    before = snapshot(net)
    state = {key: value + 1 for key, value in before.items()}
    del state["conv.weight"], state["bn.bias"]
    state["foo"] = state["bar"] = mg.ones(1)
    state["conv.bias"] = mg.ones(4)
    state["out.weight"] = mg.ones(3)
    with pytest.raises(RuntimeError) as caught:
        net.load_state_dict(state)
    assert str(caught.value) == (
        "Error(s) in loading state_dict for Sequential:\n"
        '\tMissing key(s) in state_dict: "conv.weight", "bn.bias". \n'
        '\tUnexpected key(s) in state_dict: "foo", "bar". \n'
        "\tsize mismatch for conv.bias: copying a param with shape [4] from checkpoint, the shape in current model is [3].\n"
        "\tsize mismatch for out.weight: copying a param with shape [3] from checkpoint, the shape in current model is [1, 3]."
    )
    assert unchanged(net, before)


def test_not_strict_returns_the_keys_and_loads_the_rest():
    net = net_()
    state = {"conv.bias": mg.tensor([1.0, 2, 3]), "foo": mg.ones(1)}
    missing, unexpected = net.load_state_dict(state, strict=False)
    assert unexpected == ["foo"]
    assert missing == ["conv.weight", "bn.weight", "bn.bias", "bn.running_mean", "bn.running_var", "out.weight"]
    assert net.conv.bias.tolist() == [1, 2, 3]
    before = snapshot(net)
    with pytest.raises(RuntimeError, match=r"size mismatch for out.weight") as caught:
        net.load_state_dict({"conv.bias": mg.zeros(3), "out.weight": mg.zeros(3), "foo": mg.ones(1)}, strict=False)
    assert "foo" not in str(caught.value)
    assert unchanged(net, before)


@pytest.mark.parametrize(
    ("value", "match"),
    [
        (mg.tensor([1.0]), "size mismatch for bn.num_batches_tracked"),
        (mg.tensor(1.5), "dtype mismatch for bn.num_batches_tracked: copying float32 .* int64"),
        (3, "expected Tensor or array from checkpoint but received <class 'int'>"),
        (np.array("x"), "dtype mismatch"),
        (np.array(1 + 2j), "dtype mismatch"),
        (None, "expected Tensor or array"),
    ],
)
def test_what_cannot_be_held_raises(value, match):
    net = net_()
    state = {**{key: array + 1 for key, array in snapshot(net).items()}, "bn.num_batches_tracked": value}
    before = snapshot(net)
    with pytest.raises(RuntimeError, match=match):
        net.load_state_dict(state)
    assert unchanged(net, before)


def test_memory_that_cannot_be_written_raises_before_anything_changes():
    net = net_()
    frozen = np.ones((1, 3), np.float32)
    frozen.flags.writeable = False
    net.out.weight = nn.Parameter(mg.from_numpy(frozen))
    before = snapshot(net)
    with pytest.raises(RuntimeError, match=r"out.weight cannot be written to"):
        net.load_state_dict({key: array + 1 for key, array in before.items()})
    assert unchanged(net, before)


def test_a_state_has_to_be_a_mapping():
    with pytest.raises(TypeError, match="Expected state_dict to be dict-like, got <class 'list'>"):
        net_().load_state_dict([1])


def test_old_states_without_a_batch_count_load():
    net = net_()
    state = net_().state_dict()
    del state["bn.num_batches_tracked"]
    net(mg.randn(5, 2))
    assert net.load_state_dict(state) == ([], [])
    assert net.bn.num_batches_tracked.item() == 1


def test_entries_of_the_modules_own_state_can_be_exchanged():
    net = nn.ModuleList([nn.Linear(2, 2), nn.Linear(2, 2)])
    state, before = net.state_dict(), snapshot(net)
    state["0.weight"], state["1.weight"] = state["1.weight"], state["0.weight"]
    net.load_state_dict(state)
    assert np.array_equal(net[0].weight.numpy(force=True), before["1.weight"])
    assert np.array_equal(net[1].weight.numpy(force=True), before["0.weight"])


def test_loading_between_forward_and_backward_is_noticed():
    net = nn.Linear(2, 2)
    loss = net(mg.ones(1, 2).requires_grad_()).sum()
    net.load_state_dict(net.state_dict())
    with pytest.raises(RuntimeError, match="inplace"):
        loss.backward()


def test_buffers_that_do_not_persist_are_left_out():
    net = nn.Module()
    net.register_buffer("kept", mg.ones(1))
    net.register_buffer("scratch", mg.ones(1), persistent=False)
    net.register_buffer("none", None)
    assert list(net.state_dict()) == ["kept"]
    net.load_state_dict({"kept": mg.zeros(1)})
    with pytest.raises(RuntimeError, match=r'Unexpected key.*"scratch"'):
        net.load_state_dict({"kept": mg.zeros(1), "scratch": mg.zeros(1)})
