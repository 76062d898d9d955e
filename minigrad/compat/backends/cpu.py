"""The processor."""

from ... import _kernels

_CAPABILITIES = {"v3": "AVX2", "v4": "AVX512"}


def get_cpu_capability() -> str:
    """The vector instructions in use: 'AVX512', 'AVX2' or 'DEFAULT'."""
    return _CAPABILITIES.get(_kernels.LEVEL, "DEFAULT")
