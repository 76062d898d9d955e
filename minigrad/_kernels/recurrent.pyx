"""Recurrent layers over whole sequences, one direction of one layer a call: LSTM, GRU, and Elman's net.

The rows of all steps lie one behind the other, as in PyTorch's packed sequences: step t has rows starts[t] to
starts[t + 1], one for each sequence that is that long, the longest first. The product of the inputs with their
weights, one for all steps, is made before the call, and those for the gradients of the weights, again one for all
steps, after it. What remains is sequential: at each step a product of h with its weights, and the gates.

With n units, N sequences, G gates and T steps that product is 2 N G n^2 operations a step. It is computed by the tile
of gemm.h and added to what the gates hold already; its weights are packed once for all steps into panels that the tile
reads in order, a panel at a time from the first-level cache (a single step does without). The gates follow while the
step's rows (N G n numbers) are in the cache. Backward goes through the steps the other way, with the same weights in
another packing. At 200 units and 20 sequences the weights (640 KiB) stay in the second-level cache, and a step is
100,000 cycles of multiply-adds with 512 bits, and some 20,000 of exponentials and divisions: so tanh(c) is not kept for
the backward, but computed again.

Sequences need nothing of each other: threads take some of them each, for all steps, and wait for one another at the end
alone; only where there are fewer sequences than threads do they share each product. As an element of a product depends
on its row and column alone (gemm.pxi), no result depends on the threads.

Sources: Hochreiter, Schmidhuber: "Long short-term memory", Neural Computation 9(8), 1997, with the forget gate of
Gers, Schmidhuber, Cummins, 2000; Cho et al., arXiv 1406.1078, in the form of Appleyard et al., arXiv 1604.01946, whose
reset gate acts after the product (and who split off the inputs' product, too); Elman: "Finding structure in time",
1990.
"""

cimport numpy as cnp
from libc.stdint cimport int64_t
from libc.string cimport memcpy

cnp.import_array()

include "gemm.pxi"

cdef extern from "recurrent.h" nogil:
    void lstm_row_f32(float*, const float*, float*, float*, Py_ssize_t) noexcept
    void lstm_row_f64(double*, const double*, double*, double*, Py_ssize_t) noexcept
    void lstm_slope_row_f32(const float*, const float*, const float*, const float*, const float*, float*, float*,
                            Py_ssize_t) noexcept
    void lstm_slope_row_f64(const double*, const double*, const double*, const double*, const double*, double*,
                            double*, Py_ssize_t) noexcept
    void gru_row_f32(float*, const float*, const float*, float*, Py_ssize_t) noexcept
    void gru_row_f64(double*, const double*, const double*, double*, Py_ssize_t) noexcept
    void gru_slope_row_f32(const float*, const float*, const float*, const float*, float*, float*, float*,
                           Py_ssize_t) noexcept
    void gru_slope_row_f64(const double*, const double*, const double*, const double*, double*, double*, double*,
                           Py_ssize_t) noexcept
    void rnn_row_f32(float*, int, Py_ssize_t) noexcept
    void rnn_row_f64(double*, int, Py_ssize_t) noexcept
    void rnn_slope_row_f32(const float*, const float*, const float*, float*, int, Py_ssize_t) noexcept
    void rnn_slope_row_f64(const double*, const double*, const double*, double*, int, Py_ssize_t) noexcept

cdef enum Kind:
    LSTM
    GRU
    ELMAN


# One direction of one layer. Arrays have a row for each sequence and step, but states one for each sequence.
cdef struct Layer:
    Kind kind
    bint relu                # of ELMAN: max(x, 0) in the place of tanh
    bint reverse             # from the last step to the first
    Py_ssize_t steps
    Py_ssize_t batch
    Py_ssize_t units
    Py_ssize_t gates         # of all units
    const int64_t* starts
    const void* first        # h before the first step
    const void* first_cell   # and c
    void* states             # h, c after the last step; in the backward their gradients, and then those of the first
    void* before             # h of the step before
    void* cells
    void* out                # h; in the backward, its gradient from outside
    void* values             # of the gates
    void* hidden             # GRU: the product for n
    void* dgates
    void* dhidden            # GRU: what differs from dgates where the product with h is concerned
    const void* bias         # GRU: what is added to the product for n, or NULL
    int threads              # that share each product, where there are too few sequences to share those
    const void* sums         # of a single step: the product of h, which is made before; else NULL


