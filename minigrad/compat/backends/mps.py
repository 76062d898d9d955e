"""Apple's Metal, which is not there."""


def is_available() -> bool:
    """False."""
    return False


is_built = is_available
