"""Attention, with every mask, layout and option."""

from .bad import Bad, bad
from .row import Input, Row, bools, given, ints, real, row

SEEDED = "g = torch.Generator().manual_seed(5)\n"
ATTEND = "F.scaled_dot_product_attention"
HEADS = "F.multi_head_attention_forward"
QKV = {"q": real(2, 3, 4), "k": real(2, 5, 4), "v": real(2, 5, 3)}
SEEN = given([[True, True, False, True, True], [False] * 5, [True, False, False, False, False]])
PACKED = {"w": real(12, 4), "b": real(12), "u": real(4, 4), "c": real(4)}
X = real(3, 2, 4)


def heads(*inputs: str, biases: str = "b, None, None", zero: bool = False, **options: str) -> str:
    """A line of attention with two heads of two features."""
    given_options = "".join(f", {name}={value}" for name, value in options.items())
    return f"{HEADS}({', '.join(inputs)}, 4, 2, w, {biases}, {zero}, 0.0, u, c{given_options})"


def twice(line: str, **inputs: Input) -> Row:
    """A row whose second derivative PyTorch has only where it composes attention."""
    composed = "from torch.nn.attention import SDPBackend, sdpa_kernel\nwith sdpa_kernel(SDPBackend.MATH):\n    y = "
    return row(line, torch=f"{composed}{line}\ny", **inputs)


ROWS: list[Row] = [
    row(f"{ATTEND}(q, k, v)", **QKV),
    row(f"{ATTEND}(q, k, v)", q=real(3, 4), k=real(5, 4), v=real(5, 2)),
    row(f"{ATTEND}(q, k, v, is_causal=True)", **QKV),
    twice(f"{ATTEND}(q, k, v, None, 0.0, True, scale=0.3)", q=real(1, 2, 6, 3), k=real(1, 2, 4, 3), v=real(1, 2, 4, 3)),
    row(f"{ATTEND}(q, k, v, m)", m=SEEN, **QKV),
    row(f"{ATTEND}(q, k, v, m)", m=bools(2, 1, 5), **QKV),
    row(f"{ATTEND}(q, k, v, m)", m=real(3, 5), **QKV),
    row(f"{ATTEND}(q, k, v, m)", m=real(2, 3, 5), **QKV),
    row(f"{ATTEND}(q, k, v, m)", m=real(3, 1), **QKV),
    row(f"{ATTEND}(q, k, v, m, is_causal=True)", torch=None, m=real(3, 5), **QKV),
    row(f"{ATTEND}(q, k, v, scale=-0.5)", **QKV),
    row(f"{ATTEND}(q, k, v)", q=real(2, 1, 3, 4), k=real(1, 3, 5, 4), v=real(5, 3)),
    row(f"{ATTEND}(q, k, v)", q=real(2, 1, 2, 1, 3, 4), k=real(3, 1, 2, 5, 4), v=real(5, 3)),
    row(f"{ATTEND}(q, k, v, enable_gqa=True)", q=real(2, 4, 3, 2), k=real(2, 2, 5, 2), v=real(2, 2, 5, 3)),
    row(f"{ATTEND}(q, k, v, m, enable_gqa=True)", q=real(4, 3, 2), k=real(1, 5, 2), v=real(2, 5, 3), m=real(4, 3, 5)),
    row(f"{ATTEND}(q, q, q)", q=real(2, 3, 4)),
    row(f"{ATTEND}(q, k, v, dropout_p=1.0)", order=1, torch="torch.matmul(q, k.mT) @ v * 0", **QKV),
    row(f"{ATTEND}(q, k, v)", q=real(0, 3, 4), k=real(0, 5, 4), v=real(0, 5, 2)),
    row(f"{ATTEND}(q, k, v)", order=1, q=real(2, 4), k=real(0, 4), v=real(0, 3)),
    row(f"{ATTEND}(q, k, v)", q=real(2, 0), k=real(3, 0), v=real(3, 2)),
    row(SEEDED + f"{ATTEND}(q, k, v, None, 0.4, generator=g)", torch=None, **QKV),
    row(SEEDED + f"{ATTEND}(q, k, v, m, 0.4, True, generator=g)", torch=None, m=real(3, 5), **QKV),
    # several heads
    row(heads("x", "x", "x"), x=X, **PACKED),
    twice(heads("x", "x", "x", need_weights="False"), x=X, **PACKED),
    row(heads("x", "x", "x", average_attn_weights="False"), x=real(3, 4), **PACKED),
    twice(heads("x", "y", "y", need_weights="False"), x=X, y=real(5, 2, 4), **PACKED),
    twice(heads("x", "y", "z", biases="None, None, None", need_weights="False"), x=X, y=real(5, 2, 4), z=real(5, 2, 4), **PACKED),
    twice(heads("x", "x", "x", need_weights="False", attn_mask="m"), x=X, m=real(3, 3), **PACKED),
    row(heads("x", "x", "x", attn_mask="m", key_padding_mask="p"), x=X, m=real(4, 3, 3),
        p=given([[False, False, True], [False, True, False]]), **PACKED),
    twice(heads("x", "x", "x", need_weights="False", attn_mask="m", key_padding_mask="p"), x=X,
        m=given([[False, True, True], [False, False, True], [False, False, False]]),
        p=given([[False, False, True], [False, True, False]]), **PACKED),
    twice(heads("x", "x", "x", need_weights="False", attn_mask="m", is_causal="True"), x=X,
        m=given([[False, True, True], [False, False, True], [False, False, False]]), **PACKED),
    row(heads("x", "y", "y", biases="b, k, v", zero=True, key_padding_mask="p", attn_mask="m"), x=X, y=real(5, 2, 4),
        k=real(1, 1, 4), v=real(1, 1, 4), p=given([[False] * 5, [True] * 2 + [False] * 3]), m=given([[False] * 5] * 3),
        **PACKED),
    twice(f"{HEADS}(x, y, z, 4, 2, None, b, None, None, False, 0.0, u, c, need_weights=False, use_separate_proj_weight=True, "
        "q_proj_weight=q, k_proj_weight=k, v_proj_weight=v)", x=X, y=real(5, 2, 3), z=real(5, 2, 2), b=real(12), u=real(4, 4),
        c=real(4), q=real(4, 4), k=real(4, 3), v=real(4, 2)),
]  # fmt: skip

