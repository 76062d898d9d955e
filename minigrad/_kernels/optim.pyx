"""Optimizer steps: SGD, Adam/AdamW and RMSprop over all the parameters of a group in one call.

Each element of a parameter, its gradient and its state is read once and written once, whatever the options, so a step
runs at the speed of memory; done operation by operation it would take five to ten passes. The parameters are laid end
to end and cut into spans of SPAN elements, which the threads share: many small parameters cost no more than one large
one. Elements do not depend on each other, so neither does anything on the number of threads. Scalars (bias
corrections, 1 - beta) are computed in double and rounded once to the dtype of the arrays.

The formulas are PyTorch's. Sources: SGD with momentum and Nesterov's variant as in Sutskever et al. 2013, Adam:
Kingma and Ba 2015, AMSGrad: Reddi et al. 2018, AdamW: Loshchilov and Hutter 2019, RMSprop: Hinton's lecture 6e and,
centered, Graves 2013. One deviation: centered RMSprop takes the variance E[g^2] - E[g]^2 as 0 where rounding makes it
negative, where PyTorch's square root gives NaN.
"""

cimport numpy as cnp
from cython.parallel cimport prange
from libc.math cimport pow, sqrt
from libc.stdlib cimport free, malloc

cnp.import_array()

include "threads.pxi"

ctypedef fused floating:
    float
    double

cdef extern from *:
    """
    static inline float square_root_float(float x) { return __builtin_sqrtf(x); }
    static inline double square_root_double(double x) { return __builtin_sqrt(x); }
    """
    float square_root_float(float x) noexcept nogil
    double square_root_double(double x) noexcept nogil

cdef enum:
    SPAN = 16384  # elements a thread takes at a time
    ALIGN = 64  # spans begin on multiples of this many elements, so that vector loads stay aligned

# One parameter of a call. `states` are its buffers, in the order of the step's arguments; NULL where not used.
cdef struct Parameter:
    void* param
    void* grad
    void* states[3]
    Py_ssize_t size
    Py_ssize_t offset  # where it begins among all parameters laid end to end
    bint is_double
    bint first  # SGD: the momentum buffer is not begun yet
    double step_size  # Adam: lr / (1 - beta1^t)
    double bias2_sqrt  # Adam: sqrt(1 - beta2^t)

# The options of a group; each step reads its own.
cdef struct Options:
    double lr
    double sign  # -1 to maximize
    double weight_decay
    double momentum
    double dampening
    double beta1
    double beta2
    double alpha
    double eps
    bint nesterov
    bint decoupled

# Steps the elements start .. stop of one parameter.
ctypedef void (*Rule)(const Parameter* one, const Options* options, Py_ssize_t start, Py_ssize_t stop) noexcept nogil


cdef inline floating square_root(floating x) noexcept nogil:
    if floating is float:
        return square_root_float(x)
    else:
        return square_root_double(x)


cdef inline floating lerp(floating start, floating end, floating weight) noexcept nogil:
    # start + weight * (end - start), in the form that is exact at both ends (PyTorch's)
    return start + weight * (end - start) if weight < 0.5 else end - (end - start) * (1 - weight)


cdef inline floating descent(floating grad, floating param, floating sign, floating decay, bint decays) noexcept nogil:
    # The gradient a step follows. Without weight decay the parameter is left out: 0 * inf would be NaN.
    return sign * grad + (decay * param if decays else 0)


# ------------------------------------------------------------------ SGD

cdef inline void sgd_loop(floating* param, const floating* grad, floating* buf, bint first, const Options* options,
                          Py_ssize_t start, Py_ssize_t stop) noexcept nogil:
    cdef floating lr = <floating>options.lr
    cdef floating sign = <floating>options.sign
    cdef floating decay = <floating>options.weight_decay
    cdef floating momentum = <floating>options.momentum
    cdef floating fresh = <floating>(1.0 - options.dampening)
    cdef bint decays = options.weight_decay != 0
    cdef bint nesterov = options.nesterov
    cdef floating g, velocity
    cdef Py_ssize_t i
    if buf == NULL:
        for i in range(start, stop):
            param[i] = param[i] - lr * descent(grad[i], param[i], sign, decay, decays)
    elif first:
        for i in range(start, stop):
            g = descent(grad[i], param[i], sign, decay, decays)
            buf[i] = g
            param[i] = param[i] - lr * (g + momentum * g if nesterov else g)
    else:
        for i in range(start, stop):
            g = descent(grad[i], param[i], sign, decay, decays)
            velocity = momentum * buf[i] + fresh * g
            buf[i] = velocity
            param[i] = param[i] - lr * (g + momentum * velocity if nesterov else velocity)


