# Written by `python -m minigrad.testing.stubs` from the declarations in minigrad/ops: change those.
from builtins import bool as _bool
from builtins import float as _float
from builtins import int as _int
from collections.abc import Callable, Sequence
from minigrad.random import Generator
from minigrad.tensor import Tensor
from typing import Any

def adaptive_avg_pool1d(input: Tensor, output_size: Any) -> Tensor:
    """The means of L' regions that cover a signal: (N, C, L) or (C, L) to (N, C, L'); see `adaptive_avg_pool2d`."""

def adaptive_avg_pool2d(input: Tensor, output_size: Any) -> Tensor:
    """The means of H' x W' regions that cover the image: region i of n is [floor(i H / n), ceil((i + 1) H / n))."""

def adaptive_max_pool1d(input: Tensor, output_size: Any, return_indices: _bool = False) -> Any:
    """The largest values of L' regions that cover a signal: (N, C, L) or (C, L) to (N, C, L')."""

def adaptive_max_pool2d(input: Tensor, output_size: Any, return_indices: _bool = False) -> Any:
    """The largest values of H' x W' regions that cover the image; regions and `output_size` as in `adaptive_avg_pool2d`."""

def affine_grid(theta: Tensor, size: Sequence[_int], align_corners: _bool | None = None) -> Tensor:
    """The points (N, H, W, 2) that `grid_sample` takes so that an image is transformed by `theta` (N, 2, 3); `size` is (N, C, H, W)."""

def alpha_dropout(
    input: Tensor,
    p: _float = 0.5,
    training: _bool = False,
    inplace: _bool = False,
    *,
    generator: Generator | None = None,
) -> Tensor:
    """Dropout that keeps mean 0 and variance 1 (Klambauer et al. 2017, section 3): for networks of SELUs."""

def attention_dropout(
    weights: Tensor,
    p: _float = 0.1,
    training: _bool = True,
    *,
    renormalize: _bool = False,
    generator: Generator | None = None,
) -> Tensor:
    """Dropout of attention weights (..., L, S), the result of a softmax over the last axis (Radford et al. 2018, section 4.1)."""

def avg_pool1d(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: _bool = False,
    count_include_pad: _bool = True,
) -> Tensor:
    """`avg_pool2d` on one axis: (N, C, L) or (C, L) to (N, C, L')."""

def avg_pool2d(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: _bool = False,
    count_include_pad: _bool = True,
    divisor_override: _int | None = None,
) -> Tensor:
    """The mean of each window: (N, C, H, W) or (C, H, W) to (N, C, H', W'). `stride` is `kernel_size` unless given."""

def batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: _bool = False,
    momentum: _float = 0.1,
    eps: _float = 1e-05,
) -> Tensor:
    """Each channel normalized over the batch (Ioffe & Szegedy 2015)."""

def bilinear(input1: Tensor, input2: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """input1 @ weight[o] @ input2 + bias[o] for each output o."""

def binary_cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    reduction: str = 'mean',
) -> Tensor:
    """-target log(input) - (1 - target) log(1 - input), logarithms limited below by -100; input in [0, 1]."""

def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    reduction: str = 'mean',
    pos_weight: Tensor | None = None,
) -> Tensor:
    """-target log sigmoid(input) - (1 - target) log(1 - sigmoid(input)), without overflow; `pos_weight` weighs the first term."""

def celu(input: Tensor, alpha: _float = 1.0, inplace: _bool = False) -> Tensor:
    """x where x > 0, elsewhere alpha (e^(x / alpha) - 1) (Barron 2017)."""

def celu_(input: Tensor, alpha: _float = 1.0, inplace: _bool = False) -> Tensor:
    """The in-place form of `celu`; returns `input`."""

def channel_shuffle(input: Tensor, groups: _int) -> Tensor:
    """Channels (N, C, ...) in the order that deals them out of `groups` groups in turn (Zhang et al. 2018)."""

def concrete_dropout(
    input: Tensor,
    p_logit: Tensor,
    temperature: _float = 0.1,
    training: _bool = True,
    *,
    spatial: _bool = False,
    generator: Generator | None = None,
) -> Tensor:
    """Dropout that can be differentiated by its probability p = sigmoid(p_logit) (Gal, Hron & Kendall 2017, section 3)."""

