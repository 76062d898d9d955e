"""The main example: its command line, a short run from end to end, and going on with it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import minigrad
from train_cnn import arguments

EXAMPLE = Path(__file__).parent.parent / "examples" / "train_cnn.py"


def run(*args: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(EXAMPLE.parent.parent)}
    command = [sys.executable, str(EXAMPLE), *args]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, env=environment)


def test_help_names_every_option(tmp_path):
    result = run("--help", cwd=tmp_path)
    assert result.returncode == 0
    for option in [
        "dataset",
        "epochs",
        "batch-size",
        "lr",
        "dropout",
        "no-dropout",
        "seed",
        "resume",
        "threads",
        "data-dir",
        "out",
    ]:
        assert f"--{option}" in result.stdout
    assert "None" not in result.stdout


@pytest.mark.parametrize(
    "args",
    [
        ["--epochs", "0"],
        ["--batch-size", "-1"],
        ["--dropout", "1"],
        ["--dropout", "-0.1"],
        ["--dropout", "nan"],
        ["--lr", "0"],
        ["--lr", "inf"],
        ["--threads", "0"],
        ["--dataset", "digit"],
        ["--epochs", "two"],
    ],
)
def test_bad_values_are_refused(args, capsys):
    with pytest.raises(SystemExit) as refused:
        arguments(args)
    assert refused.value.code == 2
    assert f"argument {args[0]}" in capsys.readouterr().err


def test_a_short_run_and_resume(tmp_path):
    pytest.importorskip("sklearn")
    pytest.importorskip("matplotlib")
    args = ["--epochs", "2", "--batch-size", "128", "--seed", "1", "--threads", "1"]
    first = run(*args, cwd=tmp_path)
    assert first.returncode == 0, first.stderr
    assert first.stderr == ""
    lines = first.stdout.splitlines()
    assert [line.startswith("epoch ") for line in lines].count(True) == 2
    last = next(line for line in lines if line.startswith("test accuracy: "))
    assert last.endswith(" %")
    assert float(last.split()[2]) > 50
    out = tmp_path / "runs" / "digits"
    assert (out / "learning_curves.png").read_bytes()[:4] == b"\x89PNG"
    done = minigrad.load(out / "checkpoint.minigrad")

    again = run(*args, "--resume", cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    assert last in again.stdout
    assert "epoch" not in again.stdout  # nothing was left to do

    killed = tmp_path / "killed"
    command = [sys.executable, "-u", str(EXAMPLE), *args, "--out", str(killed)]
    child = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                             env={**os.environ, "PYTHONPATH": str(EXAMPLE.parent.parent)})  # fmt: skip
    assert child.stdout is not None
    while not child.stdout.readline().startswith("epoch 1/2"):
        pass
    child.send_signal(signal.SIGINT)
    assert child.wait() in (130, 0)  # 0: it had just ended
    child.communicate()
    resumed = run(*args, "--out", str(killed), "--resume", cwd=tmp_path)
    assert last in resumed.stdout
    end = minigrad.load(killed / "checkpoint.minigrad")
    for name, value in done["model"].items():
        assert value.numpy().tobytes() == end["model"][name].numpy().tobytes(), name

    refused = run(*args, "--dropout", "0.5", "--resume", cwd=tmp_path)
    assert refused.returncode == 1
    assert refused.stderr.startswith("train_cnn.py: the checkpoint is of another model")
    assert refused.stderr.count("\n") == 1
    longer = run(*args, "--epochs", "3", "--resume", cwd=tmp_path)
    assert "OneCycleLR was made for 24 steps and has 0 left" in longer.stderr
    missing = run("--dataset", "mnist", "--data-dir", str(tmp_path), cwd=tmp_path)
    assert missing.stderr.startswith("train_cnn.py: ")
    assert "train-images" in missing.stderr
    other = run(*args, "--lr", "0.001", "--resume", cwd=tmp_path)
    assert "lr 0.01" in other.stderr or "lr 0.0004" in other.stderr
    assert minigrad.load(out / "checkpoint.minigrad")["run"]["epoch"] == 2

    (out / "checkpoint.minigrad").write_bytes(b"damaged")
    damaged = run(*args, "--resume", cwd=tmp_path)
    assert damaged.returncode == 1
    assert damaged.stderr.startswith("train_cnn.py: ")
    assert damaged.stderr.count("\n") == 1


def test_damaged_data_is_one_line(tmp_path):
    for name in ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"):
        (tmp_path / f"{name}-ubyte").write_bytes(b"no images at all")
    result = run("--dataset", "mnist", "--data-dir", str(tmp_path), cwd=tmp_path)
    assert result.returncode == 1
    assert result.stderr.startswith("train_cnn.py: ")
    assert "idx" in result.stderr
    assert result.stderr.count("\n") == 1
