"""Dropout from a counter-based generator: the mask is computed where it is used, forward and backward, never stored.

Whether element i is kept is a pure function of (seed, call, i): Philox4x32-10 enciphers counters made of `call` and of
i's block under the key `seed`, 16 bits an element, and the bits are compared with the threshold T. So threads,
vectors and parts of a batch each compute their own piece of one mask. The layout needs no shuffles: a vector of 16
counters gives four vectors of words, and each half of a word decides 16 neighbouring elements. `philox.h` holds the
generator, `docs/dropout_format.md` the frozen format with its test vectors.

ReLU and dropout in one pass note which elements got through both, in one bit each: the gradient is g * scale there and
0 elsewhere, and needs neither the random numbers again nor an array of floats.

Cost: one block (20 multiplications of 32 bits) for eight elements; arrays that no cache holds run at the speed of
memory, and their results are stored past the caches (stream.h).
Source: Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
"""

cimport numpy as cnp
from cython.parallel cimport prange
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

cnp.import_array()

include "threads.pxi"

cdef extern from "philox.h" nogil:
    enum:
        SPAN        # the elements whose mask is drawn at once
        BLOCKS      # their blocks
    ctypedef struct mask_stream:
        double scale
        bint keeps_all
    void stream_start(mask_stream* stream, uint64_t seed, uint64_t call, uint64_t threshold)
    void mask_span(const mask_stream* stream, uint64_t span, int32_t* keep)
    void philox4x32(const uint32_t* counter, uint64_t seed, uint32_t* out)
    void random_span(const mask_stream* stream, uint64_t span, uint32_t* out)
    ctypedef struct span_mask:
        int32_t keep[256]

cdef extern from "dropout.h" nogil:
    enum:
        STREAMED        # bytes from which on an array is written past the caches
        VECTOR_BYTES
    void end_streams()
    void apply_span_f32(const float* x, float* out, const int32_t* keep, float scale, bint streaming)
    void apply_span_f64(const double* x, double* out, const int32_t* keep, double scale, bint streaming)
    void relu_span_f32(const float* x, float* out, const int32_t* keep, float scale, uint8_t* passed, bint streaming)
    void relu_span_f64(const double* x, double* out, const int32_t* keep, double scale, uint8_t* passed, bint streaming)
    void passed_span_f32(const float* g, float* out, const uint8_t* passed, float scale, bint streaming)
    void passed_span_f64(const double* g, double* out, const uint8_t* passed, double scale, bint streaming)
    void scale_run_f32(const float* x, float* out, int64_t size, float scale)
    void scale_run_f64(const double* x, double* out, int64_t size, double scale)

ctypedef fused floating:
    float
    double

ctypedef fused element:
    float
    double
    uint8_t


cdef inline void scale_run(const floating* x, floating* out, Py_ssize_t size, floating scale) noexcept nogil:
    if floating is float:
        scale_run_f32(x, out, size, scale)
    else:
        scale_run_f64(x, out, size, scale)


# What is done with a span: DROP by its mask, RELU before that (noting what passed), or PASS what has passed.
cdef enum Job:
    DROP
    RELU
    PASS


cdef inline void do_span(const floating* x, floating* out, const int32_t* keep, floating scale, Job job,
                         uint8_t* passed, bint streaming) noexcept nogil:
    if floating is float:
        if job == DROP:
            apply_span_f32(x, out, keep, scale, streaming)
        elif job == RELU:
            relu_span_f32(x, out, keep, scale, passed, streaming)
        else:
            passed_span_f32(x, out, passed, scale, streaming)
    else:
        if job == DROP:
            apply_span_f64(x, out, keep, scale, streaming)
        elif job == RELU:
            relu_span_f64(x, out, keep, scale, passed, streaming)
        else:
            passed_span_f64(x, out, passed, scale, streaming)


