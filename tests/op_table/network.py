"""What networks are made of: linear maps, convolutions, pools, activations, normalization, dropout, losses."""

from .row import Row, between, given, ints, positive, real, row, simplex, spread

SMOOTH = ["sigmoid", "tanh", "gelu", "silu", "mish", "softplus", "logsigmoid"]
KINKED = ["relu", "leaky_relu", "elu", "relu6", "hardtanh", "softsign"]
MASK = given([[True, False, True, True], [False, True, True, False], [True, True, False, True]])
LABELS = given([1, 0, 3])
PLANES = given([[[0, 1, 2], [3, -100, 1]], [[2, 2, 0], [1, 3, 3]]])  # (2, 2, 3)

ROWS: list[Row] = [
    *(row(f"F.{name}(x)", x=real(*shape)) for name in SMOOTH for shape in ((3, 4), (0, 3), ())),
    *(row(f"F.{name}(x)", x=spread(*shape)) for name in KINKED for shape in ((3, 4), (0, 3), ())),
    row("F.gelu(x, approximate='tanh')", x=real(3, 4)),
    row("F.leaky_relu(x, 0.3)", x=spread(3, 4)),
    row("F.elu(x, 0.7)", x=spread(3, 4)),
    row("F.hardtanh(x, -2, 3)", x=spread(3, 4)),
    row("F.softplus(x, 2.0, 3.0)", x=spread(3, 4)),
    row("F.relu(x * 1, inplace=True)", x=spread(3, 4)),
    row("F.silu(x * 1, inplace=True)", x=real(3, 4)),
    *(row(f"F.{name}(x, {dim})", x=real(2, 3, 4)) for name in ("softmax", "log_softmax") for dim in (0, 1, -1)),
    *(row(f"F.{name}(x, 0)", x=real()) for name in ("softmax", "log_softmax")),
    *(row(f"F.{name}(x, 1)", x=real(0, 3)) for name in ("softmax", "log_softmax")),
    row("torch.softmax(x, 1, dtype=torch.float64)", x=real(3, 4)),
    # linear maps
    row("F.linear(x, w, b)", x=real(3, 4), w=real(2, 4), b=real(2)),
    row("F.linear(x, w)", x=real(2, 3, 4), w=real(2, 4)),
    row("F.linear(x, w, b)", x=real(4), w=real(2, 4), b=real(2)),
    row("F.linear(x, w, b)", x=real(0, 4), w=real(2, 4), b=real(2)),
    row("F.conv2d(x, w)", x=real(2, 3, 5, 4), w=real(4, 3, 3, 2)),
    row("F.conv2d(x, w, b)", x=real(1, 2, 4, 4), w=real(3, 2, 3, 3), b=real(3)),
    row("F.conv2d(x, w, b, stride=2, padding=1)", x=real(2, 2, 5, 6), w=real(2, 2, 3, 3), b=real(2)),
    row("F.conv2d(x, w, stride=(2, 1), padding=(0, 2))", x=real(1, 2, 5, 4), w=real(2, 2, 2, 3)),
    row("F.conv2d(x, w, dilation=2)", x=real(1, 1, 6, 7), w=real(2, 1, 2, 3)),
    row("F.conv2d(x, w, b, groups=2)", x=real(2, 4, 4, 3), w=real(6, 2, 2, 2), b=real(6)),
    row("F.conv2d(x, w, stride=2, padding=2, dilation=(1, 2), groups=3)", x=real(1, 3, 5, 5), w=real(3, 1, 3, 2)),
    row("F.conv2d(x, w, padding='same')", x=real(1, 2, 4, 5), w=real(2, 2, 3, 2)),
    row("F.conv2d(x, w, padding='valid')", x=real(1, 2, 4, 5), w=real(2, 2, 1, 1)),
    row("F.conv2d(x, w, b)", x=real(2, 4, 4), w=real(3, 2, 3, 3), b=real(3)),
    row("F.conv2d(x, w, b)", x=real(0, 2, 4, 4), w=real(3, 2, 3, 3), b=real(3)),
    row(
        "F.conv2d(x, w, b)",
        torch="F.conv2d(x, w).new_zeros(1, 3, 2, 2) + b.reshape(3, 1, 1) + 0 * (x.sum() + w.sum())",
        x=real(1, 0, 4, 4),
        w=real(3, 0, 3, 3),
        b=real(3),
    ),
    row(
        "F.conv2d(x, w, b, stride=10**6, padding=1)",
        torch="F.conv2d(x, w, b, stride=9, padding=1)",
        x=real(2, 2, 4, 5),
        w=real(3, 2, 3, 3),
        b=real(3),
    ),
    row(
        "F.conv2d(x, w, stride=(2**31 - 1, 2))",
        torch="F.conv2d(x, w, stride=(9, 2))",
        x=real(1, 1, 5, 6),
        w=real(2, 1, 3, 2),
    ),
    row(
        "F.conv_transpose2d(x, w, stride=10**6, padding=10**6)",
        order=0,
        torch="(x * w)[:, :, 1:2, 1:2]",
        x=real(1, 1, 3, 3).constant(),
        w=real(1, 1, 1, 1).constant(),
    ),
    row("F.conv1d(x, w, b, stride=2, padding=1)", x=real(2, 3, 7), w=real(2, 3, 3), b=real(2)),
    row("F.conv1d(x, w, dilation=2, groups=2)", x=real(2, 8), w=real(2, 1, 3)),
    row("F.conv_transpose2d(x, w)", x=real(2, 3, 3, 2), w=real(3, 2, 2, 3)),
    row(
        "F.conv_transpose2d(x, w, b, stride=2, padding=1, output_padding=1)",
        x=real(1, 2, 3, 3),
        w=real(2, 2, 3, 3),
        b=real(2),
    ),
    row("F.conv_transpose2d(x, w, b, groups=2, dilation=2)", x=real(1, 4, 3, 2), w=real(4, 1, 2, 2), b=real(2)),
    row("F.conv_transpose2d(x, w)", x=real(2, 3, 2), w=real(2, 1, 2, 2)),
    # pools
    row("F.max_pool2d(x, 2)", x=spread(2, 2, 4, 5)),
    row("F.max_pool2d(x, 3, 2, 1)", x=spread(1, 2, 5, 6)),
    row("F.max_pool2d(x, (2, 3), stride=(1, 2), ceil_mode=True)", x=spread(1, 1, 4, 6)),
    row("F.max_pool2d(x, 2, dilation=2)", x=spread(1, 1, 5, 5)),
    row("F.max_pool2d(x, 2, 2**31 - 1)", x=spread(1, 1, 5, 5)),
    row("F.max_pool2d(x, 2)", x=spread(2, 4, 4)),
    row("F.max_pool2d(x, 2, return_indices=True)", x=spread(1, 2, 4, 4)),
    row("F.avg_pool2d(x, 2)", x=real(2, 2, 4, 5)),
    row("F.avg_pool2d(x, 3, 2, 1)", x=real(1, 2, 5, 6)),
    row("F.avg_pool2d(x, 3, 2, 1, count_include_pad=False)", x=real(1, 2, 5, 6)),
    row("F.avg_pool2d(x, (2, 3), ceil_mode=True)", x=real(1, 1, 5, 7)),
    row("F.avg_pool2d(x, 2, divisor_override=3)", x=real(1, 1, 4, 4)),
    row("F.avg_pool2d(x, 2)", x=real(1, 4, 4)),
    row("F.adaptive_avg_pool2d(x, 2)", x=real(1, 2, 4, 6)),
    row("F.adaptive_avg_pool2d(x, (3, 2))", x=real(1, 2, 5, 7)),
    row("F.adaptive_avg_pool2d(x, (None, 1))", x=real(2, 3, 4)),
    row("F.pad(x, (1, 2))", x=real(2, 3)),
    row("F.pad(x, (1, 0, 2, 1), value=1.5)", x=real(2, 3)),
    row("F.pad(x, (-1, 2))", x=real(2, 3)),
    row("F.pad(x, (1, 2), mode='reflect')", x=real(1, 2, 4)),
    row("F.pad(x, (2, 1), mode='replicate')", x=real(1, 2, 4)),
    row("F.pad(x, (1, 2, 2, 1), mode='circular')", x=real(1, 2, 3, 4)),
    row("F.pad(x, (1, 1, 1, 1), mode='reflect')", x=real(1, 1, 3, 3)),
    # normalization and dropout
    row("F.batch_norm(x, None, None, w, b, True)", x=real(4, 3), w=real(3), b=real(3)),
    row("F.batch_norm(x, None, None, w, b, training=True, eps=0.1)", x=real(2, 3, 2, 2), w=real(3), b=real(3)),
    row("F.batch_norm(x, None, None, training=True)", x=real(3, 2, 3)),
    row(
        "m, v = torch.zeros_like(w), torch.ones_like(w)\ny = F.batch_norm(x, m, v, w, b, True, 0.3)\n(y, m, v)",
        x=real(4, 3, 2),
        w=real(3),
        b=real(3),
    ),
    row(
        "F.batch_norm(x, m, v, w, b)",
        x=real(4, 3),
        m=real(3).constant(),
        v=positive(3).constant(),
        w=real(3),
        b=real(3),
    ),
    row(
        "F.batch_norm(x, m, v, w, b)",
        x=real(4, 3, 0),
        m=real(3).constant(),
        v=positive(3).constant(),
        w=real(3),
        b=real(3),
    ),
    row(
        "F.batch_norm(x, m, v, w, b)",
        torch=None,
        x=real(2, 0),
        m=real(0).constant(),
        v=positive(0).constant(),
        w=real(0),
        b=real(0),
    ),
    row(
        "F.batch_norm(x, m, v, w, b, True)",
        x=real(0, 3, 2),
        m=real(3).constant(),
        v=positive(3).constant(),
        w=real(3),
        b=real(3),
    ),
    row("F.batch_norm(x, m, v)", x=real(2, 3, 2, 2), m=real(3).constant(), v=positive(3).constant()),
    row("F.layer_norm(x, (4,), w, b)", x=real(3, 4), w=real(4), b=real(4)),
    row("F.layer_norm(x, [3, 4], w)", x=real(2, 3, 4), w=real(3, 4)),
    row(
        "F.layer_norm(x, (4,), None, b, 0.1)",
        torch="F.layer_norm(x, (4,), torch.ones_like(b), b, 0.1)",  # fails without a weight
        x=real(2, 3, 4),
        b=real(4),
    ),
    row("torch.layer_norm(x, (5,))", x=real(5)),
    row("F.layer_norm(x, (20,), w, b)", x=real(10, 20), w=real(20), b=real(20)),
    row("F.layer_norm(x, (3,), w, b)", x=real(0, 3), w=real(3), b=real(3)),
    row("F.layer_norm(x, (0,), w, b)", x=real(2, 0), w=real(0), b=real(0)),
    row("F.embedding(i, w)", i=ints(0, 5, 2, 3), w=real(5, 4)),
    row("F.embedding(i, w)", i=given(2), w=real(5, 4)),
    row("F.embedding(i, w)", torch="w[i]", i=ints(0, 5, 0, 3), w=real(5, 4)),
    row("F.embedding(i, w)", i=ints(0, 5, 3), w=real(5, 0)),
    row("F.normalize(x)", x=real(3, 4)),
    row("F.normalize(x, p=1, dim=0)", x=spread(3, 4)),
    row("F.normalize(x, p=3.0, dim=-1)", x=spread(2, 3, 4)),
    row("F.dropout(x, 0.5, mask=m)", torch="x * m * 2", x=real(3, 4), m=MASK),
    row("F.dropout(x, 0.5, training=False)", x=real(3, 4)),
    row("F.dropout(x, 0.0)", x=real(3, 4)),
    row("F.dropout(x, 1.0)", order=1, x=real(3, 4)),
    row("torch.dropout(x, 0.5, False)", x=real(3, 4)),
    row("F.dropout1d(x, 0.5, mask=m)", torch="x * m[:, :, None] * 2", x=real(3, 4, 2), m=MASK),
    row("F.dropout2d(x, 0.5, mask=m)", torch="x * m[:, :, None, None] * 2", x=real(3, 4, 2, 2), m=MASK),
    row("F.dropout3d(x, 0.75, mask=m)", torch="x * m[:, :, None, None, None] * 4", x=real(3, 4, 1, 2, 2), m=MASK),
    row(
        "g = torch.Generator().manual_seed(5)\nF.dropout(x, 0.5, generator=g)",
        torch=None,
        x=real(5, 7),
    ),
    row("g = torch.Generator().manual_seed(5)\nF.dropout2d(x, 0.3, generator=g)", torch=None, x=real(4, 3, 2, 2)),
    *(
        row("g = torch.Generator().manual_seed(5)\nF.relu_dropout(x, 0.4, generator=g)", torch=None, x=spread(*shape))
        for shape in ((5, 7), (0, 3), ())
    ),
    row("F.relu_dropout(x, 0.5, False)", torch="F.relu(x)", x=spread(3, 4)),
    row("F.relu_dropout(x, 0.0)", torch="F.relu(x)", x=spread(3, 4)),
    row("F.relu_dropout(x, 1.0)", torch="F.dropout(F.relu(x), 1.0)", order=1, x=spread(3, 4)),
    # losses
    *(
        row(f"F.{name}(x, y, reduction='{reduction}')", x=spread(3, 4), y=between(-0.2, 0.2, 3, 4))
        for name in ("mse_loss", "l1_loss", "huber_loss", "smooth_l1_loss")
        for reduction in ("mean", "sum", "none")
    ),
    row("F.huber_loss(x, y, delta=2.0)", x=spread(3, 4), y=between(-0.2, 0.2, 3, 4)),
    row("F.smooth_l1_loss(x, y, beta=2.0)", x=spread(3, 4), y=between(-0.2, 0.2, 3, 4)),
    row("F.smooth_l1_loss(x, y, beta=0)", x=spread(3, 4), y=between(-0.2, 0.2, 3, 4)),
    row("F.binary_cross_entropy(x, y)", x=between(0.1, 0.9, 3, 4), y=between(0, 1, 3, 4)),
    row(
        "F.binary_cross_entropy(x, y, w, reduction='sum')",
        x=between(0.1, 0.9, 3, 4),
        y=between(0, 1, 3, 4),
        w=positive(4).constant(),
    ),
    row("F.binary_cross_entropy_with_logits(x, y)", x=real(3, 4), y=between(0, 1, 3, 4)),
    row(
        "F.binary_cross_entropy_with_logits(x, y, w, reduction='none', pos_weight=p)",
        x=real(3, 4),
        y=between(0, 1, 3, 4),
        w=positive(3, 1).constant(),
        p=positive(4).constant(),
    ),
    row("F.kl_div(x, y)", x=real(3, 4), y=simplex(3, 4)),
    row("F.kl_div(x, y, reduction='batchmean', log_target=True)", x=real(3, 4), y=real(3, 4)),
    row("F.kl_div(x, y, reduction='sum')", x=real(3, 4), y=simplex(3, 4).constant()),
    *(
        row(f"F.{name}({x}, y{rest})", x=real(3, 4), y=LABELS, w=positive(4).constant())
        for name, x in (("cross_entropy", "x"), ("nll_loss", "F.log_softmax(x, 1)"))
        for rest in ("", ", reduction='sum'", ", reduction='none'", ", w", ", w, reduction='none'", ", ignore_index=0")
    ),
    *(
        row(f"F.{name}({x}, y{rest})", x=real(2, 4, 2, 3), y=PLANES, w=positive(4).constant())
        for name, x in (("cross_entropy", "x"), ("nll_loss", "F.log_softmax(x, 1)"))
        for rest in ("", ", w", ", reduction='none'")
    ),
    row("F.cross_entropy(x, y)", x=real(4), y=given(2)),
    row("F.cross_entropy(x, y, label_smoothing=0.2)", x=real(3, 4), y=LABELS),
    row("F.cross_entropy(x, y, w, label_smoothing=0.2)", x=real(3, 4), y=LABELS, w=positive(4).constant()),
    row(
        "F.cross_entropy(x, y, w, ignore_index=3, label_smoothing=0.2, reduction='sum')",
        x=real(3, 4),
        y=LABELS,
        w=positive(4).constant(),
    ),
    row("F.cross_entropy(x, y)", x=real(3, 4), y=simplex(3, 4)),
    row(
        "F.cross_entropy(x, y, w, label_smoothing=0.1)",
        x=real(3, 4),
        y=simplex(3, 4).constant(),
        w=positive(4).constant(),
    ),
    row("F.cross_entropy(x, y, reduction='none')", x=real(2, 4, 3), y=between(0, 1, 2, 4, 3)),
    row("F.cross_entropy(x, y)", x=real(3, 4), y=ints(0, 4, 3)),
]
