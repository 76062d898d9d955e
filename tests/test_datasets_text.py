"""minigrad.datasets: text and speech, from tiny made-up files in the publishers' formats."""

import gzip
import io
import tarfile
import wave

import numpy as np
import pytest

from minigrad import datasets
from minigrad.datasets import Vocabulary, speech, text
from minigrad.datasets.download import md5

PTB = {
    "ptb.train.txt": b" the cat sat \n the dog N \n",
    "ptb.valid.txt": b" the dog sat \n",
    "ptb.test.txt": b" cat \n",
}
TOKENIZED = {
    "train.lc.norm.tok.en": "a man .\na dog runs .\n",
    "train.lc.norm.tok.de": "ein mann .\nein hund läuft .\n",
    "val.lc.norm.tok.en": "a man runs .\n",
    "val.lc.norm.tok.de": "ein mann läuft .\n",
    "test_2016_flickr.lc.norm.tok.en": "dogs .\n",
    "test_2016_flickr.lc.norm.tok.de": "hunde .\n",
}


@pytest.fixture(autouse=True)
def _own_folders(tmp_path, monkeypatch):
    """No test sees the user's cache or data."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("MINIGRAD_DATA", raising=False)


def put(folder, files):
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data.encode() if isinstance(data, str) else data)
    return folder


def wav(samples, channels=1, width=2, rate=8000):
    stream = io.BytesIO()
    with wave.open(stream, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(np.asarray(samples, f"<i{width}").tobytes())
    return stream.getvalue()


def recordings():
    """Of two digits and two speakers, numbers 4 (test) to 6, each of its own length."""
    return {
        f"{digit}_{speaker}_{number}.wav": wav(np.arange(digit * 10 + number) * 100 - 300)
        for number in (6, 5, 4)
        for speaker in ("zoe", "ann")
        for digit in (7, 1)
    }


def archive(files, top="fsdd-1.0/"):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(f"{top}recordings/{name}")
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return stream.getvalue()


# ---- vocabularies ----------------------------------------------------------------------------------------------------


def test_vocabulary():
    vocabulary = Vocabulary.count(["b", "a", "c", "a", "b", "a", "d"], 2, ("<unk>", "a"), "<unk>")
    assert vocabulary.tokens == ("<unk>", "a", "b")
    ids = vocabulary.encode(["b", "c", "a"])
    assert ids.dtype == np.int64
    assert ids.tolist() == [2, 0, 1]
    assert vocabulary.decode(ids) == ["b", "<unk>", "a"]
    assert len(vocabulary) == 3
    assert "c" not in vocabulary
    assert Vocabulary.count("bca").tokens == ("a", "b", "c")  # as frequent: in order
    with pytest.raises(KeyError, match="x"):
        Vocabulary(("a",)).encode("ax")
    with pytest.raises(ValueError, match="distinct"):
        Vocabulary(("a", "a"))
    with pytest.raises(ValueError, match="unknown='z'"):
        Vocabulary(("a",), "z")


# ---- text ------------------------------------------------------------------------------------------------------------


def test_ptb(tmp_path, monkeypatch):
    put(tmp_path / "ptb", PTB)
    found = datasets.ptb(tmp_path)
    assert found.vocabulary.tokens == ("<eos>", "the", "N", "cat", "dog", "sat")
    assert found.vocabulary.decode(found.train) == ["the", "cat", "sat", "<eos>", "the", "dog", "N", "<eos>"]
    assert [len(part) for part in (found.train, found.valid, found.test)] == [8, 4, 2]
    assert repr(found) == "TextData('ptb', 8 + 4 + 2 tokens, 6 distinct)"
    monkeypatch.setenv("MINIGRAD_DATA", str(tmp_path))
    assert datasets.ptb().train.tolist() == found.train.tolist()
    put(tmp_path / "ptb", {"ptb.test.txt": b"bird\n"})
    with pytest.raises(ValueError, match=r"ptb\.test\.txt: the word 'bird' does not come in the training text"):
        datasets.ptb()


def test_tinyshakespeare(tmp_path):
    put(tmp_path, {"input.txt": "To be,\r\nor not to be"})
    found = datasets.tinyshakespeare(tmp_path)
    whole = "".join(found.vocabulary.decode([*found.train, *found.valid]))
    assert whole == "To be,\nor not to be"
    assert list(found.vocabulary.tokens) == sorted(set(whole))
    assert (len(found.train), len(found.valid), len(found.test)) == (17, 2, 0)


def test_names(tmp_path):
    put(tmp_path / "names", {"names.txt": "emma\nava\n"})
    found = datasets.names(tmp_path)
    assert found.names == ("emma", "ava")
    assert found.vocabulary.tokens == (".", "a", "e", "m", "v")
    assert repr(found) == "NameData(2 names of 4 letters)"
    for names, message in (("emma\n\nava\n", "line 2 is empty"), ("<html>", "'<' is not a letter")):
        put(tmp_path / "names", {"names.txt": names})
        with pytest.raises(ValueError, match=f"names.txt: {message}"):
            datasets.names(tmp_path)


def test_multi30k(tmp_path):
    put(tmp_path / "multi30k", TOKENIZED)
    found = datasets.multi30k(tmp_path)
    assert found.train == (("a man .", "ein mann ."), ("a dog runs .", "ein hund läuft ."))
    assert found.valid == (("a man runs .", "ein mann läuft ."),)
    assert found.test == (("dogs .", "hunde ."),)
    english, german = found.vocabularies()
    assert english.tokens == ("<pad>", "<unk>", "<bos>", "<eos>", ".", "a")
    assert german.encode(["ein", "hund", "."]).tolist() == [5, 1, 4]
    raw = {
        f"{part}.{language}.gz": gzip.compress(b"A man.\n")
        for part in ("train", "val", "test_2016_flickr")
        for language in ("en", "de")
    }
    put(tmp_path / "multi30k", raw)
    assert datasets.multi30k(tmp_path, tokenized=False).test == (("A man.", "A man."),)
    put(tmp_path / "multi30k", {"val.lc.norm.tok.de": "ein\nmann\n"})
    with pytest.raises(ValueError, match=r"val\.lc\.norm\.tok\.en has 1 lines, but .*val\.lc\.norm\.tok\.de has 2"):
        datasets.multi30k(tmp_path)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "empty"),
        (b" \n", "empty"),
        (b"\xff\xfe", "not a UTF-8 text"),
        (gzip.compress(b"text" * 20)[:-9], "cut short"),
        (b"x" * 101, "larger than 100 bytes"),
        (gzip.compress(b"x" * 10_000), "larger than 100 bytes"),
    ],
)
def test_malformed_text(tmp_path, monkeypatch, data, message):
    monkeypatch.setattr(text, "MOST", 100)
    put(tmp_path, {"input.txt": data})
    with pytest.raises(ValueError, match=message) as caught:
        datasets.tinyshakespeare(tmp_path)
    assert str(tmp_path / "input.txt") in str(caught.value)


# ---- speech ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("layout", ["publisher's", "packed", "folder"])
def test_spoken_digits(tmp_path, layout):
    if layout == "folder":
        put(tmp_path / "free-spoken-digit-dataset" / "recordings", recordings() | {"notes.wav": b"?"})
    else:
        name = "v1.0.10.tar.gz" if layout == "publisher's" else "recordings.tar.gz"
        put(tmp_path / "fsdd", {name: archive(recordings(), "" if layout == "packed" else "x-1/")})
    found = datasets.spoken_digits(tmp_path)
    assert found.train_labels.tolist() == [1, 1, 1, 1, 7, 7, 7, 7]
    assert found.train_speakers == ("ann", "ann", "zoe", "zoe") * 2
    assert [len(samples) for samples in found.train] == [15, 16, 15, 16, 75, 76, 75, 76]
    assert found.test_labels.tolist() == [1, 1, 7, 7]
    assert found.test_speakers == ("ann", "zoe") * 2
    assert found.test[0].dtype == np.float32
    assert found.test[0].tolist() == [(i * 100 - 300) / 2**15 for i in range(14)]
    assert repr(found).startswith("SpeechData('spoken-digits', 8 + 4 recordings at 8,000 Hz, 2 speakers")


def test_the_speech_digest_is_of_the_recordings(tmp_path):
    first, second, other = (tmp_path / name for name in ("first", "second", "other"))
    files = recordings()
    first.write_bytes(archive(files))
    second.write_bytes(archive(dict(reversed(files.items())), "y/"))
    other.write_bytes(archive(files | {"1_ann_4.wav": wav(np.arange(14) * 100 - 301)}))
    assert md5(first) != md5(second)
    assert speech.speech_digest(first) == speech.speech_digest(second) != speech.speech_digest(other)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (wav([1, 2], channels=2), "2 channels of 16 bits at 8000 Hz"),
        (wav([1, 2], width=4), "1 channels of 32 bits"),
        (wav([1, 2], rate=44100), "at 44100 Hz, not one of 16 bits at 8000 Hz"),
        (wav([1, 2])[:-2], "cut short: 2 bytes where 4 should be"),
        (wav([1, 2])[:20], "not a WAV file"),
        (wav([]), "cut short"),
        (b"", "not a WAV file"),
        (b"RIFF" + bytes(40), "not a WAV file"),
        (bytes(speech.LONGEST + 1), "larger than"),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_malformed_recordings(tmp_path, data, message, packed):
    files = {"3_ann_0.wav": data}
    if packed:
        put(tmp_path, {"recordings.tar.gz": archive(files)})
    else:
        put(tmp_path / "recordings", files)
    with pytest.raises(ValueError, match=message) as caught:
        datasets.spoken_digits(tmp_path)
    assert "3_ann_0.wav" in str(caught.value)


def test_malformed_archives(tmp_path, monkeypatch):
    whole = archive(recordings())
    for data, message in ((whole[:-50], "damaged"), (b"<html>" * 200, "damaged"), (archive({}), "has no recordings")):
        put(tmp_path, {"recordings.tar.gz": data})
        with pytest.raises(ValueError, match=message):
            datasets.spoken_digits(tmp_path)
    monkeypatch.setattr(speech, "MOST", 1000)
    put(tmp_path, {"recordings.tar.gz": whole})
    with pytest.raises(ValueError, match="unpacks to more than it can hold"):
        datasets.spoken_digits(tmp_path)


# ---- where files lie -------------------------------------------------------------------------------------------------

LOADERS = (datasets.ptb, datasets.tinyshakespeare, datasets.names, datasets.multi30k, datasets.spoken_digits)


@pytest.mark.parametrize("loader", LOADERS, ids=lambda loader: loader.__name__)
def test_what_is_not_there_is_named(tmp_path, loader):
    with pytest.raises(FileNotFoundError, match=r"looked for .* in") as caught:
        loader(tmp_path / "nothing")
    assert str(tmp_path / "nothing") in str(caught.value)
    with pytest.raises(FileNotFoundError, match="download=False"):
        loader(download=False)


def test_a_set_is_fetched_once_into_the_cache(tmp_path, monkeypatch):
    asked = []

    def fetch(urls, path, checksum, *, digest):
        asked.append(urls)
        assert checksum.startswith("values:" if path.suffix == ".gz" else "md5:")
        put(path.parent, {path.name: archive(recordings()) if path.suffix == ".gz" else PTB[path.name]})

    monkeypatch.setattr("minigrad.datasets.sources.fetch", fetch)
    assert len(datasets.ptb().train) == 8
    assert [urls[0].rsplit("/", 1)[1] for urls in asked] == list(PTB)
    assert len(datasets.ptb(download=False).train) == 8
    assert len(datasets.spoken_digits().train) == 8
    assert len(asked) == 4
    assert all(url.startswith("https://") for urls in asked for url in urls)
