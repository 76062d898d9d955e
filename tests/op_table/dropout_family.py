"""The dropout family on activations: a frozen mask is a generator that is seeded in the line."""

from .bad import bad
from .row import Row, given, ints, positive, real, row, spread

SEEDED = "g = torch.Generator().manual_seed(5)\n"


def drawn(line: str, **options: object) -> Row:
    """A row whose line draws from `g`, which PyTorch has not."""
    return row(SEEDED + line, torch=None, **options)  # type: ignore[arg-type]


WORDS = given([[3, 1, 4], [1, 5, 3]])

ROWS: list[Row] = [
    drawn("F.alpha_dropout(x, 0.3, True, generator=g)", x=real(4, 5)),
    row("F.alpha_dropout(x, 0.3)", x=real(4, 5)),
    row("F.alpha_dropout(x, 0.0, True)", x=real(4, 5)),
    row("F.alpha_dropout(x, 1.0, True)", order=1, x=real(4, 5)),
    drawn("F.feature_alpha_dropout(x, 0.3, True, generator=g)", x=real(4, 5, 2)),
    drawn("F.feature_alpha_dropout(x, 0.3, True, generator=g)", x=real(4, 5)),
    row("F.feature_alpha_dropout(x, 1.0, True)", order=1, x=real(4, 5, 2)),
    row("F.feature_alpha_dropout(x, 0.5, False)", x=real(4, 5, 2)),
    row("F.gaussian_dropout(x, 0.3, False)", torch="x * 1", x=real(4, 5)),
    row("F.gaussian_noise(x, 0.3, False)", torch="x * 1", x=real(4, 5)),
    drawn("F.hinton_dropout(x, 0.4, generator=g)", x=real(4, 5)),
    row("F.hinton_dropout(x, 0.25, False)", torch="x * 0.75", x=real(4, 5)),
    row("F.hinton_dropout(x, 1.0, False)", torch="x * 0", order=1, x=real(4, 5)),
    *(drawn(f"F.stochastic_depth(x, 0.4, '{mode}', generator=g)", x=real(5, 3, 2)) for mode in ("row", "batch")),
    drawn("F.stochastic_depth(x, 0.4, 'row', rescale=False, generator=g)", x=real(5)),
    drawn("F.stochastic_depth(x, 0.4, 'batch', generator=g)", x=real()),
    row("F.stochastic_depth(x, 0.4, 'row', False)", torch="x * 1", x=real(5, 2)),
    drawn("F.locked_dropout(x, 0.4, generator=g)", x=real(3, 2, 4)),
    drawn("F.locked_dropout(x, 0.4, batch_first=True, generator=g)", x=real(3, 2, 4)),
    drawn("F.locked_dropout(x, 0.4, generator=g)", x=real(3, 4)),
    drawn("F.word_dropout(i, w, 0.4, generator=g)", i=WORDS, w=real(6, 3)),
    row("F.word_dropout(i, w, 0.4, False)", torch="F.embedding(i, w)", i=WORDS, w=real(6, 3)),
    drawn("F.drop_head(x, 0.4, generator=g)", x=real(3, 4, 2, 2)),
    drawn("F.drop_head(x, 0.4, generator=g)", x=real(3, 4)),
    drawn("F.attention_dropout(x, 0.4, generator=g)", x=positive(3, 2, 5)),
    drawn("F.attention_dropout(x, 0.4, renormalize=True, generator=g)", x=positive(3, 2, 5)),
    row("F.attention_dropout(x, 0.4, False, renormalize=True)", torch="x * 1", x=positive(3, 5)),
    row("F.shake_shake(x, y, False)", torch="(x + y) / 2", x=real(3, 2), y=real(3, 2)),
    drawn("F.drop_block2d(x, 0.3, 3, generator=g)", x=real(2, 2, 5, 4)),
    drawn("F.drop_block2d(x, 0.3, 3, per_channel=False, normalize='sample', generator=g)", x=real(2, 2, 5, 4)),
    row("F.drop_block2d(x, 0.3, 3, False)", torch="x * 1", x=real(1, 1, 3, 3)),
    row("F.drop_block2d(x, 1.0, 3)", torch="x * 0", order=1, x=real(1, 1, 3, 3)),
    drawn("F.cutout(x, 3, holes=2, generator=g)", x=real(2, 2, 5, 4)),
    drawn("F.cutout(x, 2, p=0.5, generator=g)", x=real(2, 5, 4)),
    drawn("F.random_erasing(x, 0.9, value=[1.0, 2.0], generator=g)", x=real(3, 2, 6, 5)),
    drawn("F.random_erasing(x, 1.0, (0.2, 0.4), generator=g)", x=real(2, 6, 5)),
    drawn("F.max_pool_dropout2d(x, 2, p=0.4, generator=g)", x=spread(2, 2, 4, 6)),
    row("F.max_pool_dropout2d(x, 2, p=0.4, training=False)", torch=None, rtol=10, x=spread(2, 2, 4, 6)),
    row("F.max_pool_dropout2d(x, (2, 3), 1, p=0.4, training=False)", torch=None, rtol=10, x=spread(2, 4, 6)),
    # closed forms
    row("F.fast_dropout(x, w, b, 0.3)", torch="F.linear(x, w, b), F.linear(x * x * 3 / 7, w * w)", x=real(3, 4), w=real(2, 4), b=real(2)),
    row("F.fast_dropout(x, w, p=0.3, rescale=False)", torch="F.linear(x, w) * 0.7, F.linear(x * x, w * w) * 0.21",
        x=real(3, 4), w=real(2, 4)),
    row("F.fast_dropout(x, w, p=0.3, variance=v)", torch="F.linear(x, w), F.linear(x * x * 3 / 7 + v / 0.7, w * w)",
        x=real(3, 4), w=real(2, 4), v=positive(3, 4)),
    row("F.sigmoid_mean(x, v)", torch="torch.sigmoid(x / torch.sqrt(1 + 3.141592653589793 / 8 * v))", x=real(3, 4), v=positive(3, 4)),
    row("F.relu_moments(x, v)", torch=None, rtol=5, x=real(3, 4), v=positive(3, 4)),
    row("F.r_drop_loss(x, y, i, 0.7)", x=real(4, 3), y=real(4, 3), i=given([0, 2, 1, 1]),
        torch="p, q = F.log_softmax(x, 1), F.log_softmax(y, 1)\n(F.cross_entropy(x, i) + F.cross_entropy(y, i)) / 2 + 0.35 * ("
        "F.kl_div(p, q, log_target=True, reduction='batchmean') + F.kl_div(q, p, log_target=True, reduction='batchmean'))"),
    row("F.max_pool_dropout2d(x, 2, p=0.0)", torch="F.max_pool2d(x, 2)", x=spread(2, 2, 4, 6)),
]  # fmt: skip

