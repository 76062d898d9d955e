"""Activations, and losses of one element each, forward and backward, in one pass each.

Each reads its inputs once and writes its output once: in memory they run at about the speed of a copy, in the cache at
that of the arithmetic, some 12 vector operations for an exponential. activation_loops.h holds the formulas (chosen so
that nothing overflows or cancels, and NaN comes through as in PyTorch), exp.h and special.h the functions beneath. A
vector computes the same wherever it lies, the last elements too. An output may be one of the inputs.

The largest errors measured in float32, in ulp: sigmoid 2.4, tanh 2.5, ELU 0.94, softplus and logsigmoid 2.8, SiLU 3.3
and Mish 4.5 (where sigmoid is a normal number), erf 2, GELU 9, and its tanh form 200 far below zero, where exp
magnifies the rounding of its argument (PyTorch's is 0 there). float64 takes erf from the C library.
Sources: Clevert, Unterthiner, Hochreiter: "Fast and accurate deep network learning by exponential linear units",
arXiv 1511.07289; Hendrycks, Gimpel: "Gaussian error linear units", arXiv 1606.08415 (GELU, SiLU); Misra: "Mish",
arXiv 1908.08681.
"""

cimport numpy as cnp
from cython.parallel cimport prange

cnp.import_array()

include "threads.pxi"

cdef extern from "activation.h" nogil:
    ctypedef struct loops:
        void (*floats)(const float*, const float*, float*, Py_ssize_t, float, float) noexcept nogil
        void (*doubles)(const double*, const double*, double*, Py_ssize_t, double, double) noexcept nogil
    const loops relu_loops, relu_slope_loops
    const loops leaky_relu_loops, leaky_relu_slope_loops
    const loops hardtanh_loops, hardtanh_slope_loops
    const loops sigmoid_loops, sigmoid_slope_loops
    const loops tanh_loops, tanh_slope_loops
    const loops elu_loops, elu_slope_loops
    const loops softplus_loops, softplus_slope_loops
    const loops logsigmoid_loops, logsigmoid_slope_loops
    const loops silu_loops, silu_slope_loops
    const loops mish_loops, mish_slope_loops
    const loops gelu_loops, gelu_slope_loops
    const loops gelu_tanh_loops, gelu_tanh_slope_loops
    const loops erf_loops
    const loops squared_loops, squared_slope_loops
    const loops absolute_loops, absolute_slope_loops
    const loops huber_loops, huber_slope_loops
    const loops logistic_loops, logistic_slope_loops

cdef extern from "stream.h" nogil:
    enum:
        STREAMED
        VECTOR_BYTES
    void stream_bytes(void* target, const void* source, size_t size)
    void end_streams()

ctypedef fused floating:
    float
    double

cdef enum:
    SHARE = 1024  # threads take multiples of this many elements


cdef void stretch_past_caches(const loops* loop, const floating* a, const floating* b, floating* out, Py_ssize_t begin,
                              Py_ssize_t end, floating p, floating q) noexcept nogil:
    """Share by share in the first-level cache, and from there past the others."""
    cdef floating results[SHARE]
    cdef Py_ssize_t size
    while begin < end:
        size = min(<Py_ssize_t>SHARE, end - begin)
        if floating is float:
            loop.floats(a + begin, b + begin, results, size, p, q)
        else:
            loop.doubles(a + begin, b + begin, results, size, p, q)
        stream_bytes(out + begin, results, size * sizeof(floating))
        begin += size
    end_streams()


cdef inline void stretch(const loops* loop, const floating* a, const floating* b, floating* out, Py_ssize_t begin,
                         Py_ssize_t end, floating p, floating q) noexcept nogil:
    if (end - begin) * <Py_ssize_t>sizeof(floating) >= STREAMED and <size_t>(out + begin) % VECTOR_BYTES == 0:
        stretch_past_caches(loop, a, b, out, begin, end, p, q)
    elif floating is float:
        loop.floats(a + begin, b + begin, out + begin, end - begin, p, q)
    else:
        loop.doubles(a + begin, b + begin, out + begin, end - begin, p, q)


