"""Two-dimensional convolution (cross-correlation), forward and backward.

Three ways, chosen by shapes alone:

- conv_direct.pxi: any shape and both dtypes, products of patches in place, pixels as lanes;
- conv_lanes.pxi: float32 with channels or outputs as lanes, for strides, small images, many channels and first layers;
- conv_winograd.pxi: float32, 3x3 at stride 1, with a quarter of the multiplications.

Sums of the first two run in blocks of some DEPTH (192) terms, added one after the other, so with K terms the error is
at most about (192 + K / 192) eps sum |a| |b|; the third's is a few millionths of the largest element. Gradients of a
weight cut the batch into parts whose sums are added in order; the parts depend on the shapes alone, so no result
depends on the threads. NaN and infinity go where the sums take them; those of the weight meet the zeros of the border
as well, in out and in dx.
"""

cimport numpy as cnp

cnp.import_array()

include "gemm.pxi"

include "conv_pixels.pxi"

# The most elements of the sums of all parts of a gradient of a weight (8 MiB of float32).
DEF PART_ELEMENTS = 1 << 21


# The sizes of one convolution, in the names of its definition.
cdef struct Convolution:
    Py_ssize_t batch
    Py_ssize_t groups
    Py_ssize_t channels    # of a group
    Py_ssize_t outputs     # of a group
    Py_ssize_t height
    Py_ssize_t width
    Py_ssize_t out_height
    Py_ssize_t out_width
    Py_ssize_t kernel_h
    Py_ssize_t kernel_w
    Py_ssize_t stride_h
    Py_ssize_t stride_w
    Py_ssize_t padding_h
    Py_ssize_t padding_w
    Py_ssize_t dilation_h
    Py_ssize_t dilation_w


cdef Convolution convolution(cnp.ndarray x, cnp.ndarray weight, cnp.ndarray out, stride, padding, dilation,
                             Py_ssize_t groups):
    cdef Convolution v
    v.groups = groups
    v.batch, v.height, v.width = cnp.PyArray_DIM(x, 0), cnp.PyArray_DIM(x, 2), cnp.PyArray_DIM(x, 3)
    v.out_height, v.out_width = cnp.PyArray_DIM(out, 2), cnp.PyArray_DIM(out, 3)
    v.outputs, v.channels = cnp.PyArray_DIM(weight, 0) // groups, cnp.PyArray_DIM(weight, 1)
    v.kernel_h, v.kernel_w = cnp.PyArray_DIM(weight, 2), cnp.PyArray_DIM(weight, 3)
    v.stride_h, v.stride_w = stride
    v.padding_h, v.padding_w = padding
    v.dilation_h, v.dilation_w = dilation
    return v


cdef int threads_of(const Convolution* v) noexcept nogil:
    return threads_for(0.01 * v.batch * v.groups * v.channels * v.outputs * v.kernel_h * v.kernel_w
                       * v.out_height * v.out_width)


cdef Images padded_input(const Convolution* v, const void* x, bint phases) noexcept nogil:
    """x with the border of the padding, as far as the kernel reaches; in phases of the stride, or not."""
    cdef Images images
    images.data = x
    images.planes = v.groups * v.channels
    images.height, images.width = v.height, v.width
    lay_out(&images, v.padding_h, v.padding_w,
            (v.out_height - 1) * v.stride_h + (v.kernel_h - 1) * v.dilation_h + 1,
            (v.out_width - 1) * v.stride_w + (v.kernel_w - 1) * v.dilation_w + 1,
            v.out_width if phases else 0, v.stride_h if phases else 1, v.stride_w if phases else 1)
    return images


include "conv_direct.pxi"

include "conv_lanes.pxi"

include "conv_winograd.pxi"


# Which way a float32 convolution goes. The bounds are measured: the other ways were as fast there, or faster.

cdef bint suits_winograd(const Convolution* v) noexcept nogil:
    """conv_winograd.pxi: enough channels to fill vectors, and enough pixels to pay for transforming the weights."""
    return (v.kernel_h == 3 and v.kernel_w == 3 and v.stride_h == 1 and v.stride_w == 1 and v.dilation_h == 1
            and v.dilation_w == 1 and v.groups == 1 and v.padding_h <= 2 and v.padding_w <= 2
            and min(v.channels, v.outputs) >= 8 and v.channels * v.outputs >= 144
            and v.batch * v.out_height * v.out_width >= 128)


cdef bint suits_planes(const Convolution* v) noexcept nogil:
    """conv_lanes.pxi too: a product of the planes as they are, for enough terms and whole vectors of pixels."""
    return (v.kernel_h == 1 and v.kernel_w == 1 and v.stride_h == 1 and v.stride_w == 1 and v.groups == 1
            and v.padding_h == 0 and v.padding_w == 0 and v.height * v.width % LANES == 0
            and v.batch * v.height * v.width >= 128)