NONE = "PyTorch has none"
PROBABILITY = (
    ("F.alpha_dropout(x, {}, True)", None),
    ("F.feature_alpha_dropout(x, {}, True)", None),
    ("F.gaussian_dropout(x, {})", NONE),
    ("F.hinton_dropout(x, {})", NONE),
    ("F.stochastic_depth(x, {}, 'row')", NONE),
    ("F.locked_dropout(x, {})", NONE),
    ("F.word_dropout(x.long(), x, {})", NONE),
    ("F.drop_head(x, {})", NONE),
    ("F.attention_dropout(x, {})", NONE),
    ("F.drop_block2d(x, {})", NONE),
    ("F.cutout(x, 2, p={})", NONE),
    ("F.random_erasing(x, {})", NONE),
    ("F.max_pool_dropout2d(x, 2, p={})", NONE),
)

BAD = [
    *(
        bad(line.format(p), ValueError, "between 0 and 1", str(p), differs=NONE if differs or p == "nan" else "", x=real(2, 3))
        for line, differs in PROBABILITY
        for p in ("1.5", "-0.1", "nan")
    ),
    bad("F.gaussian_dropout(x, 1.0)", ValueError, "below 1", differs=NONE, x=real(2, 3)),
    *(bad(f"F.gaussian_noise(x, {std})", ValueError, "std", std, differs=NONE, x=real(2, 3)) for std in ("-1.0", "nan", "inf")),
    *(
        bad(f"F.{call}", RuntimeError, "int64", differs=NONE, x=ints(0, 3, 2, 3))
        for call in (
            "alpha_dropout(x, 0.5, True)", "feature_alpha_dropout(x, 0.5, True)", "gaussian_dropout(x)", "gaussian_noise(x)",
            "hinton_dropout(x)", "hinton_dropout(x, 0.5, False)", "stochastic_depth(x, 0.5)", "locked_dropout(x)", "drop_head(x)",
            "attention_dropout(x)", "shake_shake(x, x)",
        )
    ),
    *(
        bad(f"F.{call}", TypeError, "Generator", differs=NONE, x=real(2, 3))
        for call in (
            "alpha_dropout(x, 0.5, True, generator=3)", "gaussian_dropout(x, generator=3)", "gaussian_noise(x, generator=3)",
            "locked_dropout(x, generator=3)", "shake_shake(x, x, generator=3)",
        )
    ),
    bad("F.feature_alpha_dropout(x, 0.5, True)", RuntimeError, "at least 2 dimensions", x=real(3)),
    bad("F.stochastic_depth(x, 0.5, 'column')", ValueError, "'column'", differs=NONE, x=real(3)),
    bad("F.stochastic_depth(x, 0.5, 'row')", RuntimeError, "0-D", differs=NONE, x=real()),
    bad("F.locked_dropout(x)", RuntimeError, "4-D", differs=NONE, x=real(1, 2, 3, 4)),
    bad("F.locked_dropout(x, training=False)", RuntimeError, "1-D", differs=NONE, x=real(3)),
    bad("F.drop_head(x)", RuntimeError, "1-D", differs=NONE, x=real(3)),
    bad("F.word_dropout(i, x)", IndexError, "9", differs=NONE, i=given([9]), x=real(3, 2)),
    bad("F.shake_shake(x, y)", RuntimeError, "[3]", "[2]", differs=NONE, x=real(3), y=real(2)),
    bad("F.shake_shake(x, x, mode='both')", ValueError, "'both'", differs=NONE, x=real(3)),
    bad("F.drop_block2d(x, 0.1, 5)", ValueError, "5", "4 x 6", differs=NONE, x=real(1, 1, 4, 6)),
    bad("F.drop_block2d(x, 0.1, 5, training=False)", ValueError, "5", differs=NONE, x=real(1, 1, 4, 6)),
    bad("F.drop_block2d(x, 0.1, 0)", ValueError, "block_size", "at least 1", differs=NONE, x=real(1, 1, 4, 6)),
    bad("F.drop_block2d(x, 0.1, 2)", ValueError, "odd", "2", differs=NONE, x=real(1, 1, 4, 6)),
    bad("F.drop_block2d(x, 0.1, 1.5)", TypeError, "block_size", "float", differs=NONE, x=real(1, 1, 4, 6)),
    bad("F.drop_block2d(x, 0.1, 3)", RuntimeError, "3-D", differs=NONE, x=real(1, 4, 6)),
    bad("F.drop_block2d(x, 0.1, 3, normalize='all')", ValueError, "'all'", differs=NONE, x=real(1, 1, 4, 6)),
    bad("F.drop_block2d(x, 0.1, 3)", RuntimeError, "int64", differs=NONE, x=ints(0, 2, 1, 1, 4, 6)),
    bad("F.cutout(x, 2)", RuntimeError, "2-D", differs=NONE, x=real(4, 6)),
    bad("F.cutout(x, 0)", ValueError, "size", differs=NONE, x=real(1, 4, 6)),
    bad("F.cutout(x, 2, holes=0)", ValueError, "holes", differs=NONE, x=real(1, 4, 6)),
    bad("F.random_erasing(x)", RuntimeError, "5-D", differs=NONE, x=real(1, 1, 1, 4, 6)),
    bad("F.random_erasing(x, scale=(0.5, 0.2))", ValueError, "scale", differs=NONE, x=real(1, 4, 6)),
    bad("F.random_erasing(x, ratio=(0, 1))", ValueError, "ratio", differs=NONE, x=real(1, 4, 6)),
    bad("F.random_erasing(x, value='red')", ValueError, "'red'", differs=NONE, x=real(1, 4, 6)),
    bad("F.random_erasing(x, value=[1, 2, 3])", ValueError, "3 numbers", "2 channels", differs=NONE, x=real(2, 4, 6)),
    bad("F.max_pool_dropout2d(x, 2)", RuntimeError, "2-D", differs=NONE, x=real(4, 6)),
    bad("F.max_pool_dropout2d(x, 5, training=False)", RuntimeError, "4 x 6", differs=NONE, x=real(1, 4, 6)),
    bad("F.fast_dropout(x, x, p=1.0)", ValueError, "below 1", differs=NONE, x=real(2, 3)),
    bad("F.fast_dropout(x, x, variance=x[0])", RuntimeError, "[3]", "[2, 3]", differs=NONE, x=real(2, 3)),
    bad("F.fast_dropout(x, x)", RuntimeError, "int64", differs=NONE, x=ints(0, 3, 2, 3)),
    bad("F.r_drop_loss(x, x[:1], i)", RuntimeError, "[2, 3]", "[1, 3]", differs=NONE, x=real(2, 3), i=ints(0, 3, 2)),
    bad("F.r_drop_loss(x, x, i, -1.0)", ValueError, "alpha", differs=NONE, x=real(2, 3), i=ints(0, 3, 2)),
    bad("F.max_pool_dropout2d(x, 0)", ValueError, "kernel_size", differs=NONE, x=real(1, 4, 6)),
]  # fmt: skip
