"""The dropout family on weights and recurrences, and with learned noise: a generator replays what was drawn.

A line that gradcheck can take draws from a generator made in the line, so that every evaluation meets the same mask.
"""

from .bad import Bad, bad
from .row import Row, between, bools, ints, real, row, spread

G = "g = torch.Generator().manual_seed(5)\n"
NONE = {"torch": None}
OURS = "PyTorch has none"

ROWS: list[Row] = [
    row(f"{G}F.dropconnect(x, w, b, 0.3, generator=g)", **NONE, x=real(4, 3), w=real(2, 3), b=real(2)),
    row(f"{G}F.dropconnect(x, w, generator=g)", **NONE, x=real(2, 3, 4), w=real(5, 4)),
    row(f"{G}F.dropconnect(x, w, b, generator=g.at(3, 30))", **NONE, x=real(4), w=real(2, 4), b=real(2)),
    row(f"{G}F.dropconnect(x, w, b, 0.3, activation=torch.tanh, generator=g)", **NONE, x=real(3, 4), w=real(2, 4), b=real(2)),
    row(
        f"{G}F.dropconnect(x, w, b, 0.3, False, activation=torch.tanh, eval_samples=3, generator=g)",
        **NONE,
        x=real(3, 4),
        w=real(2, 4),
        b=real(2),
    ),
    row("F.dropconnect(x, w, b, 0.3, False)", torch="F.linear(x, w, b)", x=real(3, 4), w=real(2, 4), b=real(2)),
    row("F.dropconnect(x, w, b, 0.0)", torch="F.linear(x, w, b)", x=real(3, 4), w=real(2, 4), b=real(2)),
    row("F.dropconnect(x, w, b)", torch="F.linear(x, w, b)", x=real(0, 4), w=real(2, 4), b=real(2)),
    row("F.dropconnect(x, w, b, 1.0)", torch="b + 0 * F.linear(x, w)", x=real(3, 4), w=real(2, 4), b=real(2)),
    row(f"{G}F.targeted_dropout(x, 0.5, 0.6, generator=g)", **NONE, x=spread(3, 5)),
    row(f"{G}F.targeted_dropout(x, 0.5, 0.6, target='unit', generator=g)", **NONE, x=spread(5, 2, 3)),
    row("F.targeted_dropout(x, 0.5, 0.6, False)", **NONE, x=spread(3, 5)),
    row("F.targeted_dropout(x, 0.5, 0.6, False, eval_mode='identity')", torch="x", x=spread(3, 5)),
    row("F.targeted_dropout(x, 1.0, 1.0)", torch="x * 0", order=1, x=spread(3, 5)),
    row(f"{G}F.zoneout(x, y, 0.3, generator=g)", **NONE, x=real(4, 5), y=real(4, 5)),
    row("F.zoneout(x, y, 0.3, False)", torch="0.3 * y + 0.7 * x", x=real(4, 5), y=real(4, 5)),
    row("F.zoneout(x, y, 0.3, False, eval_mode='identity')", torch="x", x=real(4, 5), y=real(4, 5).constant()),
    row("F.zoneout(x, y, 1.0)", torch="y + 0 * x", x=real(4, 5), y=real(4, 5)),
    row(f"{G}F.concrete_dropout(x, p, 0.5, generator=g)", **NONE, x=real(3, 4), p=real()),
    row(f"{G}F.concrete_dropout(x, p, 0.7, spatial=True, generator=g)", **NONE, x=real(2, 3, 2, 2), p=real(1)),
    row("F.concrete_dropout(x, p, training=False)", torch="x", x=real(3, 4), p=real().constant()),
    row(f"{G}F.variational_gaussian_dropout(x, a, generator=g)", **NONE, x=real(2, 3, 4), a=between(-3, -0.1, 4)),
    row(f"{G}F.variational_gaussian_dropout(x, a, generator=g)", **NONE, x=real(3, 4), a=between(-3, -0.1, 1)),
    row("F.variational_gaussian_dropout(x, a, False)", torch="x", x=real(3, 4), a=between(-3, -0.1, 4).constant()),
    row(f"{G}F.sparse_vd_linear(x, w, s, b, generator=g)", **NONE, x=real(3, 4), w=spread(2, 4), s=between(-3, 1, 2, 4), b=real(2)),
    row(
        "F.sparse_vd_linear(x, w, s, b, False)",
        torch="F.linear(x, w * (s - (w * w + 1e-8).log() < 3), b)",
        x=real(3, 4),
        w=spread(2, 4),
        s=between(4, 6, 2, 4).constant(),
        b=real(2),
    ),
    row(f"{G}F.standout(x, y, 1.5, 0.2, generator=g)", **NONE, x=real(3, 4), y=real(3, 4).constant()),
    row("F.standout(x, y, 1.5, 0.2, False)", torch="x * torch.sigmoid(1.5 * y + 0.2)", x=real(3, 4), y=real(3, 4)),
    row(f"{G}F.information_dropout(x, a, generator=g)", **NONE, x=real(3, 4), a=between(0.1, 0.7, 3, 4)),
    row(f"{G}F.information_dropout(x, a, generator=g)", **NONE, x=real(3, 4), a=between(0.1, 0.7, 3, 1)),
    row("F.information_dropout(x, a, False)", torch="x", x=real(3, 4), a=between(0.1, 0.7, 3, 4).constant()),
]  # fmt: skip

