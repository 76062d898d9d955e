"""Whole training steps, from zero_grad to the optimizer's last write."""

from __future__ import annotations

from functools import partial

from .. import nets
from ..case import Case, torch_like


def cases() -> list[Case]:
    """A step of Adam for every net, in PyTorch with its default Adam, with the fused one, and compiled with that."""
    return [
        Case(
            f"{net.name}, batch {net.batch[0]}",
            {
                **torch_like(nets.training_step, net),
                **torch_like(nets.training_step, net, True, libraries=["torch"], suffix=" fused"),
                **torch_like(nets.training_step, net, True, True, libraries=["torch"], suffix=" compiled"),
            },
            flop=partial(step_flop, net),
        )
        for net in nets.NETS.values()
    ]


def step_flop(net: nets.Net) -> float:
    import minigrad

    return nets.step_flop(minigrad, net)