cdef bint suits_lanes(const Convolution* v, Py_ssize_t depth, Py_ssize_t lanes) noexcept nogil:
    """conv_lanes.pxi, which sums over `depth` channels and has the others as lanes."""
    if v.groups > 1 or v.stride_w > 2 or lanes * depth < 144 or v.batch * v.out_height * v.out_width < 128:
        return False
    if v.stride_w == 2 or min(lanes, depth) >= 32:
        return True
    return lanes >= 12 and v.out_height * v.out_width <= 64


cdef bint suits_thin(const Convolution* v) noexcept nogil:
    """The same with the planes of x as they are, for which a 1x1 kernel has too few terms."""
    if v.groups > 1 or v.channels >= 12 or v.stride_w > 2 or v.kernel_h * v.kernel_w == 1 or v.batch < 4:
        return False
    return v.outputs >= (12 if v.stride_w == 2 or v.out_width <= 12 else 24)


cdef bint suits_thin_sums(const Convolution* v) noexcept nogil:
    """The gradient of the weight then, which has these kernels alone."""
    return (v.groups == 1 and v.channels < 12 and v.stride_w == 1 and v.stride_h == 1 and v.kernel_h == v.kernel_w
            and (v.kernel_h == 3 and v.outputs <= 32 or v.kernel_h == 5 and v.outputs <= 16)
            and v.dilation_h == 1 and v.dilation_w == 1)


cdef bint suits_dots(const Convolution* v) noexcept nogil:
    """The same with pixels as lanes: so few outputs would leave more lanes empty."""
    return suits_thin_sums(v) and v.outputs <= (8 if v.kernel_h == 3 else 16) and v.out_width >= LANES


cdef void by_winograd(const Convolution* v, const float* x, const float* weight, const float* bias, float* out,
                      bint gradient) except *:
    """`forward`, or, with gradient, `backward_input` from x to out."""
    cdef Winograd t
    cdef Convolution part = v[0]
    cdef Py_ssize_t x_image = v.channels * v.height * v.width
    cdef Py_ssize_t out_image = v.outputs * v.out_height * v.out_width
    cdef Py_ssize_t n = 0
    cdef Scratch scratch = take_scratch(v.batch)
    cdef uint8_t* spoiled = <uint8_t*>scratch.data
    memset(spoiled, 0, v.batch)
    if gradient:
        x_image, out_image = out_image, x_image
        plan_winograd(&t, v.batch, v.outputs, v.channels, v.out_height, v.out_width, 2 - v.padding_h, 2 - v.padding_w)
    else:
        plan_winograd(&t, v.batch, v.channels, v.outputs, v.height, v.width, v.padding_h, v.padding_w)
    winograd_correlation(&t, x, weight, bias, out, gradient, threads_of(v), spoiled)
    while n < v.batch:
        part.batch = 0
        while n + part.batch < v.batch and spoiled[n + part.batch]:
            part.batch += 1
        if part.batch and gradient:
            backward_input(&part, x + n * x_image, weight, out + n * out_image)
        elif part.batch:
            forward(&part, x + n * x_image, weight, bias, out + n * out_image)
        n += part.batch + 1
    give_scratch(scratch)


def conv2d_forward(cnp.ndarray x, cnp.ndarray weight, cnp.ndarray bias, cnp.ndarray out, stride, padding, dilation,
                   Py_ssize_t groups):
    """out (N, O, OH, OW) = the cross-correlation of x (N, C, H, W) with weight (O, C / groups, KH, KW), plus bias (O,)
    unless it is None. stride, padding, dilation: pairs."""
    cdef Convolution v = convolution(x, weight, out, stride, padding, dilation, groups)
    cdef void* b = NULL if bias is None else cnp.PyArray_DATA(bias)
    if cnp.PyArray_TYPE(x) == cnp.NPY_FLOAT32 and suits_winograd(&v):
        by_winograd(&v, <float*>cnp.PyArray_DATA(x), <float*>cnp.PyArray_DATA(weight), <float*>b,
                    <float*>cnp.PyArray_DATA(out), False)
    elif cnp.PyArray_TYPE(x) == cnp.NPY_FLOAT32 and suits_planes(&v):
        plane_products(&v, <float*>cnp.PyArray_DATA(x), <float*>cnp.PyArray_DATA(weight), <float*>b,
                       <float*>cnp.PyArray_DATA(out), False)
    elif cnp.PyArray_TYPE(x) == cnp.NPY_FLOAT32 and suits_lanes(&v, v.channels, v.outputs):
        lane_forward(&v, <float*>cnp.PyArray_DATA(x), <float*>cnp.PyArray_DATA(weight), <float*>b,
                     <float*>cnp.PyArray_DATA(out), False)
    elif cnp.PyArray_TYPE(x) == cnp.NPY_FLOAT32 and suits_thin(&v):
        lane_forward(&v, <float*>cnp.PyArray_DATA(x), <float*>cnp.PyArray_DATA(weight), <float*>b,
                     <float*>cnp.PyArray_DATA(out), True)
    elif cnp.PyArray_TYPE(x) == cnp.NPY_FLOAT32:
        forward(&v, <float*>cnp.PyArray_DATA(x), <float*>cnp.PyArray_DATA(weight), <float*>b,
                <float*>cnp.PyArray_DATA(out))
    else:
        forward(&v, <double*>cnp.PyArray_DATA(x), <double*>cnp.PyArray_DATA(weight), <double*>b,
                <double*>cnp.PyArray_DATA(out))


