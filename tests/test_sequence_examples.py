"""mnist.py, vae.py, translation.py and spoken_digits.py: their parts against definitions, and short runs on made-up data."""

from __future__ import annotations

import math
import os
import re
import struct
import subprocess
import sys
import wave
from itertools import product
from pathlib import Path

import numpy as np
import pytest

import minigrad as mg
import mnist
import spoken_digits
import translation
import vae
from minigrad import nn
from minigrad.distributions import Normal, kl_divergence

ROOT = Path(__file__).parent.parent


@pytest.fixture(autouse=True)
def _one_thread(monkeypatch, set_num_threads):
    monkeypatch.delenv("MINIGRAD_DATA", raising=False)
    set_num_threads(1)


def run(program: str, *args: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    paths = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    scope = {**os.environ, "PYTHONPATH": paths, "MINIGRAD_NUM_THREADS": "1"}
    command = [sys.executable, str(ROOT / "examples" / program), *args]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, env=scope)


# ---- command lines ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("program", "args"),
    [
        (mnist, ["--epochs", "0"]),
        (mnist, ["--lr", "0"]),
        (mnist, ["--gamma", "-1"]),
        (mnist, ["--test-batch-size", "0"]),
        (mnist, ["--log-interval", "0"]),
        (vae, ["--epochs", "0"]),
        (vae, ["--lr", "nan"]),
        (vae, ["--batch-size", "few"]),
        (translation, ["--net", "lstm"]),
        (translation, ["--source", "fr"]),
        (translation, ["--dropout", "1"]),
        (translation, ["--label-smoothing", "1"]),
        (translation, ["--show", "-1"]),
        (translation, ["--size", "0"]),
        (translation, ["--layers", "2", "--net", "gru"]),
        (spoken_digits, ["--net", "rnn"]),
        (spoken_digits, ["--shift", "-1"]),
        (spoken_digits, ["--dropout", "-0.5"]),
        (spoken_digits, ["--threads", "0"]),
    ],
    ids=lambda part: part.__name__ if hasattr(part, "__name__") else " ".join(part),
)
def test_bad_values_are_refused(program, args, capsys):
    with pytest.raises(SystemExit) as refused:
        program.arguments(args)
    assert refused.value.code == 2
    assert f"argument {args[0]}" in capsys.readouterr().err


def test_a_transformer_s_width_has_to_suit_its_heads(capsys):
    with pytest.raises(SystemExit) as refused:
        translation.arguments(["--net", "transformer", "--size", "100"])
    assert refused.value.code == 2
    assert "argument --size: has to be a multiple of 64, or even and below it, not 100" in capsys.readouterr().err
    assert translation.arguments(["--size", "100"]).size == 100


@pytest.mark.parametrize("program", ["mnist", "vae", "translation", "spoken_digits"])
def test_missing_data_are_said(program, tmp_path):
    if program == "translation":
        pytest.importorskip("sacrebleu")
    result = run(f"{program}.py", "--data-dir", str(tmp_path), cwd=tmp_path)
    assert result.returncode == 1
    assert result.stderr.startswith(f"{program}.py: ")
    assert "looked for" in result.stderr
    assert "Traceback" not in result.stderr


# ---- images ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def images(tmp_path) -> Path:
    """A folder with MNIST's files, whose images are noise and a bright bar that stands higher or lower for each class."""
    draw = np.random.default_rng(0)
    for part, number in (("train", 480), ("t10k", 120)):
        labels = np.arange(number, dtype=np.uint8) % 10
        pixels = draw.integers(0, 60, (number, 28, 28), dtype=np.uint8)
        for image, label in zip(pixels, labels, strict=True):
            image[4 + 2 * label : 6 + 2 * label, 4:24] = 250
        for kind, array in (("images-idx3", pixels), ("labels-idx1", labels)):
            head = bytes((0, 0, 8, array.ndim)) + struct.pack(f">{array.ndim}I", *array.shape)
            (tmp_path / f"{part}-{kind}-ubyte").write_bytes(head + array.tobytes())
    return tmp_path