# The weights of h as the factor B of a product, k x n, in panels.
cdef struct Panels:
    Py_ssize_t k
    Py_ssize_t n
    const void* data


cdef inline Py_ssize_t panels_size(const Panels* panels, const floating* dtype) noexcept nogil:
    return round_up(panels.k * round_up(panels.n, lanes_of(dtype)), 16)


cdef inline Py_ssize_t panel_start(const Panels* panels, Py_ssize_t index, Py_ssize_t lanes) noexcept nogil:
    """The first column of a panel. All are as wide as a tile, but for the last one, or two (`panel_columns`)."""
    cdef Py_ssize_t start = index * GEMM_VECTORS * lanes
    cdef Py_ssize_t before = start - GEMM_VECTORS * lanes
    return start if index == 0 else before + panel_columns(panels.n - before, lanes)


cdef void pack_panels(const floating* b, Py_ssize_t b_step, Py_ssize_t b_column, Panels* panels,
                      floating* data) noexcept nogil:
    """Copy B, of any strides, in the order in which the tiles of `add_panel` read it."""
    cdef Py_ssize_t lanes = lanes_of(b)
    cdef Py_ssize_t index, j, wide
    panels.data = data
    for index in range(blocks_of(panels.n, GEMM_VECTORS * lanes)):
        j = panel_start(panels, index, lanes)
        wide = panel_columns(panels.n - j, lanes)
        pack(b + j * b_column, b_column, b_step, wide, panels.k, data + panels.k * j, round_up(wide, lanes))


cdef void add_panel(const Panels* panels, Py_ssize_t index, Py_ssize_t rows, const floating* a, Py_ssize_t a_row,
                    floating* c, Py_ssize_t c_row, bint add) noexcept nogil:
    """The columns of one panel of C (rows x n) = A B, or, with `add`, C += A B."""
    cdef Py_ssize_t lanes = lanes_of(a)
    cdef Py_ssize_t j = panel_start(panels, index, lanes)
    cdef Py_ssize_t wide = panel_columns(panels.n - j, lanes)
    cdef Py_ssize_t step = round_up(wide, lanes)
    cdef Py_ssize_t p = 0
    cdef Py_ssize_t i, steps, high
    cdef const floating* panel = <const floating*>panels.data + panels.k * j
    while p < panels.k:
        steps = min(DEPTH, panels.k - p)
        i = 0
        while i < rows:
            high = tile_rows(rows - i)
            tile(False, high, steps, a + i * a_row + p, a_row, 1, panel + p * step, step, c + i * c_row + j, c_row,
                 wide, <const floating*>NULL, 0 if add or p else GEMM_STORE)
            i += high
        p += steps


cdef void add_product(const Panels* panels, Py_ssize_t rows, const floating* a, Py_ssize_t a_row, floating* c,
                      Py_ssize_t c_row, bint add, int threads) noexcept nogil:
    """C (rows x n) = A B, or, with `add`, C += A B; threads share out the panels."""
    cdef Py_ssize_t count = blocks_of(panels.n, GEMM_VECTORS * lanes_of(a))
    cdef Py_ssize_t index
    if threads == 1:
        for index in range(count):
            add_panel(panels, index, rows, a, a_row, c, c_row, add)
    else:
        for index in prange(count, schedule="static", num_threads=threads):
            add_panel(panels, index, rows, a, a_row, c, c_row, add)


cdef inline Py_ssize_t length(const Layer* v, Py_ssize_t t) noexcept nogil:
    """The rows of step t; none before the first and after the last."""
    return v.starts[t + 1] - v.starts[t] if 0 <= t < v.steps else 0


cdef inline const floating* earlier(const Layer* v, const void* rows, const void* first, Py_ssize_t t, Py_ssize_t i,
                                    const floating* dtype) noexcept nogil:
    """The row of sequence i at the step before t, or in `first` where t is its first."""
    cdef Py_ssize_t s = t + 1 if v.reverse else t - 1
    if i < length(v, s):
        return <const floating*>rows + (v.starts[s] + i) * v.units
    return <const floating*>first + i * v.units


