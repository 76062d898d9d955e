"""Training with the loop written for you: `Trainer(model, optimizer, loss).fit(...)`, resumable to the bit.

It needs tqdm for its bar and matplotlib for `History.plot`, each only where used. The loop itself is in `loop.py`.
"""

from .checkpoint import CheckpointError
from .history import History
from .metrics import accuracy
from .trainer import Trainer

__all__ = ["CheckpointError", "History", "Trainer", "accuracy"]
