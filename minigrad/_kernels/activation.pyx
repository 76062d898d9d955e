"""Activations, forward and backward, in one pass each.

Each reads its inputs once and writes its output once; the cheap ones run at the speed of memory. A comparison with
NaN is false, so the forms below are chosen to let NaN through, as PyTorch does. An output may be one of the inputs.

sigmoid uses exp(-|x|), which cannot overflow. GELU(x) = x P(N(0,1) <= x) takes the probability from the tail on x's
side, so that it keeps its digits far below zero; its tanh form is x sigmoid(2u), since (1 + tanh u) / 2 = sigmoid(2u).
In float32 the largest errors measured are 2.3 ulp for sigmoid, 2 for erf, 9 for GELU, and 200 for its tanh form far
below zero, where exp magnifies the rounding of 2u (PyTorch's is 0 there); float64 takes erf from the C library. exp.h
and special.h say how.
Source: Hendrycks, Gimpel: "Gaussian error linear units", arXiv 1606.08415.
"""

cimport numpy as cnp
from cython.parallel cimport prange
from libc.string cimport memcpy

cnp.import_array()

include "threads.pxi"

cdef extern from "special.h" nogil:
    float exp_float(float x)
    double exp_double(double x)
    float erf_float(float x)
    double erf_double(double x)
    float normal_tail_float(float z, float* density)
    double normal_tail_double(double z, double* density)
    float fabsf(float x)
    double fabs(double x)

ctypedef fused floating:
    float
    double

# The constant 1 is a variable `one` below: written out, it would make Cython compute in double.

# A loop over `size` elements of one or two inputs (one alone comes twice), with the operation's parameter.
ctypedef void (*float_loop)(const float*, const float*, float*, Py_ssize_t, float) noexcept nogil
ctypedef void (*double_loop)(const double*, const double*, double*, Py_ssize_t, double) noexcept nogil

cdef enum:
    TILE = 1024


cdef inline floating magnitude(floating x) noexcept nogil:
    if floating is float:
        return fabsf(x)
    else:
        return fabs(x)


cdef inline floating exponential(floating x) noexcept nogil:
    if floating is float:
        return exp_float(x)
    else:
        return exp_double(x)


cdef inline floating normal_tail(floating z, floating* density) noexcept nogil:
    if floating is float:
        return normal_tail_float(z, density)
    else:
        return normal_tail_double(z, density)


cdef inline floating sigmoid(floating x) noexcept nogil:
    cdef floating e = exponential(-magnitude(x))
    cdef floating one = 1
    cdef floating numerator = one if x >= 0 else e
    return numerator / (one + e)


cdef inline floating tanh_argument(floating x) noexcept nogil:
    # 2u of the tanh form, u = sqrt(2 / pi) (x + 0.044715 x^3)
    return <floating>1.5957691216057308 * (x + <floating>0.044715 * x * x * x)


cdef void relu_loop(const floating* x, const floating* _, floating* out, Py_ssize_t size,
                    floating parameter) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(size):
        out[i] = 0 if x[i] <= 0 else x[i]


cdef void relu_backward_loop(const floating* g, const floating* y, floating* dx, Py_ssize_t size,
                             floating parameter) noexcept nogil:
    cdef Py_ssize_t i
    cdef floating gradient
    for i in range(size):
        gradient = g[i]
        dx[i] = 0 if y[i] <= 0 else gradient


cdef void leaky_relu_loop(const floating* x, const floating* _, floating* out, Py_ssize_t size,
                          floating slope) noexcept nogil:
    cdef Py_ssize_t i
    cdef floating scaled
    for i in range(size):
        scaled = x[i] * slope
        out[i] = x[i] if x[i] > 0 else scaled


cdef void leaky_relu_backward_loop(const floating* g, const floating* x, floating* dx, Py_ssize_t size,
                                   floating slope) noexcept nogil:
    cdef Py_ssize_t i
    cdef floating gradient, scaled
    for i in range(size):
        gradient = g[i]
        scaled = gradient * slope
        dx[i] = gradient if x[i] > 0 else scaled


cdef void sigmoid_loop(const floating* x, const floating* _, floating* out, Py_ssize_t size,
                       floating parameter) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(size):
        out[i] = sigmoid(x[i])


cdef void erf_loop(const floating* x, const floating* _, floating* out, Py_ssize_t size,
                   floating parameter) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(size):
        if floating is float:
            out[i] = erf_float(x[i])
        else:
            out[i] = erf_double(x[i])


cdef void gelu_loop(const floating* x, const floating* _, floating* out, Py_ssize_t size,
                    floating parameter) noexcept nogil:
    cdef Py_ssize_t i
    cdef floating density, tail, below
    cdef floating one = 1
    for i in range(size):
        tail = normal_tail(magnitude(x[i]), &density)
        below = one - tail
        out[i] = x[i] * (tail if x[i] < 0 else below)


cdef void gelu_backward_loop(const floating* g, const floating* x, floating* dx, Py_ssize_t size,
                             floating parameter) noexcept nogil:
    # (x P(x))' = P(x) + x p(x), p the density of N(0, 1)
    cdef Py_ssize_t i
    cdef floating density, tail, below
    cdef floating one = 1
    for i in range(size):
        tail = normal_tail(magnitude(x[i]), &density)
        below = one - tail
        below = tail if x[i] < 0 else below
        dx[i] = g[i] * (below + x[i] * density * <floating>0.3989422804014327)


cdef void gelu_tanh_loop(const floating* x, const floating* _, floating* out, Py_ssize_t size,
                         floating parameter) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(size):
        out[i] = x[i] * sigmoid(tanh_argument(x[i]))


