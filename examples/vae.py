"""A variational autoencoder of handwritten digits (Kingma and Welling 2013): python examples/vae.py --help

After vae/main.py of github.com/pytorch/examples: the same net, loss and options. The encoder gives each image a Gaussian
q(z | x) over 20 latent numbers, the decoder a probability for each pixel; trained is the evidence lower bound

    log p(x) >= ELBO(x) = E_q [log p(x | z)] - KL(q(z | x) || N(0, I))

with one draw of z for an image. As in the lesson a grey pixel counts as the probability of white, so that log p(x | z) is minus the
binary cross-entropy; it is at most that of the images with themselves, which is printed first.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from tqdm import tqdm

import minigrad as torch
import minigrad.nn as nn
import minigrad.nn.functional as F
import minigrad.optim as optim
from minigrad import Tensor, datasets
from minigrad.utils.data import DataLoader
from options import count, positive

LATENT = 20


class VAE(nn.Module):
    def __init__(self, pixels: int = 784) -> None:
        super().__init__()
        self.fc1 = nn.Linear(pixels, 400)
        self.fc21 = nn.Linear(400, LATENT)
        self.fc22 = nn.Linear(400, LATENT)
        self.fc3 = nn.Linear(LATENT, 400)
        self.fc4 = nn.Linear(400, pixels)

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance of q(z | x), each (n, LATENT), of pixels (n, pixels)."""
        h1 = F.relu(self.fc1(x))
        return self.fc21(h1), self.fc22(h1)

    def reparameterize(self, mu: Tensor, logvar: Tensor) -> Tensor:
        """A draw of z through which gradients flow: the noise depends on no parameter."""
        std = torch.exp(0.5 * logvar)
        eps = torch.randn_like(std)
        return mu + eps * std

    def decode(self, z: Tensor) -> Tensor:
        """Each pixel's probability of white, (n, pixels)."""
        h3 = F.relu(self.fc3(z))
        return torch.sigmoid(self.fc4(h3))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        mu, logvar = self.encode(x)
        z = self.reparameterize(mu, logvar)
        return self.decode(z), mu, logvar


def loss_function(recon_x: Tensor, x: Tensor, mu: Tensor, logvar: Tensor) -> tuple[Tensor, Tensor]:
    """The two parts of minus the ELBO, each a sum over the batch; the divergence as in the paper's appendix B."""
    BCE = F.binary_cross_entropy(recon_x, x, reduction="sum")
    KLD = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
    return BCE, KLD


def train(args: argparse.Namespace, model: VAE, loader: DataLoader, optimizer: optim.Optimizer, epoch: int) -> float:
    """One pass over the training images; the mean ELBO of an image while it was trained."""
    model.train()
    train_loss = 0.0
    with tqdm(loader, desc=f"epoch {epoch}/{args.epochs}", unit="batch", leave=False, disable=None) as bar:
        for batch_idx, data in enumerate(bar):
            optimizer.zero_grad()
            recon_batch, mu, logvar = model(data)
            BCE, KLD = loss_function(recon_batch, data, mu, logvar)
            loss = BCE + KLD
            loss.backward()
            train_loss += loss.item()
            optimizer.step()
            if batch_idx % args.log_interval == 0:
                bar.set_postfix(elbo=f"{-loss.item() / len(data):.2f}")
    return -train_loss / len(loader.dataset)


@torch.no_grad()
def test(model: VAE, loader: DataLoader) -> tuple[float, float]:
    """The mean ELBO of a test image, and the divergence in it."""
    model.eval()
    sums = np.zeros(2)
    for data in loader:
        recon_batch, mu, logvar = model(data)
        sums += [part.item() for part in loss_function(recon_batch, data, mu, logvar)]
    BCE, KLD = sums / len(loader.dataset)
    return -float(BCE + KLD), float(KLD)


