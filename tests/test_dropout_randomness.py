"""The quality of dropout's numbers as a program sees them: through layers, one call after the other, from one seed or several;
and which calls each member of the family takes, as docs/dropout_format.md says.

Seeds are fixed, so these tests don't fail by chance; bounds are those that a fair coin passes all but once in 10,000 times.
Single kernels, at all levels, are in tests/kernels/test_dropout.py.
"""

import math
import re
from functools import partial
from pathlib import Path

import numpy as np
import pytest

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import nn

RATES = [0.1, 0.25, 0.5, 0.8, 0.999]
BOUND = 3.9  # of a normal number, once in 10,000
FORMAT = (Path(__file__).parent.parent / "docs" / "dropout_format.md").read_text(encoding="utf-8")


def kept(layer, *shape):
    return layer(mg.ones(*shape)).numpy() != 0


def seeded(seed):
    return mg.Generator().manual_seed(seed)


def chi_square_is_fair(observed, expected, variance):
    """Whether the sum of squared deviations is what it should be, by the normal approximation of chi-square."""
    statistic = ((observed - expected) ** 2 / variance).sum()
    freedom = observed.size
    return abs(statistic - freedom) < BOUND * math.sqrt(2 * freedom)


def correlation(a, b):
    """Of two masks of one rate, times sqrt(n): standard normal if they are independent."""
    a, b = (mask.ravel().astype(float) for mask in (a, b))
    return np.mean((a - a.mean()) * (b - b.mean())) / (a.std() * b.std()) * math.sqrt(a.size)


@pytest.mark.parametrize("p", RATES)
def test_keep_rate_over_calls(p):
    """Of 200 calls of one layer, as a training makes them."""
    layer = nn.Dropout(p, generator=seeded(1))
    n = 5003
    counts = np.array([kept(layer, n).sum() for _ in range(200)])
    assert chi_square_is_fair(counts, n * (1 - p), n * p * (1 - p))
    assert abs(counts.sum() - counts.size * n * (1 - p)) < BOUND * math.sqrt(counts.size * n * p * (1 - p))


@pytest.mark.parametrize("p", RATES)
def test_keep_rate_of_each_unit(p):
    """Each of 1000 units over 500 calls: none is favoured."""
    layer = nn.Dropout(p, generator=seeded(2))
    counts = sum(kept(layer, 1000).astype(int) for _ in range(500))
    assert chi_square_is_fair(counts, 500 * (1 - p), 500 * p * (1 - p))


@pytest.mark.parametrize("p", [0.2, 0.5])
def test_neighbours_at_any_lag_are_independent(p):
    mask = kept(nn.Dropout(p, generator=seeded(3)), 300_000)
    lags = [*range(1, 40), 63, 64, 65, 127, 128, 129, 255, 256, 257, 512, 1024, 2048, 4096, 65536]
    found = np.array([correlation(mask[:-lag], mask[lag:]) for lag in lags])
    assert np.abs(found).max() < BOUND + 1
    assert chi_square_is_fair(found, 0, 1)


def test_patterns_of_eight_neighbours_are_equally_likely():
    """Groups of neighbours with equal numbers would show here."""
    mask = kept(nn.Dropout(0.5, generator=seeded(4)), 8 * 100_000)
    counts = np.bincount(np.packbits(mask), minlength=256)
    assert chi_square_is_fair(counts, 100_000 / 256, 100_000 / 256)


@pytest.mark.parametrize(
    ("layer", "shape"),
    [(nn.Dropout1d, (500, 64, 3)), (nn.Dropout2d, (500, 64, 2, 2)), (nn.Dropout3d, (500, 64, 1, 2, 2))],
)
def test_neighbouring_channels_and_examples_are_independent(layer, shape):
    mask = kept(layer(0.3, generator=seeded(5)), *shape).reshape(500, 64, -1)
    assert (mask == mask[..., :1]).all()
    mask = mask[..., 0]
    found = [correlation(mask[:, :-lag], mask[:, lag:]) for lag in (1, 2, 3, 4, 8, 16, 32)]
    found += [correlation(mask[:-lag], mask[lag:]) for lag in (1, 2, 3, 4, 8)]
    assert np.abs(found).max() < BOUND
    counts = mask.sum(0)
    assert chi_square_is_fair(counts, 500 * 0.7, 500 * 0.21)


def test_seeds_give_unrelated_masks():
    """Seeds that a program takes: small, consecutive, powers of 2, negative."""
    seeds = [*range(12), 42, 1234, 2**31, 2**32, 2**32 + 1, 2**63, -1]
    masks = [kept(nn.Dropout(0.5, generator=seeded(seed)), 20_000) for seed in seeds]
    found = np.array([correlation(a, b) for i, a in enumerate(masks) for b in masks[:i]])
    assert np.abs(found).max() < BOUND + 1
    assert chi_square_is_fair(found, 0, 1)