def conv1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: _int = 1,
) -> Tensor:
    """`conv2d` on one axis: input (N, C, L) or (C, L), weight (O, C / groups, K)."""

def conv2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: _int = 1,
) -> Tensor:
    """The cross-correlation of images with filters."""

def conv3d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: _int = 1,
) -> Tensor:
    """`conv2d` on three axes: input (N, C, D, H, W) or (C, D, H, W), weight (O, C / groups, KD, KH, KW)."""

def conv_transpose1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: _int = 1,
    dilation: Any = 1,
) -> Tensor:
    """`conv_transpose2d` on one axis: input (N, C, L) or (C, L), weight (C, O / groups, K)."""

def conv_transpose2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: _int = 1,
    dilation: Any = 1,
) -> Tensor:
    """The transpose of `conv2d` as a linear map: input (N, C, H, W), weight (C, O / groups, KH, KW); result (N, O, H', W') with"""

def cosine_embedding_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: _float = 0,
    reduction: str = 'mean',
) -> Tensor:
    """1 - cos where the target is 1, max(0, cos - margin) where it is -1, cos that of the angle between the rows."""

def cosine_similarity(x1: Tensor, x2: Tensor, dim: _int = 1, eps: _float = 1e-08) -> Tensor:
    """x1 . x2 / (|x1| |x2|) along `dim`, broadcast; norms below `eps` count as `eps`."""

def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    ignore_index: _int = -100,
    reduction: str = 'mean',
    label_smoothing: _float = 0.0,
) -> Tensor:
    """Softmax and negative log-likelihood in one pass."""

def cutout(
    input: Tensor,
    size: _int,
    training: _bool = True,
    *,
    p: _float = 1.0,
    holes: _int = 1,
    generator: Generator | None = None,
) -> Tensor:
    """Sets a square of each image to 0, `size` wide and centred on any pixel, so part of it may lie outside (DeVries 2017)."""

def drop_block2d(
    input: Tensor,
    p: _float = 0.1,
    block_size: _int = 7,
    training: _bool = True,
    *,
    per_channel: _bool = True,
    normalize: str = 'batch',
    generator: Generator | None = None,
) -> Tensor:
    """Drops square blocks of feature maps, which takes away what neighbours would still tell (Ghiasi et al. 2018)."""

def drop_head(
    input: Tensor,
    p: _float = 0.1,
    training: _bool = True,
    *,
    generator: Generator | None = None,
) -> Tensor:
    """Drops whole attention heads of input (N, heads, ...), a number for each example and head (Zhou et al. 2020)."""

def drop_path(
    input: Tensor,
    p: _float = 0.5,
    mode: str = 'row',
    training: _bool = True,
    *,
    rescale: _bool = True,
    generator: Generator | None = None,
) -> Tensor:
    """Drops the residual branch `input` (N, ...) of whole examples, or of the whole batch (Huang et al. 2016)."""

def dropconnect(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    p: _float = 0.5,
    training: _bool = True,
    *,
    activation: Callable[[Tensor], Tensor] | None = None,
    eval_samples: _int = 0,
    generator: Generator | None = None,
) -> Tensor:
    """A linear map with a mask on its weights for each example: f(((M * weight) x) / (1 - p) + bias) (Wan et al. 2013)."""

def dropout(
    input: Tensor,
    p: _float = 0.5,
    training: _bool = True,
    inplace: _bool = False,
    *,
    generator: Generator | None = None,
    mask: Tensor | None = None,
    return_mask: _bool = False,
) -> Any:
    """Zeroes each element with probability `p` and scales the others by 1 / (1 - p) (Srivastava et al. 2014, inverted form)."""

def dropout1d(
    input: Tensor,
    p: _float = 0.5,
    training: _bool = True,
    inplace: _bool = False,
    *,
    generator: Generator | None = None,
    mask: Tensor | None = None,
    return_mask: _bool = False,
) -> Any:
    """`dropout` of whole channels: input (N, C, L) or (C, L); the mask has shape (N, C) or (C,)."""