cdef void gelu_tanh_backward_loop(const floating* g, const floating* x, floating* dx, Py_ssize_t size,
                                  floating parameter) noexcept nogil:
    # (x s(v))' = s + x s (1 - s) v', with s (1 - s) = e / (1 + e)^2 for e = exp(-|v|)
    cdef Py_ssize_t i
    cdef floating v, e, s, slope, numerator
    cdef floating one = 1
    for i in range(size):
        v = tanh_argument(x[i])
        slope = <floating>1.5957691216057308 * (one + <floating>0.134145 * x[i] * x[i])
        e = exponential(-magnitude(v))
        numerator = one if v >= 0 else e
        s = one / (one + e)
        dx[i] = g[i] * (numerator * s + x[i] * slope * (e * s * s))


cdef struct loops:
    float_loop floats
    double_loop doubles


cdef inline void apply(const loops* loop, const floating* a, const floating* b, floating* out, Py_ssize_t size,
                       floating parameter) noexcept nogil:
    if floating is float:
        loop.floats(a, b, out, size, parameter)
    else:
        loop.doubles(a, b, out, size, parameter)


cdef void stretch(const loops* loop, const floating* a, const floating* b, floating* out, Py_ssize_t begin,
                  Py_ssize_t end, floating parameter) noexcept nogil:
    # In place, compilers would not vectorize: go through a tile that overlaps nothing.
    cdef floating[TILE] tile
    cdef Py_ssize_t size
    if out != a and out != b:
        apply(loop, a + begin, b + begin, out + begin, end - begin, parameter)
        return
    while begin < end:
        size = min(<Py_ssize_t>TILE, end - begin)
        apply(loop, a + begin, b + begin, &tile[0], size, parameter)
        memcpy(out + begin, &tile[0], <size_t>size * sizeof(floating))
        begin += size


cdef void spread(const loops* loop, const floating* a, const floating* b, floating* out, Py_ssize_t size,
                 floating parameter, int threads) noexcept nogil:
    cdef Py_ssize_t share = (size // threads + TILE) // TILE * TILE
    cdef int t
    if threads == 1:
        stretch(loop, a, b, out, 0, size, parameter)
        return
    for t in prange(threads, num_threads=threads, schedule="static", chunksize=1):
        stretch(loop, a, b, out, min(size, t * share), min(size, (t + 1) * share), parameter)


cdef void run(cnp.ndarray a, cnp.ndarray b, cnp.ndarray out, float_loop floats, double_loop doubles, double parameter,
              double cost) noexcept:
    # `cost`: about how many ns an element of float32 takes.
    cdef Py_ssize_t size = cnp.PyArray_SIZE(a)
    cdef int threads = threads_for(size * cost)
    cdef loops loop = loops(floats, doubles)
    if cnp.PyArray_TYPE(a) == cnp.NPY_FLOAT32:
        with nogil:
            spread(&loop, <float*>cnp.PyArray_DATA(a), <float*>cnp.PyArray_DATA(b), <float*>cnp.PyArray_DATA(out),
                   size, <float>parameter, threads)
    else:
        with nogil:
            spread(&loop, <double*>cnp.PyArray_DATA(a), <double*>cnp.PyArray_DATA(b), <double*>cnp.PyArray_DATA(out),
                   size, parameter, threads)


# Every kernel takes contiguous arrays of one shape and dtype, float32 or float64.

def relu_forward(cnp.ndarray x, cnp.ndarray out):
    """out = max(x, 0); NaN stays NaN."""
    run(x, x, out, relu_loop[float], relu_loop[double], 0, 0.1)


def relu_backward(cnp.ndarray g, cnp.ndarray y, cnp.ndarray dx):
    """dx = 0 where y <= 0, else g (also where y is NaN); y is relu's output or its input."""
    run(g, y, dx, relu_backward_loop[float], relu_backward_loop[double], 0, 0.15)


def leaky_relu_forward(cnp.ndarray x, cnp.ndarray out, double slope):
    """out = x where x > 0, else slope * x."""
    run(x, x, out, leaky_relu_loop[float], leaky_relu_loop[double], slope, 0.1)


def leaky_relu_backward(cnp.ndarray g, cnp.ndarray x, cnp.ndarray dx, double slope):
    """dx = g where x > 0, else slope * g."""
    run(g, x, dx, leaky_relu_backward_loop[float], leaky_relu_backward_loop[double], slope, 0.15)


def gelu_forward(cnp.ndarray x, cnp.ndarray out, bint tanh):
    """out = x * P(N(0, 1) <= x), or with `tanh` x/2 * (1 + tanh(sqrt(2/pi) * (x + 0.044715 x^3)))."""
    if tanh:
        run(x, x, out, gelu_tanh_loop[float], gelu_tanh_loop[double], 0, 0.5)
    else:
        run(x, x, out, gelu_loop[float], gelu_loop[double], 0, 0.7)


def gelu_backward(cnp.ndarray g, cnp.ndarray x, cnp.ndarray dx, bint tanh):
    """dx = g * gelu'(x)."""
    if tanh:
        run(g, x, dx, gelu_tanh_backward_loop[float], gelu_tanh_backward_loop[double], 0, 0.6)
    else:
        run(g, x, dx, gelu_backward_loop[float], gelu_backward_loop[double], 0, 0.8)


def sigmoid_forward(cnp.ndarray x, cnp.ndarray out):
    """out = 1 / (1 + exp(-x)), without overflow."""
    run(x, x, out, sigmoid_loop[float], sigmoid_loop[double], 0, 0.4)


def erf_forward(cnp.ndarray x, cnp.ndarray out):
    """out = erf(x) = 2 / sqrt(pi) * integral of exp(-t^2) from 0 to x."""
    run(x, x, out, erf_loop[float], erf_loop[double], 0, 0.7)
