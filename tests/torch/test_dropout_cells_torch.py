"""The recurrent cells with dropout, where nothing is dropped, against PyTorch's."""

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn

torch = pytest.importorskip("torch")

NOTHING = {
    "none": lambda: None,
    "p = 0": lambda: [nn.GalDropout(0.0), nn.SemeniutaDropout(0.0), nn.Zoneout(0.0, 0.0)],
    "eval": lambda: [nn.GalDropout(), nn.SemeniutaDropout(), nn.Zoneout(eval_mode="identity")],
}


@pytest.mark.parametrize("dropout", NOTHING.values(), ids=NOTHING.keys())
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
def test_cells_are_pytorchs(kind, bias, dropout):
    torch.manual_seed(0)
    theirs = getattr(torch.nn, kind)(3, 4, bias=bias).double()
    cell = getattr(nn, f"Dropout{kind}Cell")(3, 4, bias, dtype=mg.float64, dropout=dropout())
    cell.load_state_dict({key.removesuffix("_l0"): value.numpy() for key, value in theirs.state_dict().items()})
    assert list(cell.state_dict()) == list(getattr(torch.nn, f"{kind}Cell")(3, 4, bias=bias).state_dict())
    net = nn.DropoutRNN(cell).train(not any(d.p for d in cell._parts()))
    rng = np.random.default_rng(0)
    x, weight = rng.standard_normal((5, 2, 3)), rng.standard_normal((5, 2, 4))
    mine, other = mg.tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    out, state = net(mine)
    expected, last = theirs(other)
    np.testing.assert_allclose(out.numpy(force=True), expected.detach().numpy(), atol=1e-13)
    for a, b in zip(*((s if kind == "LSTM" else (s,)) for s in (state, last)), strict=True):
        np.testing.assert_allclose(a.numpy(force=True), b[0].detach().numpy(), atol=1e-13)
    (out * mg.tensor(weight)).sum().backward()
    (expected * torch.tensor(weight)).sum().backward()
    np.testing.assert_allclose(mine.grad.numpy(), other.grad.numpy(), atol=1e-13)
    for name, parameter in theirs.named_parameters():
        found = cell.get_parameter(name.removesuffix("_l0")).grad
        np.testing.assert_allclose(found.numpy(), parameter.grad.numpy(), atol=1e-12)
