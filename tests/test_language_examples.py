"""The examples on text: language_model.py, char_gpt.py and makemore.py, on made-up texts with a rule to learn."""

from __future__ import annotations

import json
import math
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

import char_gpt
import language_model
import makemore
import minigrad
from minigrad import datasets, nn

EXAMPLES = Path(__file__).parent.parent / "examples"
PROGRAMS = {"language_model": language_model, "char_gpt": char_gpt, "makemore": makemore}


def run(program: str, *args: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(EXAMPLES.parent), "MINIGRAD_NUM_THREADS": "1"}
    command = [sys.executable, str(EXAMPLES / f"{program}.py"), *args]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, env=environment)


def entropy(tokens) -> float:
    """Of tokens that are drawn one by one: what a net can reach that has learnt no rule."""
    share = np.array(list(Counter(tokens).values())) / len(tokens)
    return float(-(share * np.log(share)).sum())


@pytest.fixture
def treebank(tmp_path):
    """Sentences of two random words and then the same two in capitals, in Penn Treebank's files: half of the words can be
    known, from the word two before."""
    random = np.random.default_rng(0)

    def text(lines):
        pairs = random.integers(0, 6, (lines, 2))
        words = [["abcdef"[i] for i in pair] for pair in pairs]
        return "".join(f" {' '.join(pair)} {' '.join(pair).upper()} \n" for pair in words)

    for part, lines in (("train", 1000), ("valid", 60), ("test", 60)):
        (tmp_path / f"ptb.{part}.txt").write_text(text(lines))
    return tmp_path


@pytest.fixture
def play(tmp_path):
    """Speeches of three random letters that are said twice, in tinyshakespeare's file."""
    letters = np.random.default_rng(0).choice(list("abcdefgh"), (1000, 3))
    (tmp_path / "input.txt").write_text("".join(f"{''.join(row)}{''.join(row)}\n" for row in letters))
    return tmp_path


@pytest.fixture
def family(tmp_path):
    """Names of two random letters that are said twice."""
    letters = np.random.default_rng(0).choice(list("abcdefgh"), (400, 2))
    (tmp_path / "names.txt").write_text("".join(f"{''.join(row)}{''.join(row)}\n" for row in letters))
    return tmp_path


# ---- command lines -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("program", "args"),
    [
        ("language_model", ["--net", "rnn"]),
        ("language_model", ["--size", "tiny"]),
        ("language_model", ["--size", "small", "--net", "transformer"]),
        ("language_model", ["--variational", "gal", "--net", "transformer"]),
        ("language_model", ["--variational", "dropconnect"]),
        ("language_model", ["--heads", "3", "--net", "transformer"]),
        ("language_model", ["--dropout-hidden", "0.2"]),
        ("language_model", ["--dropout-words", "0.2"]),
        ("language_model", ["--dropout", "1"]),
        ("language_model", ["--epochs", "0"]),
        ("language_model", ["--words", "1"]),
        ("language_model", ["--lr", "nan"]),
        ("language_model", ["--clip", "0"]),
        ("char_gpt", ["--heads", "3"]),
        ("char_gpt", ["--steps", "0"]),
        ("char_gpt", ["--temperature", "0"]),
        ("char_gpt", ["--top-k", "0"]),
        ("char_gpt", ["--generate", "-1"]),
        ("char_gpt", ["--dropout", "-0.1"]),
        ("makemore", ["--net", "trigram"]),
        ("makemore", ["--width", "30"]),
        ("makemore", ["--batch-size", "no"]),
        ("makemore", ["--samples", "-1"]),
    ],
)
def test_bad_values_are_refused(program, args, capsys):
    with pytest.raises(SystemExit) as refused:
        PROGRAMS[program].arguments(args)
    assert refused.value.code == 2
    assert f"argument {args[0]}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("program", "file"), [("language_model", "ptb.train.txt"), ("char_gpt", "input.txt"), ("makemore", "names.txt")]
)
def test_missing_and_damaged_data_are_said(program, file, tmp_path):
    missing = run(program, "--data-dir", str(tmp_path), cwd=tmp_path)
    assert missing.returncode == 1
    assert re.match(rf"{program}\.py: \w+: looked for .*{file}", missing.stderr)
    assert "Traceback" not in missing.stderr
    for name in {file, "ptb.train.txt", "ptb.valid.txt", "ptb.test.txt"}:
        (tmp_path / name).write_bytes(b"\xff\xfe")
    damaged = run(program, "--data-dir", str(tmp_path), cwd=tmp_path)
    assert damaged.returncode == 1
    assert damaged.stderr.startswith(f"{program}.py: ")
    assert "not a UTF-8 text" in damaged.stderr
    assert damaged.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("program", "args", "said"),
    [
        ("language_model", ["--words", "30"], "a text of 30 words is too short for 20 columns"),
        ("char_gpt", ["--context", "700"], "too little text for --context 700"),
        ("makemore", [], "9 names are too few"),
    ],
)
def test_too_little_text_is_said(program, args, said, treebank, play):
    (treebank / "names.txt").write_text("ann\n" * 9)
    with pytest.raises(SystemExit, match=rf"^{program}\.py: .*{said}"):
        PROGRAMS[program].main(PROGRAMS[program].arguments([*args, "--data-dir", str(treebank)]))


