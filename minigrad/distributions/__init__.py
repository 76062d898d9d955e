"""Probability distributions with differentiable densities: Normal, Uniform, Bernoulli, Categorical, and `kl_divergence`.

A distribution holds a batch of parameters; `sample` and `rsample` put the shape asked for before the batch.
"""

from . import constraints, kl
from .bernoulli import Bernoulli
from .categorical import Categorical
from .distribution import Distribution
from .kl import kl_divergence, register_kl
from .normal import Normal
from .uniform import Uniform

__all__ = [
    "Bernoulli", "Categorical", "Distribution", "Normal", "Uniform", "constraints", "kl", "kl_divergence", "register_kl",
]  # fmt: skip
