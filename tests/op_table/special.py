"""Rows for the number of threads, and what has no row."""

from .row import Row, ints, positive, real, row, spread

# Large enough for kernels to use several threads
LARGE: list[Row] = [
    row("x @ y", x=real(300, 257), y=real(257, 301)),
    row("torch.bmm(x, y)", x=real(9, 64, 100), y=real(9, 100, 65)),
    row("F.linear(x, w, b)", x=real(257, 128), w=real(300, 128), b=real(300)),
    row("F.conv2d(x, w, b, padding=1)", x=real(5, 16, 30, 31), w=real(24, 16, 3, 3), b=real(24)),
    row("F.conv2d(x, w, stride=2, groups=4)", x=real(5, 16, 31, 31), w=real(32, 4, 3, 3)),
    row("F.conv_transpose2d(x, w, stride=2)", x=real(4, 8, 17, 17), w=real(8, 16, 3, 3)),
    row("F.max_pool2d(x, 3, 2, 1)", x=spread(4, 16, 33, 33)),
    row("F.avg_pool2d(x, 2)", x=real(8, 16, 64, 64)),
    row("F.batch_norm(x, None, None, w, b, True)", x=real(16, 24, 28, 28), w=real(24), b=real(24)),
    row("F.batch_norm(x, None, None, w, b, True)", x=real(513, 257), w=real(257), b=real(257)),
    row("F.layer_norm(x, (257,), w, b)", x=real(1000, 257), w=real(257), b=real(257)),
    row("F.embedding(i, w)", i=ints(0, 2000, 9, 1000), w=real(2000, 33)),
    row("F.cross_entropy(x, y)", x=real(2000, 100), y=ints(0, 100, 2000)),
    row("F.softmax(x, 1)", x=real(1000, 300)),
    row("F.log_softmax(x, 0)", x=real(300, 1000)),
    row("F.scaled_dot_product_attention(q, k, k, is_causal=True)", q=real(4, 150, 32), k=real(4, 170, 32)),
    row("F.scaled_dot_product_attention(q, k, k, m)", q=real(700, 16), k=real(300, 16), m=real(700, 300)),
    row("F.relu(x)", x=real(600_000)),
    row("F.gelu(x)", x=real(300_000)),
    row("F.sigmoid(x)", x=real(300_000)),
    row("torch.sum(x)", x=real(1_000_003)),
    row("torch.sum(x, 0)", x=real(1001, 1003)),
    row("torch.mean(x, 1)", x=real(1001, 1003)),
    row("x + y", x=real(700, 1, 300), y=real(3, 1)),
    row("torch.var(x, 0)", x=positive(1001, 500)),
    row("g = torch.Generator().manual_seed(5)\nF.dropout(x, 0.5, generator=g)", torch=None, x=real(1_000_001)),
    row("g = torch.Generator().manual_seed(5)\nF.relu_dropout(x, 0.5, generator=g)", torch=None, x=spread(300_001)),
]

# Declared, without a row, with the reason
UNTABLED: dict[str, str] = {
    **dict.fromkeys(("empty", "empty_like", "new_empty"), "their elements are whatever was in memory"),
    **dict.fromkeys(
        ("rand", "randn", "rand_like", "randn_like", "randint", "randperm", "normal", "multinomial", "bernoulli", "uniform_", "normal_",
         "bernoulli_", "randint_like", "gumbel_softmax", "random_", "exponential_", "geometric_", "log_normal_", "cauchy_"),
        "random: tests/test_random.py",
    ),
    **dict.fromkeys(("get_rng_state", "set_rng_state"), "the state of the default generator: tests/test_random.py"),
    **dict.fromkeys(("from_numpy", "from_dlpack"), "they take no Tensors: tests/test_tensor.py"),
    "cuda": "it always raises: tests/op_table/surface.py",
    "__rmatmul__": "reached only by an operand that is no Tensor: tests/test_ops.py",
}  # fmt: skip