def test_a_loss_that_grows_ends_the_run(treebank, play, family):
    for name, args in (
        ("language_model", ["--net", "gru", "--lr", "1e30", "--clip", "1e30"]),
        ("char_gpt", ["--lr", "1e30", "--every", "1"]),
        ("makemore", ["--net", "mlp", "--lr", "1e30"]),
    ):
        with pytest.raises(SystemExit, match=rf"^{name}\.py: the loss .*has grown to .*: try a smaller --lr$"):
            PROGRAMS[name].main(PROGRAMS[name].arguments([*args, "--data-dir", str(treebank)]))


@pytest.mark.parametrize(
    ("program", "args"),
    [
        ("language_model", ["--units", "8", "--words", "500", "--epochs", "2", "--dropout", "0.5", "--variational"]),
        ("language_model", ["--units", "8", "--words", "500", "--epochs", "2", "--net", "transformer"]),
        ("char_gpt", ["--steps", "4", "--every", "3", "--generate", "20", "--dropout", "0.1", "--width", "16"]),
        ("makemore", ["--net", "all", "--steps", "2", "--width", "8", "--samples", "3"]),
    ],
)
def test_the_seed_decides_on_all(program, args, treebank, play, family, capsys):
    said = []
    for seed in ("3", "3", "4"):
        args = [*args, "--seed", seed, "--data-dir", str(treebank), "--out", str(treebank / "out" / "a.json")]
        PROGRAMS[program].main(PROGRAMS[program].arguments(args))
        captured = capsys.readouterr()
        assert captured.err == ""  # no bar where there is no terminal
        said.append(re.sub(r"\(\d+\.\d s\)| +\d+\.\d$", "", captured.out, flags=re.MULTILINE))
    assert said[0] == said[1] != said[2]
    saved = json.loads((treebank / "out" / "a.json").read_text())
    assert saved["options"]["seed"] == 4


# ---- language_model.py -----------------------------------------------------------------------------------------------


def options(*args: str):
    return language_model.arguments(["--units", "12", *args])


def test_zarembas_settings():
    small, medium, large = (language_model.arguments(["--size", size]) for size in ("small", "medium", "large"))
    assert [(args.units, args.layers, args.steps, args.epochs) for args in (small, medium, large)] == [
        (200, 2, 20, 13),
        (650, 2, 35, 39),
        (1500, 2, 35, 55),
    ]
    assert [(args.dropout, args.init, args.clip) for args in (small, medium, large)] == [
        (0, 0.1, 5),
        (0.5, 0.05, 5),
        (0.65, 0.04, 10),
    ]
    assert language_model.arguments([]) == small
    other = language_model.arguments(["--size", "medium", "--units", "50", "--dropout", "0", "--variational"])
    assert (other.units, other.dropout, other.steps, other.variational) == (50, 0, 35, "merity")
    rate = language_model.rates(small, 10)
    assert [rate(step) for step in (0, 39, 40, 49, 50, 129)] == [1, 1, 0.5, 0.5, 0.25, 0.5**9]


def test_a_transformers_rate_rises_and_falls():
    args = language_model.arguments(["--net", "transformer", "--epochs", "2"])
    rate = [language_model.rates(args, 100)(step) for step in range(201)]
    top = rate.index(1.0)
    assert 10 < top < 40
    assert rate[: top + 1] == sorted(rate[: top + 1])
    assert rate[top:] == sorted(rate[top:], reverse=True)
    assert rate[0] > 0
    assert rate[200] == pytest.approx(0)
    alone = language_model.rates(language_model.arguments(["--net", "transformer", "--epochs", "1"]), 1)
    assert (alone(0), alone(1)) == (1, 0)


