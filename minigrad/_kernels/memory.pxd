cimport numpy as cnp

cdef object allocate(int ndim, cnp.npy_intp* dims, cnp.dtype dtype)