def save_image(images: Tensor, path: Path, nrow: int = 8) -> None:
    """Draw images (n, height, width) from 0 to 1 as a PNG, `nrow` in a row, with two black pixels between them."""
    from matplotlib.image import imsave

    n, height, width = images.shape
    rows = -(-n // nrow)
    grid = np.zeros((rows * (height + 2) + 2, nrow * (width + 2) + 2), np.float32)
    for k, image in enumerate(images.numpy()):
        top, left = 2 + k // nrow * (height + 2), 2 + k % nrow * (width + 2)
        grid[top : top + height, left : left + width] = image
    path.parent.mkdir(parents=True, exist_ok=True)
    imsave(path, grid, cmap="gray", vmin=0, vmax=1)


@torch.no_grad()
def draw(model: VAE, images: Tensor, shape: tuple[int, int], out: Path, epoch: int) -> None:
    """Images above their reconstructions, and what is decoded from 64 draws of the prior."""
    model.eval()
    recon_batch, _, _ = model(images)
    comparison = torch.cat([images, recon_batch])
    save_image(comparison.view(-1, *shape), out / f"reconstruction_{epoch}.png", nrow=len(images))
    sample = model.decode(torch.randn(64, LATENT))
    save_image(sample.view(64, *shape), out / f"sample_{epoch}.png")


def main(args: argparse.Namespace) -> None:
    if args.threads is not None:
        torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    try:
        data = datasets.mnist(root=args.data_dir)
    except ValueError as error:  # files that are damaged
        sys.exit(f"vae.py: {error}")
    _, height, width = data.shape
    images = torch.from_numpy(data.train_images).flatten(1)
    test_images = torch.from_numpy(data.test_images).flatten(1)
    train_loader = DataLoader(images, batch_size=args.batch_size, shuffle=True)
    test_loader = DataLoader(test_images, batch_size=args.batch_size)
    bound = F.binary_cross_entropy(test_images, test_images, reduction="sum").item() / len(test_images)
    print(f"{data}; with themselves as reconstructions, test images would have {-bound:.2f} nats")

    model = VAE(height * width)
    optimizer = optim.Adam(model.parameters(), lr=args.lr)
    for epoch in range(1, args.epochs + 1):
        train_elbo = train(args, model, train_loader, optimizer, epoch)
        elbo, KLD = test(model, test_loader)
        print(
            f"epoch {epoch}/{args.epochs}  training ELBO {train_elbo:.2f}  test ELBO {elbo:.2f} nats an image "
            f"(reconstruction {elbo + KLD:.2f}, divergence {KLD:.2f})",
            flush=True,
        )
        draw(model, test_images[:8], (height, width), args.out, epoch)
    print(f"test ELBO: {elbo:.2f} nats an image; reconstructions and samples are in {args.out}")


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Train a variational autoencoder on MNIST, and draw digits with it.")
    option = parser.add_argument
    option("--batch-size", type=count, default=128, metavar="N", help="images in each step (default: %(default)s)")
    option("--epochs", type=count, default=10, metavar="N", help="passes over the images (default: %(default)s)")
    option("--lr", type=positive, default=1e-3, help="Adam's learning rate (default: %(default)s)")
    option("--seed", type=int, default=1, help="for weights, order of images and noise (default: %(default)s)")
    option(
        "--log-interval",
        type=count,
        default=10,
        metavar="N",
        help="batches from one ELBO shown beside the bar to the next (default: %(default)s)",
    )
    option("--threads", type=count, help="for the kernels (default: all processors); results do not depend on it")
    option("--data-dir", type=Path, help="folder that holds the set's files (default: download them once)")
    option("--out", type=Path, default=Path("runs/vae"), help="folder for the pictures (default: %(default)s)")
    return parser.parse_args(argv)


if __name__ == "__main__":
    try:
        main(arguments())
    except KeyboardInterrupt:
        sys.exit(130)
    except (OSError, ImportError) as error:  # files, packages
        sys.exit(f"vae.py: {error}")