cdef void elements(const floating* x, floating* out, Py_ssize_t begin, Py_ssize_t end, uint64_t offset,
                   const mask_stream* stream, Job job, uint8_t* passed, bint streaming) noexcept nogil:
    # Elements begin to end of the array: a head and a tail inside a span, whole spans between. A part of a span is
    # copied to the middle of a whole one. Span s of the mask has 32 bytes in `passed`, from that of the first element.
    cdef span_mask mask
    cdef floating[256] whole
    cdef floating scale = <floating>stream.scale
    cdef uint64_t span
    cdef Py_ssize_t first, count
    cdef const floating* source
    cdef floating* target
    cdef uint8_t* bits = NULL
    memset(mask.keep, 255, sizeof(mask.keep))
    while begin < end:
        span = (offset + <uint64_t>begin) // <uint64_t>SPAN
        first = <Py_ssize_t>((offset + <uint64_t>begin) % <uint64_t>SPAN)
        count = min(end - begin, SPAN - first)
        source, target = x + begin, out + begin
        if count < SPAN:
            memset(whole, 0, sizeof(whole))
            memcpy(whole + first, source, <size_t>count * sizeof(floating))
            source, target = whole, whole
        if passed != NULL:
            bits = passed + (span - offset // <uint64_t>SPAN) * <uint64_t>(SPAN // 8)
        if job != PASS and not stream.keeps_all:
            mask_span(stream, span, mask.keep)
        if streaming and <size_t>target % VECTOR_BYTES == 0:
            do_span(source, target, mask.keep, scale, job, bits, True)
        else:
            do_span(source, target, mask.keep, scale, job, bits, False)
        if count < SPAN:
            memcpy(out + begin, whole + first, <size_t>count * sizeof(floating))
        begin += count
    if streaming:
        end_streams()


cdef void mask_bytes(uint8_t* out, Py_ssize_t begin, Py_ssize_t end, uint64_t offset,
                     const mask_stream* stream) noexcept nogil:
    cdef span_mask mask
    cdef Py_ssize_t first, count, r
    while begin < end:
        first = <Py_ssize_t>((offset + <uint64_t>begin) % <uint64_t>SPAN)
        count = min(end - begin, SPAN - first)
        mask_span(stream, (offset + <uint64_t>begin) // <uint64_t>SPAN, mask.keep)
        for r in range(count):
            out[begin + r] = <uint8_t>(mask.keep[first + r] & 1)
        begin += count


cdef void channels(const floating* x, floating* out, Py_ssize_t begin, Py_ssize_t end, Py_ssize_t inner,
                   uint64_t offset, const mask_stream* stream) noexcept nogil:
    # As `elements`, where each mask number decides a run of `inner` elements; begin and end may lie inside a run.
    cdef span_mask mask
    cdef floating scale = <floating>stream.scale
    cdef Py_ssize_t run = begin // inner
    cdef Py_ssize_t stop
    cdef uint64_t number
    cdef bint drawn = False
    while begin < end:
        number = offset + <uint64_t>run
        if not drawn or number % <uint64_t>SPAN == 0:
            mask_span(stream, number // <uint64_t>SPAN, mask.keep)
            drawn = True
        stop = min((run + 1) * inner, end)
        if mask.keep[number % <uint64_t>SPAN]:
            scale_run(x + begin, out + begin, stop - begin, scale)
        else:
            memset(out + begin, 0, <size_t>(stop - begin) * sizeof(floating))
        begin = stop
        run += 1


cdef void part(const element* x, element* out, Py_ssize_t begin, Py_ssize_t end, Py_ssize_t inner, uint64_t offset,
               const mask_stream* stream, Job job, uint8_t* passed, bint streaming) noexcept nogil:
    if stream.keeps_all and job == DROP:
        if element is uint8_t:
            memset(out + begin, 1, <size_t>(end - begin))
        elif x != out:
            memcpy(out + begin, x + begin, <size_t>(end - begin) * sizeof(element))
    elif element is uint8_t:
        mask_bytes(out, begin, end, offset, stream)
    elif inner == 1:
        elements(x, out, begin, end, offset, stream, job, passed, streaming)
    else:
        channels(x, out, begin, end, inner, offset, stream)


cdef void share(const element* x, element* out, Py_ssize_t size, Py_ssize_t inner, uint64_t offset,
                const mask_stream* stream, Job job, uint8_t* passed, int threads) noexcept nogil:
    # Thread t takes the t-th stretch; stretches meet where spans meet: none is drawn twice, no byte of bits is shared.
    cdef Py_ssize_t lead = <Py_ssize_t>((<uint64_t>SPAN - offset % <uint64_t>SPAN) % <uint64_t>SPAN)
    cdef Py_ssize_t stretch = (size // threads + SPAN) // SPAN * SPAN
    cdef bint streaming = size >= STREAMED // <Py_ssize_t>sizeof(element)
    cdef int t
    if threads == 1:
        part(x, out, 0, size, inner, offset, stream, job, passed, streaming)
        return
    for t in prange(threads, num_threads=threads, schedule="static", chunksize=1):
        part(x, out, min(size, lead + t * stretch) if t else 0, min(size, lead + (t + 1) * stretch), inner, offset,
             stream, job, passed, streaming)


cdef void run(cnp.ndarray x, cnp.ndarray out, Py_ssize_t inner, uint64_t offset, const mask_stream* stream, Job job,
              uint8_t* passed, double cost) noexcept:
    # `cost`: about how many ns an element takes.
    cdef Py_ssize_t size = cnp.PyArray_SIZE(x)
    cdef int threads = threads_for(<double>size * cost)
    if cnp.PyArray_TYPE(x) == cnp.NPY_FLOAT32:
        with nogil:
            share(<float*>cnp.PyArray_DATA(x), <float*>cnp.PyArray_DATA(out), size, inner, offset, stream, job, passed,
                  threads)
    else:
        with nogil:
            share(<double*>cnp.PyArray_DATA(x), <double*>cnp.PyArray_DATA(out), size, inner, offset, stream, job,
                  passed, threads)


def dropout(cnp.ndarray x, cnp.ndarray out, Py_ssize_t inner, uint64_t seed, uint64_t call, uint64_t offset,
            uint64_t threshold):
    """out[i] = x[i] * (2**32 / threshold) where mask number offset + i // inner is kept, else +0, whatever x[i] was.

    A number is kept with probability threshold / 2**32 (0 < threshold <= 2**32). The same call on the gradient is the
    backward pass. x and out: contiguous, float32 or float64, or one array; offset + size at most 2**63.
    """
    cdef mask_stream stream
    stream_start(&stream, seed, call, threshold)
    run(x, out, inner, offset, &stream, DROP, NULL, 0.25 if inner == 1 else 0.1)


def relu_dropout(cnp.ndarray x, cnp.ndarray out, cnp.ndarray passed, uint64_t seed, uint64_t call, uint64_t offset,
                 uint64_t threshold):
    """`dropout` of max(x, 0), whose NaN stays NaN, in one pass.

    passed: 32 bytes (uint8) for each of the mask's spans of 256 numbers that x touches, in which bit i % 256 of number
    i says whether it is kept and x is above 0 or NaN.
    """
    cdef mask_stream stream
    stream_start(&stream, seed, call, threshold)
    run(x, out, 1, offset, &stream, RELU, <uint8_t*>cnp.PyArray_DATA(passed), 0.25)


def relu_dropout_backward(cnp.ndarray g, cnp.ndarray passed, cnp.ndarray out, uint64_t offset, uint64_t threshold):
    """out = g * (2**32 / threshold) where `passed`, which relu_dropout wrote, has the element's bit set, else +0."""
    cdef mask_stream stream
    stream_start(&stream, 0, 0, threshold)
    run(g, out, 1, offset, &stream, PASS, <uint8_t*>cnp.PyArray_DATA(passed), 0.1)


def dropout_mask(cnp.ndarray out, uint64_t seed, uint64_t call, uint64_t offset, uint64_t threshold):
    """out[i] = 1 where `dropout` keeps mask number offset + i, else 0. out: contiguous, uint8 or bool."""
    cdef Py_ssize_t size = cnp.PyArray_SIZE(out)
    cdef int threads = threads_for(size * 0.2)
    cdef mask_stream stream
    cdef uint8_t* data = <uint8_t*>cnp.PyArray_DATA(out)
    stream_start(&stream, seed, call, threshold)
    with nogil:
        share(data, data, size, 1, offset, &stream, DROP, NULL, threads)


cdef void bits(uint32_t* out, Py_ssize_t begin, Py_ssize_t end, const mask_stream* stream) noexcept nogil:
    cdef Py_ssize_t span
    for span in range(begin, end):
        random_span(stream, <uint64_t>span, out + span * 4 * BLOCKS)


def random_bits(cnp.ndarray out, uint64_t seed, uint64_t call):
    """out[4 * b + w] = word w of Philox4x32-10 at counter (b low, b high, call low, call high). out: 1-D uint32."""
    cdef Py_ssize_t size = cnp.PyArray_SIZE(out)
    cdef Py_ssize_t whole = size // (4 * BLOCKS)
    cdef Py_ssize_t stretch
    cdef uint32_t* data = <uint32_t*>cnp.PyArray_DATA(out)
    cdef uint32_t[128] rest
    cdef int threads = threads_for(size * 0.5)
    cdef int t
    cdef mask_stream stream
    stream_start(&stream, seed, call, 1)
    stretch = whole // threads + 1
    with nogil:
        if threads == 1:
            bits(data, 0, whole, &stream)
        else:
            for t in prange(threads, num_threads=threads, schedule="static", chunksize=1):
                bits(data, min(whole, t * stretch), min(whole, (t + 1) * stretch), &stream)
        if size % (4 * BLOCKS):
            random_span(&stream, <uint64_t>whole, rest)
            memcpy(data + whole * 4 * BLOCKS, rest, <size_t>(size % (4 * BLOCKS)) * 4)


def philox(counter, key):
    """Philox4x32-10 of a counter of four 32-bit words under a key of two: a tuple of four words."""
    cdef uint32_t[4] words
    cdef uint32_t[4] result
    cdef int i
    for i in range(4):
        words[i] = <uint32_t>counter[i]
    philox4x32(words, <uint64_t><uint32_t>key[0] | <uint64_t><uint32_t>key[1] << 32, result)
    return result[0], result[1], result[2], result[3]