def conv2d_backward_input(cnp.ndarray g, cnp.ndarray weight, cnp.ndarray dx, stride, padding, dilation,
                          Py_ssize_t groups):
    """dx, the gradient of x, from g, the gradient of out."""
    cdef Convolution v = convolution(dx, weight, g, stride, padding, dilation, groups)
    if cnp.PyArray_TYPE(g) == cnp.NPY_FLOAT32 and suits_winograd(&v):
        by_winograd(&v, <float*>cnp.PyArray_DATA(g), <float*>cnp.PyArray_DATA(weight), NULL,
                    <float*>cnp.PyArray_DATA(dx), True)
    elif cnp.PyArray_TYPE(g) == cnp.NPY_FLOAT32 and suits_planes(&v):
        plane_products(&v, <float*>cnp.PyArray_DATA(g), <float*>cnp.PyArray_DATA(weight), NULL,
                       <float*>cnp.PyArray_DATA(dx), True)
    elif cnp.PyArray_TYPE(g) == cnp.NPY_FLOAT32 and suits_lanes(&v, v.outputs, v.channels):
        lane_backward_input(&v, <float*>cnp.PyArray_DATA(g), <float*>cnp.PyArray_DATA(weight),
                            <float*>cnp.PyArray_DATA(dx))
    elif cnp.PyArray_TYPE(g) == cnp.NPY_FLOAT32:
        backward_input(&v, <float*>cnp.PyArray_DATA(g), <float*>cnp.PyArray_DATA(weight), <float*>cnp.PyArray_DATA(dx))
    else:
        backward_input(&v, <double*>cnp.PyArray_DATA(g), <double*>cnp.PyArray_DATA(weight),
                       <double*>cnp.PyArray_DATA(dx))


def conv2d_backward_weight(cnp.ndarray g, cnp.ndarray x, cnp.ndarray dweight, stride, padding, dilation,
                           Py_ssize_t groups):
    """dweight, the gradient of weight, from g, the gradient of out."""
    cdef Convolution v = convolution(x, dweight, g, stride, padding, dilation, groups)
    cdef Winograd t
    if cnp.PyArray_TYPE(g) == cnp.NPY_FLOAT32 and suits_winograd(&v):
        plan_winograd(&t, v.batch, v.channels, v.outputs, v.height, v.width, v.padding_h, v.padding_w)
        if winograd_weight_gradient(&t, <float*>cnp.PyArray_DATA(g), <float*>cnp.PyArray_DATA(x),
                                    <float*>cnp.PyArray_DATA(dweight), threads_of(&v)):
            return
    if cnp.PyArray_TYPE(g) == cnp.NPY_FLOAT32 and v.groups == 1 and v.channels >= 12 and v.outputs >= 4:
        lane_backward_weight(&v, <float*>cnp.PyArray_DATA(g), <float*>cnp.PyArray_DATA(x),
                             <float*>cnp.PyArray_DATA(dweight), False)
    elif cnp.PyArray_TYPE(g) == cnp.NPY_FLOAT32 and suits_dots(&v):
        dots_backward_weight(&v, <float*>cnp.PyArray_DATA(g), <float*>cnp.PyArray_DATA(x),
                             <float*>cnp.PyArray_DATA(dweight))
    elif cnp.PyArray_TYPE(g) == cnp.NPY_FLOAT32 and suits_thin_sums(&v):
        lane_backward_weight(&v, <float*>cnp.PyArray_DATA(g), <float*>cnp.PyArray_DATA(x),
                             <float*>cnp.PyArray_DATA(dweight), True)
    elif cnp.PyArray_TYPE(g) == cnp.NPY_FLOAT32:
        backward_weight(&v, <float*>cnp.PyArray_DATA(g), <float*>cnp.PyArray_DATA(x),
                        <float*>cnp.PyArray_DATA(dweight))
    else:
        backward_weight(&v, <double*>cnp.PyArray_DATA(g), <double*>cnp.PyArray_DATA(x),
                        <double*>cnp.PyArray_DATA(dweight))
