"""English-German translation of captions with attention, dropout and BLEU: python examples/translation.py --help

--net gru          Bahdanau, Cho and Bengio (2014): a bidirectional GRU reads the sentence; at each step of a second GRU a small
                   net says which of its states to look at
--net transformer  Vaswani et al. (2017), as PyTorch's tutorial "Language Translation with nn.Transformer" builds it

They learn Multi30k (Elliott et al. 2016) from lower-cased words as the publisher tokenises them; words that come once are
unknown ones. The test set, Flickr 2016, is translated greedily after the last epoch and nothing is chosen by it. Its BLEU is
sacrebleu's on these tokens (`tokenize="none"`), which is what multi-bleu.perl gave in the papers on this set.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

import minigrad as torch
import minigrad.nn as nn
import minigrad.nn.functional as F
import minigrad.optim as optim
from minigrad import Tensor, datasets
from minigrad.datasets import Vocabulary
from minigrad.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence
from minigrad.utils.data import DataLoader, Sampler
from options import at_least, count, positive, probability

PAD, UNK, BOS, EOS = range(4)  # the first tokens of both vocabularies
Sentences = Sequence[tuple[str, str]]
Batch = tuple[Tensor, Tensor, Tensor]  # source (N, S), its lengths (N,), target (N, T)


def embedding(words: int, size: int) -> nn.Embedding:
    """A table of words with the scale of a linear layer's weights, which it is too: padding has zeros."""
    table = nn.Embedding(words, size, padding_idx=PAD)
    nn.init.normal_(table.weight, std=size**-0.5)
    table.weight.data[PAD] = 0
    return table


# ---- the net of Bahdanau et al. --------------------------------------------------------------------------------------