cdef void forward_rows(const Layer* v, const Panels* panels, Py_ssize_t first, Py_ssize_t last,
                       const floating* dtype) noexcept nogil:
    """All steps of sequences first..last."""
    cdef Py_ssize_t n = v.units
    cdef size_t size = n * sizeof(floating)
    cdef floating* states = <floating*>v.states
    cdef floating* h
    cdef floating* gates
    cdef Py_ssize_t s, t, i, row, start, end
    for s in range(v.steps):
        t = v.steps - 1 - s if v.reverse else s
        start, end = v.starts[t], min(last, length(v, t))
        if end <= first:
            continue
        gates = <floating*>v.values + (start + first) * v.gates
        h = <floating*>v.before + (start + first) * n
        for i in range(first, end):
            memcpy(<floating*>v.before + (start + i) * n, earlier(v, v.out, v.first, t, i, dtype), size)
        if v.sums != NULL:
            add_sums(v, first, end, dtype)
        else:
            add_product(panels, end - first, h, n, gates, v.gates, True, v.threads)
            if v.kind == GRU:
                add_product(panels + 1, end - first, h, n, <floating*>v.hidden + (start + first) * n, n, False,
                            v.threads)
        for i in range(first, end):
            row = start + i
            h = <floating*>v.out + row * n
            gates = <floating*>v.values + row * v.gates
            if v.kind == LSTM:
                lstm_step(v, gates, earlier(v, v.cells, v.first_cell, t, i, dtype), row, h)
            elif v.kind == GRU:
                gru_step(v, gates, row, h)
            else:
                elman_step(v, gates, h)
    t = 0 if v.reverse else v.steps - 1
    for i in range(first, last):  # the last state of each sequence
        while length(v, t) <= i:
            t -= 1
        row = v.starts[t] + i
        memcpy(states + i * n, <floating*>v.out + row * n, size)
        if v.kind == LSTM:
            memcpy(states + (v.batch + i) * n, <floating*>v.cells + row * n, size)


cdef void add_sums(const Layer* v, Py_ssize_t first, Py_ssize_t last, const floating* dtype) noexcept nogil:
    """The same where there is one step and its product is there."""
    cdef Py_ssize_t added = added_columns(v)
    cdef Py_ssize_t i, j
    cdef const floating* sums
    cdef floating* gates
    for i in range(first, last):
        sums = <const floating*>v.sums + i * v.gates
        gates = <floating*>v.values + i * v.gates
        for j in range(added):
            gates[j] += sums[j]
        if v.kind == GRU:
            memcpy(<floating*>v.hidden + i * v.units, sums + added, v.units * sizeof(floating))


cdef inline Py_ssize_t added_columns(const Layer* v) noexcept nogil:
    """Of the product with h, how many columns are added to that of the inputs: those for n of a GRU stay alone."""
    return 2 * v.units if v.kind == GRU else v.gates


cdef inline void lstm_step(const Layer* v, floating* gates, const floating* cell_before, Py_ssize_t row,
                           floating* h) noexcept nogil:
    cdef floating* cell = <floating*>v.cells + row * v.units
    if floating is float:
        lstm_row_f32(gates, cell_before, cell, h, v.units)
    else:
        lstm_row_f64(gates, cell_before, cell, h, v.units)


cdef inline void gru_step(const Layer* v, floating* gates, Py_ssize_t row, floating* h) noexcept nogil:
    cdef floating* hidden = <floating*>v.hidden + row * v.units
    cdef const floating* before = <const floating*>v.before + row * v.units
    cdef Py_ssize_t i
    if v.bias != NULL:
        for i in range(v.units):
            hidden[i] += (<const floating*>v.bias)[i]
    if floating is float:
        gru_row_f32(gates, hidden, before, h, v.units)
    else:
        gru_row_f64(gates, hidden, before, h, v.units)


cdef inline void elman_step(const Layer* v, const floating* gates, floating* h) noexcept nogil:
    memcpy(h, gates, v.units * sizeof(floating))
    if floating is float:
        rnn_row_f32(h, v.relu, v.units)
    else:
        rnn_row_f64(h, v.relu, v.units)