def dropout2d(
    input: Tensor,
    p: _float = 0.5,
    training: _bool = True,
    inplace: _bool = False,
    *,
    generator: Generator | None = None,
    mask: Tensor | None = None,
    return_mask: _bool = False,
) -> Any:
    """`dropout` of whole feature maps (spatial dropout, Tompson et al. 2015): input (N, C, H, W); the mask has shape (N, C)."""

def dropout3d(
    input: Tensor,
    p: _float = 0.5,
    training: _bool = True,
    inplace: _bool = False,
    *,
    generator: Generator | None = None,
    mask: Tensor | None = None,
    return_mask: _bool = False,
) -> Any:
    """`dropout` of whole channels: input (N, C, D, H, W) or (C, D, H, W); the mask has shape (N, C) or (C,)."""

def elu(input: Tensor, alpha: _float = 1.0, inplace: _bool = False) -> Tensor:
    """x where x > 0, elsewhere alpha (e^x - 1) (Clevert, Unterthiner & Hochreiter 2015)."""

def elu_(input: Tensor, alpha: _float = 1.0, inplace: _bool = False) -> Tensor:
    """The in-place form of `elu`; returns `input`."""

def embedding(
    input: Tensor,
    weight: Tensor,
    padding_idx: _int | None = None,
    max_norm: _float | None = None,
    norm_type: _float = 2.0,
    scale_grad_by_freq: _bool = False,
    sparse: _bool = False,
) -> Tensor:
    """The rows of `weight` (rows, n) that `input`, int64 or int32 of any shape, names: shape (*input.shape, n)."""

def fast_dropout(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    p: _float = 0.5,
    *,
    variance: Tensor | None = None,
    rescale: _bool = True,
) -> tuple[Tensor, Tensor]:
    """Mean and variance over all masks of `linear(dropout(input, p), weight, bias)`, without drawing one (Wang & Manning 2013)."""

def feature_alpha_dropout(
    input: Tensor,
    p: _float = 0.5,
    training: _bool = False,
    inplace: _bool = False,
    *,
    generator: Generator | None = None,
) -> Tensor:
    """`alpha_dropout` of whole channels: input (N, C, ...), one number for each example and channel."""

def fold(
    input: Tensor,
    output_size: Any,
    kernel_size: Any,
    dilation: Any = 1,
    padding: Any = 0,
    stride: Any = 1,
) -> Tensor:
    """The columns that `unfold` makes, each added to the place it came from: (N, C * KH * KW, L) to (N, C, *output_size)."""

def gaussian_dropout(
    input: Tensor,
    p: _float = 0.5,
    training: _bool = True,
    *,
    generator: Generator | None = None,
) -> Tensor:
    """x times normal numbers of mean 1 and variance p / (1 - p) (Srivastava et al. 2014, section 10)."""

def gaussian_nll_loss(
    input: Tensor,
    target: Tensor,
    var: Tensor | _float,
    full: _bool = False,
    eps: _float = 1e-06,
    reduction: str = 'mean',
) -> Tensor:
    """(log var + (input - target)^2 / var) / 2, plus log(2 pi) / 2 with `full`: the target as normal around the input."""

def gaussian_noise(
    input: Tensor,
    std: _float = 0.1,
    training: _bool = True,
    *,
    generator: Generator | None = None,
) -> Tensor:
    """x plus normal numbers of mean 0 and standard deviation `std` (Bishop 1995: for small noise, a Tikhonov penalty)."""

def gelu(input: Tensor, approximate: str = 'none') -> Tensor:
    """x times the standard normal distribution function at x (Hendrycks & Gimpel 2016), or its 'tanh' approximation."""

def glu(input: Tensor, dim: _int = -1) -> Tensor:
    """The first half along `dim` times the sigmoid of the second half (Dauphin et al. 2016)."""

def grid_sample(
    input: Tensor,
    grid: Tensor,
    mode: str = 'bilinear',
    padding_mode: str = 'zeros',
    align_corners: _bool | None = None,
) -> Tensor:
    """Images (N, C, H, W) at the points (x, y) of a `grid` (N, H_out, W_out, 2), -1 and 1 at the borders: (N, C, H_out, W_out)."""

