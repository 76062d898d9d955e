/* What one sequence does at one step besides the products, forward and backward. A template like exp.h.

   n is the number of units. A row of gates is 4 n (LSTM), 3 n (GRU) or n numbers; `before` is the state a step earlier. In
   the backward, `state` holds the gradient of the step's h that comes from later steps and becomes that of the h before, as
   far as it does not pass through a product; g is the gradient of h from elsewhere. */

#include "activation_loops.h"

#define AT(row) FN(load_part)((row) + i, count, 0)
#define PUT(row, value) FN(store_part)((row) + i, value, count)
#define SIGMOID(x) FN(sigmoid_of)(x, x, x, x)
#define TANH(x) FN(tanh_of)(x, x, x, x)

/* gates: i, f, g, o */
INLINE void FN(lstm_part)(REAL *gates, const REAL *cell_before, REAL *cell, REAL *h, ptrdiff_t n, ptrdiff_t i,
                          ptrdiff_t count) {
    VECTOR in = SIGMOID(AT(gates)), forget = SIGMOID(AT(gates + n));
    VECTOR update = TANH(AT(gates + 2 * n)), out = SIGMOID(AT(gates + 3 * n));
    VECTOR c = forget * AT(cell_before) + in * update;
    PUT(gates, in);
    PUT(gates + n, forget);
    PUT(gates + 2 * n, update);
    PUT(gates + 3 * n, out);
    PUT(cell, c);
    PUT(h, out * TANH(c));
}

static void FN(lstm_row)(REAL *gates, const REAL *cell_before, REAL *cell, REAL *h, ptrdiff_t n) {
    OVER_ROW(FN(lstm_part)(gates, cell_before, cell, h, n, i, count));
}

/* dcell holds the gradient of the cell from later steps, and becomes that of the cell before. */
INLINE void FN(lstm_slope_part)(const REAL *g, const REAL *gates, const REAL *cell_before, const REAL *cell,
                                const REAL *state, REAL *dcell, REAL *dgates, ptrdiff_t n, ptrdiff_t i,
                                ptrdiff_t count) {
    VECTOR in = AT(gates), forget = AT(gates + n), update = AT(gates + 2 * n), out = AT(gates + 3 * n);
    VECTOR dh = AT(state) + AT(g), shape = TANH(AT(cell));
    VECTOR dc = AT(dcell) + dh * out * (K(1) - shape * shape);
    PUT(dgates, dc * update * ((K(1) - in) * in));
    PUT(dgates + n, dc * AT(cell_before) * ((K(1) - forget) * forget));
    PUT(dgates + 2 * n, dc * in * (K(1) - update * update));
    PUT(dgates + 3 * n, dh * shape * ((K(1) - out) * out));
    PUT(dcell, dc * forget);
}

static void FN(lstm_slope_row)(const REAL *g, const REAL *gates, const REAL *cell_before, const REAL *cell,
                               const REAL *state, REAL *dcell, REAL *dgates, ptrdiff_t n) {
    OVER_ROW(FN(lstm_slope_part)(g, gates, cell_before, cell, state, dcell, dgates, n, i, count));
}

/* gates: r, z, n; `hidden` is the product of h with n's weights. */
INLINE void FN(gru_part)(REAL *gates, const REAL *hidden, const REAL *before, REAL *h, ptrdiff_t n, ptrdiff_t i,
                         ptrdiff_t count) {
    VECTOR reset = SIGMOID(AT(gates)), keep = SIGMOID(AT(gates + n));
    VECTOR update = TANH(AT(gates + 2 * n) + reset * AT(hidden));
    PUT(gates, reset);
    PUT(gates + n, keep);
    PUT(gates + 2 * n, update);
    PUT(h, (K(1) - keep) * update + keep * AT(before));
}

static void FN(gru_row)(REAL *gates, const REAL *hidden, const REAL *before, REAL *h, ptrdiff_t n) {
    OVER_ROW(FN(gru_part)(gates, hidden, before, h, n, i, count));
}

/* din and dhidden are the gradients of the two products' gates: they differ in n. */
INLINE void FN(gru_slope_part)(const REAL *g, const REAL *gates, const REAL *hidden, const REAL *before, REAL *state,
                               REAL *din, REAL *dhidden, ptrdiff_t n, ptrdiff_t i, ptrdiff_t count) {
    VECTOR reset = AT(gates), keep = AT(gates + n), update = AT(gates + 2 * n);
    VECTOR dh = AT(state) + AT(g);
    VECTOR dupdate = dh * (K(1) - keep) * (K(1) - update * update);
    VECTOR dkeep = dh * (AT(before) - update) * ((K(1) - keep) * keep);
    VECTOR dreset = dupdate * AT(hidden) * ((K(1) - reset) * reset);
    PUT(din, dreset);
    PUT(din + n, dkeep);
    PUT(din + 2 * n, dupdate);
    PUT(dhidden, dreset);
    PUT(dhidden + n, dkeep);
    PUT(dhidden + 2 * n, dupdate * reset);
    PUT(state, dh * keep);
}

static void FN(gru_slope_row)(const REAL *g, const REAL *gates, const REAL *hidden, const REAL *before, REAL *state,
                              REAL *din, REAL *dhidden, ptrdiff_t n) {
    OVER_ROW(FN(gru_slope_part)(g, gates, hidden, before, state, din, dhidden, n, i, count));
}

/* `h` holds the sum of both products and becomes the state. */
INLINE void FN(rnn_part)(REAL *h, int relu, ptrdiff_t i, ptrdiff_t count) {
    VECTOR x = AT(h);
    PUT(h, relu ? FN(relu_of)(x, x, x, x) : TANH(x));
}

static void FN(rnn_row)(REAL *h, int relu, ptrdiff_t n) {
    OVER_ROW(FN(rnn_part)(h, relu, i, count));
}

INLINE void FN(rnn_slope_part)(const REAL *g, const REAL *h, const REAL *state, REAL *dgates, int relu, ptrdiff_t i,
                               ptrdiff_t count) {
    VECTOR dh = AT(state) + AT(g), y = AT(h);
    PUT(dgates, relu ? FN(relu_slope_of)(dh, y, y, y) : FN(tanh_slope_of)(dh, y, y, y));
}

static void FN(rnn_slope_row)(const REAL *g, const REAL *h, const REAL *state, REAL *dgates, int relu, ptrdiff_t n) {
    OVER_ROW(FN(rnn_slope_part)(g, h, state, dgates, relu, i, count));
}

#undef AT
#undef PUT
#undef SIGMOID
#undef TANH