def test_calls_of_one_seed_give_unrelated_masks():
    layer = nn.Dropout(0.5, generator=seeded(6))
    masks = [kept(layer, 20_000) for _ in range(20)]
    found = np.array([correlation(a, b) for i, a in enumerate(masks) for b in masks[:i]])
    assert np.abs(found).max() < BOUND + 1
    assert chi_square_is_fair(found, 0, 1)


def test_layers_of_a_net_draw_unrelated_masks():
    """Two layers of one shape that share the default generator."""
    mg.manual_seed(7)
    first, second = nn.Dropout(0.5), nn.Dropout(0.5)
    pairs = [(kept(first, 5000), kept(second, 5000)) for _ in range(40)]
    found = np.array([correlation(*pair) for pair in pairs])
    assert chi_square_is_fair(found, 0, 1)


def test_masks_and_normal_numbers_of_one_seed_are_unrelated():
    noise = mg.randn(100_000, generator=seeded(8)).numpy()
    mask = kept(nn.Dropout(0.5, generator=seeded(8)), 100_000)
    assert abs(correlation(mask, noise > 0)) < BOUND
    assert abs(correlation(mask, mg.rand(100_000, generator=seeded(8)).numpy() > 0.5)) < BOUND


def test_backward_has_the_mask_of_its_own_forward():
    """Also when other calls came between."""
    x = mg.ones(3001, requires_grad=True)
    outs = [F.dropout(x, 0.4) for _ in range(5)]
    for out in reversed(outs):
        x.grad = None
        out.sum().backward()
        assert np.array_equal(x.grad.numpy(), out.numpy(force=True))
    assert len({out.numpy(force=True).tobytes() for out in outs}) == 5


def test_neighbouring_seeds_and_calls_draw_unrelated_noise():
    """Normal and uniform numbers, whose generator has the seed and the call in its key: neighbours, and the two swapped."""
    places = [(seed, call) for seed in (0, 1, 2, 3, 2**32, 2**63) for call in (0, 1, 2, 3, 2**32)]
    for draw in (mg.randn, mg.rand):
        noise = [draw(10_000, generator=seeded(seed).at(call)).numpy() for seed, call in places]
        found = np.array([correlation(a, b) for i, a in enumerate(noise) for b in noise[:i]])
        assert np.abs(found).max() < BOUND + 1
        assert chi_square_is_fair(found, 0, 1)


def test_seed_and_call_do_not_mix():
    """Call c of seed s against call s of seed c, and against the other ways to the same sum."""
    masks = {(s, c): kept(nn.Dropout(0.5, generator=seeded(s).at(c)), 10_000) for s in range(8) for c in range(8)}
    pairs = [(a, b) for a in masks for b in masks if a < b and sum(a) == sum(b)]
    found = np.array([correlation(masks[a], masks[b]) for a, b in pairs])
    assert np.abs(found).max() < BOUND + 1
    assert chi_square_is_fair(found, 0, 1)


# ---- known answers -------------------------------------------------------------------------------------------------------


def published_masks():
    """The table of masks on the page: seed, call, offset, threshold, kept."""
    rows = re.findall(r"^    (\w+) +(\w+) +(\d+) +(0x[0-9a-f]{8}) +([0-9a-f]+)$", FORMAT, re.M)
    for *numbers, mask in rows:
        bits = np.unpackbits(np.frombuffer(bytes.fromhex(mask), np.uint8), bitorder="little").astype(bool)
        yield *(int(number, 0) for number in numbers), bits


PUBLISHED = list(published_masks())


def test_the_page_has_its_vectors():
    assert len(PUBLISHED) == 5