def test_a_text_is_read_in_columns_and_pieces():
    text = language_model.columns(np.arange(23), 2)
    assert text.T.tolist() == [list(range(11)), list(range(11, 22))]
    inputs, targets = zip(*language_model.pieces(text, 4), strict=True)
    assert [len(piece) for piece in inputs] == [4, 4, 2]
    assert minigrad.equal(minigrad.cat(inputs), text[:-1])
    assert minigrad.equal(minigrad.cat(targets), text[1:])


@pytest.mark.parametrize("args", [[], ["--net", "gru"], ["--variational"], ["--variational", "gal", "--net", "gru"]])
def test_the_state_goes_from_piece_to_piece(args):
    """So that the loss does not depend on where the text is cut; in training no gradient follows it."""
    model = language_model.make_model(9, options(*args))
    text = minigrad.randint(9, (31, 3))
    losses = [language_model.evaluate(model, text, steps) for steps in (5, 7, 30)]
    np.testing.assert_allclose(losses, losses[2], rtol=1e-5)
    _, state = model(text)
    flat = [part for item in (state if isinstance(state, list) else [state])
            for part in (item if isinstance(item, tuple) else (item,))]  # fmt: skip
    assert all(part.requires_grad for part in flat)
    again = language_model.detached(state)
    assert type(again) is type(state)
    model(text, again)[0].sum().backward()  # the first graph is not needed any more


@pytest.mark.parametrize("net", ["lstm", "gru"])
def test_without_dropout_all_three_are_one_net(net):
    """nn.LSTM of two layers, two of one layer with dropped weights, and two cells that run step by step."""
    plain = language_model.make_model(9, options("--net", net)).eval()
    text = minigrad.randint(9, (7, 3))
    expected = plain(text)[0]
    state = plain.state_dict()
    for kind, name in (("merity", "layers.{}.module.{}_l0"), ("gal", "layers.{}.cell.{}")):
        model = language_model.make_model(9, options("--net", net, "--dropout", "0.5", "--variational", kind)).eval()
        renamed = {
            re.sub(r"rnn\.(\w+)_l(\d)", lambda found, name=name: name.format(found[2], found[1]), key): value
            for key, value in state.items()
        }
        model.load_state_dict(renamed)
        np.testing.assert_allclose(model(text)[0].numpy(force=True), expected.numpy(force=True), atol=1e-5)
        assert not np.allclose(model.train()(text)[0].numpy(force=True), expected.numpy(force=True), atol=1e-3)


@pytest.mark.parametrize("kind", ["gal", "merity"])
def test_variational_masks_hold_for_a_whole_piece(kind):
    model = language_model.make_model(9, options("--dropout", "0.5", "--variational", kind))
    seen = []
    model.dropout.register_forward_hook(lambda module, inputs, output: seen.append((inputs[0], output)))
    model(minigrad.randint(1, (6, 4)))
    assert len(seen) == 3  # before each layer and after the last
    for before, after in seen:
        dropped = (after == 0) & (before != 0)
        assert minigrad.equal(dropped[1:], dropped[:1].expand(5, 4, 12))
    assert [layer.p for layer in model.modules() if isinstance(layer, nn.WordDropout)] == [0.1]
    rates = [layer.p_hidden if kind == "gal" else layer.p
             for layer in model.modules() if isinstance(layer, (nn.GalDropout, nn.WeightDrop))]  # fmt: skip
    assert rates == [0.25, 0.25]


def test_a_transformer_sees_nothing_that_comes_later():
    model = language_model.make_model(9, options("--net", "transformer")).eval()
    text = minigrad.randint(9, (20, 2))
    other = text.clone()
    other[12:] = (text[12:] + 1) % 9
    a, b = (model(ids)[0].numpy(force=True) for ids in (text, other))
    np.testing.assert_allclose(a[:12], b[:12], atol=1e-6)
    assert not np.allclose(a[12:], b[12:], atol=1e-3)


def test_tied_words_are_one_matrix():
    model = language_model.make_model(9, options("--tied"))
    assert model.decoder.weight is model.embedding.weight
    assert language_model.make_model(9, options()).decoder.weight is not model.embedding.weight


