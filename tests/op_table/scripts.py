"""What scripts written for PyTorch need beside the surface: older spellings, `out=`, scattering with reductions, grids, steps."""

from .bad import Bad, bad
from .row import Row, between, given, ints, positive, real, row, spread

GRID = between(-1.3, 1.3, 2, 3, 4, 2)

ROWS: list[Row] = [
    # steps through memory
    row("x.as_strided((3, 3), (1, 1))", x=real(5), strided=False),
    row("torch.as_strided(x * 1, (2, 2), (4, 1), 1)", x=real(3, 4)),
    row("z = x * 1\nz.as_strided((2, 2), (4, 1), 1).mul_(y)\nz", x=real(3, 4), y=real(2, 2)),
    # scattering
    *(
        row(f"x.scatter_reduce({dim}, i, y, '{reduce}', include_self={own})", x=real(4, 5), y=real(3, 4), i=ints(0, 4, 3, 4))
        for dim, reduce, own in ((0, "sum", True), (1, "sum", False), (0, "mean", False), (1, "mean", True), (0, "amax", True),
                                 (1, "amax", False), (1, "amin", True), (0, "amin", False))
    ),
    row("torch.scatter_reduce(x, 1, i, y, 'prod')", x=positive(4, 5), y=positive(3, 4), i=ints(0, 4, 3, 4)),
    row("x.scatter_reduce(0, i, y, 'prod', include_self=False)", x=positive(4, 5), y=positive(3, 4), i=ints(0, 4, 3, 4)),
    row("x.scatter_reduce(0, i, y, 'amax')", order=0, x=ints(0, 3, 4), y=ints(0, 3, 6), i=given([0, 0, 1, 2, 2, 2])),
    row("(x * 1).scatter_reduce_(0, i, y, 'sum')", x=real(4), y=real(3), i=given([0, 0, 2])),
    row(
        "x.scatter(1, i, y, reduce='multiply')", torch="x.scatter_reduce(1, i, y, 'prod')",
        x=positive(3, 4), y=positive(3, 2), i=given([[0, 2], [1, 1], [3, 2]]),
    ),
    row(
        "x.scatter(1, i, 1.5, reduce='multiply')", torch="x.scatter_reduce(1, i, torch.full((3, 2), 1.5, dtype=x.dtype), 'prod')",
        x=positive(3, 4), i=given([[0, 2], [1, 1], [3, 2]]),
    ),
    # grids
    *(
        row(f"F.grid_sample(x, g, padding_mode='{padding}', align_corners={corners})", x=real(2, 3, 5, 4), g=GRID)
        for padding in ("zeros", "border", "reflection") for corners in (True, False)
    ),
    row("F.grid_sample(x, g, mode='nearest', align_corners=False)", x=real(2, 3, 5, 4), g=GRID.constant()),
    row("F.grid_sample(x, g, padding_mode='reflection', align_corners=True)", x=real(2, 1, 1, 1), g=GRID.constant()),
    *(row(f"F.affine_grid(x, (2, 3, 4, 1), align_corners={corners})", x=real(2, 2, 3)) for corners in (True, False)),
    # older spellings
    row("x.add(0.5, y)", x=real(3, 4), y=real(4)), row("torch.sub(x, 2, y)", x=real(3), y=real(3)),
    row("x.addcmul(0.5, y, y)", x=real(3), y=real(3)), row("(x * 1).addcdiv_(-2, y, y + 3)", x=real(3), y=positive(3)),
    row("torch.log_softmax(x, 1) + x.log_softmax(0)", x=real(3, 4)),
    row("F.softmax(x)", x=real(3, 4)), row("F.log_softmax(x)", x=real(2, 3, 4)), row("F.softmin(x)", x=real(4)),
    row("F.mse_loss(x, y, size_average=False)", x=real(3), y=real(3)),
    row("F.nll_loss(x, i, reduce=False)", x=real(3, 4), i=given([0, 3, 1])),
    row("F.binary_cross_entropy(x, y, size_average=True)", x=between(0.1, 0.9, 3), y=between(0.1, 0.9, 3)),
    row("torch.where(m.to(torch.uint8), x, y)", x=real(3, 4), y=real(4), m=given([[True, False, True, False]])),
    row("torch.where(m > 0.5, x, y)", x=real(80, 70), y=real(70), m=between(0, 1, 80, 70).constant()),
    row("x.masked_fill(m > 0.5, 0)", x=real(80, 70), m=between(0, 1, 80, 70).constant()),
    row("(x * 1).sgn_()", order=1, x=spread(3, 4)),
    # into a Tensor that is there
    row("torch.add(x, y, out=torch.zeros(0, dtype=x.dtype))", x=real(3, 4).constant(), y=real(4).constant(), order=0),
    row("o = y * 0\ntorch.mul(x[1:], y, out=o)\no", x=real(3, 4).constant(), y=real(2, 4).constant(), order=0),
    row("torch.max(x, 1, out=(x[:, 0].clone(), x[:, 0].long()))", x=spread(3, 4).constant(), order=0),
    # what is asked
    row("x.new([1, 2])", x=real(3), order=0), row("x.new(2, 0)", x=real(3), order=0),
    row("x.sum() * (x.is_sparse + x.is_quantized + x.is_meta + x.is_mps + x.is_xpu + (x.layout != torch.strided))", x=real(3), order=1),
    row("x.view(2, -1) * x.shape[:2].numel() * x.size().numel()", x=real(2, 3, 4), strided=False),
]  # fmt: skip
BAD: list[Bad] = [
    bad("x.as_strided((3, 3), (2, 2))", RuntimeError, "8", "5", x=real(5)),
    bad("x.as_strided((3,), (-1,))", RuntimeError, "egative", x=real(5)),
    bad("x.as_strided((3, 3), (1,))", RuntimeError, "mismatch in length", x=real(5)),
    bad("x.t().as_strided((3,), (1,))", NotImplementedError, "contiguous", differs="PyTorch sees the memory", x=real(2, 3)),
    bad("x.detach().as_strided((3, 3), (1, 1)).add_(1)", RuntimeError, "clone", differs="PyTorch adds three times", x=real(5)),
    bad("x.scatter_reduce(0, i, x, 'max')", RuntimeError, "amax", differs="PyTorch takes it for amax", x=real(3), i=given([0, 1, 2])),
    bad("x.scatter(0, i, x, reduce='sum')", RuntimeError, "add or multiply", x=real(3), i=given([0, 1, 2])),
    bad("F.grid_sample(x, g, mode='cubic')", ValueError, "cubic", x=real(1, 1, 2, 2), g=real(1, 1, 1, 2)),
    bad("F.grid_sample(x, g, padding_mode='wrap')", ValueError, "wrap", x=real(1, 1, 2, 2), g=real(1, 1, 1, 2)),
    bad("F.grid_sample(x, g)", RuntimeError, "[1, 1, 1, 3]", x=real(1, 1, 2, 2), g=real(1, 1, 1, 3)),
    bad("F.grid_sample(x, g, mode='bicubic')", NotImplementedError, "bicubic", differs="PyTorch has it",
        x=real(1, 1, 2, 2), g=real(1, 1, 1, 2)),
    bad("F.affine_grid(x, (2, 1, 3, 3))", ValueError, "[2, 3, 3]", x=real(2, 3, 3)),
    bad("F.affine_grid(x, (2, 1, 3, 3))", RuntimeError, "3", x=real(3, 2, 3)),
    bad("torch.add(x, 1, out=x * 1)", RuntimeError, "out=", "automatic differentiation", x=real(3)),
    bad("torch.add(x.detach(), 1, out=x.detach().long())", RuntimeError, x=real(3)),
    bad("x.add(1, 2, 3)", TypeError, x=real(3)),
    bad("torch.softmax(x)", TypeError, "dim", x=real(3)),
    bad("torch.normal(0.0, -1.0, (3,))", RuntimeError, "-1"),
    bad("torch.normal(x, 1.0, dtype=torch.float32)", TypeError, "dtype", x=real(3)),
    bad("torch.multinomial(x.abs(), 0)", RuntimeError, "0", x=real(3)),
    bad("torch.multinomial(x.abs(), 4)", RuntimeError, "without replacement", x=real(3)),
    *(bad(f"{line}", RuntimeError, "floating point", i=given([[1, 2], [3, 5]]))
      for line in ("i.std()", "torch.var(i, 1)", "i.norm()", "F.normalize(i)")),
]  # fmt: skip