def group_norm(
    input: Tensor,
    num_groups: _int,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: _float = 1e-05,
) -> Tensor:
    """Each of `num_groups` groups of channels of each example normalized to mean 0 and variance 1 (Wu & He 2018)."""

def gumbel_softmax(
    logits: Tensor,
    tau: _float = 1,
    hard: _bool = False,
    eps: _float = 1e-10,
    dim: _int = -1,
) -> Tensor:
    """A sample of softmax(logits) that can be differentiated (Jang, Gu & Poole 2016): softmax((logits + Gumbel noise) / tau)."""

def hardshrink(input: Tensor, lambd: _float = 0.5) -> Tensor:
    """x where |x| > lambd, elsewhere 0."""

def hardsigmoid(input: Tensor, inplace: _bool = False) -> Tensor:
    """relu6(x + 3) / 6: the sigmoid in three straight pieces."""

def hardswish(input: Tensor, inplace: _bool = False) -> Tensor:
    """x relu6(x + 3) / 6 (Howard et al. 2019)."""

def hardtanh(input: Tensor, min_val: _float = -1.0, max_val: _float = 1.0, inplace: _bool = False) -> Tensor:
    """x limited to [min_val, max_val]."""

def hardtanh_(input: Tensor, min_val: _float = -1.0, max_val: _float = 1.0, inplace: _bool = False) -> Tensor:
    """The in-place form of `hardtanh`; returns `input`."""

def hinge_embedding_loss(input: Tensor, target: Tensor, margin: _float = 1.0, reduction: str = 'mean') -> Tensor:
    """The input where the target is 1, max(0, margin - input) where it is -1."""

def hinton_dropout(
    input: Tensor,
    p: _float = 0.5,
    training: _bool = True,
    *,
    generator: Generator | None = None,
) -> Tensor:
    """Dropout in the original convention (Hinton et al. 2012): in training x m, otherwise (1 - p) x."""

def huber_loss(
    input: Tensor,
    target: Tensor,
    reduction: str = 'mean',
    delta: _float = 1.0,
    weight: Tensor | None = None,
) -> Tensor:
    """d^2 / 2 for |d| < delta, elsewhere delta (|d| - delta / 2); times `weight` of its shape."""

def information_dropout(
    input: Tensor,
    alpha: Tensor,
    training: _bool = True,
    *,
    generator: Generator | None = None,
) -> Tensor:
    """input * exp(alpha * e), e normal: noise whose strength `alpha` is computed for each activation (Achille & Soatto 2018)."""

def instance_norm(
    input: Tensor,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    use_input_stats: _bool = True,
    momentum: _float = 0.1,
    eps: _float = 1e-05,
) -> Tensor:
    """Each channel of each example normalized to mean 0 and variance 1 (Ulyanov, Vedaldi & Lempitsky 2016)."""

def interpolate(
    input: Tensor,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = 'nearest',
    align_corners: _bool | None = None,
    recompute_scale_factor: _bool | None = None,
    antialias: _bool = False,
) -> Tensor:
    """`input` (N, C, L), (N, C, H, W) or (N, C, D, H, W) in the spatial `size`, or in its own times `scale_factor`."""

def kl_div(input: Tensor, target: Tensor, reduction: str = 'mean', log_target: _bool = False) -> Tensor:
    """target (log target - input), where `input` holds log-probabilities; 'batchmean' divides the sum by the batch size."""

def l1_loss(input: Tensor, target: Tensor, reduction: str = 'mean', weight: Tensor | None = None) -> Tensor:
    """The absolute difference, times `weight` of its shape."""

def layer_norm(
    input: Tensor,
    normalized_shape: Any,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: _float = 1e-05,
) -> Tensor:
    """Each row normalized to mean 0 and variance 1, times `weight`, plus `bias` (Ba, Kiros, Hinton 2016)."""

def leaky_relu(input: Tensor, negative_slope: _float = 0.01, inplace: _bool = False) -> Tensor:
    """x where x > 0, elsewhere negative_slope * x."""

