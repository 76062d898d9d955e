"""A GPT that writes Shakespeare, character by character: python examples/char_gpt.py --help

The net and its training are laid out as in Karpathy's nanoGPT, and but for its imports this is PyTorch's code. What is not given on the
command line is what nanoGPT's README has for a CPU: 4 layers of 4 heads, width 128, 64 characters of context, 2,000 steps of 12
pieces, no dropout; it reports a validation loss of 1.88, which is the mean of twenty random batches. Here it is that of the
whole validation text, and the learning rate is twice as high. The README's larger net, for a GPU, reaches 1.47:

    python examples/char_gpt.py --layers 6 --heads 6 --width 384 --context 256 --batch-size 64 --steps 5000 --dropout 0.2 --lr 1e-3
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from pathlib import Path

import minigrad as torch
import minigrad.nn as nn
import minigrad.nn.functional as F
from files import write_json
from minigrad import datasets
from options import at_least, count, positive, probability


class CausalSelfAttention(nn.Module):
    """Each place gathers from itself and the places before it what its heads look for."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.p = heads, dropout
        self.attend = nn.Linear(width, 3 * width, bias=False)  # queries, keys and values of all heads at once
        self.project = nn.Linear(width, width, bias=False)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        batch, length, width = x.shape
        q, k, v = (
            part.view(batch, length, self.heads, width // self.heads).transpose(1, 2)  # (N, heads, T, width / heads)
            for part in self.attend(x).split(width, dim=2)
        )
        y = F.scaled_dot_product_attention(q, k, v, dropout_p=self.p if self.training else 0.0, is_causal=True)
        return self.dropout(self.project(y.transpose(1, 2).reshape(batch, length, width)))


class Block(nn.Module):
    """Attention moves between places what the MLP then works on; each adds to what passes by."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, bias=False)
        self.attention = CausalSelfAttention(width, heads, dropout)
        self.norm2 = nn.LayerNorm(width, bias=False)
        self.mlp = nn.Sequential(
            nn.Linear(width, 4 * width, bias=False),
            nn.GELU(),
            nn.Linear(4 * width, width, bias=False),
            nn.Dropout(dropout),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x + self.attention(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class GPT(nn.Module):
    """Characters (N, T) to logits (N, T, characters) of the next one at each place; T is at most `context`."""

    def __init__(self, characters: int, context: int, layers: int, heads: int, width: int, dropout: float) -> None:
        super().__init__()
        self.context = context
        self.token = nn.Embedding(characters, width)
        self.position = nn.Embedding(context, width)
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.ModuleList([Block(width, heads, dropout) for _ in range(layers)])
        self.norm = nn.LayerNorm(width, bias=False)
        self.head = nn.Linear(width, characters, bias=False)
        self.head.weight = self.token.weight  # a character is read and written with the same vector
        for name, parameter in self.named_parameters():
            if parameter.dim() > 1:
                # What adds to the stream is smaller, so that the stream's variance does not grow with the layers (GPT-2).
                adds = name.endswith(("project.weight", "mlp.2.weight"))
                nn.init.normal_(parameter, std=0.02 / math.sqrt(2 * layers) if adds else 0.02)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        x = self.dropout(self.token(ids) + self.position(torch.arange(ids.shape[1])))
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))

    @torch.no_grad()
    def generate(
        self, ids: torch.Tensor, length: int, temperature: float = 1.0, top_k: int | None = None
    ) -> torch.Tensor:
        """`ids` (N, T) and `length` more, drawn one after another; of the `top_k` likeliest, if that is given."""
        self.eval()
        for _ in range(length):
            logits = self(ids[:, -self.context :])[:, -1] / temperature
            if top_k is not None:
                least = logits.topk(min(top_k, logits.shape[-1])).values[:, -1:]
                logits = logits.masked_fill(logits < least, -math.inf)
            ids = torch.cat([ids, torch.multinomial(F.softmax(logits, dim=-1), 1)], dim=1)
        return ids


def loss_of(model: nn.Module, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return F.cross_entropy(model(x).flatten(0, 1), y.flatten())


def batch(text: torch.Tensor, context: int, size: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Pieces from anywhere in the text, (size, context), and the same one character later."""
    starts = torch.randint(len(text) - context, (size,)).tolist()
    x = torch.stack([text[start : start + context] for start in starts])
    y = torch.stack([text[start + 1 : start + 1 + context] for start in starts])
    return x, y


@torch.no_grad()
def whole_loss(model: nn.Module, text: torch.Tensor, context: int) -> float:
    """The mean loss over the whole text, in pieces that do not overlap. A last one that is shorter is left out."""
    model.eval()
    pieces = (len(text) - 1) // context
    x, y = (text[shift : shift + pieces * context].view(pieces, context) for shift in (0, 1))
    parts = zip(x.split(64), y.split(64), strict=True)
    return sum(loss_of(model, *part).item() * len(part[0]) for part in parts) / pieces


def optimizer_of(model: nn.Module, lr: float) -> torch.optim.Optimizer:
    """AdamW; what multiplies decays, what is added or scales does not."""
    parameters = list(model.parameters())
    groups = [
        {"params": [p for p in parameters if p.dim() > 1], "weight_decay": 0.1},
        {"params": [p for p in parameters if p.dim() < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=lr, betas=(0.9, 0.99))


def main(args: argparse.Namespace) -> None:
    from tqdm import tqdm

    if args.threads is not None:
        torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    try:
        data = datasets.tinyshakespeare(args.data_dir)
    except ValueError as error:  # a file that is damaged
        sys.exit(f"char_gpt.py: {error}")
    train, valid = torch.tensor(data.train), torch.tensor(data.valid[: 10_000 if args.quick else None])
    if min(len(train), len(valid)) <= args.context:
        sys.exit(f"char_gpt.py: {data} has too little text for --context {args.context}")
    print(data)

    model = GPT(len(data.vocabulary), args.context, args.layers, args.heads, args.width, args.dropout)
    print(f"{sum(parameter.numel() for parameter in model.parameters()):,} parameters, dropout {args.dropout:g}")
    optimizer = optimizer_of(model, args.lr)
    warm = min(100, args.steps // 10)

    def rate(step: int) -> float:
        """A warm-up, then half a cosine down to a tenth."""
        if step < warm:
            return (step + 1) / (warm + 1)
        return 0.55 + 0.45 * math.cos(math.pi * (step - warm) / (args.steps - warm))

    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, rate)

    history, total, begin = [], 0.0, time.perf_counter()
    for step in tqdm(range(1, args.steps + 1), unit="step", disable=None):
        model.train()
        loss = loss_of(model, *batch(train, args.context, args.batch_size))
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        total += loss.item()
        if step % args.every == 0 or step == args.steps:
            since = (step - 1) % args.every + 1
            losses = total / since, whole_loss(model, valid, args.context)
            if not all(map(math.isfinite, losses)):
                sys.exit(f"char_gpt.py: the loss has grown to {losses[0]} at step {step}: try a smaller --lr")
            seconds = time.perf_counter() - begin
            history.append({"step": step, "train": losses[0], "valid": losses[1], "seconds": seconds})
            line = f"step {step:5}/{args.steps}  train loss {losses[0]:.4f}  validation loss {losses[1]:.4f}"
            tqdm.write(f"{line}  ({seconds:.1f} s)")
            total = 0.0

    start = torch.tensor(
        data.vocabulary.encode("\n" if "\n" in data.vocabulary else data.vocabulary.tokens[:1])
    ).unsqueeze(0)
    written = model.generate(start, args.generate, args.temperature, args.top_k)[0, 1:]
    print("".join(data.vocabulary.decode(written.tolist())))
    best = min(history, key=lambda row: row["valid"])
    print(f"validation loss: {losses[1]:.4f} at the end (least: {best['valid']:.4f} at step {best['step']})")
    if args.out is not None:
        options = {name: value for name, value in vars(args).items() if not isinstance(value, Path)}
        write_json(args.out, {"options": options, "history": history})


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Train a GPT on Shakespeare's characters, and let it write.",
        epilog="Unless told otherwise, the net is nanoGPT's for a CPU.",
    )
    option = parser.add_argument
    option("--layers", type=count, default=4, help="(default: %(default)s)")
    option("--heads", type=count, default=4, help="of attention in each layer (default: %(default)s)")
    option("--width", type=count, default=128, help="numbers that stand for a character (default: %(default)s)")
    option("--context", type=count, default=64, help="characters that it sees (default: %(default)s)")
    option("--dropout", type=probability, default=0.0, metavar="P", help="(default: %(default)s)")
    option("--batch-size", type=count, default=12, help="pieces in each step (default: %(default)s)")
    option("--steps", type=count, help="of training (default: 2000)")
    option("--lr", type=positive, default=2e-3, help="the highest learning rate (default: %(default)s)")
    option("--every", type=count, default=500, help="steps from one validation to the next (default: %(default)s)")
    option("--quick", action="store_true", help="100 steps, validated on 10,000 characters: seconds, to see it run")
    option("--generate", type=at_least(0), default=500, help="characters to write at the end (default: %(default)s)")
    option("--temperature", type=positive, default=1.0, help="below 1: surer, duller (default: %(default)s)")
    option("--top-k", type=count, help="write only with the so many likeliest characters (default: all)")
    option("--seed", type=int, default=1, help="for weights, batches and dropout (default: %(default)s)")
    option("--threads", type=count, help="for the kernels (default: all processors); results do not depend on it")
    option("--data-dir", type=Path, help="folder that holds the text's file (default: download it once)")
    option("--out", type=Path, help="a JSON file for the losses")
    args = parser.parse_args(argv)
    args.steps = args.steps or (100 if args.quick else 2000)
    if args.width % args.heads:
        parser.error(f"argument --heads: {args.heads} of equal width do not fit a --width of {args.width}")
    return args


if __name__ == "__main__":
    try:
        main(arguments())
    except KeyboardInterrupt:
        sys.exit(130)
    except (OSError, ImportError) as error:  # files and packages
        sys.exit(f"char_gpt.py: {error}")
