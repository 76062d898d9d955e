"""Dropout whose noise is learned, or computed from the input; most add a term to the loss."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ...grad_mode import no_grad
from ...ops import dropout_learned as F
from ...ops.activation import logsigmoid, relu
from ...ops.border import as_tensor
from ...ops.creation import empty, full
from ...ops.dropout_base import check_finite, check_number, check_one_of, check_positive, check_scale, check_size
from ...random import Generator
from ...tensor import Tensor
from .. import init
from ..linear import default_init_
from ..module import Module
from ..parameter import Parameter
from .base import RandomModule, check_module


class ConcreteDropout(RandomModule):
    """Dropout that learns its probability (Gal, Hron & Kendall 2017): y = x (1 - z) / (1 - p), z nearly 0 or 1.

    z = sigmoid((logit p + logit u) / temperature), u uniform, can be differentiated by p = sigmoid(p_logit). What holds p up is the term
    `regularizer(layer)`, to be added to the loss for the layer that follows. Input of any shape; with `spatial`, (N, C, ...) and one z
    a channel, which the authors use for convolutions (with temperature 2 / 3). In eval mode the identity; with `eval_mode` 'sample', as
    in training, which the authors do.

    For N examples and a prior of length scale l the mean negative log likelihood takes weight_regularizer = l^2 / (2 N) and
    dropout_regularizer = 1 / N; the authors' regression, whose loss is twice that, twice both.
    Use it instead of a search for p, and where uncertainty has to be calibrated.

    State: `p_logit`, a number. `p` reads the probability; it is not to be assigned, and schedules leave it alone. ValueError unless
    0 < p < 1, temperature > 0 and the regularizers are at least 0.

    >>> drop, layer = nn.ConcreteDropout(0.2, dropout_regularizer=1e-3), nn.Linear(4, 2)
    >>> loss = layer(drop(minigrad.randn(8, 4))).square().mean() + drop.regularizer(layer)
    >>> loss.backward()
    >>> round(drop.p, 3), drop.p_logit.grad is not None
    (0.2, True)
    """

    def __init__(
        self,
        p: float = 0.1,
        temperature: float = 0.1,
        weight_regularizer: float = 1e-6,
        dropout_regularizer: float = 1e-5,
        *,
        spatial: bool = False,
        eval_mode: str = "identity",
        generator: Generator | None = None,
    ) -> None:
        super().__init__(generator=generator)
        if not 0.0 < check_number(p, "ConcreteDropout: p") < 1.0:
            raise ValueError(f"ConcreteDropout: p begins between 0 and 1, both excluded, but got {p}")
        check_positive(temperature, "ConcreteDropout: temperature")
        check_scale(weight_regularizer, "ConcreteDropout: weight_regularizer")
        check_scale(dropout_regularizer, "ConcreteDropout: dropout_regularizer")
        check_one_of(eval_mode, ("identity", "sample"), "ConcreteDropout: eval_mode")
        self.temperature, self.spatial, self.eval_mode = temperature, spatial, eval_mode
        self.weight_regularizer, self.dropout_regularizer = weight_regularizer, dropout_regularizer
        self.p_logit = Parameter(full((), math.log(p) - math.log1p(-p)))

    @property
    def p(self) -> float:
        """The probability as it is now."""
        return self.p_logit.detach().sigmoid().item()

    def forward(self, input: Tensor) -> Tensor:
        drops = self.training or self.eval_mode == "sample"
        return F.concrete_dropout(
            input, self.p_logit, self.temperature, drops, spatial=self.spatial, generator=self.generator
        )

    def regularizer(self, layer: Module, features: int | None = None) -> Tensor:
        """weight_regularizer |W|^2 / (1 - p) + dropout_regularizer K (p ln p + (1 - p) ln(1 - p)), a number (equations 3 and 4).

        |W|^2 sums the squares of all parameters of `layer`, which takes this layer's output; K is the number of inputs that are dropped
        on their own: `features`, or else the layer's in_features or in_channels (ValueError if it has neither).
        """
        if features is None:
            features = getattr(layer, "in_features", getattr(layer, "in_channels", None))
        if features is None:
            raise ValueError(f"ConcreteDropout.regularizer: {type(layer).__name__} has no in_features; pass features=")
        logit = self.p_logit
        p, q = logit.sigmoid(), (-logit).sigmoid()
        squares: Any = sum((parameter.square().sum() for parameter in layer.parameters()), 0.0)
        entropy = p * logsigmoid(logit) + q * logsigmoid(-logit)  # without 0 * ln 0
        return squares * self.weight_regularizer / q + entropy * (self.dropout_regularizer * features)

    def extra_repr(self) -> str:
        return f"p={self.p:.4g}, temperature={self.temperature}, spatial={self.spatial}, eval_mode={self.eval_mode!r}"


class VariationalGaussianDropout(RandomModule):
    """Gaussian dropout that learns its variance (Kingma, Salimans & Welling 2015, section 3.2): y = x (1 + sqrt(alpha) e), e normal.

    Input (..., num_features); an alpha for each feature, or one for all if `shared`. Alpha begins at p / (1 - p), the variance of
    dropout's noise, and is kept at 1 or below, where the paper's approximation of the divergence holds: a step of the
    optimizer beyond is taken back at the next training forward. Add `kl()` / N, N the number of examples, to the mean loss.
    In eval mode: the identity.

    Use it for rates by feature at the cost of one parameter each; `SparseVDLinear` has one by weight and prunes.

    State: `log_alpha` (num_features,) or (1,). ValueError unless 0 < p <= 0.5.

    >>> layer = nn.VariationalGaussianDropout(4, p=0.2)
    >>> layer(minigrad.ones(3, 4)).shape, layer.log_alpha.detach().exp()
    ((3, 4), tensor([0.2500, 0.2500, 0.2500, 0.2500]))
    """

    def __init__(
        self, num_features: int, p: float = 0.5, shared: bool = False, *, generator: Generator | None = None
    ) -> None:
        super().__init__(generator=generator)
        check_size(num_features, "VariationalGaussianDropout: num_features", least=0)
        if not 0.0 < check_number(p, "VariationalGaussianDropout: p") <= 0.5:
            raise ValueError(
                f"VariationalGaussianDropout: p begins above 0 and at most 0.5 (its variance p / (1 - p) at most 1), but got {p}"
            )
        self.num_features, self.shared = num_features, shared
        start = math.log(p) - math.log1p(-p)
        self.log_alpha = Parameter(full((1 if shared else num_features,), start))

    def forward(self, input: Tensor) -> Tensor:
        input = as_tensor(input)
        if input.ndim == 0 or input.shape[-1] != self.num_features:
            raise RuntimeError(
                f"VariationalGaussianDropout: expected an input (..., {self.num_features}), got shape {list(input.shape)}"
            )
        if self.training and (self.log_alpha._value > 0).any():
            with no_grad():
                self.log_alpha.clamp_(max=0.0)
        return F.variational_gaussian_dropout(input, self.log_alpha, self.training, generator=self.generator)

    def kl(self) -> Tensor:
        """The divergence from the log-uniform prior summed over features, up to a constant:
        -(0.5 ln a + 1.16145124 a - 1.50204118 a^2 + 0.58629921 a^3) (the paper's appendix C)."""
        log_alpha = self.log_alpha.clamp(max=0.0)
        a = log_alpha.exp()
        each = -(0.5 * log_alpha + a * (1.16145124 + a * (-1.50204118 + a * 0.58629921)))
        return each.sum() * (self.num_features if self.shared else 1)

    def extra_repr(self) -> str:
        return f"{self.num_features}, shared={self.shared}"


class SparseVDLinear(RandomModule):
    """A linear layer that learns how noisy each weight may be, and drops the drowned ones (Molchanov, Ashukha & Vetrov 2017).

    (..., in_features) to (..., out_features). In training the result is normal with mean weight x + bias and variance
    (alpha weight^2) x^2, ln alpha = log_sigma2 - ln weight^2 kept in [-8, 8]. In eval mode weights with ln alpha >= `threshold` count as 0
    (3: less than 1 / 20 of the weight's energy is signal). Add `kl()` / N, N the number of examples, to the mean loss, with a
    factor that rises from 0 to 1 over the first epochs: at full strength from the start it prunes before anything is learned.

    Use it to make a net sparse: the paper's LeNet-300-100 keeps one weight in 68 at 1.92 % error.

    State: `weight` and `log_sigma2` (out_features, in_features), `bias` (out_features,); log_sigma2 begins at -10.

    >>> layer = nn.SparseVDLinear(4, 3)
    >>> layer(minigrad.randn(5, 4)).shape, layer.sparsity()
    ((5, 3), 0.0)
    """

    bias: Parameter | None

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        threshold: float = 3.0,
        device: Any = None,
        dtype: Any = None,
        *,
        generator: Generator | None = None,
    ) -> None:
        super().__init__(generator=generator)
        if math.isnan(threshold):
            raise ValueError("SparseVDLinear: threshold has to be a number, got nan")
        self.in_features, self.out_features, self.threshold = in_features, out_features, threshold
        size = (out_features, in_features)
        self.weight = Parameter(empty(size, device=device, dtype=dtype))
        self.log_sigma2 = Parameter(empty(size, device=device, dtype=dtype))
        self.register_parameter("bias", Parameter(empty((out_features,), device=device, dtype=dtype)) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the weight and the bias anew; the noise is small again."""
        default_init_(self.weight, self.bias)
        init.constant_(self.log_sigma2, -10.0)

    def forward(self, input: Tensor) -> Tensor:
        return F.sparse_vd_linear(
            input,
            self.weight,
            self.log_sigma2,
            self.bias,
            self.training,
            threshold=self.threshold,
            generator=self.generator,
        )

    def log_alpha(self) -> Tensor:
        """ln alpha of each weight, (out_features, in_features), in [-8, 8]."""
        return F.clipped_log_alpha(self.weight, self.log_sigma2)

    def kl(self) -> Tensor:
        """The divergence from the log-uniform prior, summed over weights (the paper's equation 14)."""
        return F.sparse_kl(self.log_alpha())

    @no_grad()
    def kept(self) -> Tensor:
        """Which weights eval mode uses, bool (out_features, in_features)."""
        return self.log_alpha() < self.threshold

    def sparsity(self) -> float:
        """The share of weights that eval mode takes to be 0; NaN for a layer without weights."""
        kept = self.kept()._value
        return 1 - float(np.count_nonzero(kept)) / kept.size if kept.size else math.nan

    def extra_repr(self) -> str:
        sizes = f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"
        return f"{sizes}, threshold={self.threshold}"


class Standout(RandomModule):
    """A layer whose units are kept with probabilities that their own inputs decide (Ba & Frey 2013): y = m f(z), z = module(x).

    m is 1 with probability sigmoid(alpha z + beta): the belief net that chooses shares the weights of the net it chooses in, scaled
    by `alpha` and shifted by `beta`, the paper's economical form. Nothing is rescaled, and no gradient goes through m. In eval
    mode y = sigmoid(alpha z + beta) f(z). `activation` is f. Input and output are the module's, of any shape.

    Use it in place of an activation and a dropout after a Linear; alpha 1 and beta 0 are usual, a larger beta drops less.
    State: the module's, under 'module.'.

    >>> layer = nn.Standout(nn.Linear(4, 3), alpha=1.0, beta=0.5)
    >>> layer(minigrad.randn(5, 4)).shape
    (5, 3)
    """

    def __init__(
        self,
        module: Module,
        alpha: float = 1.0,
        beta: float = 0.0,
        activation: Callable[[Tensor], Tensor] = relu,
        *,
        generator: Generator | None = None,
    ) -> None:
        super().__init__(generator=generator)
        check_module(module, "Standout")
        if not callable(activation):
            raise TypeError(f"Standout: activation has to be a function of a Tensor, not {type(activation).__name__}")
        check_finite(alpha, "Standout: alpha")
        check_finite(beta, "Standout: beta")
        self.module, self.alpha, self.beta, self.activation = module, alpha, beta, activation

    def forward(self, input: Tensor) -> Tensor:
        z = self.module(input)
        return F.standout(self.activation(z), z, self.alpha, self.beta, self.training, generator=self.generator)

    def extra_repr(self) -> str:
        return f"alpha={self.alpha}, beta={self.beta}"


class InformationDropout(RandomModule):
    """A layer with multiplicative noise whose strength a second net reads off the input (Achille & Soatto 2018).

    y = module(x) exp(a(x) e), e normal, a(x) = 0.001 + max_alpha sigmoid(noise(x)). `module` ends in a ReLU, whose prior the divergence
    assumes (the log-uniform one); `noise` gives a shape that broadcasts to the module's output. In eval mode the noise is off, as in the
    authors' code. Add beta `kl(x)` to the mean loss; beta trades what the layer knows of the label for what it knows of the rest.

    Use it where the input holds much that does not matter to the task. State: 'module.' and 'noise.'. ValueError unless max_alpha > 0.

    >>> layer = nn.InformationDropout(nn.Sequential(nn.Linear(4, 3), nn.ReLU()), nn.Linear(4, 3))
    >>> x = minigrad.randn(5, 4)
    >>> layer(x).shape, layer.kl(x).shape
    ((5, 3), ())
    """

    smallest = 0.001

    def __init__(
        self, module: Module, noise: Module, max_alpha: float = 0.7, *, generator: Generator | None = None
    ) -> None:
        super().__init__(generator=generator)
        for part in (module, noise):
            check_module(part, "InformationDropout")
        check_positive(max_alpha, "InformationDropout: max_alpha")
        self.module, self.noise, self.max_alpha = module, noise, max_alpha

    def alpha(self, input: Tensor) -> Tensor:
        """The strength of the noise for `input`, in the shape that `noise` gives."""
        return self.noise(input).sigmoid() * self.max_alpha + self.smallest

    def forward(self, input: Tensor) -> Tensor:
        features = self.module(input)
        if not self.training:
            return features
        return F.information_dropout(features, self.alpha(input), generator=self.generator)

    def kl(self, input: Tensor) -> Tensor:
        """The divergence of an example's noisy features from their prior, its mean over the batch: the sum of -ln(a / largest a)
        over an example's strengths, at least 0."""
        alpha = self.alpha(input)
        rows = alpha.shape[0] if alpha.ndim > 1 else 1
        return -(alpha / (self.max_alpha + self.smallest)).log().sum() / max(rows, 1)

    def extra_repr(self) -> str:
        return f"max_alpha={self.max_alpha}"