def leaky_relu_(input: Tensor, negative_slope: _float = 0.01, inplace: _bool = False) -> Tensor:
    """The in-place form of `leaky_relu`; returns `input`."""

def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """input @ weight.T + bias."""

def local_response_norm(
    input: Tensor,
    size: _int,
    alpha: _float = 0.0001,
    beta: _float = 0.75,
    k: _float = 1.0,
) -> Tensor:
    """x / (k + alpha m)^beta, m the mean square over `size` neighbouring channels (Krizhevsky et al. 2012)."""

def locked_dropout(
    input: Tensor,
    p: _float = 0.5,
    training: _bool = True,
    batch_first: _bool = False,
    *,
    generator: Generator | None = None,
) -> Tensor:
    """Dropout with one mask for all time steps ("variational": Gal & Ghahramani 2016; "locked": Merity et al. 2017)."""

def log_softmax(input: Tensor, dim: _int | None = None, _stacklevel: _int = 3, dtype: Any = None) -> Tensor:
    """`log_softmax`; without `dim` as `softmax`."""

def logsigmoid(input: Tensor) -> Tensor:
    """log(sigmoid(x)), without overflow."""

def margin_ranking_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: _float = 0,
    reduction: str = 'mean',
) -> Tensor:
    """max(0, -target (input1 - input2) + margin): with target 1 input1 is to be the larger, with -1 input2."""

def max_pool1d(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: _bool = False,
    return_indices: _bool = False,
) -> Any:
    """`max_pool2d` on one axis: (N, C, L) or (C, L) to (N, C, L')."""

def max_pool2d(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: _bool = False,
    return_indices: _bool = False,
) -> Any:
    """The largest value of each window: (N, C, H, W) or (C, H, W) to (N, C, H', W'). `stride` is `kernel_size` unless given."""

def max_pool_dropout2d(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    p: _float = 0.5,
    training: _bool = True,
    *,
    generator: Generator | None = None,
) -> Tensor:
    """Max-pooling of units that are dropped first (Wu & Gu 2015): (N, C, H, W) or (C, H, W) to (..., H', W')."""

def mish(input: Tensor, inplace: _bool = False) -> Tensor:
    """x tanh(softplus(x)) (Misra 2019)."""

def mse_loss(input: Tensor, target: Tensor, reduction: str = 'mean', weight: Tensor | None = None) -> Tensor:
    """The squared difference, times `weight` of its shape. Unlike PyTorch's, which warns, other shapes of `target` are a ValueError."""

def multi_head_attention_forward(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    embed_dim_to_check: _int,
    num_heads: _int,
    in_proj_weight: Tensor | None,
    in_proj_bias: Tensor | None,
    bias_k: Tensor | None,
    bias_v: Tensor | None,
    add_zero_attn: _bool,
    dropout_p: _float,
    out_proj_weight: Tensor,
    out_proj_bias: Tensor | None,
    training: _bool = True,
    key_padding_mask: Tensor | None = None,
    need_weights: _bool = True,
    attn_mask: Tensor | None = None,
    use_separate_proj_weight: _bool = False,
    q_proj_weight: Tensor | None = None,
    k_proj_weight: Tensor | None = None,
    v_proj_weight: Tensor | None = None,
    static_k: Tensor | None = None,
    static_v: Tensor | None = None,
    average_attn_weights: _bool = True,
    is_causal: _bool = False,
) -> tuple[Tensor, Tensor | None]:
    """Attention of `num_heads` heads (Vaswani et al. 2017, section 3.2.2); returns the output and, if asked for, the weights."""

def nll_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    ignore_index: _int = -100,
    reduction: str = 'mean',
) -> Tensor:
    """-input[target] * weight[target] for log-probabilities `input` (C,), (N, C) or (N, C, ...); see `cross_entropy`."""

def normalize(input: Tensor, p: _float = 2.0, dim: _int = 1, eps: _float = 1e-12) -> Tensor:
    """`input` divided by its p-norm along `dim` (by `eps` where that is smaller)."""

