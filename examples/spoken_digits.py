"""Spoken digits from log-mel features, by a CNN or a GRU with dropout: python examples/spoken_digits.py --help

A recording x of rate r is cut into frames of 25 ms, a frame every 10 ms. A frame's spectrum and the power in it are

    X_t[k] = sum_n hann[n] x[t hop + n] exp(-2 pi i k n / N),    P_t[k] = |X_t[k]|^2

The ear's scale of pitch is about linear below 700 Hz and logarithmic above: mel(f) = 2595 log10(1 + f / 700) (O'Shaughnessy
1987). Band b sums the power under a triangle H_b that rises from m_(b-1) to 1 at m_b and falls to 0 at m_(b+1), the m_b being
equidistant in mel between 0 and r / 2 (Davis and Mermelstein 1980), and

    feature_t[b] = ln(sum_k H_b[k] P_t[k] + floor)

less its mean over the training frames, over its standard deviation.

--net cnn  takes the features as an image, one second wide, of which Dropout2d drops whole maps (Tompson et al. 2015)
--net gru  reads them frame by frame in both directions; LockedDropout drops the same bands and units at all frames of a recording
           (Gal and Ghahramani 2016), and packed sequences spare the padding

The set is the Free Spoken Digit Dataset in its authors' split: recordings 0 to 4 of each digit and speaker are the test set.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

import minigrad as torch
import minigrad.nn as nn
import minigrad.nn.functional as F
import minigrad.optim as optim
from minigrad import Tensor, datasets
from minigrad.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence
from options import at_least, count, positive, probability

BANDS = 40
WINDOW = 100  # frames that the CNN sees: a second
FLOOR = 1e-6  # of power: below it is silence
Features = NDArray[np.float32]  # (frames, BANDS)


# ---- from sound to features ------------------------------------------------------------------------------------------


def power_frames(samples: NDArray[np.float32], rate: int) -> NDArray[np.float64]:
    """P_t[k] (frames, N / 2 + 1); what is shorter than a frame is filled with silence."""
    length, hop = rate * 25 // 1000, rate // 100
    size = 2 << length.bit_length()  # N: the frame filled with zeros, so that every band has a frequency in it
    samples = np.pad(samples, (0, max(0, length - len(samples))))
    frames = np.lib.stride_tricks.sliding_window_view(samples, length)[::hop]
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length)
    spectrum = np.fft.rfft(hann * frames, size)
    return spectrum.real**2 + spectrum.imag**2


def mel_filterbank(bands: int, bins: int, rate: int) -> NDArray[np.float64]:
    """H_b[k] (bands, bins), for frequencies from 0 to rate / 2."""
    highest = 2595 * np.log10(1 + rate / 2 / 700)
    corners = 700 * (10 ** (np.linspace(0, highest, bands + 2) / 2595) - 1)  # the m_b in Hz
    frequencies = np.linspace(0, rate / 2, bins)
    below, centre, above = (corners[i : bands + i, None] for i in range(3))
    rising, falling = (frequencies - below) / (centre - below), (above - frequencies) / (above - centre)
    return np.maximum(0, np.minimum(rising, falling))


def log_mel(samples: NDArray[np.float32], rate: int) -> Features:
    """The logarithm of the power in each band (frames, BANDS)."""
    power = power_frames(samples, rate)
    return np.log(power @ mel_filterbank(BANDS, power.shape[1], rate).T + FLOOR).astype(np.float32)


def features_of(data: datasets.SpeechData) -> tuple[list[Features], list[Features], Features]:
    """Those of the training and test recordings, normalised, and what silence has become."""
    train, test = ([log_mel(samples, data.rate) for samples in part] for part in (data.train, data.test))
    every = np.concatenate(train)
    mean, std = every.mean(0), every.std(0) + np.float32(1e-5)
    silence = (np.float32(np.log(FLOOR)) - mean) / std
    return [(x - mean) / std for x in train], [(x - mean) / std for x in test], silence


# ---- the nets --------------------------------------------------------------------------------------------------------


class CNN(nn.Module):
    """Three convolutions, each with batch norm and pooling; then the mean over time, and one linear layer."""

    def __init__(self, classes: int, p: float, silence: Features) -> None:
        super().__init__()
        self.silence = silence
        layers: list[nn.Module] = []
        for inputs, outputs in ((1, 32), (32, 64), (64, 64)):
            layers += [nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]
            layers += [nn.MaxPool2d(2), nn.Dropout2d(p / 2)]
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(nn.Dropout(p), nn.Linear(64 * (BANDS // 8), classes))

    def inputs(self, recordings: Sequence[Features], shift: int = 0) -> tuple[Tensor]:
        """Images (N, 1, BANDS, WINDOW) with the recordings in the middle, moved by up to `shift` frames to either side."""
        images = np.tile(self.silence, (len(recordings), WINDOW, 1))
        moves = torch.randint(-shift, shift + 1, (len(recordings),)).numpy()
        for image, recording, move in zip(images, recordings, moves, strict=True):
            start = (WINDOW - len(recording)) // 2 + int(move)  # below 0: the beginning is cut off
            seen = recording[max(0, -start) : WINDOW - start]
            image[max(0, start) : max(0, start) + len(seen)] = seen
        return (torch.from_numpy(np.ascontiguousarray(images.transpose(0, 2, 1)[:, None])),)

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.features(x).mean(3).flatten(1))


class GRU(nn.Module):
    """Two bidirectional layers of 64 units a direction; then the mean over a recording's frames, and one linear layer."""

    def __init__(self, classes: int, p: float, silence: Features) -> None:
        super().__init__()
        self.silence = silence
        self.layers = nn.ModuleList(nn.GRU(inputs, 64, batch_first=True, bidirectional=True) for inputs in (BANDS, 128))
        self.band_dropout = nn.LockedDropout(p / 2, batch_first=True)
        self.dropout = nn.LockedDropout(p, batch_first=True)
        self.classifier = nn.Linear(128, classes)

    def inputs(self, recordings: Sequence[Features], shift: int = 0) -> tuple[Tensor, Tensor]:
        """The recordings (N, T, BANDS) after up to 2 `shift` frames of silence, filled with 0; and their lengths (N,)."""
        moves = torch.randint(0, 2 * shift + 1, (len(recordings),)).numpy()
        moved = [
            torch.from_numpy(np.concatenate([np.tile(self.silence, (move, 1)), recording]))
            for recording, move in zip(recordings, moves, strict=True)
        ]
        return pad_sequence(moved, batch_first=True), torch.tensor([len(recording) for recording in moved])

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        x = self.band_dropout(x)
        for layer in self.layers:
            packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
            x, _ = pad_packed_sequence(layer(packed)[0], batch_first=True)  # 0 behind a recording's end
            x = self.dropout(x)
        return self.classifier(x.sum(1) / lengths.unsqueeze(1))


