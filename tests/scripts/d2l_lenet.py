# ruff: noqa - written as lessons are
"""A lazy LeNet, its weights initialized by `apply`, and dropout written out."""

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional as F


def init_cnn(module):
    if type(module) == nn.Linear or type(module) == nn.Conv2d:
        nn.init.xavier_uniform_(module.weight)


def dropout_layer(X, dropout):
    assert 0 <= dropout <= 1
    if dropout == 1:
        return torch.zeros_like(X)
    mask = (torch.rand(X.shape) > dropout).float()
    return mask * X / (1.0 - dropout)


X = torch.arange(16, dtype=torch.float32).reshape((2, 8))
assert torch.equal(dropout_layer(X, 0), X)
assert (dropout_layer(X, 1) == 0).all()


class LeNet(nn.Module):
    def __init__(self, num_classes=10):
        super().__init__()
        self.net = nn.Sequential(
            nn.LazyConv2d(6, kernel_size=3, padding=1),
            nn.Tanh(),
            nn.AvgPool2d(kernel_size=2, stride=2),
            nn.LazyConv2d(16, kernel_size=3, padding=1),
            nn.BatchNorm2d(16),
            nn.Tanh(),
            nn.Flatten(),
            nn.LazyLinear(64),
            nn.Tanh(),
            nn.LazyLinear(num_classes),
        )

    def forward(self, X):
        return self.net(X)


def layer_summary(net, X_shape):
    X = torch.randn(*X_shape)
    for layer in net:
        X = layer(X)
        print(layer.__class__.__name__, "output shape:\t", X.shape)


def try_gpu(i=0):
    if torch.cuda.device_count() >= i + 1:
        return torch.device(f"cuda:{i}")
    return torch.device("cpu")


torch.manual_seed(3)
torch.cuda.manual_seed_all(3)
torch.backends.cudnn.deterministic = True
torch.backends.cudnn.benchmark = False
model = LeNet().to(try_gpu())
layer_summary(model.net, (1, 1, 8, 8))
model.apply(init_cnn)
images, labels = load_digits(return_X_y=True)
images = torch.tensor(images, dtype=torch.float32).reshape(-1, 1, 8, 8) / 16
labels = torch.tensor(labels)
optimizer = torch.optim.SGD(model.parameters(), lr=0.2)
for epoch in range(3):
    for batch in torch.randperm(1200).split(32):
        loss = F.cross_entropy(model(images[batch]), labels[batch], reduction="mean")
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
model.eval()
with torch.no_grad():
    accuracy = (model(images[1200:]).argmax(axis=1) == labels[1200:]).float().mean()
assert accuracy > 0.85, accuracy