@pytest.mark.parametrize(
    "args",
    [
        "--layers 1 --dropout 0.1",
        "--layers 1 --net gru",
        "--layers 1 --dropout 0.1 --variational gal",
        "--layers 1 --dropout 0.1 --variational merity",
        "--net transformer --lr 0.01 --steps 20 --batch-size 10",
    ],
    ids=["lstm", "gru", "gal", "merity", "transformer"],
)
def test_a_language_model_learns_the_rule(args, treebank, capsys):
    """Of five words of a sentence, "<eos>" among them, two are free, of six each: 3.58 / 5 nats. Without the rule it is the entropy of
    words, or, with their places known but not the words before, four of six."""
    args = [*args.split(), "--units", "32", "--epochs", "6", "--data-dir", str(treebank)]
    language_model.main(language_model.arguments(args))
    found = re.search(r"^test perplexity: (\S+) \(", capsys.readouterr().out, re.MULTILINE)
    assert found is not None
    loss = math.log(float(found[1]))
    data = datasets.ptb(treebank)
    assert 0.98 * 2 * math.log(6) / 5 < loss < 4 * math.log(6) / 5 < entropy(data.train.tolist())


# ---- char_gpt.py ---------------------------------------------------------------------------------------------------------


def small_gpt(**sizes: int) -> char_gpt.GPT:
    return char_gpt.GPT(
        **{"characters": 9, "context": 8, "layers": 2, "heads": 2, "width": 16, "dropout": 0.0, **sizes}
    )


def test_the_gpt_is_nanogpts():
    model = small_gpt(characters=65, context=64, layers=4, heads=4, width=128)
    assert sum(parameter.numel() for parameter in model.parameters()) == 804_096  # nanoGPT says 0.80M
    assert model.head.weight is model.token.weight
    spread = {name: parameter.std().item() for name, parameter in model.named_parameters() if parameter.dim() > 1}
    for name, value in spread.items():
        adds = name.endswith(("project.weight", "mlp.2.weight"))
        assert value == pytest.approx(0.02 / 8**0.5 if adds else 0.02, rel=0.05), name


def test_a_gpt_sees_nothing_that_comes_later():
    model = small_gpt().eval()
    ids = minigrad.randint(9, (3, 8))
    other = ids.clone()
    other[:, 5:] = (ids[:, 5:] + 1) % 9
    a, b = (model(x).numpy(force=True) for x in (ids, other))
    np.testing.assert_allclose(a[:, :5], b[:, :5], atol=1e-6)
    assert not np.allclose(a[:, 5:], b[:, 5:], atol=1e-3)


def test_batches_are_pieces_of_the_text():
    text = minigrad.arange(50)
    x, y = char_gpt.batch(text, 8, 200)
    assert x.shape == y.shape == (200, 8)
    assert minigrad.equal(x, x[:, :1] + minigrad.arange(8))
    assert minigrad.equal(y, x + 1)
    assert x[:, 0].min().item() == 0
    assert y[:, -1].max().item() == 49


def test_the_loss_of_a_whole_text():
    model = small_gpt().eval()
    text = minigrad.randint(9, (8 * 150 + 5,))
    losses = [
        char_gpt.loss_of(model, text[i : i + 8].unsqueeze(0), text[i + 1 : i + 9].unsqueeze(0)).item()
        for i in range(0, 8 * 150, 8)
    ]
    assert char_gpt.whole_loss(model, text, 8) == pytest.approx(np.mean(losses), rel=1e-5)


def test_what_decays():
    groups = char_gpt.optimizer_of(small_gpt(), 0.1).param_groups
    assert [group["weight_decay"] for group in groups] == [0.1, 0]
    assert {parameter.dim() for parameter in groups[0]["params"]} == {2}
    assert {parameter.dim() for parameter in groups[1]["params"]} == {1}


def test_writing():
    model = small_gpt()
    for parameter in model.parameters():
        nn.init.normal_(parameter)  # as it begins, it says the same again and again
    start = minigrad.zeros(40, 1, dtype=minigrad.int64)
    greedy = model.generate(start, 12, top_k=1)
    assert greedy.shape == (40, 13)
    assert minigrad.equal(greedy, greedy[:1].expand(40, 13))
    for place in range(1, 13):
        logits = model(greedy[:1, max(0, place - 8) : place])[0, -1]
        assert logits.argmax().item() == greedy[0, place].item()
    assert len(set(greedy[0].tolist())) > 3
    two = model(start[:1])[0, -1].topk(2).indices.tolist()
    assert set(model.generate(start, 1, top_k=2)[:, 1].tolist()) == set(two)
    assert len(set(model.generate(start, 1, temperature=100.0, top_k=50)[:, 1].tolist())) > 4