def test_mnist_learns_and_repeats_itself(images, capsys, monkeypatch):
    monkeypatch.chdir(images)
    args = ["--data-dir", str(images), "--epochs", "3", "--batch-size", "32", "--save-model"]
    found = []
    for _ in range(2):
        mnist.main(mnist.arguments(args))
        found.append(capsys.readouterr().out)
    assert found[0] == found[1]
    lines = re.findall(
        r"^epoch (\d)/3  training loss \S+  test loss \S+, accuracy (\d+)/120 \(\S+ %\)$", found[0], re.M
    )
    assert [epoch for epoch, _ in lines] == ["1", "2", "3"]
    assert int(lines[-1][1]) > 100

    model = mnist.Net()
    model.load_state_dict(mg.load(images / "mnist_cnn.safetensors"))
    data = mnist.datasets.mnist(images)
    with mg.no_grad():
        logits = model.eval()((mg.from_numpy(data.test_images) - mnist.MEAN) / mnist.STD)
    right = (logits.argmax(1).numpy() == data.test_labels).sum()
    assert right == int(lines[-1][1])


def test_a_dry_run_is_one_step(images, capsys, monkeypatch):
    steps = []
    step = mnist.optim.Adadelta.step
    monkeypatch.setattr(mnist.optim.Adadelta, "step", lambda self, *args: steps.append(1) or step(self, *args))
    mnist.main(mnist.arguments(["--data-dir", str(images), "--dry-run"]))
    assert len(steps) == 1
    assert capsys.readouterr().out.count("epoch ") == 1


def test_the_bound_of_the_vae_is_its_definition():
    model = vae.VAE(pixels=6)
    x = mg.rand(5, 6)
    mg.manual_seed(3)
    recon_x, mu, logvar = model(x)
    BCE, KLD = vae.loss_function(recon_x, x, mu, logvar)
    q, p = Normal(mu, (0.5 * logvar).exp()), Normal(mg.zeros_like(mu), mg.ones_like(mu))
    assert KLD.item() == pytest.approx(kl_divergence(q, p).sum().item(), rel=1e-4)
    likelihood = (x * recon_x.log() + (1 - x) * (1 - recon_x).log()).sum()
    assert BCE.item() == pytest.approx(-likelihood.item(), rel=1e-5)
    mg.manual_seed(3)
    z = mu + (0.5 * logvar).exp() * mg.randn(5, vae.LATENT)
    assert mg.allclose(model.decode(z), recon_x)


def test_the_vae_learns_and_draws(images, capsys):
    pytest.importorskip("matplotlib")
    from matplotlib.image import imread

    out = images / "pictures"
    args = ["--data-dir", str(images), "--epochs", "3", "--batch-size", "16", "--out", str(out)]
    found = []
    for _ in range(2):
        vae.main(vae.arguments(args))
        found.append(capsys.readouterr().out)
    assert found[0] == found[1]
    bound = float(re.search(r"would have (\S+) nats", found[0])[1])
    bounds = [float(text) for text in re.findall(r"test ELBO (\S+) nats an image", found[0])]
    assert len(bounds) == 3
    assert bounds[0] + 5 < bounds[2] < bound
    assert f"test ELBO: {bounds[2]:.2f} nats" in found[0]
    assert imread(out / "reconstruction_3.png").shape[:2] == (2 * 30 + 2, 8 * 30 + 2)
    assert imread(out / "sample_3.png").shape[:2] == (8 * 30 + 2, 8 * 30 + 2)


def test_images_are_drawn_in_rows(tmp_path):
    pytest.importorskip("matplotlib")
    from matplotlib.image import imread

    images = mg.arange(1, 4).reshape(3, 1, 1) / 3 * mg.ones(3, 2, 4)
    vae.save_image(images, tmp_path / "new" / "grid.png", nrow=2)
    grid = imread(tmp_path / "new" / "grid.png")[..., 0]
    assert grid.shape == (10, 14)
    for value, row, column in ((1 / 3, 2, 2), (2 / 3, 2, 8), (1, 6, 2)):
        np.testing.assert_allclose(grid[row : row + 2, column : column + 4], value, atol=0.01)
        grid[row : row + 2, column : column + 4] = 0
    assert (grid == 0).all()


# ---- translation -----------------------------------------------------------------------------------------------------

WORDS = {"one": "eins", "red": "rot", "big": "gross", "dog": "hund"}
LANGUAGE = [  # word by word, but backwards
    (" ".join(words), " ".join(WORDS[word] for word in reversed(words)))
    for length in (2, 3, 4)
    for words in product(WORDS, repeat=length)
]


def small(net: str, p: float = 0.0) -> nn.Module:
    return translation.NETS[net](10, 10, 32, p)


