# The thread count of a kernel module, and how many threads a piece of work deserves.
#
# Every kernel module includes this file; `minigrad._kernels.set_num_threads` sets the count in all of them.
# Results never depend on it: threads share out whole outputs, they never split one sum.

cdef int THREADS = 1


def set_threads(int count):
    """Let this module's kernels use up to `count` threads."""
    global THREADS
    THREADS = count


cdef inline int threads_for(double work) noexcept nogil:
    """The threads worth starting for `work` elementary operations (about 1 ns each): below some 20 us, one."""
    cdef double worthwhile = work / 20000.0
    if THREADS == 1 or worthwhile < 2.0:
        return 1
    return THREADS if worthwhile > THREADS else <int>worthwhile
