"""Arrays on 64-byte boundaries, from a bounded pool of freed buffers.

NumPy's own arrays begin wherever malloc puts them. Ours begin on a cache line, so that vector loads never straddle
two and DLPack consumers that insist on alignment (JAX) take them without a copy. A buffer goes back to the pool
when its last view is gone (the array's base is the `Buffer`, which every view keeps alive), and the next array of
about its size takes it warm: no page fault, no zeroing by the system. The pool keeps at most `MINIGRAD_POOL` MiB
(an environment variable, 256 unless set; 0 turns it off, for memory checkers); when it is full, buffers of the size
that was asked for least recently make room.

Memory also knows when it was last written to in place: the engine numbers its nodes and these writes in one sequence,
and so finds out that a value which a node has saved was overwritten since, whichever view the write went through.
"""

cimport cython
cimport numpy as cnp
from cpython.object cimport PyTypeObject
from cpython.ref cimport Py_INCREF, PyObject
from libc.stdint cimport uintptr_t
from libc.string cimport memcpy

import os

cdef extern from "aligned.h":
    void* aligned_allocate(size_t size) nogil
    void aligned_release(void* pointer) nogil

cdef extern from "numpy/arrayobject.h":
    object PyArray_NewFromDescr(PyTypeObject* subtype, cnp.dtype descr, int nd, cnp.npy_intp* dims,
                                cnp.npy_intp* strides, void* data, int flags, PyObject* obj)

cnp.import_array()

# Sizes are rounded up to four classes per power of two, so that a buffer wastes at most a fifth.
DEF CLASSES = 192
DEF DEPTH = 32

cdef void* POOL[CLASSES][DEPTH]
cdef int HELD[CLASSES]
cdef long long USED[CLASSES]  # the clock's time when a buffer of the class was last taken or given back
cdef long long clock = 0
cdef size_t pooled = 0
cdef dict foreign_writes = {}  # id of an owner that is no Buffer -> the number of the last write to it
cdef size_t limit = <size_t>(float(os.environ.get("MINIGRAD_POOL", "256")) * 1048576)


cdef inline size_t size_of(int size_class) noexcept nogil:
    return (<size_t>(4 + (size_class & 3))) << ((size_class >> 2) + 4)


cdef inline int class_of(size_t size) noexcept nogil:
    # The smallest class that holds `size` bytes: class c holds (4 + c % 4) * 2**(c // 4 + 4) bytes, 64 at least.
    cdef size_t units = (size + 15) >> 4
    cdef int shift = 0
    while (units + ((<size_t>1 << shift) - 1)) >> shift > 7:
        shift += 1
    units = (units + ((<size_t>1 << shift) - 1)) >> shift
    if units < 4:
        units = 4
    return (shift << 2) + <int>(units - 4)


cdef bint make_room(size_t size, int for_class) noexcept:
    """Whether the pool has room for `size` bytes, after giving the system back what other classes held."""
    global pooled
    cdef int size_class
    cdef int oldest
    if size > limit:
        return False
    while pooled + size > limit:
        oldest = -1
        for size_class in range(CLASSES):
            if size_class != for_class and HELD[size_class] and (oldest < 0 or USED[size_class] < USED[oldest]):
                oldest = size_class
        if oldest < 0:
            return False
        HELD[oldest] -= 1
        pooled -= size_of(oldest)
        aligned_release(POOL[oldest][HELD[oldest]])
    return True


@cython.final
@cython.freelist(64)
@cython.no_gc
cdef class Buffer:
    """The owner of one array's memory; gives it back to the pool when the last view is gone."""
    cdef void* data
    cdef int size_class
    cdef long long written  # the number of the last in-place write, 0 if there was none

    def __dealloc__(self):
        global pooled, clock
        cdef size_t size
        if self.data == NULL:
            return
        size = size_of(self.size_class)
        if HELD[self.size_class] < DEPTH and (pooled + size <= limit or make_room(size, self.size_class)):
            clock += 1
            USED[self.size_class] = clock
            POOL[self.size_class][HELD[self.size_class]] = self.data
            HELD[self.size_class] += 1
            pooled += size
        else:
            aligned_release(self.data)