@pytest.fixture
def captions(tmp_path) -> Path:
    """A folder with Multi30k's files in that language; 29 of the 336 sentences are not trained on."""
    order = np.random.default_rng(0).permutation(len(LANGUAGE))
    parts = {"train": order[29:], "val": order[:15], "test_2016_flickr": order[15:29]}
    for (part, members), side in product(parts.items(), (0, 1)):
        text = "".join(LANGUAGE[k][side] + "\n" for k in members)
        (tmp_path / f"{part}.lc.norm.tok.{('en', 'de')[side]}").write_text(text)
    return tmp_path


def test_buckets_hold_each_sentence_once():
    lengths = np.random.default_rng(0).integers(3, 30, 1003)
    buckets = translation.Buckets(lengths, 10)
    first, second = list(buckets), list(buckets)
    for batches in (first, second):
        assert sorted(k for batch in batches for k in batch) == list(range(1003))
        assert len(batches) == len(buckets) == 101
        assert np.mean([np.ptp(lengths[batch]) for batch in batches]) < 2  # 20 and more in batches at random
    assert first != second


def test_sentences_as_numbers():
    vocabulary = translation.Vocabulary(("<pad>", "<unk>", "<bos>", "<eos>", "a", "b"), "<unk>")
    pairs = translation.numbers([("a b", "b"), ("a", "x a b")], (vocabulary, vocabulary))
    source, lengths, target = translation.collate(pairs)
    assert source.tolist() == [[4, 5, 3], [4, 3, 0]]
    assert lengths.tolist() == [3, 2]
    assert target.tolist() == [[2, 5, 3, 0, 0], [2, 1, 4, 5, 3]]
    assert translation.directed([("the", "das")] * 2, "de", 1) == [("das", "the")]


@pytest.mark.parametrize("net", translation.NETS)
def test_padding_is_not_seen(net):
    """A short sentence gets the same logits alone as beside a long one."""
    model = small(net).eval()
    short, long = (
        (mg.tensor([4, 5, 3]), mg.tensor([2, 6, 3])),
        (mg.tensor([4, 5, 6, 7, 8, 3]), mg.tensor([2, 6, 7, 8, 3])),
    )
    alone = model(*translation.collate([short]))
    together = model(*translation.collate([short, long]))
    assert together.shape == (2, 5, 10)
    np.testing.assert_allclose(together[0, :3].numpy(force=True), alone[0].numpy(force=True), atol=1e-5)


@pytest.mark.parametrize("net", translation.NETS)
def test_no_word_sees_what_follows_it(net):
    model = small(net).eval()
    source, lengths = mg.tensor([[4, 5, 3]]), mg.tensor([3])
    first, second = (model(source, lengths, mg.tensor([[2, 5, last, 7]])).numpy(force=True) for last in (6, 9))
    np.testing.assert_array_equal(first[:, :2], second[:, :2])
    assert (first[:, 2:, 1:] != second[:, 2:, 1:]).all()  # padding's logit is its bias alone


@pytest.mark.parametrize("net", translation.NETS)
def test_a_translation_is_what_the_net_finds_likeliest(net):
    """Each word is the best of the logits that training computes for all places at once; special words are left out."""
    model = small(net)
    source, lengths, _ = translation.collate([(mg.tensor(ids), mg.tensor([2])) for ids in ([4, 5, 3], [6, 7, 8, 9, 3])])
    words = translation.greedy_decode(model, source, lengths, 6)
    assert words.shape[1] <= 6
    assert not set(words.reshape(-1).tolist()) & {translation.PAD, translation.UNK, translation.BOS}
    before = mg.tensor(np.concatenate([np.full((2, 1), translation.BOS), words[:, :-1]], 1))
    logits = model(source, lengths, before).numpy(force=True)
    logits[..., [translation.PAD, translation.UNK, translation.BOS]] = -math.inf
    for sentence, expected in zip(words.tolist(), logits.argmax(2).tolist(), strict=True):
        end = sentence.index(translation.EOS) + 1 if translation.EOS in sentence else len(sentence)
        assert sentence[:end] == expected[:end]


def test_attention_is_its_formula():
    attention = translation.BahdanauAttention(3)
    hidden, annotations = mg.randn(2, 3), mg.randn(2, 4, 6)
    padding = mg.tensor([[False] * 4, [False, False, True, True]])
    found = attention(hidden, annotations, attention.Ua(annotations), padding).numpy(force=True)
    W, b, U, v = (
        x.numpy(force=True) for x in (attention.Wa.weight, attention.Wa.bias, attention.Ua.weight, attention.Va.weight)
    )
    for k, seen in enumerate((4, 2)):
        h = annotations[k, :seen].numpy()
        e = np.array([v[0] @ np.tanh(W @ hidden[k].numpy() + b + U @ row) for row in h])
        a = np.exp(e) / np.exp(e).sum()
        np.testing.assert_allclose(found[k], a @ h, rtol=1e-4, atol=1e-6)