WIDER = "PyTorch widens the result where it takes its composed path"
DTYPE = "Expected attn_mask dtype to be bool or float or to match query dtype"
BAD: list[Bad] = [
    bad(f"{ATTEND}(x, x, x)", RuntimeError, "at least 2 dimensional", "query.dim: 1", x=real(4)),
    bad(f"{ATTEND}(q, k, v)", RuntimeError, "[3, 4]", "[5, 3]", q=real(3, 4), k=real(5, 3), v=real(5, 6)),
    bad(f"{ATTEND}(q, k, v)", RuntimeError, "[5, 4]", "[4, 6]", q=real(3, 4), k=real(5, 4), v=real(4, 6)),
    bad(f"{ATTEND}(q, k, v)", RuntimeError, "[2]", "[3]", q=real(2, 3, 4), k=real(3, 5, 4), v=real(3, 5, 4)),
    bad(f"{ATTEND}(q, k.double(), k)", RuntimeError, "same dtype", "float64", q=real(3, 4), k=real(5, 4)),
    bad(f"{ATTEND}(x, x, x)", RuntimeError, "int64", x=ints(0, 3, 3, 4)),
    bad(f"{ATTEND}(x, x, x, m)", RuntimeError, DTYPE, "int64", x=real(3, 4), m=ints(0, 3, 3, 3)),
    bad(f"{ATTEND}(x, x, x, m.double())", RuntimeError, DTYPE, "float64", x=real(3, 4), m=real(3, 3)),
    bad(f"{ATTEND}(x, x, x, m)", RuntimeError, "[3, 2]", "[3, 3]", x=real(3, 4), m=real(3, 2)),
    bad(f"{ATTEND}(x, x, x, m)", RuntimeError, "[7, 3, 3]", "[3, 3]", differs=WIDER, x=real(3, 4), m=real(7, 3, 3)),
    bad(f"{ATTEND}(x, x, x, [1])", TypeError, "attn_mask", "list", x=real(3, 4)),
    bad(f"{ATTEND}(x, x, 3)", TypeError, "value", "int", x=real(3, 4)),
    bad(f"{ATTEND}(x, x, x, dropout_p=1.5)", RuntimeError, "between 0 and 1", "1.5", x=real(3, 4)),
    bad(f"{ATTEND}(x, x, x, dropout_p=-0.5)", RuntimeError, "between 0 and 1", "-0.5", differs="PyTorch takes it for 0", x=real(3, 4)),
    bad(f"{ATTEND}(x, x, x, scale='x')", TypeError, "scale", "str", x=real(3, 4)),
    bad(f"{ATTEND}(q, x, x, enable_gqa=True)", RuntimeError, "must divide", q=real(6, 3, 4), x=real(4, 3, 4)),
    bad(f"{ATTEND}(x, x, x, enable_gqa=True)", IndexError, "[3, 4]", x=real(3, 4)),
    bad(f"{ATTEND}(x, x, x, dropout_p=0.5, generator=3)", TypeError, "Generator", differs="PyTorch has none", x=real(3, 4)),
    bad(heads("x", "x", "x"), AssertionError, "1-D", x=real(4), **PACKED),
    bad(heads("x", "y", "y"), AssertionError, "3-D", "2-D", x=X, y=real(3, 4), **PACKED),
    bad(heads("x", "x", "x"), AssertionError, "4", "8", x=real(3, 2, 8), **PACKED),
    bad(heads("x", "y", "z"), AssertionError, "[5, 2, 4]", "[6, 2, 4]", x=X, y=real(5, 2, 4), z=real(6, 2, 4), **PACKED),
    bad(heads("x", "x", "x", attn_mask="m"), RuntimeError, "(3, 2)", "(3, 3)", x=X, m=bools(3, 2), **PACKED),
    bad(heads("x", "x", "x", attn_mask="m"), RuntimeError, "(3, 3, 3)", "(4, 3, 3)", x=X, m=bools(3, 3, 3), **PACKED),
    bad(heads("x", "x", "x", attn_mask="m"), AssertionError, "attn_mask", x=X, m=ints(0, 2, 3, 3), **PACKED),
    bad(heads("x", "x", "x", key_padding_mask="m"), AssertionError, "(2, 3)", "(2, 2)", x=X, m=bools(2, 2), **PACKED),
    bad(heads("x", "x", "x", key_padding_mask="m"), AssertionError, "2-D", "3-D", x=X, m=bools(2, 2, 3), **PACKED),
    bad(heads("x", "x", "x", is_causal="True"), RuntimeError, "Need attn_mask", x=X, **PACKED),
    bad(heads("x", "x", "x", static_k="x"), NotImplementedError, "static_k", differs="PyTorch has them", x=X, **PACKED),
]  # fmt: skip