cdef object allocate(int ndim, cnp.npy_intp* dims, cnp.dtype dtype):
    global pooled, clock
    cdef size_t size = <size_t>dtype.itemsize
    cdef int axis
    cdef int size_class
    cdef void* data
    cdef Buffer buffer
    cdef cnp.ndarray array
    for axis in range(ndim):
        if dims[axis] < 0:
            raise ValueError("negative dimensions are not allowed")
        if dims[axis] and size > (<size_t>-1 >> 2) // <size_t>dims[axis]:
            raise MemoryError(f"an array of shape {tuple([dims[i] for i in range(ndim)])} is too large")
        size *= <size_t>dims[axis]
    size_class = class_of(size)
    clock += 1
    USED[size_class] = clock
    if HELD[size_class]:
        HELD[size_class] -= 1
        data = POOL[size_class][HELD[size_class]]
        pooled -= size_of(size_class)
    else:
        data = aligned_allocate(size_of(size_class))
        if data == NULL:
            raise MemoryError(f"cannot allocate {size} bytes")
    buffer = Buffer.__new__(Buffer)
    buffer.data = data
    buffer.size_class = size_class
    Py_INCREF(dtype)
    array = PyArray_NewFromDescr(<PyTypeObject*>cnp.ndarray, dtype, ndim, dims, NULL, data, cnp.NPY_ARRAY_CARRAY, NULL)
    cnp.set_array_base(array, buffer)
    return array


def empty(shape, cnp.dtype dtype not None):
    """An uninitialized C-contiguous array of `shape` (a tuple of ints) on a 64-byte boundary."""
    cdef cnp.npy_intp dims[64]
    cdef int ndim = len(shape)
    cdef int axis
    if ndim > 64:
        raise ValueError(f"maximum supported dimension for an ndarray is 64, found {ndim}")
    for axis in range(ndim):
        dims[axis] = shape[axis]
    return allocate(ndim, dims, dtype)


def empty_like(cnp.ndarray array not None):
    """An uninitialized C-contiguous array of the shape and dtype of `array` on a 64-byte boundary."""
    return allocate(cnp.PyArray_NDIM(array), cnp.PyArray_DIMS(array), array.dtype)


def empty_broadcast(x, y):
    """An uninitialized array for an elementwise result of `x` and `y`, one of which may be a number: of their broadcast
    shape, and of the dtype of the first array. ValueError where the shapes do not broadcast."""
    cdef cnp.npy_intp dims[64]
    cdef cnp.npy_intp a
    cdef cnp.npy_intp b
    cdef int na
    cdef int nb
    cdef int axis
    cdef int ndim
    if not cnp.PyArray_Check(y):
        return empty_like(x)
    if not cnp.PyArray_Check(x):
        return empty_like(y)
    na = cnp.PyArray_NDIM(x)
    nb = cnp.PyArray_NDIM(y)
    ndim = na if na > nb else nb
    for axis in range(ndim):
        a = cnp.PyArray_DIM(x, axis - ndim + na) if axis >= ndim - na else 1
        b = cnp.PyArray_DIM(y, axis - ndim + nb) if axis >= ndim - nb else 1
        if a != b and a != 1 and b != 1:
            raise ValueError("shapes do not broadcast")
        dims[axis] = b if a == 1 else a
    return allocate(ndim, dims, (<cnp.ndarray>x).dtype)


cdef object copied(cnp.ndarray array):
    """A C-contiguous copy in memory from the pool."""
    cdef cnp.ndarray out = allocate(cnp.PyArray_NDIM(array), cnp.PyArray_DIMS(array), array.dtype)
    if cnp.PyArray_IS_C_CONTIGUOUS(array):
        memcpy(cnp.PyArray_DATA(out), cnp.PyArray_DATA(array), <size_t>cnp.PyArray_NBYTES(array))
    else:
        cnp.PyArray_CopyInto(out, array)
    return out


