"""Files shared with PyTorch's safetensors, and refusing what torch.save writes."""

import pytest

import minigrad as mg
from minigrad.serialization import FileFormatError

torch = pytest.importorskip("torch")
from safetensors.torch import load_file, save_file  # noqa: E402


def test_torch_reads_and_writes_the_same_files(tmp_path):
    path = tmp_path / "file.safetensors"
    mg.save({"a": mg.randn(2, 3), "b": mg.tensor([True, False])}, path)
    found = load_file(path)
    assert (found["a"].numpy() == mg.load(path)["a"].numpy()).all()
    save_file({"x": torch.arange(5)}, path)
    assert mg.load(path)["x"].tolist() == [0, 1, 2, 3, 4]
    save_file({"x": torch.ones(3, dtype=torch.bfloat16)}, path)
    with pytest.raises(FileFormatError, match=r"file.safetensors: tensor 'x' has dtype BF16; minigrad has"):
        mg.load(path)
    torch.save({"x": torch.ones(3)}, path)
    with pytest.raises(FileFormatError, match=r"not a safetensors file but a zip archive, as torch\.save writes"):
        mg.load(path)