NETS = {"cnn": CNN, "gru": GRU}


# ---- training --------------------------------------------------------------------------------------------------------


def batches(order: Sequence[int], batch_size: int) -> Iterator[Sequence[int]]:
    return (order[start : start + batch_size] for start in range(0, len(order), batch_size))


def train(
    args: argparse.Namespace, model: CNN | GRU, recordings: list[Features], labels: NDArray[np.int64]
) -> Iterator[tuple[int, float, float]]:
    """After each epoch its number, mean loss and accuracy, with dropout and shifts."""
    optimizer = optim.Adam(model.parameters(), lr=args.lr)
    steps = args.epochs * -(-len(recordings) // args.batch_size)
    # The rate rises to --lr and falls again, a little with every batch (Smith and Topin 2018).
    scheduler = optim.lr_scheduler.OneCycleLR(optimizer, max_lr=args.lr, total_steps=steps)
    for epoch in range(1, args.epochs + 1):
        model.train()
        total = correct = 0.0
        order = torch.randperm(len(recordings)).tolist()
        bar = tqdm(total=len(order), desc=f"epoch {epoch}/{args.epochs}", unit="word", leave=False, disable=None)
        with bar:
            for some in batches(order, args.batch_size):
                target = torch.from_numpy(labels[some])
                logits = model(*model.inputs([recordings[k] for k in some], args.shift))
                loss = F.cross_entropy(logits, target, label_smoothing=0.1)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                scheduler.step()
                total += loss.item() * len(some)
                correct += (logits.argmax(1) == target).sum().item()
                bar.update(len(some))
        yield epoch, total / len(order), correct / len(order)


@torch.no_grad()
def predict(model: CNN | GRU, recordings: list[Features]) -> NDArray[np.int64]:
    """The class of each recording."""
    model.eval()
    found = [model(*model.inputs(some)).argmax(1).numpy() for some in batches(recordings, 100)]
    return np.concatenate(found)


def main(args: argparse.Namespace) -> None:
    if args.threads is not None:
        torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    try:
        data = datasets.spoken_digits(root=args.data_dir)
    except ValueError as error:  # files that are damaged
        sys.exit(f"spoken_digits.py: {error}")
    if not data.train or not data.test:
        sys.exit("spoken_digits.py: there have to be recordings from number 5 on, to train on, and of numbers 0 to 4")
    print(data)
    train_features, test_features, silence = features_of(data)

    model = NETS[args.net](len(data.classes), args.dropout, silence)
    print(f"{args.net}: {sum(p.numel() for p in model.parameters()):,} parameters, dropout {args.dropout:g}")
    for epoch, loss, accuracy in train(args, model, train_features, data.train_labels):
        print(f"epoch {epoch}/{args.epochs}  loss {loss:.4f}  accuracy {100 * accuracy:.2f} %", flush=True)

    # The only use of the test recordings.
    right = predict(model, test_features) == data.test_labels
    speakers = np.array(data.test_speakers)
    each = ", ".join(f"{name} {100 * right[speakers == name].mean():.1f} %" for name in sorted({*data.test_speakers}))
    print(f"test accuracy: {100 * right.mean():.2f} % of {len(right):,} recordings ({each})")


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Learn which digit is spoken, from log-mel features.")
    option = parser.add_argument
    option("--net", choices=NETS, default="cnn", help="what listens (default: %(default)s)")
    option("--epochs", type=count, default=15, metavar="N", help="passes over the recordings (default: %(default)s)")
    option("--batch-size", type=count, default=32, metavar="N", help="recordings in each step (default: %(default)s)")
    option("--lr", type=positive, default=0.005, help="Adam's highest learning rate (default: %(default)s)")
    option("--dropout", type=probability, default=0.3, metavar="P", help="dropout probability (default: %(default)s)")
    option(
        "--shift",
        type=at_least(0),
        default=10,
        metavar="FRAMES",
        help="a training recording begins up to so many earlier or later, at random (default: %(default)s)",
    )
    option("--seed", type=int, default=0, help="for weights, order, shifts and dropout (default: %(default)s)")
    option("--threads", type=count, help="for the kernels (default: all processors); results do not depend on it")
    option("--data-dir", type=Path, help="folder that holds the set's files (default: download them once)")
    return parser.parse_args(argv)


if __name__ == "__main__":
    try:
        main(arguments())
    except KeyboardInterrupt:
        sys.exit(130)
    except OSError as error:  # files
        sys.exit(f"spoken_digits.py: {error}")