class EncoderRNN(nn.Module):
    def __init__(self, words: int, size: int, p: float) -> None:
        super().__init__()
        self.embedding = embedding(words, size)
        self.gru = nn.GRU(size, size, batch_first=True, bidirectional=True)
        self.fc = nn.Linear(size, size)
        self.dropout = nn.Dropout(p)

    def forward(self, source: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """The states of both directions (N, S, 2 size) at each word, and the decoder's first state (N, size)."""
        embedded = self.dropout(self.embedding(source))
        packed = pack_padded_sequence(embedded, lengths, batch_first=True, enforce_sorted=False)
        outputs, hidden = self.gru(packed)
        states, _ = pad_packed_sequence(outputs, batch_first=True)
        first = torch.tanh(self.fc(hidden[1]))  # of the backward direction, which has just read the first word
        return self.dropout(states), first


class BahdanauAttention(nn.Module):
    """How much each word of the source counts at this step: softmax of Va tanh(Wa state + Ua annotation)."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.Wa = nn.Linear(size, size)
        self.Ua = nn.Linear(2 * size, size, bias=False)
        self.Va = nn.Linear(size, 1, bias=False)

    def forward(self, hidden: Tensor, annotations: Tensor, keys: Tensor, padding: Tensor) -> Tensor:
        """The annotations' weighted mean (N, 2 size); `keys` are Ua of them, the same at each step."""
        scores = self.Va(torch.tanh(self.Wa(hidden).unsqueeze(1) + keys)).squeeze(2)
        weights = F.softmax(scores.masked_fill(padding, -math.inf), dim=1)
        return torch.bmm(weights.unsqueeze(1), annotations).squeeze(1)


class AttnDecoderRNN(nn.Module):
    def __init__(self, words: int, size: int, p: float) -> None:
        super().__init__()
        self.embedding = embedding(words, size)
        self.attention = BahdanauAttention(size)
        self.gru = nn.GRUCell(3 * size, size)
        self.deep = nn.Linear(4 * size, size)
        self.out = nn.Linear(size, words)
        self.out.weight = self.embedding.weight  # one table for both (Press and Wolf 2016)
        self.dropout = nn.Dropout(p)

    def step(self, word: Tensor, hidden: Tensor, memory: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
        """The next state, and what was looked at for it, after a word's embedding (N, size)."""
        context = self.attention(hidden, *memory)
        return self.gru(torch.cat([word, context], dim=1), hidden), context

    def logits(self, hidden: Tensor, context: Tensor, word: Tensor) -> Tensor:
        return self.out(self.dropout(torch.tanh(self.deep(torch.cat([hidden, context, word], dim=-1)))))


class Seq2SeqGRU(nn.Module):
    def __init__(self, source_words: int, target_words: int, size: int, p: float) -> None:
        super().__init__()
        self.encoder = EncoderRNN(source_words, size, p)
        self.decoder = AttnDecoderRNN(target_words, size, p)

    def encode(self, source: Tensor, lengths: Tensor) -> tuple[tuple[Tensor, ...], Tensor]:
        """What the decoder looks at, and its first state."""
        annotations, hidden = self.encoder(source, lengths)
        return (annotations, self.decoder.attention.Ua(annotations), source == PAD), hidden

    def forward(self, source: Tensor, lengths: Tensor, target: Tensor) -> Tensor:
        """Logits (N, T, words) of what follows each word of the target (N, T)."""
        memory, hidden = self.encode(source, lengths)
        embedded = self.decoder.dropout(self.decoder.embedding(target))
        states, contexts = [], []
        for word in embedded.unbind(1):
            hidden, context = self.decoder.step(word, hidden, memory)
            states.append(hidden)
            contexts.append(context)
        return self.decoder.logits(torch.stack(states, 1), torch.stack(contexts, 1), embedded)

    def next(self, word: Tensor, hidden: Tensor, memory: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
        """Logits (N, words) of what follows the words (N,), and the state with which to go on."""
        embedded = self.decoder.embedding(word)
        hidden, context = self.decoder.step(embedded, hidden, memory)
        return self.decoder.logits(hidden, context, embedded), hidden


# ---- the transformer -------------------------------------------------------------------------------------------------


class PositionalEncoding(nn.Module):
    """Adds sines and cosines of the position, whose wave lengths go from 2 pi to 10,000 times that."""

    def __init__(self, size: int, p: float, longest: int = 1024) -> None:
        super().__init__()
        frequencies = torch.exp(-math.log(10_000) / size * torch.arange(0, size, 2))
        angles = torch.arange(longest).unsqueeze(1) * frequencies
        self.register_buffer("table", torch.stack([angles.sin(), angles.cos()], 2).flatten(1), persistent=False)
        self.dropout = nn.Dropout(p)

    def forward(self, embedded: Tensor) -> Tensor:
        return self.dropout(embedded + self.table[: embedded.shape[1]])


class Seq2SeqTransformer(nn.Module):
    def __init__(self, source_words: int, target_words: int, size: int, p: float, layers: int = 3) -> None:
        super().__init__()
        self.size = size
        self.source_embedding = embedding(source_words, size)
        self.target_embedding = embedding(target_words, size)
        self.positional = PositionalEncoding(size, p)
        self.transformer = nn.Transformer(
            d_model=size,
            nhead=max(1, size // 64),
            num_encoder_layers=layers,
            num_decoder_layers=layers,
            dim_feedforward=2 * size,
            dropout=p,
            batch_first=True,
            norm_first=True,
        )
        self.out = nn.Linear(size, target_words)
        self.out.weight = self.target_embedding.weight

    def embed(self, table: nn.Embedding, words: Tensor) -> Tensor:
        return self.positional(table(words) * math.sqrt(self.size))

    def encode(self, source: Tensor, lengths: Tensor) -> tuple[tuple[Tensor, ...], Tensor]:
        """The encoder's output with the places of padding; and no words yet."""
        padding = source == PAD
        states = self.transformer.encoder(self.embed(self.source_embedding, source), src_key_padding_mask=padding)
        return (states, padding), source[:, :0]

    def decode(self, target: Tensor, memory: tuple[Tensor, ...]) -> Tensor:
        """The last layer's states (N, T, size). Padding of the target needs no mask: no word sees what comes after it."""
        states, padding = memory
        length = target.shape[1]
        future = torch.ones(length, length, dtype=torch.bool).triu(1)
        embedded = self.embed(self.target_embedding, target)
        return self.transformer.decoder(embedded, states, tgt_mask=future, memory_key_padding_mask=padding)

    def forward(self, source: Tensor, lengths: Tensor, target: Tensor) -> Tensor:
        """Logits (N, T, words) of what follows each word of the target (N, T)."""
        memory, _ = self.encode(source, lengths)
        return self.out(self.decode(target, memory))

    def next(self, word: Tensor, before: Tensor, memory: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
        """Logits (N, words) of what follows the words (N,) after those `before`, and all of these."""
        target = torch.cat([before, word.unsqueeze(1)], dim=1)
        return self.out(self.decode(target, memory)[:, -1]), target


NETS = {"gru": Seq2SeqGRU, "transformer": Seq2SeqTransformer}


# ---- sentences as numbers --------------------------------------------------------------------------------------------


class Buckets(Sampler):
    """Batches of sentences of about one length, so that there is little padding; batches and their order are random.

    The sentences are shuffled, and sorted by length within each pool of 50 batches.
    """

    def __init__(self, lengths: Sequence[int], batch_size: int) -> None:
        self.lengths, self.batch_size = np.asarray(lengths), batch_size

    def __iter__(self) -> Iterator[list[int]]:
        order, pool = torch.randperm(len(self.lengths)).numpy(), 50 * self.batch_size
        batches = []
        for start in range(0, len(order), pool):
            some = order[start : start + pool]
            some = some[np.argsort(self.lengths[some], kind="stable")]
            batches += [some[i : i + self.batch_size].tolist() for i in range(0, len(some), self.batch_size)]
        return iter([batches[k] for k in torch.randperm(len(batches)).tolist()])

    def __len__(self) -> int:  # only the last pool has a batch that is not full
        return -(-len(self.lengths) // self.batch_size)


def numbers(pairs: Sentences, vocabularies: tuple[Vocabulary, Vocabulary]) -> list[tuple[Tensor, Tensor]]:
    """Source words and <eos>; <bos>, target words and <eos>."""
    source, target = vocabularies
    return [
        (
            torch.tensor([*source.encode(first.split()), EOS]),
            torch.tensor([BOS, *target.encode(second.split()), EOS]),
        )
        for first, second in pairs
    ]


def collate(pairs: Sequence[tuple[Tensor, Tensor]]) -> Batch:
    sources, targets = zip(*pairs, strict=True)
    lengths = torch.tensor([len(source) for source in sources])
    source, target = (pad_sequence(part, batch_first=True, padding_value=PAD) for part in (sources, targets))
    return source, lengths, target


# ---- training and translating ----------------------------------------------------------------------------------------


def cross_entropy(model: nn.Module, batch: Batch, smoothing: float = 0.0) -> tuple[Tensor, int]:
    """The mean over the target's words of each one's cross-entropy after those before it, and how many they are."""
    source, lengths, target = batch
    logits, following = model(source, lengths, target[:, :-1]), target[:, 1:]
    loss = F.cross_entropy(logits.flatten(0, 1), following.flatten(), ignore_index=PAD, label_smoothing=smoothing)
    return loss, int((following != PAD).sum().item())


def train(
    args: argparse.Namespace, model: nn.Module, loader: DataLoader, stepped: tuple[Any, Any], epoch: int
) -> float:
    """One pass over the training pairs; the mean loss of a word, with dropout and smoothed labels."""
    optimizer, scheduler = stepped
    model.train()
    total = words = 0.0
    with tqdm(loader, desc=f"epoch {epoch}/{args.epochs}", unit="batch", leave=False, disable=None) as bar:
        for batch in bar:
            optimizer.zero_grad()
            loss, number = cross_entropy(model, batch, args.label_smoothing)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            scheduler.step()
            total, words = total + loss.item() * number, words + number
            bar.set_postfix(loss=f"{total / words:.3f}")
    return total / words


@torch.no_grad()
def evaluate(model: nn.Module, loader: DataLoader) -> float:
    """The mean cross-entropy of a word."""
    model.eval()
    parts = [(loss.item(), number) for loss, number in (cross_entropy(model, batch) for batch in loader)]
    return sum(loss * number for loss, number in parts) / sum(number for _, number in parts)


@torch.no_grad()
def greedy_decode(model: nn.Module, source: Tensor, lengths: Tensor, longest: int) -> np.ndarray:
    """The likeliest word after the likeliest words before it, until each sentence has ended: (N, at most `longest`).

    No word is padding, unknown or the beginning. What stands behind a sentence's <eos> means nothing.
    """
    model.eval()
    memory, state = model.encode(source, lengths)
    word = torch.full((len(source),), BOS)
    words: list[np.ndarray] = []
    ended = np.zeros(len(source), bool)
    while not ended.all() and len(words) < longest:
        logits, state = model.next(word, state, memory)
        logits[:, [PAD, UNK, BOS]] = -math.inf
        word = logits.argmax(1)
        words.append(word.numpy())
        ended |= words[-1] == EOS
    return np.stack(words, 1)


def translate(
    model: nn.Module, sentences: Sequence[str], vocabularies: tuple[Vocabulary, Vocabulary], batch_size: int = 100
) -> list[str]:
    """The sentences in the other language, in their order."""
    pairs = numbers([(sentence, "") for sentence in sentences], vocabularies)
    order = sorted(range(len(pairs)), key=lambda k: len(pairs[k][0]))  # little padding
    found = [""] * len(pairs)
    for start in range(0, len(order), batch_size):
        some = order[start : start + batch_size]
        source, lengths, _ = collate([pairs[k] for k in some])
        for k, ids in zip(some, greedy_decode(model, source, lengths, 2 * source.shape[1] + 10), strict=True):
            end = np.flatnonzero(ids == EOS)
            found[k] = " ".join(vocabularies[1].decode(ids[: end[0]] if len(end) else ids))
    return found


def bleu_metric() -> Any:
    """BLEU (Papineni et al. 2002) of texts whose tokens stand between spaces already."""
    try:
        from sacrebleu.metrics import BLEU
    except ImportError as error:
        raise ImportError("BLEU needs sacrebleu: pip install 'minigrad[examples]'") from error
    return BLEU(tokenize="none", force=True)  # force: no warning that the text looks tokenised, which it is


def directed(pairs: Sentences, source: str, most: int | None = None) -> Sentences:
    """Pairs with the language to be translated first, the first `most` of them."""
    return [(english, german) if source == "en" else (german, english) for english, german in pairs[:most]]


def main(args: argparse.Namespace) -> None:
    bleu = bleu_metric()  # before training
    if args.threads is not None:
        torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    try:
        data = datasets.multi30k(root=args.data_dir)
    except ValueError as error:  # files that are damaged
        sys.exit(f"translation.py: {error}")
    english, german = data.vocabularies(min_count=2)
    vocabularies = (english, german) if args.source == "en" else (german, english)
    train_pairs, valid_pairs, test_pairs = (
        directed(part, args.source, args.pairs) for part in (data.train, data.valid, data.test)
    )
    pairs = numbers(train_pairs, vocabularies)
    lengths = [len(target) for _, target in pairs]
    train_loader = DataLoader(pairs, batch_sampler=Buckets(lengths, args.batch_size), collate_fn=collate)
    valid_loader = DataLoader(numbers(valid_pairs, vocabularies), batch_size=args.batch_size, collate_fn=collate)

    options = {"layers": args.layers} if args.net == "transformer" else {}
    model = NETS[args.net](len(vocabularies[0]), len(vocabularies[1]), args.size, args.dropout, **options)
    print(f"{data}; {len(english):,} and {len(german):,} words")
    print(f"{args.net}: {sum(p.numel() for p in model.parameters()):,} parameters, dropout {args.dropout:g}")
    # The rate rises to --lr in the first tenth of the steps and falls to 0 in the others (Smith and Topin 2018).
    optimizer = optim.Adam(model.parameters(), lr=args.lr, betas=(0.9, 0.98), eps=1e-9)
    steps = args.epochs * len(train_loader)
    scheduler = optim.lr_scheduler.OneCycleLR(
        optimizer, args.lr, total_steps=steps, pct_start=0.1, cycle_momentum=False
    )
    for epoch in range(1, args.epochs + 1):
        loss = train(args, model, train_loader, (optimizer, scheduler), epoch)
        valid = evaluate(model, valid_loader)
        print(
            f"epoch {epoch}/{args.epochs}  training loss {loss:.3f}  validation loss {valid:.3f}, "
            f"perplexity {math.exp(valid):.2f}",
            flush=True,
        )

    sources, references = zip(*test_pairs, strict=True)
    found = translate(model, sources, vocabularies)
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "translations.txt").write_text("\n".join(found) + "\n", encoding="utf-8")
    for k in np.linspace(0, len(found) - 1, args.show, dtype=int):
        print(f"\n  {sources[k]}\n  {found[k]}\n  (reference: {references[k]})")
    score = bleu.corpus_score(found, [references])
    print(f"\ntest BLEU: {score.score:.2f} on {len(found):,} sentences ({bleu.get_signature()})")
    print(f"the translations are in {args.out / 'translations.txt'}")


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Learn to translate captions of Multi30k, and measure BLEU.")
    option = parser.add_argument
    option("--net", choices=NETS, default="gru", help="what translates (default: %(default)s)")
    option("--source", choices=("en", "de"), default="en", help="the language translated from (default: %(default)s)")
    option("--epochs", type=count, default=12, metavar="N", help="passes over the pairs (default: %(default)s)")
    option("--batch-size", type=count, default=64, metavar="N", help="pairs in each step (default: %(default)s)")
    option(
        "--size", type=count, default=256, help="of embeddings and layers; a head for 64 of it (default: %(default)s)"
    )
    option("--layers", type=count, help="of each half of the transformer (default: 3)")
    option("--dropout", type=probability, default=0.3, metavar="P", help="dropout probability (default: %(default)s)")
    option("--label-smoothing", type=probability, default=0.1, help="of the training loss (default: %(default)s)")
    option("--lr", type=positive, help="Adam's highest learning rate (default: 0.002 for gru, else 0.001)")
    option("--pairs", type=count, metavar="N", help="the first N of each part alone (default: all)")
    option("--show", type=at_least(0), default=5, metavar="N", help="test translations to show (default: %(default)s)")
    option("--seed", type=int, default=0, help="for weights, order of pairs and dropout (default: %(default)s)")
    option("--threads", type=count, help="for the kernels (default: all processors); results do not depend on it")
    option("--data-dir", type=Path, help="folder that holds the set's files (default: download them once)")
    option("--out", type=Path, help="folder for the translations (default: runs/translation_<net>)")
    args = parser.parse_args(argv)
    if args.net == "transformer" and (args.size % 64 if args.size >= 64 else args.size % 2):
        parser.error(f"argument --size: has to be a multiple of 64, or even and below it, not {args.size}")
    if args.net == "gru" and args.layers is not None:
        parser.error("argument --layers: only the transformer has them")
    args.layers = args.layers or 3
    args.lr = args.lr or (0.002 if args.net == "gru" else 0.001)
    args.out = args.out or Path("runs") / f"translation_{args.net}"
    return args


if __name__ == "__main__":
    try:
        main(arguments())
    except KeyboardInterrupt:
        sys.exit(130)
    except (OSError, ImportError) as error:  # files, packages
        sys.exit(f"translation.py: {error}")