@pytest.mark.parametrize(("seed", "call", "offset", "threshold", "expected"), PUBLISHED)
def test_layers_draw_the_published_masks(seed, call, offset, threshold, expected):
    generator, p = seeded(seed), 1 - threshold / 2**32
    x = mg.ones(expected.size, requires_grad=True)
    y = nn.Dropout(p, generator=generator.at(call, offset))(x)
    y.sum().backward()
    for found in (y, x.grad):
        np.testing.assert_array_equal(found.numpy(force=True), expected * np.float32(2**32 / threshold))
    channels = nn.Dropout2d(p, generator=generator.at(call, offset))(mg.ones(2, expected.size // 2, 3, 2))
    np.testing.assert_array_equal(channels.numpy() != 0, np.repeat(expected, 6).reshape(channels.shape))
    chained = F.relu_dropout(mg.ones(expected.size), p, generator=generator.at(call, offset))
    np.testing.assert_array_equal(chained.numpy(), y.numpy(force=True))


# ---- what each member of the family draws --------------------------------------------------------------------------------

STEPS, SAMPLES = 3, 4


def rnn(cell, drop):
    """A recurrent net whose dropout is `drop`, 128 wide."""
    return nn.DropoutRNN(cell(128, 128, dropout=drop))


def linear():
    return nn.Linear(256, 256)


# Large enough for three threads in most of the kernels: 600,000 elements, where a thread is worth 20,000 ns.
MAPS, ROWS, SEQUENCE = (10, 16, 64, 64), (2400, 256), (STEPS, 1600, 128)

# name on the page: calls as the page has them, how many that is here, the member with generator g, shapes of its inputs
MEMBERS = {
    "Dropout": ("1", 1, lambda g: nn.Dropout(0.3, generator=g), [MAPS]),
    "HintonDropout": ("1", 1, lambda g: nn.HintonDropout(0.3, generator=g), [MAPS]),
    "AttentionDropout": ("1", 1, lambda g: nn.AttentionDropout(0.3, renormalize=True, generator=g), [MAPS]),
    "Dropout1d": ("1", 1, lambda g: nn.Dropout1d(0.3, generator=g), [(160, 64, 64)]),
    "Dropout2d": ("1", 1, lambda g: nn.Dropout2d(0.3, generator=g), [MAPS]),
    "Dropout3d": ("1", 1, lambda g: nn.Dropout3d(0.3, generator=g), [(10, 16, 16, 16, 16)]),
    "AlphaDropout": ("1", 1, lambda g: nn.AlphaDropout(0.3, generator=g), [MAPS]),
    "FeatureAlphaDropout": ("1", 1, lambda g: nn.FeatureAlphaDropout(0.3, generator=g), [MAPS]),
    "GaussianDropout": ("1", 1, lambda g: nn.GaussianDropout(0.3, generator=g), [MAPS]),
    "GaussianNoise": ("1", 1, lambda g: nn.GaussianNoise(0.3, generator=g), [MAPS]),
    "LockedDropout": ("1", 1, lambda g: nn.LockedDropout(0.3, generator=g), [(10, 500, 128)]),
    "WordDropout": ("1", 1, lambda g: nn.WordDropout(500, 256, p=0.3, generator=g), [(60, 40)]),
    "DropHead": ("1", 1, lambda g: nn.DropHead(0.3, generator=g), [MAPS]),
    "DropPath": ("1", 1, lambda g: nn.DropPath(0.3, generator=g), [MAPS]),
    "LayerDrop": ("1", 1, lambda g: nn.LayerDrop([linear() for _ in range(3)], 0.3, generator=g), [ROWS]),
    "DropBlock2d": ("1", 1, lambda g: nn.DropBlock2d(0.3, 3, generator=g), [MAPS]),
    "MaxPoolDropout2d": ("1", 1, lambda g: nn.MaxPoolDropout2d(2, p=0.3, generator=g), [MAPS]),
    "MultiSampleDropout": (
        "1 a sample", SAMPLES, lambda g: nn.MultiSampleDropout(linear(), SAMPLES, 0.3, generator=g), [ROWS]
    ),
    "Cutout": ("1", 1, lambda g: nn.Cutout(8, generator=g), [MAPS]),
    "RandomErasing": ("1", 1, lambda g: nn.RandomErasing(0.9, generator=g), [MAPS]),
    'RandomErasing(value="random")': ("2", 2, lambda g: nn.RandomErasing(0.9, value="random", generator=g), [MAPS]),
    "ShakeShake": ("2", 2, lambda g: nn.ShakeShake(generator=g), [MAPS, MAPS]),
    "DropConnect": ("1", 1, lambda g: nn.DropConnect(256, 256, 0.3, generator=g), [(9, 256)]),
    "WeightDrop": ("1 a parameter", 2, lambda g: nn.WeightDrop(linear(), ("weight", "bias"), 0.3, generator=g), [ROWS]),
    "TargetedDropout": ("1 a parameter", 1, lambda g: nn.TargetedDropout(linear(), p=0.3, generator=g), [ROWS]),
    "ConcreteDropout": ("1", 1, lambda g: nn.ConcreteDropout(0.3, generator=g), [MAPS]),
    "VariationalGaussianDropout": ("1", 1, lambda g: nn.VariationalGaussianDropout(256, generator=g), [ROWS]),
    "SparseVDLinear": ("1", 1, lambda g: nn.SparseVDLinear(256, 256, generator=g), [ROWS]),
    "Standout": ("1", 1, lambda g: nn.Standout(linear(), generator=g), [ROWS]),
    "InformationDropout": ("1", 1, lambda g: nn.InformationDropout(linear(), linear(), generator=g), [ROWS]),
    "GalDropout": ("2 a sequence", 2, lambda g: rnn(nn.DropoutLSTMCell, nn.GalDropout(0.3, generator=g)), [SEQUENCE]),
    "SemeniutaDropout": (
        "1 a step", STEPS, lambda g: rnn(nn.DropoutGRUCell, nn.SemeniutaDropout(0.3, generator=g)), [SEQUENCE]
    ),
    "SemeniutaDropout(per_sequence=True)": (
        "1 a sequence", 1, lambda g: rnn(nn.DropoutLSTMCell, nn.SemeniutaDropout(0.3, True, generator=g)), [SEQUENCE]
    ),
    "Zoneout (LSTM)": ("2 a step", 2 * STEPS, lambda g: rnn(nn.DropoutLSTMCell, nn.Zoneout(generator=g)), [SEQUENCE]),
    "Zoneout (GRU)": ("1 a step", STEPS, lambda g: rnn(nn.DropoutGRUCell, nn.Zoneout(generator=g)), [SEQUENCE]),
}  # fmt: skip


def on_the_page():
    """The table of members on the page: name -> calls."""
    rows = re.findall(r"^\| (`.*?) \| (\d.*?) \| .* \|$", FORMAT, re.M)
    return {name.replace("`", ""): calls for names, calls in rows for name in re.split(r", (?=`)", names)}


def inputs_of(name):
    """Leaves, the same at every call; of words for WordDropout."""
    shapes = MEMBERS[name][3]
    if name == "WordDropout":
        return [mg.randint(500, shape, generator=seeded(i)) for i, shape in enumerate(shapes)]
    return [mg.randn(*shape, generator=seeded(i)).requires_grad_() for i, shape in enumerate(shapes)]


def passes(name, generator):
    """The member's result of one pass forward, and the gradients of one backward: of inputs and parameters."""
    mg.manual_seed(0)  # of the parameters
    member, inputs = MEMBERS[name][2](generator), inputs_of(name)
    out = member(*inputs)
    out = out[0] if isinstance(out, tuple) else out
    taken = generator.call
    (out * mg.randn(*out.shape, generator=seeded(9))).sum().backward()
    assert generator.call == taken  # backward draws nothing anew
    leaves = [leaf for leaf in (*inputs, *member.parameters()) if leaf.grad is not None]
    assert leaves
    return out, *(leaf.grad for leaf in leaves)


def test_every_member_is_on_the_page():
    assert on_the_page() == {name: calls for name, (calls, *_) in MEMBERS.items()}
    shared = {nn.DropoutBase, nn.RandomModule, nn.RecurrentDropout}
    family = {getattr(nn, name) for name in nn.dropout.__all__}
    drawing = {c for c in family if isinstance(c, type) and issubclass(c, nn.RandomModule)} - shared
    assert {c.__name__ for c in drawing} <= {re.split(r"\W", name)[0] for name in MEMBERS}


@pytest.mark.parametrize("name", MEMBERS)
def test_a_member_takes_the_calls_that_the_page_says(name):
    generator = seeded(3)
    passes(name, generator)
    assert generator.call == MEMBERS[name][1]


@pytest.mark.parametrize("name", MEMBERS)
def test_a_member_takes_no_call_where_there_is_nothing_to_draw(name):
    generator = seeded(3)
    member, inputs = MEMBERS[name][2](generator), inputs_of(name)
    member.eval()(*inputs)
    assert generator.call == 0
    member.train()
    without = [module for module in member.modules() if isinstance(module, nn.DropoutBase)]
    for module in without:
        module.p = 0.0
        if isinstance(module, nn.RecurrentDropout):
            module.p_hidden = None
    if without:
        member(*inputs)
        assert generator.call == 0


def test_two_members_draw_in_evaluation_if_asked_to():
    generator = seeded(3)
    nn.ConcreteDropout(0.3, eval_mode="sample", generator=generator).eval()(mg.ones(3))
    assert generator.call == 1
    nn.DropConnect(4, 2, eval_samples=5, generator=generator).eval()(mg.ones(3, 4))
    assert generator.call == 2


@pytest.mark.parametrize("name", MEMBERS)
def test_threads_change_no_bit_of_a_member(name, set_num_threads):
    found = set()
    for threads in (1, 2, 3):
        set_num_threads(threads)
        found.add(tuple(part.numpy(force=True).tobytes() for part in passes(name, seeded(4))))
    assert len(found) == 1


MASKS = [  # functions of p on ones of a shape, and the shape of the mask that decides
    ("dropout", {}, (3, 40), (3, 40)),
    ("hinton_dropout", {}, (3, 40), (3, 40)),
    ("attention_dropout", {}, (3, 40), (3, 40)),
    ("relu_dropout", {}, (3, 40), (3, 40)),
    ("dropout1d", {}, (3, 40, 5), (3, 40, 1)),
    ("dropout1d", {}, (40, 5), (40, 1)),
    ("dropout2d", {}, (3, 40, 2, 2), (3, 40, 1, 1)),
    ("dropout3d", {}, (3, 40, 2, 2, 2), (3, 40, 1, 1, 1)),
    ("alpha_dropout", {"training": True}, (3, 40), (3, 40)),
    ("feature_alpha_dropout", {"training": True}, (3, 40, 2), (3, 40, 1)),
    ("locked_dropout", {}, (5, 3, 40), (1, 3, 40)),
    ("locked_dropout", {"batch_first": True}, (3, 5, 40), (3, 1, 40)),
    ("drop_head", {}, (9, 8, 2, 2), (9, 8, 1, 1)),
    ("drop_path", {}, (90, 2, 3), (90, 1, 1)),
    ("drop_path", {"mode": "batch"}, (90, 2, 3), (1, 1, 1)),
    ("max_pool_dropout2d", {"kernel_size": 1}, (3, 4, 5, 6), (3, 4, 5, 6)),
]


@pytest.mark.parametrize(("name", "options", "shape", "mask"), MASKS)
def test_a_mask_has_the_shape_and_order_that_the_page_says(name, options, shape, mask):
    call = 7  # of seed 5, at p = 0.5: it keeps the one number that decides on a whole batch
    numbers = F.dropout(mg.ones(math.prod(mask)), 0.5, generator=seeded(5).at(call)).numpy() != 0
    found = getattr(F, name)(mg.ones(*shape), p=0.5, generator=seeded(5).at(call), **options).numpy()
    np.testing.assert_array_equal(found == found.max(), np.broadcast_to(numbers.reshape(mask), shape))


def numpys(seed, call):
    return np.random.Generator(np.random.Philox(key=np.array([seed, call], np.uint64)))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_noise_is_numpys_philox_with_seed_and_call_as_its_key(dtype):
    x = mg.zeros(300, 7, dtype=dtype)
    expected = numpys(5, 2**40).standard_normal((300, 7), dtype)
    np.testing.assert_array_equal(mg.randn(300, 7, dtype=dtype, generator=seeded(5).at(2**40)).numpy(), expected)
    found = F.variational_gaussian_dropout(x + 1, mg.zeros(1, dtype=dtype), generator=seeded(5).at(2**40))
    in_float64 = numpys(5, 2**40).standard_normal((300, 7)).astype(dtype)
    np.testing.assert_array_equal(found.numpy(), 1 + in_float64)
    found = F.gaussian_noise(x, 1.0, generator=seeded(5).at(2**40))
    np.testing.assert_array_equal(found.numpy(), in_float64)
    mixed = F.shake_shake(x + 1, x, generator=seeded(5).at(2**40)).numpy()
    np.testing.assert_array_equal(mixed, np.broadcast_to(numpys(5, 2**40).random((300, 1)).astype(dtype), (300, 7)))


def test_operations_beside_the_family_take_one_call_each():
    generator = seeded(0)
    weight = mg.empty(8, 4)
    loader = mg.utils.data.DataLoader(
        mg.utils.data.TensorDataset(mg.arange(9)), batch_size=2, shuffle=True, generator=generator
    )
    draws = [
        lambda: mg.rand(3, generator=generator),
        lambda: mg.randn(3, generator=generator),
        lambda: mg.randint(9, (3,), generator=generator),
        lambda: mg.randperm(9, generator=generator),
        lambda: mg.bernoulli(mg.full((3,), 0.5), generator=generator),
        lambda: mg.normal(0.0, 1.0, (3,), generator=generator),
        lambda: mg.multinomial(mg.ones(4, 3), 2, generator=generator),
        lambda: list(loader),
    ]
    draws += [
        partial(getattr(nn.init, name), weight, generator=generator)
        for name in ("uniform_", "normal_", "trunc_normal_", "xavier_uniform_", "xavier_normal_", "kaiming_uniform_",
                     "kaiming_normal_", "orthogonal_")
    ]  # fmt: skip
    for taken, draw in enumerate(draws):
        assert generator.call == taken
        draw()
    assert generator.call == len(draws)