def aligned(value):
    """`value`, an array or a number, as an array: itself when it is a view or begins on a 64-byte boundary, otherwise a
    C-contiguous copy that does."""
    cdef cnp.ndarray array
    if not cnp.PyArray_CheckExact(value):
        value = cnp.PyArray_FROM_O(value)
    array = <cnp.ndarray>value
    if cnp.PyArray_BASE(array) != NULL or (<uintptr_t>cnp.PyArray_DATA(array) & 63) == 0:
        return array
    return copied(array)


def contiguous(x):
    """`x` itself if its elements lie in order, otherwise a copy in which they do.

    None stays None; a NumPy scalar is made an array.
    """
    if x is None or (cnp.PyArray_CheckExact(x) and cnp.PyArray_IS_C_CONTIGUOUS(<cnp.ndarray>x)):
        return x
    return copied(<cnp.ndarray>cnp.PyArray_FROM_O(x))


cdef inline bint usable(array) noexcept:
    return cnp.PyArray_CheckExact(array) and plain(<cnp.ndarray>array)


def is_plain(array) -> bool:
    """Whether a kernel may work on `array` as it is: float32 or float64, C-contiguous, aligned."""
    return usable(array)


def are_alike(a, b) -> bool:
    """Whether both are plain, of one dtype and one shape."""
    if not (usable(a) and usable(b)) or cnp.PyArray_TYPE(<cnp.ndarray>a) != cnp.PyArray_TYPE(<cnp.ndarray>b):
        return False
    return same_shape(<cnp.ndarray>a, <cnp.ndarray>b)


def owner(cnp.ndarray array not None):
    """What holds the memory of `array` and of all views of it: a Buffer, an array, or what another library exported."""
    cdef object holder = array
    while cnp.PyArray_Check(holder) and cnp.PyArray_BASE(<cnp.ndarray>holder) != NULL:
        holder = <object>cnp.PyArray_BASE(<cnp.ndarray>holder)
    return holder


def note_write(cnp.ndarray array not None, long long number):
    """Remember that write number `number` went to the memory of `array`."""
    cdef object holder = owner(array)
    if isinstance(holder, Buffer):
        (<Buffer>holder).written = number
    else:  # an id may be taken by a later owner: the number is then older than whatever has saved that one
        foreign_writes[<uintptr_t><PyObject*>holder] = number


def last_write(value) -> int:
    """The number of the last write to the memory of an array; 0 if there was none, or for anything else."""
    cdef object holder
    if not cnp.PyArray_Check(value):
        return 0
    holder = owner(<cnp.ndarray>value)
    if isinstance(holder, Buffer):
        return (<Buffer>holder).written
    return foreign_writes.get(<uintptr_t><PyObject*>holder, 0)


def owns_memory(cnp.ndarray array not None) -> bool:
    """Whether `array` is the one view its memory was made for, rather than a view of another array."""
    cdef object base
    if cnp.PyArray_BASE(array) == NULL:
        return cnp.PyArray_CHKFLAGS(array, cnp.NPY_ARRAY_OWNDATA)
    base = <object>cnp.PyArray_BASE(array)
    return isinstance(base, Buffer) and cnp.PyArray_NBYTES(array) > 0 and (
        (<Buffer>base).data == cnp.PyArray_DATA(array))


def pooled_bytes() -> int:
    """How many bytes of freed buffers the pool holds."""
    return pooled


def empty_pool() -> None:
    """Give the pool's buffers back to the system."""
    global pooled
    cdef int size_class
    for size_class in range(CLASSES):
        while HELD[size_class]:
            HELD[size_class] -= 1
            aligned_release(POOL[size_class][HELD[size_class]])
            pooled -= size_of(size_class)