cdef void backward_rows(const Layer* v, const Panels* panels, Py_ssize_t first, Py_ssize_t last,
                        const floating* dtype) noexcept nogil:
    """The same backwards; `states` hold gradients of the last states and become those of the first."""
    cdef Py_ssize_t n = v.units
    cdef floating* states = <floating*>v.states
    cdef floating* dgates = <floating*>(v.dhidden if v.kind == GRU else v.dgates)
    cdef Py_ssize_t s, t, i, row, start, end
    for s in range(v.steps):
        t = s if v.reverse else v.steps - 1 - s
        start, end = v.starts[t], min(last, length(v, t))
        if end <= first:
            continue
        for i in range(first, end):
            row = start + i
            if v.kind == LSTM:
                lstm_step_backward(v, earlier(v, v.cells, v.first_cell, t, i, dtype), row, i)
            elif v.kind == GRU:
                gru_step_backward(v, row, states + i * n)
            else:
                elman_step_backward(v, row, states + i * n)
        if v.steps > 1:
            add_product(panels, end - first, dgates + (start + first) * v.gates, v.gates, states + first * n, n,
                        v.kind == GRU, v.threads)


cdef inline void lstm_step_backward(const Layer* v, const floating* cell_before, Py_ssize_t row,
                                    Py_ssize_t i) noexcept nogil:
    cdef Py_ssize_t n = v.units
    cdef const floating* g = <const floating*>v.out + row * n
    cdef const floating* gates = <const floating*>v.values + row * v.gates
    cdef const floating* cell = <const floating*>v.cells + row * n
    cdef floating* state = <floating*>v.states + i * n
    cdef floating* dcell = <floating*>v.states + (v.batch + i) * n
    cdef floating* dgates = <floating*>v.dgates + row * v.gates
    if floating is float:
        lstm_slope_row_f32(g, gates, cell_before, cell, state, dcell, dgates, n)
    else:
        lstm_slope_row_f64(g, gates, cell_before, cell, state, dcell, dgates, n)


cdef inline void gru_step_backward(const Layer* v, Py_ssize_t row, floating* state) noexcept nogil:
    cdef Py_ssize_t n = v.units
    cdef const floating* g = <const floating*>v.out + row * n
    cdef const floating* gates = <const floating*>v.values + row * v.gates
    cdef const floating* hidden = <const floating*>v.hidden + row * n
    cdef const floating* before = <const floating*>v.before + row * n
    cdef floating* din = <floating*>v.dgates + row * v.gates
    cdef floating* dhidden = <floating*>v.dhidden + row * v.gates
    if floating is float:
        gru_slope_row_f32(g, gates, hidden, before, state, din, dhidden, n)
    else:
        gru_slope_row_f64(g, gates, hidden, before, state, din, dhidden, n)


cdef inline void elman_step_backward(const Layer* v, Py_ssize_t row, const floating* state) noexcept nogil:
    cdef Py_ssize_t n = v.units
    cdef const floating* g = <const floating*>v.out + row * n
    cdef const floating* h = <const floating*>v.values + row * n
    cdef floating* dgates = <floating*>v.dgates + row * n
    if floating is float:
        rnn_slope_row_f32(g, h, state, dgates, v.relu, n)
    else:
        rnn_slope_row_f64(g, h, state, dgates, v.relu, n)


cdef Layer layer_of(Kind kind, cnp.ndarray values, cnp.ndarray weight, cnp.ndarray states, cnp.ndarray starts,
                    bint reverse):
    cdef Layer v
    v.kind, v.relu, v.reverse = kind, False, reverse
    v.steps = cnp.PyArray_DIM(starts, 0) - 1
    v.units, v.gates = cnp.PyArray_DIM(weight, 1), cnp.PyArray_DIM(weight, 0)
    v.threads = 1
    v.batch = cnp.PyArray_DIM(states, 0) // (2 if kind == LSTM else 1)
    v.starts = <const int64_t*>cnp.PyArray_DATA(starts)
    v.values, v.states = cnp.PyArray_DATA(values), cnp.PyArray_DATA(states)
    v.before = v.cells = v.out = v.hidden = v.dgates = v.dhidden = NULL
    v.first = v.first_cell = v.bias = v.sums = NULL
    return v


cdef int run(Layer* v, cnp.ndarray weight, bint backward, const floating* dtype) except -1:
    cdef int threads = threads_for(0.01 * v.starts[v.steps] * v.units * v.gates)
    if v.steps == 1:
        return run_step(v, <const floating*>cnp.PyArray_DATA(weight), backward, threads)
    return run_steps(v, <const floating*>cnp.PyArray_DATA(weight), backward, threads)


