"""A word-level language model on Penn Treebank: python examples/language_model.py --help

The lesson is PyTorch's word_language_model, and but for its imports this is PyTorch's code. A net reads words and tells, at each, how
likely every word is to come next. The text is cut into columns that are read side by side, a few steps at a time; the state that
a recurrent net ends one piece with is the one that it begins the next with, but no gradient goes back so far.

--net lstm (or gru) is that of Zaremba, Sutskever & Vinyals (2014), "Recurrent Neural Network Regularization", whose --size small,
medium and large set all that is not given otherwise. Dropout stands where it does there: on what goes up, into the first layer,
from one to the next and into the words, and not on what goes from step to step, since a new mask at each would wipe out what is to be
remembered. They reach test perplexities of 114.5 (small, no dropout), 82.7 (medium) and 78.4 (large).

--variational drops what goes from step to step too, which works with one mask for all steps of a piece:

    gal      "A Theoretically Grounded Application of Dropout in Recurrent Neural Networks" (Gal & Ghahramani 2016). Inputs, outputs
             and the hidden state each have one mask for each sequence, and whole words are dropped. nn.DropoutRNN runs the cell, one
             step after another in Python, with nn.GalDropout in it.
    merity   "Regularizing and Optimizing LSTM Language Models" (Merity, Keskar & Socher 2018). The same on inputs, outputs and words,
             but what is dropped in place of the hidden state is elements of the matrix that it is multiplied with, one mask for the
             whole batch. That leaves the inside of the LSTM alone, so nn.LSTM computes it, in nn.WeightDrop: the faster way.

--net transformer is nn.TransformerEncoder with a causal mask, trained by Adam with a warm-up (Vaswani et al. 2017; the norms
first, which is easier to train: Xiong et al. 2020). It sees the words of its own piece only.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import minigrad as torch
import minigrad.nn as nn
import minigrad.nn.functional as F
from files import write_json
from minigrad import datasets
from options import at_least, count, positive, probability


class Zaremba(NamedTuple):
    """Settings of a recurrent net: lr is kept for `flat` epochs and multiplied by `decay` at each that follows."""

    units: int
    dropout: float
    steps: int
    init: float  # weights begin uniform within it
    epochs: int
    flat: int
    decay: float
    clip: float
    layers: int = 2
    lr: float = 1.0
    tied: bool = False


SIZES = {
    "small": Zaremba(200, dropout=0.0, steps=20, init=0.1, epochs=13, flat=4, decay=1 / 2, clip=5.0),
    "medium": Zaremba(650, dropout=0.5, steps=35, init=0.05, epochs=39, flat=6, decay=1 / 1.2, clip=5.0),
    "large": Zaremba(1500, dropout=0.65, steps=35, init=0.04, epochs=55, flat=14, decay=1 / 1.15, clip=10.0),
}
TRANSFORMER = {
    "units": 200,
    "layers": 2,
    "dropout": 0.2,
    "steps": 64,
    "epochs": 10,
    "lr": 1e-3,
    "clip": 16.0,
    "tied": True,
}
EVALUATION_COLUMNS = 10


class RNNModel(nn.Module):
    """Words (T, N) to logits (T, N, words), with dropout between the layers (Zaremba et al. 2014, figure 2)."""

    def __init__(self, words: int, args: argparse.Namespace) -> None:
        super().__init__()
        layers = nn.LSTM if args.net == "lstm" else nn.GRU
        self.embedding = nn.Embedding(words, args.units)
        self.rnn = layers(args.units, args.units, args.layers, dropout=args.dropout if args.layers > 1 else 0.0)
        self.decoder = nn.Linear(args.units, words)
        self.dropout = nn.Dropout(args.dropout)

    def forward(self, input: torch.Tensor, state: Any = None) -> tuple[torch.Tensor, Any]:
        output, state = self.rnn(self.dropout(self.embedding(input)), state)
        return self.decoder(self.dropout(output)), state


class VariationalRNN(nn.Module):
    """The same with masks that all steps of a piece share; each layer is a module of its own, with its own state."""

    def __init__(self, words: int, args: argparse.Namespace) -> None:
        super().__init__()
        self.embedding = nn.WordDropout(words, args.units, p=args.dropout_words)
        self.layers = nn.ModuleList([self.layer(args) for _ in range(args.layers)])
        self.decoder = nn.Linear(args.units, words)
        self.dropout = nn.LockedDropout(args.dropout)

    @staticmethod
    def layer(args: argparse.Namespace) -> nn.Module:
        if args.variational == "merity":
            layer = nn.LSTM if args.net == "lstm" else nn.GRU
            return nn.WeightDrop(layer(args.units, args.units), "weight_hh_l0", args.dropout_hidden)
        cell = nn.DropoutLSTMCell if args.net == "lstm" else nn.DropoutGRUCell
        # What comes in has been through LockedDropout already.
        return nn.DropoutRNN(cell(args.units, args.units, dropout=nn.GalDropout(0.0, p_hidden=args.dropout_hidden)))

    def forward(self, input: torch.Tensor, state: Any = None) -> tuple[torch.Tensor, Any]:
        x, states = self.embedding(input), []
        for layer, before in zip(self.layers, state or [None] * len(self.layers), strict=True):
            x, after = layer(self.dropout(x), before)
            states.append(after)
        return self.decoder(self.dropout(x)), states


class TransformerModel(nn.Module):
    """Words (T, N) to logits (T, N, words), each from the words up to it. There is no state."""

    def __init__(self, words: int, args: argparse.Namespace) -> None:
        super().__init__()
        self.embedding = nn.Embedding(words, args.units)
        self.position = nn.Embedding(args.steps, args.units)
        layer = nn.TransformerEncoderLayer(
            args.units, args.heads, 4 * args.units, args.dropout, activation="gelu", norm_first=True
        )
        norm = nn.LayerNorm(args.units)
        self.layers = nn.TransformerEncoder(layer, args.layers, norm, enable_nested_tensor=False)
        self.decoder = nn.Linear(args.units, words)
        self.dropout = nn.Dropout(args.dropout)
        for parameter in self.parameters():
            if parameter.dim() > 1:
                nn.init.normal_(parameter, std=0.02)

    def forward(self, input: torch.Tensor, state: Any = None) -> tuple[torch.Tensor, Any]:
        steps = len(input)
        x = self.embedding(input) + self.position(torch.arange(steps)).unsqueeze(1)
        mask = nn.Transformer.generate_square_subsequent_mask(steps)
        return self.decoder(self.layers(self.dropout(x), mask=mask, is_causal=True)), None


def make_model(words: int, args: argparse.Namespace) -> nn.Module:
    if args.net == "transformer":
        model: Any = TransformerModel(words, args)
    else:
        model = (VariationalRNN if args.variational else RNNModel)(words, args)
        for parameter in model.parameters():
            nn.init.uniform_(parameter, -args.init, args.init)
    if args.tied:  # Press & Wolf (2017): a word is read and written with the same vector
        model.decoder.weight = model.embedding.weight
    return model


def columns(ids: Any, number: int) -> torch.Tensor:
    """A text in `number` columns of equal length, (T, number), to be read downwards; what is left over is left out."""
    if len(ids) < 2 * number:
        raise ValueError(f"a text of {len(ids)} words is too short for {number} columns of two or more")
    text = torch.tensor(ids)
    length = len(text) // number
    return text[: length * number].view(number, length).t().contiguous()


def pieces(text: torch.Tensor, steps: int) -> Any:
    """`steps` rows at a time, and the rows that come one later: what to tell from them."""
    for start in range(0, len(text) - 1, steps):
        end = min(start + steps, len(text) - 1)
        yield text[start:end], text[start + 1 : end + 1]


def detached(state: Any) -> Any:
    """The values of a state, or of states in a tuple or list, without what they were computed from."""
    if isinstance(state, (tuple, list)):
        return [detached(part) for part in state] if isinstance(state, list) else tuple(map(detached, state))
    return None if state is None else state.detach()


def loss_of(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    return F.cross_entropy(logits.flatten(0, 1), target.flatten())


def train(
    model: nn.Module, text: torch.Tensor, optimizer: Any, schedule: Any, args: argparse.Namespace, bar: Any
) -> float:
    """One pass over the text; the mean loss for a word, with dropout on."""
    model.train()
    state, total = None, 0.0
    for input, target in pieces(text, args.steps):
        logits, state = model(input, detached(state))
        loss = loss_of(logits, target)
        optimizer.zero_grad()
        (loss * len(input)).backward()  # lr and clip are for a sum over the steps, as the paper has it
        nn.utils.clip_grad_norm_(model.parameters(), args.clip)
        optimizer.step()
        schedule.step()
        total += loss.item() * target.numel()
        bar.update()
    return total / text[1:].numel()


@torch.no_grad()
def evaluate(model: nn.Module, text: torch.Tensor, steps: int) -> float:
    """The mean loss for a word, without dropout."""
    model.eval()
    state, total = None, 0.0
    for input, target in pieces(text, steps):
        logits, state = model(input, state)
        total += loss_of(logits, target).item() * target.numel()
    return total / text[1:].numel()


def rates(args: argparse.Namespace, steps_per_epoch: int) -> Callable[[int], float]:
    """What lr is multiplied with at a step: Zaremba's stairs; or, for a transformer, a warm-up and half a cosine."""
    if args.net != "transformer":
        return lambda step: args.decay ** max(0, step // steps_per_epoch + 1 - args.flat)
    total = args.epochs * steps_per_epoch
    warm = min(500, total // 10)

    def rate(step: int) -> float:
        if step < warm:
            return (step + 1) / (warm + 1)
        return 0.5 + 0.5 * math.cos(math.pi * (step - warm) / (total - warm))

    return rate


def main(args: argparse.Namespace) -> None:
    from tqdm import tqdm

    if args.threads is not None:
        torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    try:
        data = datasets.ptb(args.data_dir)
        most = 2_000 if args.quick else None
        text = columns(data.train[: args.words], args.batch_size)
        valid, test = (columns(part[:most], EVALUATION_COLUMNS) for part in (data.valid, data.test))
    except ValueError as error:  # files that are damaged, or too little text
        sys.exit(f"language_model.py: {error}")
    print(f"{data}, {text.numel():,} to train on")

    model = make_model(len(data.vocabulary), args)
    print(f"{args.net}, {sum(parameter.numel() for parameter in model.parameters()):,} parameters")
    steps_per_epoch = -(-(len(text) - 1) // args.steps)
    kind = torch.optim.AdamW if args.net == "transformer" else torch.optim.SGD
    optimizer = kind(model.parameters(), lr=args.lr)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, rates(args, steps_per_epoch))

    best, history = math.inf, []
    with tqdm(total=args.epochs * steps_per_epoch, unit="step", disable=None) as bar:
        for epoch in range(1, args.epochs + 1):
            begin, lr = time.perf_counter(), optimizer.param_groups[0]["lr"]
            losses = train(model, text, optimizer, schedule, args, bar), evaluate(model, valid, args.steps)
            if not all(loss < 100 for loss in losses):  # which NaN is not
                sys.exit(
                    f"language_model.py: the loss has grown to {losses[0]:.3g} in epoch {epoch}: try a smaller --lr"
                )
            seconds = time.perf_counter() - begin
            ours = dict(zip(("train", "valid"), map(math.exp, losses), strict=True))
            history.append({"epoch": epoch, "lr": lr, **ours, "seconds": seconds})
            perplexities = "  ".join(f"{part} {value:.2f}" for part, value in ours.items())
            bar.write(f"epoch {epoch:2}/{args.epochs}  lr {lr:.3g}  perplexity: {perplexities}  ({seconds:.1f} s)")
            if losses[1] < best:
                best, at = losses[1], epoch
                weights = {name: value.clone() for name, value in model.state_dict().items()}

    model.load_state_dict(weights)  # of the epoch that is best on the validation text; the test text is read once
    perplexity = math.exp(evaluate(model, test, args.steps))
    print(f"test perplexity: {perplexity:.2f} (after epoch {at}, validation {math.exp(best):.2f})")
    if args.out is not None:
        options = {name: value for name, value in vars(args).items() if not isinstance(value, Path)}
        write_json(args.out, {"options": options, "history": history, "best_epoch": at, "test_perplexity": perplexity})


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Train a language model on Penn Treebank's words, and test it.",
        epilog="Options that are not given are those of --size, or the transformer's.",
    )
    option = parser.add_argument
    option("--net", choices=["lstm", "gru", "transformer"], default="lstm", help="(default: %(default)s)")
    option("--size", choices=list(SIZES), help="Zaremba's settings for a recurrent net (default: small)")
    option("--units", type=count, help="of each layer, and the length of a word's vector")
    option("--layers", type=count, help="(default: 2)")
    option("--heads", type=count, default=4, help="of a transformer's attention (default: %(default)s)")
    option("--tied", action=argparse.BooleanOptionalAction, help="read and write a word with the same vector")
    option("--dropout", type=probability, metavar="P", help="between layers")
    option(
        "--variational",
        choices=["gal", "merity"],
        nargs="?",
        const="merity",
        help="one mask for all steps, see the file's head",
    )
    option(
        "--dropout-hidden", type=probability, metavar="P", help="with --variational, from step to step (default: half)"
    )
    option(
        "--dropout-words", type=probability, metavar="P", help="with --variational, of whole words (default: a fifth)"
    )
    option("--epochs", type=count, help="passes over the training text")
    option("--batch-size", type=count, default=20, help="columns that are read side by side (default: %(default)s)")
    option("--steps", type=count, help="words of a column in each step of training")
    option("--lr", type=positive, help="learning rate, at first")
    option("--flat", type=count, help="epochs after which lr begins to fall; a transformer's does so by itself")
    option("--decay", type=probability, help="what lr is then multiplied by at each epoch")
    option("--clip", type=positive, help="the largest norm of a gradient")
    option("--words", type=at_least(2), help="train on the first so many words (default: all)")
    option("--quick", action="store_true", help="one epoch on 10,000 words, tested on 2,000: seconds, to see it run")
    option("--seed", type=int, default=1, help="for weights and dropout (default: %(default)s)")
    option("--threads", type=count, help="for the kernels (default: all processors); results do not depend on it")
    option("--data-dir", type=Path, help="folder that holds the text's files (default: download them once)")
    option("--out", type=Path, help="a JSON file for the perplexities of all epochs")
    args = parser.parse_args(argv)

    if args.net == "transformer":
        for name in ("size", "variational", "flat", "decay"):
            if getattr(args, name) is not None:
                parser.error(f"argument --{name}: for recurrent nets, not for a transformer")
        settings: dict[str, Any] = TRANSFORMER
    else:
        args.size = args.size or "small"
        settings = SIZES[args.size]._asdict()
        if args.net == "gru":
            settings["lr"] = 0.2  # what goes up is larger than from an LSTM, and 1 is too much
    if args.quick:
        args.epochs, args.words = args.epochs or 1, args.words or 10_000
    for name, value in settings.items():
        if getattr(args, name, None) is None:
            setattr(args, name, value)
    for name, share in (("dropout_hidden", 2), ("dropout_words", 5)):
        if getattr(args, name) is None:
            setattr(args, name, args.dropout / share)
        elif not args.variational:
            parser.error(f"argument --{name.replace('_', '-')}: with --variational")
    if args.net == "transformer" and args.units % args.heads:
        parser.error(f"argument --heads: {args.heads} of equal width do not fit {args.units} units")
    return args


if __name__ == "__main__":
    try:
        main(arguments())
    except KeyboardInterrupt:
        sys.exit(130)
    except (OSError, ImportError) as error:  # files and packages
        sys.exit(f"language_model.py: {error}")