cdef void sgd_rule(const Parameter* one, const Options* options, Py_ssize_t start, Py_ssize_t stop) noexcept nogil:
    if one.is_double:
        sgd_loop(<double*>one.param, <const double*>one.grad, <double*>one.states[0], one.first, options, start, stop)
    else:
        sgd_loop(<float*>one.param, <const float*>one.grad, <float*>one.states[0], one.first, options, start, stop)


# ------------------------------------------------------------------ Adam

cdef inline void adam_loop(floating* param, const floating* grad, floating* avg, floating* avg_sq, floating* max_sq,
                           floating step_size, floating bias2_sqrt, const Options* options,
                           Py_ssize_t start, Py_ssize_t stop) noexcept nogil:
    cdef floating sign = <floating>options.sign
    cdef floating decay = <floating>options.weight_decay
    cdef floating keep = <floating>(1.0 - options.lr * options.weight_decay) if options.decoupled else 1
    cdef floating beta2 = <floating>options.beta2
    cdef floating fresh1 = <floating>(1.0 - options.beta1)
    cdef floating fresh2 = <floating>(1.0 - options.beta2)
    cdef floating eps = <floating>options.eps
    cdef bint decays = options.weight_decay != 0 and not options.decoupled
    cdef floating g, m, v, w
    cdef Py_ssize_t i
    if max_sq == NULL:
        for i in range(start, stop):
            g = descent(grad[i], param[i], sign, decay, decays)
            m = lerp(avg[i], g, fresh1)
            v = beta2 * avg_sq[i] + fresh2 * g * g
            avg[i] = m
            avg_sq[i] = v
            param[i] = keep * param[i] - step_size * (m / (square_root(v) / bias2_sqrt + eps))
    else:
        for i in range(start, stop):
            g = descent(grad[i], param[i], sign, decay, decays)
            m = lerp(avg[i], g, fresh1)
            v = beta2 * avg_sq[i] + fresh2 * g * g
            w = max_sq[i]
            w = v if (v > w) | (v != v) else w  # NaN wins, on either side
            avg[i] = m
            avg_sq[i] = v
            max_sq[i] = w
            param[i] = keep * param[i] - step_size * (m / (square_root(w) / bias2_sqrt + eps))


cdef void adam_rule(const Parameter* one, const Options* options, Py_ssize_t start, Py_ssize_t stop) noexcept nogil:
    if one.is_double:
        adam_loop(<double*>one.param, <const double*>one.grad, <double*>one.states[0], <double*>one.states[1],
                  <double*>one.states[2], one.step_size, one.bias2_sqrt, options, start, stop)
    else:
        adam_loop(<float*>one.param, <const float*>one.grad, <float*>one.states[0], <float*>one.states[1],
                  <float*>one.states[2], <float>one.step_size, <float>one.bias2_sqrt, options, start, stop)


# ------------------------------------------------------------------ RMSprop

