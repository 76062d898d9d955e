"""Intel's MKL, which is not there: products and convolutions are kernels of minigrad's own."""


def is_available() -> bool:
    """False."""
    return False
