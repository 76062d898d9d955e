# ruff: noqa - written as lessons are
"""A variational autoencoder: the divergence by hand and by `torch.distributions`."""

import torch
import torch.utils.data
from sklearn.datasets import load_digits
from torch import nn, optim
from torch.distributions import Normal, kl_divergence
from torch.nn import functional as F


class VAE(nn.Module):
    def __init__(self):
        super(VAE, self).__init__()
        self.fc1 = nn.Linear(64, 48)
        self.fc21 = nn.Linear(48, 4)
        self.fc22 = nn.Linear(48, 4)
        self.fc3 = nn.Linear(4, 48)
        self.fc4 = nn.Linear(48, 64)

    def encode(self, x):
        h1 = F.relu(self.fc1(x))
        return self.fc21(h1), self.fc22(h1)

    def reparameterize(self, mu, logvar):
        std = torch.exp(0.5 * logvar)
        eps = torch.randn_like(std)
        return mu + eps * std

    def decode(self, z):
        h3 = F.relu(self.fc3(z))
        return torch.sigmoid(self.fc4(h3))

    def forward(self, x):
        mu, logvar = self.encode(x.view(-1, 64))
        z = self.reparameterize(mu, logvar)
        return self.decode(z), mu, logvar


def loss_function(recon_x, x, mu, logvar):
    BCE = F.binary_cross_entropy(recon_x, x.view(-1, 64), reduction="sum")
    KLD = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
    return BCE + KLD


torch.manual_seed(1)
device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
images = torch.tensor(load_digits().data / 16, dtype=torch.float32)
train_loader = torch.utils.data.DataLoader(images, batch_size=64, shuffle=True)
model = VAE().to(device)
optimizer = optim.Adam(model.parameters(), lr=3e-3)
losses = []
for epoch in range(3):
    model.train()
    train_loss = 0
    for data in train_loader:
        data = data.to(device)
        optimizer.zero_grad()
        recon_batch, mu, logvar = model(data)
        loss = loss_function(recon_batch, data, mu, logvar)
        loss.backward()
        train_loss += loss.item()
        optimizer.step()
    losses.append(train_loss / len(train_loader.dataset))
assert losses[2] < losses[0] - 5, losses

mu, logvar = model.encode(images[:10])
q = Normal(mu, (0.5 * logvar).exp())
p = Normal(torch.zeros_like(mu), torch.ones_like(mu))
by_hand = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
assert torch.allclose(kl_divergence(q, p).sum(), by_hand, rtol=1e-4)
z = q.rsample()
(q.log_prob(z) - p.log_prob(z)).sum().backward()
with torch.no_grad():
    assert model.decode(torch.randn(64, 4).to(device)).cpu().shape == (64, 64)