cdef inline void rmsprop_loop(floating* param, const floating* grad, floating* square_avg, floating* buf,
                              floating* grad_avg, const Options* options,
                              Py_ssize_t start, Py_ssize_t stop) noexcept nogil:
    cdef floating lr = <floating>options.lr
    cdef floating sign = <floating>options.sign
    cdef floating decay = <floating>options.weight_decay
    cdef floating alpha = <floating>options.alpha
    cdef floating fresh = <floating>(1.0 - options.alpha)
    cdef floating eps = <floating>options.eps
    cdef floating momentum = <floating>options.momentum
    cdef bint decays = options.weight_decay != 0
    cdef floating g, v, mean, velocity
    cdef Py_ssize_t i
    if grad_avg == NULL and buf == NULL:
        for i in range(start, stop):
            g = descent(grad[i], param[i], sign, decay, decays)
            v = alpha * square_avg[i] + fresh * g * g
            square_avg[i] = v
            param[i] = param[i] - lr * (g / (square_root(v) + eps))
    elif grad_avg == NULL:
        for i in range(start, stop):
            g = descent(grad[i], param[i], sign, decay, decays)
            v = alpha * square_avg[i] + fresh * g * g
            velocity = momentum * buf[i] + g / (square_root(v) + eps)
            square_avg[i] = v
            buf[i] = velocity
            param[i] = param[i] - lr * velocity
    elif buf == NULL:
        for i in range(start, stop):
            g = descent(grad[i], param[i], sign, decay, decays)
            v = alpha * square_avg[i] + fresh * g * g
            mean = lerp(grad_avg[i], g, fresh)
            square_avg[i] = v
            grad_avg[i] = mean
            v = v - mean * mean
            param[i] = param[i] - lr * (g / (square_root(<floating>0 if v < 0 else v) + eps))
    else:
        for i in range(start, stop):
            g = descent(grad[i], param[i], sign, decay, decays)
            v = alpha * square_avg[i] + fresh * g * g
            mean = lerp(grad_avg[i], g, fresh)
            square_avg[i] = v
            grad_avg[i] = mean
            v = v - mean * mean
            velocity = momentum * buf[i] + g / (square_root(<floating>0 if v < 0 else v) + eps)
            buf[i] = velocity
            param[i] = param[i] - lr * velocity


cdef void rmsprop_rule(const Parameter* one, const Options* options, Py_ssize_t start, Py_ssize_t stop) noexcept nogil:
    if one.is_double:
        rmsprop_loop(<double*>one.param, <const double*>one.grad, <double*>one.states[0], <double*>one.states[1],
                     <double*>one.states[2], options, start, stop)
    else:
        rmsprop_loop(<float*>one.param, <const float*>one.grad, <float*>one.states[0], <float*>one.states[1],
                     <float*>one.states[2], options, start, stop)


# ------------------------------------------------------------------ all parameters

cdef void step_span(const Parameter* parameters, Py_ssize_t count, Rule rule, const Options* options,
                    Py_ssize_t span) noexcept nogil:
    # Steps the elements of one span: the end of a parameter, perhaps, some whole ones and the beginning of another.
    cdef Py_ssize_t begin = span * SPAN
    cdef Py_ssize_t end = begin + SPAN
    cdef Py_ssize_t low = 0
    cdef Py_ssize_t high = count
    cdef Py_ssize_t middle, start, stop
    while high - low > 1:  # the last parameter that begins at or before the span
        middle = (low + high) // 2
        if parameters[middle].offset <= begin:
            low = middle
        else:
            high = middle
    while low < count and parameters[low].offset < end:
        start = begin - parameters[low].offset if begin > parameters[low].offset else 0
        stop = end - parameters[low].offset
        if stop > parameters[low].size:
            stop = parameters[low].size
        if start < stop:
            rule(&parameters[low], options, start, stop)
        low += 1


cdef void step_all(const Parameter* parameters, Py_ssize_t count, Rule rule, const Options* options) noexcept nogil:
    cdef Py_ssize_t total = parameters[count - 1].offset + parameters[count - 1].size
    cdef Py_ssize_t spans = (total + SPAN - 1) // SPAN
    cdef Py_ssize_t span
    cdef int threads = threads_for(total * 0.4)
    if threads == 1:
        for span in range(spans):
            step_span(parameters, count, rule, options, span)
    else:
        for span in prange(spans, schedule="static", num_threads=threads):
            step_span(parameters, count, rule, options, span)


cdef void* data_at(list arrays, Py_ssize_t index):
    return NULL if arrays is None else cnp.PyArray_DATA(<cnp.ndarray?>arrays[index])


