# ruff: noqa - written as lessons are
"""A first look at tensors: making, reading, changing and printing them."""

import numpy as np
import torch

data = [[1, 2], [3, 4]]
x_data = torch.tensor(data)
np_array = np.array(data)
x_np = torch.from_numpy(np_array)
x_ones = torch.ones_like(x_data)
x_rand = torch.rand_like(x_data, dtype=torch.float)
assert torch.equal(x_data, x_np)
assert x_ones.sum() == 4
assert x_rand.dtype == torch.float32

shape = (
    2,
    3,
)
tensor = torch.rand(shape)
assert tensor.shape == torch.Size([2, 3])
assert isinstance(tensor.shape, torch.Size)
assert f"Device tensor is stored on: {tensor.device}" == "Device tensor is stored on: cpu"
assert tensor.device == torch.device("cpu")

if torch.accelerator.is_available():
    tensor = tensor.to(torch.accelerator.current_accelerator())
device = torch.device("cuda:0" if torch.cuda.is_available() else "cpu")
tensor = torch.ones(4, 4).to(device)
tensor[:, 1] = 0
assert str(tensor) == (
    "tensor([[1., 0., 1., 1.],\n        [1., 0., 1., 1.],\n        [1., 0., 1., 1.],\n        [1., 0., 1., 1.]])"
)
t1 = torch.cat([tensor, tensor, tensor], dim=1)
y1 = tensor @ tensor.T
y3 = torch.rand_like(y1)
y3.copy_(torch.matmul(tensor, tensor.T))
assert torch.allclose(y1, y3)
assert isinstance(tensor.sum().item(), float)
tensor.add_(5)
assert t1.shape == (4, 12)

n = np.ones(5)
t = torch.from_numpy(n)
np.add(n, 1, out=n)
assert t.tolist() == [2.0] * 5

torch.set_printoptions(precision=2, sci_mode=False, linewidth=60)
assert str(torch.tensor([0.123456, 100000.0, 1e-5])) == "tensor([     0.12, 100000.00,      0.00])"
torch.set_printoptions(profile="default")

torch.set_default_dtype(torch.float64)
assert torch.tensor(1.5).dtype == torch.get_default_dtype() == torch.float64
torch.set_default_dtype(torch.float32)
assert torch.LongTensor([1, 2]).dtype == torch.int64
assert torch.Tensor([1, 2]).dtype == torch.float32
assert torch.FloatTensor(2, 3).shape == (2, 3)