def one_hot(tensor: Tensor, num_classes: _int = -1) -> Tensor:
    """For each class index (int64, any shape) a row of zeros with a 1 at the index: int64, (*, num_classes)."""

def pad(input: Tensor, pad: Sequence[_int], mode: str = 'constant', value: _float | None = None) -> Tensor:
    """`input` with borders: `pad` is (left, right) of the last axis, then of the one before, and so on."""

def pairwise_distance(
    x1: Tensor,
    x2: Tensor,
    p: _float = 2.0,
    eps: _float = 1e-06,
    keepdim: _bool = False,
) -> Tensor:
    """The p-norm of x1 - x2 + eps along the last axis, broadcast."""

def pixel_shuffle(input: Tensor, upscale_factor: _int) -> Tensor:
    """Channels laid out as pixels: (*, C r^2, H, W) to (*, C, H r, W r) for a factor r (Shi et al. 2016)."""

def pixel_unshuffle(input: Tensor, downscale_factor: _int) -> Tensor:
    """The inverse of `pixel_shuffle`: (*, C, H r, W r) to (*, C r^2, H, W)."""

def poisson_nll_loss(
    input: Tensor,
    target: Tensor,
    log_input: _bool = True,
    full: _bool = False,
    eps: _float = 1e-08,
    reduction: str = 'mean',
) -> Tensor:
    """exp(input) - target input for a logarithmic rate, input - target log(input + eps) otherwise."""

def prelu(input: Tensor, weight: Tensor) -> Tensor:
    """x where x > 0, elsewhere weight * x (He et al. 2015): one weight, or one for each channel of (N, C, ...)."""

def r_drop_loss(input: Tensor, other: Tensor, target: Tensor, alpha: _float = 1.0) -> Tensor:
    """The objective of R-Drop (Liang et al. 2021) from the logits (N, C) of two passes with masks of their own."""

def random_erasing(
    input: Tensor,
    p: _float = 0.5,
    scale: Sequence[_float] = (0.02, 0.33),
    ratio: Sequence[_float] = (0.3, 3.3),
    value: Any = 0.0,
    training: _bool = True,
    *,
    generator: Generator | None = None,
) -> Tensor:
    """With probability p fills a rectangle of each image with `value` (Zhong et al. 2017)."""

def relu(input: Tensor, inplace: _bool = False) -> Tensor:
    """max(x, 0); NaN stays NaN. The gradient at 0 is 0."""

def relu6(input: Tensor, inplace: _bool = False) -> Tensor:
    """min(max(x, 0), 6)."""

def relu_(input: Tensor, inplace: _bool = False) -> Tensor:
    """The in-place form of `relu`; returns `input`."""

def relu_dropout(
    input: Tensor,
    p: _float = 0.5,
    training: _bool = True,
    *,
    generator: Generator | None = None,
) -> Tensor:
    """`dropout(relu(input), p, training, generator=generator)` in one pass over memory, bit for bit, and so its gradients."""