cdef Parameter* collect(list params, list grads, list state0, list state1, list state2) except NULL:
    # A table of the arrays' addresses, to be freed by the caller.
    cdef Py_ssize_t count = len(params)
    cdef Py_ssize_t offset = 0
    cdef Py_ssize_t index
    cdef Parameter* table = <Parameter*>malloc((count + 1) * sizeof(Parameter))
    if table == NULL:
        raise MemoryError
    try:
        for index in range(count):
            table[index].param = data_at(params, index)
            table[index].grad = data_at(grads, index)
            table[index].states[0] = data_at(state0, index)
            table[index].states[1] = data_at(state1, index)
            table[index].states[2] = data_at(state2, index)
            table[index].size = cnp.PyArray_SIZE(<cnp.ndarray>params[index])
            table[index].is_double = cnp.PyArray_TYPE(<cnp.ndarray>params[index]) == cnp.NPY_FLOAT64
            table[index].offset = offset
            offset += (table[index].size + ALIGN - 1) // ALIGN * ALIGN
    except BaseException:
        free(table)
        raise
    return table


def sgd_step(list params, list grads, list momentum_buffers, double lr, double momentum, double dampening,
             double weight_decay, bint nesterov, bint maximize, list first):
    """One step of stochastic gradient descent, in place on params and momentum_buffers (None without momentum).

    v = momentum v + (1 - dampening) g (v = g where `first` says so); param -= lr v; nesterov: lr (g + momentum v).
    """
    cdef Options options
    cdef Py_ssize_t index
    cdef Py_ssize_t count = len(params)
    cdef Parameter* table
    if count == 0:
        return
    options.lr, options.sign, options.weight_decay = lr, -1.0 if maximize else 1.0, weight_decay
    options.momentum, options.dampening, options.nesterov = momentum, dampening, nesterov
    table = collect(params, grads, momentum_buffers, None, None)
    try:
        for index in range(count):
            table[index].first = momentum_buffers is not None and first[index]
        with nogil:
            step_all(table, count, sgd_rule, &options)
    finally:
        free(table)


def adam_step(list params, list grads, list exp_avgs, list exp_avg_sqs, list max_exp_avg_sqs, list steps, double lr,
              double beta1, double beta2, double eps, double weight_decay, bint decoupled, bint maximize):
    """One step of Adam (AdamW if decoupled, AMSGrad with max_exp_avg_sqs), in place on params and their averages.

    m = beta1 m + (1 - beta1) g; v = beta2 v + (1 - beta2) g^2;
    param -= lr / (1 - beta1^t) m / (sqrt(v) / sqrt(1 - beta2^t) + eps), t = steps[i], already counting this step.
    """
    cdef Options options
    cdef Py_ssize_t index
    cdef Py_ssize_t count = len(params)
    cdef Parameter* table
    cdef double step
    if count == 0:
        return
    options.lr, options.sign, options.weight_decay = lr, -1.0 if maximize else 1.0, weight_decay
    options.beta1, options.beta2, options.eps, options.decoupled = beta1, beta2, eps, decoupled
    table = collect(params, grads, exp_avgs, exp_avg_sqs, max_exp_avg_sqs)
    try:
        for index in range(count):
            step = steps[index]
            table[index].step_size = lr / (1.0 - pow(beta1, step))
            table[index].bias2_sqrt = sqrt(1.0 - pow(beta2, step))
        with nogil:
            step_all(table, count, adam_rule, &options)
    finally:
        free(table)


def rmsprop_step(list params, list grads, list square_avgs, list momentum_buffers, list grad_avgs, double lr,
                 double alpha, double eps, double weight_decay, double momentum, bint maximize):
    """One step of RMSprop, in place on params and state; momentum_buffers and grad_avgs (centered) may be None.

    v = alpha v + (1 - alpha) g^2; param -= lr g / (sqrt(v) + eps), with momentum a running sum of such steps; centered,
    v less the square of the running mean of g stands under the root.
    """
    cdef Options options
    cdef Py_ssize_t count = len(params)
    cdef Parameter* table
    if count == 0:
        return
    options.lr, options.sign, options.weight_decay = lr, -1.0 if maximize else 1.0, weight_decay
    options.alpha, options.eps, options.momentum = alpha, eps, momentum
    table = collect(params, grads, square_avgs, momentum_buffers, grad_avgs)
    try:
        with nogil:
            step_all(table, count, rmsprop_rule, &options)
    finally:
        free(table)