cdef int run_steps(Layer* v, const floating* weight, bint backward, int threads) except -1:
    """Pack the weights, and share the sequences out."""
    cdef Py_ssize_t n = v.units
    cdef Py_ssize_t added = added_columns(v)
    cdef Py_ssize_t share = blocks_of(v.batch, threads)
    cdef Py_ssize_t task
    cdef Panels panels[2]
    cdef Scratch scratch
    panels[0].k, panels[0].n = (v.gates, n) if backward else (n, added)
    panels[1].k, panels[1].n = n, 0 if backward else v.gates - added
    scratch = take_scratch(sizeof(floating) * (panels_size(panels, weight) + panels_size(panels + 1, weight)))
    with nogil:
        if backward:
            pack_panels(weight, n, 1, panels, <floating*>scratch.data)
        else:
            pack_panels(weight, 1, n, panels, <floating*>scratch.data)
            pack_panels(weight + added * n, 1, n, panels + 1, <floating*>scratch.data + panels_size(panels, weight))
        if threads > v.batch:
            v.threads = threads
        if threads == 1 or threads > v.batch:
            run_rows(v, panels, 0, v.batch, backward, weight)
        else:
            for task in prange(blocks_of(v.batch, share), schedule="dynamic", num_threads=threads):
                run_rows(v, panels, task * share, min(v.batch, (task + 1) * share), backward, weight)
    give_scratch(scratch)
    return 0


cdef int run_step(Layer* v, const floating* weight, bint backward, int threads) except -1:
    """A single step: its product is made by itself, and packs no weights that are used but once."""
    cdef Product g
    cdef Scratch scratch
    cdef Py_ssize_t i
    cdef floating* sums
    g.m, g.k, g.n = v.batch, v.units, v.gates
    g.a, g.b, g.b_step, g.b_column = v.first, weight, 1, v.units
    if backward:
        g.k, g.n = v.gates, v.units
        g.a, g.b_step, g.b_column = v.dhidden if v.kind == GRU else v.dgates, v.units, 1
    g.a_row, g.a_step, g.c_row = g.k, 1, g.n
    g.bias, g.flags = NULL, 0
    plan(&g, weight)
    scratch = take_scratch(sizeof(floating) * (threads * g.private + round_up(g.m * g.n, 16)))
    sums = <floating*>scratch.data + threads * g.private
    g.c = sums
    with nogil:
        if backward:
            backward_rows(v, NULL, 0, v.batch, weight)
            multiply(&g, threads, <floating*>scratch.data)
            for i in range(g.m * g.n):
                (<floating*>v.states)[i] = sums[i] + ((<floating*>v.states)[i] if v.kind == GRU else 0)
        else:
            multiply(&g, threads, <floating*>scratch.data)
            v.sums = sums
            forward_rows(v, NULL, 0, v.batch, weight)
    give_scratch(scratch)
    return 0


cdef inline void run_rows(const Layer* v, const Panels* panels, Py_ssize_t first, Py_ssize_t last, bint backward,
                          const floating* dtype) noexcept nogil:
    if backward:
        backward_rows(v, panels, first, last, dtype)
    else:
        forward_rows(v, panels, first, last, dtype)


cdef int run_either(Layer* v, cnp.ndarray weight, bint backward) except -1:
    if cnp.PyArray_TYPE(weight) == cnp.NPY_FLOAT32:
        return run(v, weight, backward, <const float*>NULL)
    return run(v, weight, backward, <const double*>NULL)


def lstm_forward(cnp.ndarray gates, cnp.ndarray weight, cnp.ndarray h0, cnp.ndarray c0, cnp.ndarray starts,
                 bint reverse, cnp.ndarray before, cnp.ndarray cells, cnp.ndarray out, cnp.ndarray states):
    """Over all steps: i, f, o = sigmoid, g = tanh of gates + weight h;  c = f c + i g;  h = o tanh c.

    gates (rows, 4 units), in the order i, f, g, o, hold the products of the inputs and the biases, and become the
    gates' values. weight (4 units, units); h0, c0 (batch, units): before the first step; starts (steps + 1,), int64.
    Written are out, cells, before (rows, units): h, c, and the h of the step before; and states (2 batch, units): h
    and c after the last step.
    """
    cdef Layer v = layer_of(LSTM, gates, weight, states, starts, reverse)
    v.before, v.cells, v.out = cnp.PyArray_DATA(before), cnp.PyArray_DATA(cells), cnp.PyArray_DATA(out)
    v.first, v.first_cell = cnp.PyArray_DATA(h0), cnp.PyArray_DATA(c0)
    run_either(&v, weight, False)