def test_positions_are_sines_and_cosines():
    table = translation.PositionalEncoding(8, 0.0)(mg.zeros(1, 50, 8)).numpy()[0]
    for position, pair in product((0, 3, 49), range(4)):
        angle = position / 10_000 ** (2 * pair / 8)
        np.testing.assert_allclose(
            table[position, 2 * pair : 2 * pair + 2], [math.sin(angle), math.cos(angle)], atol=1e-5
        )


@pytest.mark.parametrize(("net", "epochs"), [("gru", 12), ("transformer", 30)])
def test_a_language_is_learned(net, epochs, captions, capsys):
    """Sentences that were not trained on are translated."""
    pytest.importorskip("sacrebleu")
    args = ["--net", net, "--data-dir", str(captions), "--out", str(captions / "out"), "--size", "32"]
    args += ["--layers", "1"] if net == "transformer" else []
    args += ["--epochs", str(epochs), "--batch-size", "16", "--lr", "0.005", "--dropout", "0", "--show", "2"]
    translation.main(translation.arguments(args))
    out = capsys.readouterr().out
    score = float(re.search(r"^test BLEU: (\S+) on 14 sentences \(.*tok:none.*\)$", out, re.M)[1])
    assert score > 80
    assert out.count("(reference: ") == 2
    found = (captions / "out" / "translations.txt").read_text().splitlines()
    references = (captions / "test_2016_flickr.lc.norm.tok.de").read_text().splitlines()
    assert len(found) == 14
    assert sum(a == b for a, b in zip(found, references, strict=True)) >= 11


@pytest.mark.parametrize("net", translation.NETS)
def test_two_runs_are_the_same(net, captions, capsys):
    pytest.importorskip("sacrebleu")
    args = ["--net", net, "--data-dir", str(captions), "--out", str(captions), "--size", "16", "--source", "de"]
    found = []
    for _ in range(2):
        translation.main(translation.arguments([*args, "--epochs", "2", "--pairs", "40"]))
        found.append(capsys.readouterr().out)
    assert found[0] == found[1]
    assert "epoch 2/2" in found[0]


def test_without_sacrebleu_its_name_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "sacrebleu.metrics", None)
    with pytest.raises(ImportError, match=r"BLEU needs sacrebleu: pip install 'minigrad\[examples\]'"):
        translation.main(translation.arguments([]))


# ---- spoken digits ---------------------------------------------------------------------------------------------------

RATE = 8000


def tone(frequency: float, samples: int = 4000) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * frequency * np.arange(samples) / RATE)).astype(np.float32)


def test_power_is_that_of_the_windowed_samples():
    """Parseval: over all N frequencies, of which those but the first and last stand for two, the power is N times."""
    samples = np.random.default_rng(0).standard_normal(1000).astype(np.float32)
    power = spoken_digits.power_frames(samples, RATE)
    size = 2 * (power.shape[1] - 1)
    assert power.shape[0] == 1 + (1000 - 200) // 80
    for t, found in enumerate(power):
        frame = samples[80 * t : 80 * t + 200] * np.sin(np.pi * np.arange(200) / 200) ** 2
        assert found[0] + found[-1] + 2 * found[1:-1].sum() == pytest.approx(size * np.square(frame).sum())


@pytest.mark.parametrize("frequency", [150, 440, 1000, 2500, 3600])
def test_a_tone_is_in_the_band_of_its_frequency(frequency):
    features = spoken_digits.log_mel(tone(frequency), RATE)
    assert features.dtype == np.float32
    mel = 2595 * np.log10(1 + np.array([frequency, RATE / 2]) / 700)
    nearest = round(mel[0] / mel[1] * (spoken_digits.BANDS + 1)) - 1  # centres are equidistant in mel
    assert (features.argmax(1) == nearest).all()
    assert (features[:, nearest, None] - features[:, np.abs(np.arange(spoken_digits.BANDS) - nearest) > 8] > 5).all()


def test_silence_and_short_recordings():
    assert (spoken_digits.log_mel(np.zeros(400, np.float32), RATE) == np.float32(math.log(spoken_digits.FLOOR))).all()
    assert spoken_digits.log_mel(tone(440, 30), RATE).shape == (1, spoken_digits.BANDS)