def test_a_gpt_learns_the_rule(play, capsys):
    """Of seven characters of a speech three are free; places alone would leave six."""
    args = ["--layers", "1", "--width", "32", "--context", "14", "--steps", "400", "--lr", "0.01", "--generate", "210"]
    char_gpt.main(char_gpt.arguments([*args, "--data-dir", str(play)]))
    out = capsys.readouterr().out
    found = re.search(r"^validation loss: (\S+) at the end", out, re.MULTILINE)
    assert found is not None
    loss = float(found[1])
    free = math.log(8) / 7
    assert 0.98 * 3 * free < loss < 5 * free < entropy((play / "input.txt").read_text())
    speeches = re.findall(r"^[a-h]{6}$", out, re.MULTILINE)
    assert len(speeches) >= 15
    assert sum(speech[:3] == speech[3:] for speech in speeches) > len(speeches) / 2


# ---- makemore.py ---------------------------------------------------------------------------------------------------------


def test_names_as_rows():
    vocabulary = datasets.Vocabulary((".", "a", "b"))
    x, y = makemore.examples(["ab", "b", "aab"], vocabulary, 4)
    none = makemore.IGNORED
    assert x.tolist() == [[0, 1, 2, 0], [0, 2, 0, 0], [0, 1, 1, 2]]
    assert y.tolist() == [[1, 2, 0, none], [2, 0, none, none], [1, 1, 2, 0]]


def test_bigrams_are_counted():
    vocabulary = datasets.Vocabulary((".", "a", "b"))
    model = makemore.Bigram(3, 8, 4)
    x, y = makemore.examples(["ab", "b", "aab"], vocabulary, 4)
    model.count(x, y)
    assert model.counts.tolist() == [[1, 3, 2], [1, 2, 3], [4, 1, 1]]
    probabilities = model(minigrad.tensor([[1, 2]])).exp()
    np.testing.assert_allclose(probabilities.numpy(), [[[1 / 6, 2 / 6, 3 / 6], [4 / 6, 1 / 6, 1 / 6]]], rtol=1e-6)
    counted = np.log([3 / 6, 3 / 6, 4 / 6, 2 / 6, 4 / 6, 3 / 6, 2 / 6, 3 / 6, 4 / 6])
    assert makemore.evaluate(model, x, y) == pytest.approx(-counted.mean(), rel=1e-6)


@pytest.mark.parametrize("net", list(makemore.NETS))
def test_no_net_sees_what_comes_later(net):
    model = makemore.NETS[net](9, 8, 7).eval()
    if net == "bigram":
        model.counts.uniform_(1, 9)
    x = minigrad.randint(9, (4, 7))
    other = x.clone()
    other[:, 4:] = (x[:, 4:] + 1) % 9
    with minigrad.no_grad():
        a, b = (model(ids).numpy() for ids in (x, other))
    assert a.shape == (4, 7, 9)
    np.testing.assert_allclose(a[:, :4], b[:, :4], atol=1e-6)
    assert not np.allclose(a[:, 4:], b[:, 4:], atol=1e-4)
    earlier = x.clone()
    earlier[:, 0] = (x[:, 0] + 1) % 9
    with minigrad.no_grad():
        changed = np.abs(model(earlier).numpy() - a).max(axis=(0, 2)) > 1e-6
    reach = {"bigram": 1, "mlp": 3}.get(net, 7)
    assert changed.tolist() == [place < reach for place in range(7)]


def test_nets_of_names_learn_the_rule(family, capsys):
    """Two letters of four are free, as the end is not; bigrams do not see the letter two before."""
    makemore.main(makemore.arguments(["--net", "all", "--steps", "300", "--lr", "0.01", "--width", "16",
                                      "--data-dir", str(family)]))  # fmt: skip
    out = capsys.readouterr().out
    loss = {net: float(test) for net, test in re.findall(r"^(\w+) +[\d,]+ +\S+ +(\d\.\d+) +\S+$", out, re.MULTILINE)}
    assert list(loss) == list(makemore.NETS)
    least = 2 * math.log(8) / 5
    assert loss["bigram"] > 1.6 * least
    for net in ("rnn", "gru", "lstm", "transformer"):
        assert 0.9 * least < loss[net] < 1.5 * least, net
    assert loss["mlp"] < loss["bigram"]
    drawn = re.search(r"^transformer: (.*); (\d+) of 20 are new$", out, re.MULTILINE)
    assert drawn is not None
    names = drawn[1].split(", ")
    assert sum(name[:2] == name[2:] for name in names) > 5  # of random ones a third of a name would be
    lines = (family / "names.txt").read_text().split()
    assert int(drawn[2]) >= sum(name not in lines for name in names)
