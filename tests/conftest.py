"""What all tests share: a fixed seed, the number of threads put back, Ctrl-C, and hypothesis without a stopwatch."""

import signal

import pytest
from hypothesis import settings

import minigrad

settings.register_profile("minigrad", deadline=None, derandomize=True)  # the same examples in every run
settings.load_profile("minigrad")

# A test run started in the background ignores SIGINT, and so would every program it starts.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_report_header():
    """Which kernels the tests compare with their twins, and which they cannot run here."""
    levels = minigrad._kernels.built_levels()
    lacking = [level for level in ("v2", "v3", "v4") if level not in levels]
    skipped = f"; skipped, not built or not run by this processor: {', '.join(lacking)}" if lacking else ""
    return f"kernels: {', '.join(levels)}, of which {minigrad._kernels.LEVEL} is in use{skipped}"


@pytest.fixture(autouse=True)
def _seeded():
    minigrad.manual_seed(0)


@pytest.fixture
def set_num_threads():
    """`minigrad.set_num_threads`, undone at the end of the test."""
    before = minigrad.get_num_threads()
    yield minigrad.set_num_threads
    minigrad.set_num_threads(before)