def lstm_backward(cnp.ndarray g, cnp.ndarray gates, cnp.ndarray weight, cnp.ndarray c0, cnp.ndarray starts,
                  bint reverse, cnp.ndarray cells, cnp.ndarray states, cnp.ndarray dgates):
    """dgates (rows, 4 units), the gradients of what `lstm_forward` found in gates, from those of out (g) and of the
    last states: states (2 batch, units), which become those of h0 and c0."""
    cdef Layer v = layer_of(LSTM, gates, weight, states, starts, reverse)
    v.cells, v.out, v.dgates = cnp.PyArray_DATA(cells), cnp.PyArray_DATA(g), cnp.PyArray_DATA(dgates)
    v.first_cell = cnp.PyArray_DATA(c0)
    run_either(&v, weight, True)


def gru_forward(cnp.ndarray gates, cnp.ndarray weight, cnp.ndarray bias, cnp.ndarray h0, cnp.ndarray starts,
                bint reverse, cnp.ndarray before, cnp.ndarray hidden, cnp.ndarray out, cnp.ndarray states):
    """Over all steps: r, z = sigmoid of gates + weight h;  n = tanh(gates + r (weight h + bias));  h = (1 - z) n + z h.

    gates (rows, 3 units), in the order r, z, n, hold the products of the inputs and the biases, but for bias (units,)
    or None, and become the gates' values. weight (3 units, units); h0 (batch, units). Written are out, before, hidden
    (rows, units): h, the h of the step before, and its product for n with the bias; and states (batch, units). The
    rest as in `lstm_forward`.
    """
    cdef Layer v = layer_of(GRU, gates, weight, states, starts, reverse)
    v.before, v.hidden, v.out = cnp.PyArray_DATA(before), cnp.PyArray_DATA(hidden), cnp.PyArray_DATA(out)
    v.first = cnp.PyArray_DATA(h0)
    if bias is not None:
        v.bias = cnp.PyArray_DATA(bias)
    run_either(&v, weight, False)


def gru_backward(cnp.ndarray g, cnp.ndarray gates, cnp.ndarray weight, cnp.ndarray starts, bint reverse,
                 cnp.ndarray before, cnp.ndarray hidden, cnp.ndarray states, cnp.ndarray dgates, cnp.ndarray dhidden):
    """The gradients of what `gru_forward` found in gates (dgates) and of the products with h (dhidden), both
    (rows, 3 units), from those of out (g) and of the last state: states (batch, units), which become those of h0."""
    cdef Layer v = layer_of(GRU, gates, weight, states, starts, reverse)
    v.before, v.hidden, v.out = cnp.PyArray_DATA(before), cnp.PyArray_DATA(hidden), cnp.PyArray_DATA(g)
    v.dgates, v.dhidden = cnp.PyArray_DATA(dgates), cnp.PyArray_DATA(dhidden)
    run_either(&v, weight, True)


def rnn_forward(cnp.ndarray gates, cnp.ndarray weight, bint relu, cnp.ndarray h0, cnp.ndarray starts, bint reverse,
                cnp.ndarray before, cnp.ndarray out, cnp.ndarray states):
    """Over all steps: h = tanh(gates + weight h), or, with relu, max(gates + weight h, 0).

    gates (rows, units) hold the products of the inputs and the biases, and are overwritten. weight (units, units). The
    rest as in `gru_forward`.
    """
    cdef Layer v = layer_of(ELMAN, gates, weight, states, starts, reverse)
    v.relu, v.first = relu, cnp.PyArray_DATA(h0)
    v.before, v.out = cnp.PyArray_DATA(before), cnp.PyArray_DATA(out)
    run_either(&v, weight, False)


def rnn_backward(cnp.ndarray g, cnp.ndarray out, cnp.ndarray weight, bint relu, cnp.ndarray starts, bint reverse,
                 cnp.ndarray states, cnp.ndarray dgates):
    """dgates (rows, units), the gradients of what `rnn_forward` found in gates, from those of out (g) and of the last
    state: states (batch, units), which become those of h0."""
    cdef Layer v = layer_of(ELMAN, out, weight, states, starts, reverse)
    v.relu = relu
    v.out, v.dgates = cnp.PyArray_DATA(g), cnp.PyArray_DATA(dgates)
    run_either(&v, weight, True)
