"""How a run measures."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    """`threads` for every library; `quick` for a look instead of a measurement; `compile` to add torch.compile."""

    threads: int = 1
    quick: bool = False
    compile: bool = False

    @property
    def rounds(self) -> int:
        """Samples of each library."""
        return 3 if self.quick else 11

    @property
    def seconds(self) -> float:
        """How long a sample lasts at least."""
        return 0.005 if self.quick else 0.05

    @property
    def pause(self) -> float:
        """Seconds between two samples: idle threads spin for a while before they sleep."""
        return 0.0 if self.threads == 1 else 0.1