cdef void spread(const loops* loop, const floating* a, const floating* b, floating* out, Py_ssize_t size, floating p,
                 floating q, int threads) noexcept nogil:
    cdef Py_ssize_t share = (size // threads + SHARE) // SHARE * SHARE
    cdef int t
    for t in prange(threads, num_threads=threads, schedule="static", chunksize=1):
        stretch(loop, a, b, out, min(size, t * share), min(size, (t + 1) * share), p, q)


cdef void run(const loops* loop, cnp.ndarray a, cnp.ndarray b, cnp.ndarray out, double p, double q,
              double cost) noexcept:
    # `cost`: about how many ns an element of float32 takes.
    cdef Py_ssize_t size = cnp.PyArray_SIZE(a)
    cdef int threads = threads_for(size * cost)
    cdef void* x = cnp.PyArray_DATA(a)
    cdef void* y = cnp.PyArray_DATA(b)
    cdef void* goal = cnp.PyArray_DATA(out)
    cdef bint is_float = cnp.PyArray_TYPE(a) == cnp.NPY_FLOAT32
    if size < SHARE:  # letting other Python threads in would cost more than the work
        if is_float:
            stretch(loop, <const float*>x, <const float*>y, <float*>goal, 0, size, <float>p, <float>q)
        else:
            stretch(loop, <const double*>x, <const double*>y, <double*>goal, 0, size, p, q)
        return
    with nogil:
        if threads == 1:
            if is_float:
                stretch(loop, <const float*>x, <const float*>y, <float*>goal, 0, size, <float>p, <float>q)
            else:
                stretch(loop, <const double*>x, <const double*>y, <double*>goal, 0, size, p, q)
        elif is_float:
            spread(loop, <const float*>x, <const float*>y, <float*>goal, size, <float>p, <float>q, threads)
        else:
            spread(loop, <const double*>x, <const double*>y, <double*>goal, size, p, q, threads)


# Every kernel takes contiguous arrays of one shape and dtype, float32 or float64.

def relu_forward(cnp.ndarray x, cnp.ndarray out):
    """out = max(x, 0); NaN stays NaN."""
    run(&relu_loops, x, x, out, 0, 0, 0.1)


def relu_backward(cnp.ndarray g, cnp.ndarray y, cnp.ndarray dx):
    """dx = 0 where y <= 0, else g (also where y is NaN); y is relu's output or its input."""
    run(&relu_slope_loops, g, y, dx, 0, 0, 0.15)


def leaky_relu_forward(cnp.ndarray x, cnp.ndarray out, double slope):
    """out = x where x > 0, else slope * x."""
    run(&leaky_relu_loops, x, x, out, slope, 0, 0.1)


def leaky_relu_backward(cnp.ndarray g, cnp.ndarray x, cnp.ndarray dx, double slope):
    """dx = g where x > 0, else slope * g."""
    run(&leaky_relu_slope_loops, g, x, dx, slope, 0, 0.15)


def hardtanh_forward(cnp.ndarray x, cnp.ndarray out, double low, double high):
    """out = min(max(x, low), high); NaN stays NaN."""
    run(&hardtanh_loops, x, x, out, low, high, 0.1)


def hardtanh_backward(cnp.ndarray g, cnp.ndarray x, cnp.ndarray dx, double low, double high):
    """dx = g where low < x < high, else 0 (also where x is NaN)."""
    run(&hardtanh_slope_loops, g, x, dx, low, high, 0.15)


def sigmoid_forward(cnp.ndarray x, cnp.ndarray out):
    """out = 1 / (1 + exp(-x)), without overflow."""
    run(&sigmoid_loops, x, x, out, 0, 0, 0.2)


def sigmoid_backward(cnp.ndarray g, cnp.ndarray y, cnp.ndarray dx):
    """dx = g y (1 - y), where y is the output of sigmoid_forward."""
    run(&sigmoid_slope_loops, g, y, dx, 0, 0, 0.15)


def tanh_forward(cnp.ndarray x, cnp.ndarray out):
    """out = tanh(x)."""
    run(&tanh_loops, x, x, out, 0, 0, 0.2)


def tanh_backward(cnp.ndarray g, cnp.ndarray y, cnp.ndarray dx):
    """dx = g (1 - y^2), where y is the output of tanh_forward."""
    run(&tanh_slope_loops, g, y, dx, 0, 0, 0.15)


def elu_forward(cnp.ndarray x, cnp.ndarray out, double alpha):
    """out = x where x > 0, else alpha (exp(x) - 1)."""
    run(&elu_loops, x, x, out, alpha, 0, 0.2)


def elu_backward(cnp.ndarray g, cnp.ndarray x, cnp.ndarray dx, double alpha):
    """dx = g where x > 0, else g alpha exp(x)."""
    run(&elu_slope_loops, g, x, dx, alpha, 0, 0.2)


def softplus_forward(cnp.ndarray x, cnp.ndarray out, double beta, double threshold):
    """out = log(1 + exp(beta x)) / beta; x where beta x > threshold."""
    run(&softplus_loops, x, x, out, beta, threshold, 0.3)


def softplus_backward(cnp.ndarray g, cnp.ndarray x, cnp.ndarray dx, double beta, double threshold):
    """dx = g / (1 + exp(-beta x)); g where beta x > threshold."""
    run(&softplus_slope_loops, g, x, dx, beta, threshold, 0.3)


def logsigmoid_forward(cnp.ndarray x, cnp.ndarray out):
    """out = -log(1 + exp(-x)), without overflow."""
    run(&logsigmoid_loops, x, x, out, 0, 0, 0.3)


def logsigmoid_backward(cnp.ndarray g, cnp.ndarray x, cnp.ndarray dx):
    """dx = g / (1 + exp(x))."""
    run(&logsigmoid_slope_loops, g, x, dx, 0, 0, 0.3)


def silu_forward(cnp.ndarray x, cnp.ndarray out):
    """out = x / (1 + exp(-x)), without overflow."""
    run(&silu_loops, x, x, out, 0, 0, 0.2)


def silu_backward(cnp.ndarray g, cnp.ndarray x, cnp.ndarray dx):
    """dx = g s (1 + x (1 - s)), s = sigmoid(x)."""
    run(&silu_slope_loops, g, x, dx, 0, 0, 0.3)


def mish_forward(cnp.ndarray x, cnp.ndarray out):
    """out = x tanh(log(1 + exp(x)))."""
    run(&mish_loops, x, x, out, 0, 0, 0.3)


def mish_backward(cnp.ndarray g, cnp.ndarray x, cnp.ndarray dx):
    """dx = g (w + x (1 - w^2) sigmoid(x)), w = tanh(log(1 + exp(x)))."""
    run(&mish_slope_loops, g, x, dx, 0, 0, 0.4)


def gelu_forward(cnp.ndarray x, cnp.ndarray out, bint tanh):
    """out = x * P(N(0, 1) <= x), or with `tanh` x/2 * (1 + tanh(sqrt(2/pi) * (x + 0.044715 x^3)))."""
    run(&gelu_tanh_loops if tanh else &gelu_loops, x, x, out, 0, 0, 0.3)


def gelu_backward(cnp.ndarray g, cnp.ndarray x, cnp.ndarray dx, bint tanh):
    """dx = g * gelu'(x)."""
    run(&gelu_tanh_slope_loops if tanh else &gelu_slope_loops, g, x, dx, 0, 0, 0.4)


def erf_forward(cnp.ndarray x, cnp.ndarray out):
    """out = erf(x) = 2 / sqrt(pi) * integral of exp(-t^2) from 0 to x."""
    run(&erf_loops, x, x, out, 0, 0, 0.3)


# Losses of predictions x and targets y; their slopes in x, times a factor.

def squared_forward(cnp.ndarray x, cnp.ndarray y, cnp.ndarray out, double delta):
    """out = (x - y)^2."""
    run(&squared_loops, x, y, out, 0, delta, 0.15)


def squared_backward(cnp.ndarray x, cnp.ndarray y, cnp.ndarray dx, double factor, double delta):
    """dx = 2 factor (x - y)."""
    run(&squared_slope_loops, x, y, dx, factor, delta, 0.15)


def absolute_forward(cnp.ndarray x, cnp.ndarray y, cnp.ndarray out, double delta):
    """out = |x - y|."""
    run(&absolute_loops, x, y, out, 0, delta, 0.15)


def absolute_backward(cnp.ndarray x, cnp.ndarray y, cnp.ndarray dx, double factor, double delta):
    """dx = factor sign(x - y)."""
    run(&absolute_slope_loops, x, y, dx, factor, delta, 0.15)


def huber_forward(cnp.ndarray x, cnp.ndarray y, cnp.ndarray out, double delta):
    """out = d^2 / 2 where d = |x - y| < delta, else delta (d - delta / 2)."""
    run(&huber_loops, x, y, out, 0, delta, 0.15)


def huber_backward(cnp.ndarray x, cnp.ndarray y, cnp.ndarray dx, double factor, double delta):
    """dx = factor (x - y), with x - y limited to [-delta, delta]."""
    run(&huber_slope_loops, x, y, dx, factor, delta, 0.15)


def logistic_forward(cnp.ndarray x, cnp.ndarray y, cnp.ndarray out, double delta):
    """out = -y log sigmoid(x) - (1 - y) log(1 - sigmoid(x)), without overflow."""
    run(&logistic_loops, x, y, out, 0, delta, 0.35)


def logistic_backward(cnp.ndarray x, cnp.ndarray y, cnp.ndarray dx, double factor, double delta):
    """dx = factor (sigmoid(x) - y)."""
    run(&logistic_slope_loops, x, y, dx, factor, delta, 0.25)