LINEAR = {"x": real(3, 4), "w": real(2, 4), "b": real(2)}
BAD: list[Bad] = [
    *(
        bad(f"F.{call.format(p=p)}", ValueError, "between 0 and 1", differs=OURS, **LINEAR)
        for call in ("dropconnect(x, w, b, {p})", "targeted_dropout(x, {p})", "targeted_dropout(x, 0.5, {p})", "zoneout(x, x, {p})")
        for p in ("nan", "-0.1", "1.1")
    ),
    *(
        bad(f"F.{call}", TypeError, "Generator", differs=OURS, **LINEAR, s=real(2, 4), p=real())
        for call in (
            "dropconnect(x, w, b, generator=3)", "targeted_dropout(w, generator=3)", "zoneout(x, x, generator=3)",
            "concrete_dropout(x, p, generator=3)", "variational_gaussian_dropout(x, p, generator=3)",
            "sparse_vd_linear(x, w, s, b, generator=3)", "standout(x, x, generator=3)", "information_dropout(x, x, generator=3)",
        )
    ),
    bad("F.dropconnect(x, w, b)", RuntimeError, "[3, 5]", "[2, 4]", differs=OURS, x=real(3, 5), w=real(2, 4), b=real(2)),
    bad("F.dropconnect(x, w, b)", RuntimeError, "[3]", "[2, 4]", differs=OURS, x=real(3, 4), w=real(2, 4), b=real(3)),
    bad("F.dropconnect(x, w)", RuntimeError, "[]", differs=OURS, x=real(), w=real(2, 4)),
    bad("F.dropconnect(x, w)", RuntimeError, "int64", differs=OURS, x=ints(0, 3, 3, 4), w=real(2, 4)),
    bad("F.dropconnect(x, [1])", TypeError, "weight", differs=OURS, x=real(3, 4)),
    bad("F.dropconnect(x, w, b, 1.0, False, eval_samples=3)", ValueError, "p = 1", differs=OURS, **LINEAR),
    bad("F.dropconnect(x, w, b, eval_samples=-1)", ValueError, "eval_samples", differs=OURS, **LINEAR),
    bad("F.dropconnect(x, w, b, eval_samples=2.5)", TypeError, "2.5", differs=OURS, **LINEAR),
    bad("F.targeted_dropout(x, target='row')", ValueError, "'unit'", "'row'", differs=OURS, x=real(3, 4)),
    bad("F.targeted_dropout(x, eval_mode='mean')", ValueError, "'prune'", "'mean'", differs=OURS, x=real(3, 4)),
    bad("F.targeted_dropout(x)", RuntimeError, "axes", differs=OURS, x=real()),
    bad("F.targeted_dropout(x)", RuntimeError, "bool", differs=OURS, x=bools(3, 4)),
    bad("F.zoneout(x, y)", RuntimeError, "[3, 4]", "[3, 5]", differs=OURS, x=real(3, 4), y=real(3, 5)),
    bad("F.zoneout(x, y)", RuntimeError, "int64", differs=OURS, x=real(3, 4), y=ints(0, 3, 3, 4)),
    bad("F.zoneout(x, x, eval_mode='mean')", ValueError, "'expectation'", "'mean'", differs=OURS, x=real(3, 4)),
    bad("F.concrete_dropout(x, p)", RuntimeError, "[2]", differs=OURS, x=real(3, 4), p=real(2)),
    *(
        bad(f"F.concrete_dropout(x, p, {t})", ValueError, "temperature", differs=OURS, x=real(3, 4), p=real())
        for t in ("0", "-1.0", "nan", "inf")
    ),
    bad("F.concrete_dropout(x, p, spatial=True)", RuntimeError, "(N, C, ...)", differs=OURS, x=real(3), p=real()),
    bad("F.concrete_dropout(x, p)", RuntimeError, "int64", differs=OURS, x=ints(0, 3, 3), p=real()),
    bad("F.variational_gaussian_dropout(x, a)", RuntimeError, "[3]", "[3, 4]", differs=OURS, x=real(3, 4), a=real(3)),
    bad("F.sparse_vd_linear(x, w, s)", RuntimeError, "[4, 2]", "[2, 4]", differs=OURS, x=real(3, 4), w=real(2, 4), s=real(4, 2)),
    bad("F.sparse_vd_linear(x, w, w)", RuntimeError, "[3, 5]", differs=OURS, x=real(3, 5), w=real(2, 4)),
    bad("F.standout(x, y)", RuntimeError, "[3, 4]", "[3]", differs=OURS, x=real(3, 4), y=real(3)),
    bad("F.standout(x, x, nan)", ValueError, "nan", differs=OURS, x=real(3, 4)),
    bad("F.standout(x, x, 1.0, inf)", ValueError, "inf", differs=OURS, x=real(3, 4)),
    bad("F.information_dropout(x, a)", RuntimeError, "[2]", "[3, 4]", differs=OURS, x=real(3, 4), a=real(2)),
    bad("F.information_dropout(x, a)", RuntimeError, "[3, 4]", "[4]", differs=OURS, x=real(4), a=real(3, 4)),
]  # fmt: skip
