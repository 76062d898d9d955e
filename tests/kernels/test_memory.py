"""The pool of freed buffers, and what memory knows of its last write."""

import os
import subprocess
import sys

import numpy as np
import pytest

from minigrad import from_numpy
from minigrad._kernels import aligned, empty, memory

F32 = np.dtype(np.float32)
MIB = 2**18  # elements


def in_a_process(pool, program):
    program = "import numpy as np\nfrom minigrad._kernels import empty, memory\nF32 = np.dtype(np.float32)\n" + program
    done = subprocess.run(
        [sys.executable, "-c", program], env={**os.environ, "MINIGRAD_POOL": pool}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def address(array):
    return array.__array_interface__["data"][0]


def test_a_freed_buffer_is_the_next_array_of_its_size():
    first = empty((1000, 77), F32)
    view, place = first[10:].T, address(first)
    del first
    assert address(empty((1000, 77), F32)) != place  # a view holds it still
    del view
    assert address(empty((999, 77), F32)) == place


def test_a_full_pool_gives_up_what_was_used_least_recently():
    program = """
for mib in (3, 2):
    held = empty((mib * 2**18,), F32)
    del held
    print(memory.pooled_bytes() // 2**20)
small = [empty((1000,), F32) for _ in range(5)]
del small
print(memory.pooled_bytes() <= 4 * 2**20, memory.pooled_bytes() > 2 * 2**20)
huge = empty((5 * 2**18,), F32)
del huge
print(memory.pooled_bytes() > 2 * 2**20)
memory.empty_pool()
print(memory.pooled_bytes())
"""
    assert in_a_process("4", program) == ["3", "2", "True", "True", "True", "0"]


def test_a_variable_turns_the_pool_off():
    assert in_a_process("0", "held = empty((2**18,), F32)\ndel held\nprint(memory.pooled_bytes())") == ["0"]


def test_writes_are_known_to_all_views_of_a_memory():
    array = empty((4, 6), F32)
    assert memory.last_write(array) == 0
    memory.note_write(array[1:].T, 5)
    assert memory.last_write(array) == memory.last_write(array[::2]) == 5
    assert memory.last_write(empty((4, 6), F32)) == 0
    del array
    assert memory.last_write(empty((4, 6), F32)) == 0  # the buffer anew
    foreign = np.ones(5, np.float32)[1:]
    memory.note_write(foreign, 7)
    assert memory.last_write(foreign.base) == 7
    assert memory.last_write("anything else") == 0


def test_a_write_through_memory_of_numpy_is_noticed():
    x = from_numpy(np.ones(3)).requires_grad_()
    weight = from_numpy(np.full(3, 2.0))
    y = (x * weight[...]).sum()
    weight.add_(1)
    with pytest.raises(RuntimeError, match="inplace"):
        y.backward()


def test_owners_and_plain_arrays():
    array = empty((3, 4), F32)
    array.fill(1)
    assert memory.owner(array) is memory.owner(array[1:].T)
    assert memory.owner(array) is not memory.owner(empty((3, 4), F32))
    assert memory.is_plain(array)
    assert memory.is_plain(array[1:])
    assert not memory.is_plain(array.T)
    assert not memory.is_plain(array.astype(np.int32))
    assert not memory.is_plain(1.0)
    assert memory.are_alike(array, array.copy())
    assert not memory.are_alike(array, array[:2])
    assert not memory.are_alike(array, array.astype(np.float64))


def test_aligned_takes_numbers_too():
    assert aligned(np.float32(3)).dtype == F32
    assert aligned(2.5).shape == ()
    odd = np.ones(20, np.float32)[1:].copy()
    assert address(aligned(odd)) % 64 == 0
