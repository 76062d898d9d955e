cimport numpy as cnp

cdef object allocate(int ndim, cnp.npy_intp* dims, cnp.dtype dtype)


cdef inline bint plain(cnp.ndarray array) noexcept:
    """Whether a kernel may work on `array` as it is: float32 or float64, C-contiguous, aligned."""
    cdef int type_number = cnp.PyArray_TYPE(array)
    return (type_number == cnp.NPY_FLOAT or type_number == cnp.NPY_DOUBLE) and cnp.PyArray_ISCARRAY_RO(array)


cdef inline bint same_shape(cnp.ndarray x, cnp.ndarray y) noexcept:
    cdef int axis
    if cnp.PyArray_NDIM(x) != cnp.PyArray_NDIM(y):
        return False
    for axis in range(cnp.PyArray_NDIM(x)):
        if cnp.PyArray_DIM(x, axis) != cnp.PyArray_DIM(y, axis):
            return False
    return True