def relu_moments(mean: Tensor, variance: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and variance of max(Z, 0) for normal Z, exactly; variance 0 stands for a constant."""

def rms_norm(
    input: Tensor,
    normalized_shape: Any,
    weight: Tensor | None = None,
    eps: _float | None = None,
) -> Tensor:
    """Each row divided by its root mean square, times `weight` (Zhang & Sennrich 2019); rows as in `layer_norm`."""

def scaled_dot_product_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: _float = 0.0,
    is_causal: _bool = False,
    *,
    scale: _float | None = None,
    enable_gqa: _bool = False,
    generator: Generator | None = None,
) -> Tensor:
    """dropout(softmax(query key' scale + attn_mask)) value (Vaswani et al. 2017), `scale` being 1 / sqrt(E) unless given."""

def selu(input: Tensor, inplace: _bool = False) -> Tensor:
    """1.0507 x where x > 0, elsewhere 1.7581 (e^x - 1): it keeps mean 0 and variance 1 (Klambauer et al. 2017)."""

def selu_(input: Tensor, inplace: _bool = False) -> Tensor:
    """The in-place form of `selu`; returns `input`."""

def shake_shake(
    input: Tensor,
    other: Tensor,
    training: _bool = True,
    mode: str = 'row',
    *,
    generator: Generator | None = None,
) -> Tensor:
    """a `input` + (1 - a) `other`, a uniform in [0, 1): the two branches of a residual block (Gastaldi 2017)."""

def sigmoid(input: Tensor) -> Tensor:
    """1 / (1 + exp(-x)), without overflow."""

def sigmoid_mean(mean: Tensor, variance: Tensor) -> Tensor:
    """E sigmoid(Z) for normal Z, to about 0.02: sigmoid(mean / sqrt(1 + pi variance / 8)) (MacKay 1992)."""

def silu(input: Tensor, inplace: _bool = False) -> Tensor:
    """x sigmoid(x) (Hendrycks & Gimpel 2016)."""

def smooth_l1_loss(input: Tensor, target: Tensor, reduction: str = 'mean', beta: _float = 1.0) -> Tensor:
    """d^2 / (2 beta) for |d| < beta, elsewhere |d| - beta / 2."""

def soft_margin_loss(input: Tensor, target: Tensor, reduction: str = 'mean') -> Tensor:
    """log(1 + exp(-target input)) for targets 1 and -1."""

def softmax(input: Tensor, dim: _int | None = None, _stacklevel: _int = 3, dtype: Any = None) -> Tensor:
    """`softmax`; without `dim` it warns, and takes axis 0 of an input with 0, 1 or 3 axes, axis 1 of any other."""

def softmin(input: Tensor, dim: _int | None = None, _stacklevel: _int = 3, dtype: Any = None) -> Tensor:
    """softmax(-x) along `dim`; without `dim` as `softmax`."""

def softplus(input: Tensor, beta: _float = 1.0, threshold: _float = 20.0) -> Tensor:
    """log(1 + exp(beta x)) / beta; x itself where beta x > threshold."""

def softshrink(input: Tensor, lambd: _float = 0.5) -> Tensor:
    """x moved towards 0 by lambd, at most to 0."""

def softsign(input: Tensor) -> Tensor:
    """x / (1 + |x|)."""

def sparse_vd_linear(
    input: Tensor,
    weight: Tensor,
    log_sigma2: Tensor,
    bias: Tensor | None = None,
    training: _bool = True,
    *,
    threshold: _float = 3.0,
    generator: Generator | None = None,
) -> Tensor:
    """A linear map whose weights are normal with learned means and variances (Molchanov, Ashukha & Vetrov 2017)."""

def standout(
    input: Tensor,
    logits: Tensor,
    alpha: _float = 1.0,
    beta: _float = 0.0,
    training: _bool = True,
    *,
    generator: Generator | None = None,
) -> Tensor:
    """Keeps each activation with a probability of its own, sigmoid(alpha * logits + beta) (Ba & Frey 2013)."""

def stochastic_depth(
    input: Tensor,
    p: _float = 0.5,
    mode: str = 'row',
    training: _bool = True,
    *,
    rescale: _bool = True,
    generator: Generator | None = None,
) -> Tensor:
    """Drops the residual branch `input` (N, ...) of whole examples, or of the whole batch (Huang et al. 2016)."""

def tanh(input: Tensor) -> Tensor:
    """sinh(x) / cosh(x), between -1 and 1."""

def tanhshrink(input: Tensor) -> Tensor:
    """x - tanh(x)."""

def targeted_dropout(
    input: Tensor,
    p: _float = 0.5,
    fraction: _float = 0.5,
    training: _bool = True,
    *,
    target: str = 'weight',
    eval_mode: str = 'prune',
    generator: Generator | None = None,
) -> Tensor:
    """Drops from a weight, with probability `p`, what pruning would take: the `fraction` that is smallest (Gomez et al. 2019)."""

def threshold(input: Tensor, threshold: _float, value: _float, inplace: _bool = False) -> Tensor:
    """x where x > threshold, elsewhere `value`."""

def threshold_(input: Tensor, threshold: _float, value: _float, inplace: _bool = False) -> Tensor:
    """The in-place form of `threshold`; returns `input`."""

def triplet_margin_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    margin: _float = 1.0,
    p: _float = 2,
    eps: _float = 1e-06,
    swap: _bool = False,
    reduction: str = 'mean',
) -> Tensor:
    """max(0, |anchor - positive| - |anchor - negative| + margin), p-norms over the last axis (Balntas et al. 2016)."""

def unfold(input: Tensor, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Tensor:
    """Each patch that a convolution would see as a column: (N, C, H, W) to (N, C * KH * KW, L), or without N."""

def variational_gaussian_dropout(
    input: Tensor,
    log_alpha: Tensor,
    training: _bool = True,
    *,
    generator: Generator | None = None,
) -> Tensor:
    """Gaussian dropout whose variance alpha is learned: input * (1 + sqrt(alpha) e), e normal (Kingma et al. 2015, section 3.2)."""

def word_dropout(
    input: Tensor,
    weight: Tensor,
    p: _float = 0.1,
    training: _bool = True,
    padding_idx: _int | None = None,
    *,
    generator: Generator | None = None,
) -> Tensor:
    """`embedding` of words whose rows are dropped by type: a dropped word is 0 wherever it stands (Gal & Ghahramani 2016)."""

def zoneout(
    input: Tensor,
    previous: Tensor,
    p: _float = 0.1,
    training: _bool = True,
    *,
    eval_mode: str = 'expectation',
    generator: Generator | None = None,
) -> Tensor:
    """Each element of a state is, with probability `p`, left at its `previous` value instead of `input` (Krueger et al. 2017)."""

__all__ = ['adaptive_avg_pool1d', 'adaptive_avg_pool2d', 'adaptive_max_pool1d', 'adaptive_max_pool2d', 'affine_grid', 'alpha_dropout', 'attention_dropout', 'avg_pool1d', 'avg_pool2d', 'batch_norm', 'bilinear', 'binary_cross_entropy', 'binary_cross_entropy_with_logits', 'celu', 'celu_', 'channel_shuffle', 'concrete_dropout', 'conv1d', 'conv2d', 'conv3d', 'conv_transpose1d', 'conv_transpose2d', 'cosine_embedding_loss', 'cosine_similarity', 'cross_entropy', 'cutout', 'drop_block2d', 'drop_head', 'drop_path', 'dropconnect', 'dropout', 'dropout1d', 'dropout2d', 'dropout3d', 'elu', 'elu_', 'embedding', 'fast_dropout', 'feature_alpha_dropout', 'fold', 'gaussian_dropout', 'gaussian_nll_loss', 'gaussian_noise', 'gelu', 'glu', 'grid_sample', 'group_norm', 'gumbel_softmax', 'hardshrink', 'hardsigmoid', 'hardswish', 'hardtanh', 'hardtanh_', 'hinge_embedding_loss', 'hinton_dropout', 'huber_loss', 'information_dropout', 'instance_norm', 'interpolate', 'kl_div', 'l1_loss', 'layer_norm', 'leaky_relu', 'leaky_relu_', 'linear', 'local_response_norm', 'locked_dropout', 'log_softmax', 'logsigmoid', 'margin_ranking_loss', 'max_pool1d', 'max_pool2d', 'max_pool_dropout2d', 'mish', 'mse_loss', 'multi_head_attention_forward', 'nll_loss', 'normalize', 'one_hot', 'pad', 'pairwise_distance', 'pixel_shuffle', 'pixel_unshuffle', 'poisson_nll_loss', 'prelu', 'r_drop_loss', 'random_erasing', 'relu', 'relu6', 'relu_', 'relu_dropout', 'relu_moments', 'rms_norm', 'scaled_dot_product_attention', 'selu', 'selu_', 'shake_shake', 'sigmoid', 'sigmoid_mean', 'silu', 'smooth_l1_loss', 'soft_margin_loss', 'softmax', 'softmin', 'softplus', 'softshrink', 'softsign', 'sparse_vd_linear', 'standout', 'stochastic_depth', 'tanh', 'tanhshrink', 'targeted_dropout', 'threshold', 'threshold_', 'triplet_margin_loss', 'unfold', 'variational_gaussian_dropout', 'word_dropout', 'zoneout']