def test_the_filters_are_triangles_that_add_up_to_one():
    bank = spoken_digits.mel_filterbank(40, 1025, RATE)
    frequencies = np.linspace(0, RATE / 2, 1025)
    centres = 700 * (10 ** (np.arange(1, 41) * 2595 * np.log10(1 + 4000 / 700) / 41 / 2595) - 1)
    assert bank.shape == (40, 1025)
    assert bank.min() == 0
    assert np.abs(frequencies[bank.argmax(1)] - centres).max() <= RATE / 2 / 1024
    between = (frequencies >= centres[0]) & (frequencies <= centres[-1])
    np.testing.assert_allclose(bank.sum(0)[between], 1)  # of two neighbours one falls as the other rises
    assert (spoken_digits.mel_filterbank(40, spoken_digits.power_frames(tone(1), RATE).shape[1], RATE).sum(1) > 0).all()


def test_recordings_stand_in_the_middle_of_the_image():
    silence = np.arange(40, dtype=np.float32)
    model = spoken_digits.CNN(10, 0.0, silence)
    recordings = [np.full((frames, 40), 100 + frames, np.float32) for frames in (1, 20, 100, 150)]
    (images,) = model.inputs(recordings)
    assert images.shape == (4, 1, 40, 100)
    for image, frames, start in zip(images[:, 0].numpy(), (1, 20, 100, 150), (49, 40, 0, 0), strict=True):
        word = image[0] == 100 + frames
        assert np.flatnonzero(word)[0] == start
        assert word.sum() == min(frames, 100)
        assert (image[:, ~word] == silence[:, None]).all()
    starts = set()
    for _ in range(50):
        (images,) = model.inputs(recordings, shift=3)
        starts.add(int(np.flatnonzero(images[1, 0, 0].numpy() == 120)[0]))
    assert starts == set(range(37, 44))


def test_a_recording_is_read_as_long_as_it_is():
    """With padding beside a longer one the GRU finds the same; dropout takes the same units at all frames."""
    model = spoken_digits.GRU(10, 0.5, np.zeros(40, np.float32)).eval()
    draw = np.random.default_rng(0)
    short, long = (draw.standard_normal((frames, 40)).astype(np.float32) for frames in (7, 19))
    alone, together = (model(*model.inputs(some)).numpy(force=True) for some in ([short], [short, long]))
    np.testing.assert_allclose(alone[0], together[0], atol=1e-5)
    x, lengths = model.inputs([short, long], shift=4)
    assert x.shape[:2] == (2, int(lengths.max()))
    assert 7 <= int(lengths[0]) <= 15
    dropped = model.train().band_dropout(mg.ones(2, 9, 40)).numpy() == 0
    assert (dropped == dropped[:, :1]).all()
    assert 0 < dropped.mean() < 0.5


@pytest.fixture
def tones(tmp_path) -> Path:
    """A folder with recordings in noise: the digit d is a tone of 300 + 300 d Hz."""
    draw = np.random.default_rng(0)
    (tmp_path / "recordings").mkdir()
    for digit, number in product(range(10), range(3, 12)):
        samples = tone(300 + 300 * digit, int(draw.integers(1500, 3000)))
        samples += 0.05 * draw.standard_normal(len(samples)).astype(np.float32)
        with wave.open(str(tmp_path / "recordings" / f"{digit}_ann_{number}.wav"), "wb") as file:
            file.setparams((1, 2, RATE, 0, "NONE", ""))
            file.writeframes((samples * 2**14).astype("<i2").tobytes())
    return tmp_path


@pytest.mark.parametrize("net", spoken_digits.NETS)
def test_tones_are_learned(net, tones, capsys):
    args = ["--net", net, "--data-dir", str(tones), "--epochs", "12", "--batch-size", "10", "--dropout", "0.1"]
    args = spoken_digits.arguments(args)
    found = []
    for _ in range(2):
        spoken_digits.main(args)
        found.append(capsys.readouterr().out)
    assert found[0] == found[1]
    accuracy = re.search(r"^test accuracy: (\S+) % of 20 recordings \(ann \S+ %\)$", found[0], re.M)
    assert float(accuracy[1]) >= 90


def test_a_part_without_recordings_is_said(tones, capsys):
    for path in (tones / "recordings").glob("*_ann_[34].wav"):
        path.unlink()
    with pytest.raises(SystemExit, match="there have to be recordings from number 5 on"):
        spoken_digits.main(spoken_digits.arguments(["--data-dir", str(tones)]))
