# Largest, smallest and product, their places and gradients, and sums of squares: over the middle axis of
# (outer, n, inner), whose sizes a Shape holds. Included by reduce.pyx.
#
# Rows longer than CHUNK, and columns where there are few, are folded in chunks, and their results folded once more: the
# chunks depend on the shape alone, so threads may share them.

cdef struct Shape:
    Py_ssize_t outer
    Py_ssize_t n
    Py_ssize_t inner


cdef inline Shape shape_around(cnp.ndarray x, int first, int last) noexcept:
    cdef Shape shape = Shape(1, 1, 1)
    cdef int axis
    for axis in range(first):
        shape.outer *= cnp.PyArray_DIM(x, axis)
    for axis in range(first, last):
        shape.n *= cnp.PyArray_DIM(x, axis)
    for axis in range(last, cnp.PyArray_NDIM(x)):
        shape.inner *= cnp.PyArray_DIM(x, axis)
    return shape


cdef inline Py_ssize_t fold_chunk(const Shape* shape) noexcept nogil:
    # How many of n are folded at once.
    cdef Py_ssize_t tasks = shape.outer * ((shape.inner + TILE - 1) // TILE)
    if shape.inner == 1:
        return CHUNK
    return shape.n if tasks >= ENOUGH else max(<Py_ssize_t>256, CHUNK // min(shape.inner, <Py_ssize_t>TILE))


# ------------------------------------------------------------------ largest, smallest, product

cdef inline void fold_task(const floating* x, floating* out, const Shape* shape, Py_ssize_t chunk, Py_ssize_t task,
                           int op) noexcept nogil:
    # Task (o, c, t): chunk c of the rows, the columns of tile t.
    cdef Py_ssize_t chunks = chunks_of(shape.n, chunk)
    cdef Py_ssize_t tiles = (shape.inner + TILE - 1) // TILE
    cdef Py_ssize_t column = task % tiles * TILE
    cdef Py_ssize_t begin = task // tiles % chunks * chunk
    cdef Py_ssize_t rows = min(chunk, shape.n - begin)
    cdef Py_ssize_t width = min(<Py_ssize_t>TILE, shape.inner - column)
    cdef Py_ssize_t i
    x += (task // tiles // chunks * shape.n + begin) * shape.inner + column
    out += task // tiles * shape.inner + column
    if shape.inner == 1:
        if floating is float:
            out[0] = fold_row_f32(x, rows, op)
        else:
            out[0] = fold_row_f64(x, rows, op)
        return
    memcpy(out, x, width * sizeof(floating))
    for i in range(1, rows, 8):  # so many rows for each pass over out
        if floating is float:
            fold_columns_f32(x + i * shape.inner, shape.inner, min(<Py_ssize_t>8, rows - i), out, width, op)
        else:
            fold_columns_f64(x + i * shape.inner, shape.inner, min(<Py_ssize_t>8, rows - i), out, width, op)


cdef int fold_all(const floating* x, floating* out, const Shape* shape, int op, int threads) noexcept nogil:
    cdef Py_ssize_t chunk = fold_chunk(shape)
    cdef Py_ssize_t chunks = chunks_of(shape.n, chunk)
    cdef Py_ssize_t tasks = shape.outer * chunks * ((shape.inner + TILE - 1) // TILE)
    cdef Py_ssize_t task
    cdef Shape rest
    cdef floating* table = out
    cdef int failed = 0
    if chunks > 1:
        table = <floating*>malloc(<size_t>(shape.outer * chunks * shape.inner) * sizeof(floating))
        if table == NULL:
            return 1
    if threads == 1:
        for task in range(tasks):
            fold_task(x, table, shape, chunk, task, op)
    else:
        for task in prange(tasks, num_threads=threads, schedule="static"):
            fold_task(x, table, shape, chunk, task, op)
    if chunks > 1:
        rest = Shape(shape.outer, chunks, shape.inner)
        for task in range(shape.outer * ((shape.inner + TILE - 1) // TILE)):
            fold_task(<const floating*>table, out, &rest, chunks, task, op)
        free(table)
    return failed


cdef int run_fold(cnp.ndarray x, cnp.ndarray out, int first, int last, int op) except -1:
    cdef Shape shape = shape_around(x, first, last)
    cdef int threads = threads_for(<double>cnp.PyArray_SIZE(x) * 0.05)
    cdef bint is_float = cnp.PyArray_TYPE(x) == cnp.NPY_FLOAT32
    cdef void* source = cnp.PyArray_DATA(x)
    cdef void* goal = cnp.PyArray_DATA(out)
    cdef int failed
    if shape.outer * shape.inner == 0:
        return 0
    with nogil:
        if is_float:
            failed = fold_all(<const float*>source, <float*>goal, &shape, op, threads)
        else:
            failed = fold_all(<const double*>source, <double*>goal, &shape, op, threads)
    if failed:
        raise MemoryError("no memory for partial results")
    return 0


def extremum(cnp.ndarray x, cnp.ndarray out, int first, int last, bint largest):
    """out = the largest (or smallest) of x over the axes from `first` to before `last`, at least one; NaN wins."""
    run_fold(x, out, first, last, FOLD_LARGEST if largest else FOLD_SMALLEST)


def product(cnp.ndarray x, cnp.ndarray out, int first, int last):
    """out = the product of x over the axes from `first` to before `last`; 1 of none."""
    if cnp.PyArray_SIZE(x) == 0:
        out.fill(1)
        return
    run_fold(x, out, first, last, FOLD_PRODUCT)


# ------------------------------------------------------------------ places

cdef int places_of(const floating* x, int64_t* out, const Shape* shape, bint largest) noexcept nogil:
    cdef Py_ssize_t tiles = (shape.inner + TILE - 1) // TILE
    cdef Py_ssize_t task, i, j, width
    cdef floating best[TILE]
    cdef int32_t which32[TILE]
    cdef int64_t which64[TILE]
    cdef const floating* row
    for task in range(shape.outer * tiles):
        width = min(<Py_ssize_t>TILE, shape.inner - task % tiles * TILE)
        row = x + task // tiles * shape.n * shape.inner + task % tiles * TILE
        for j in range(width):
            best[j] = row[j] if largest else -row[j]
            which32[j] = 0
            which64[j] = 0
        for i in range(1, shape.n):
            row += shape.inner
            if floating is float:
                take_place_f32(row, best, which32, width, <int32_t>i, largest)
            else:
                take_place_f64(row, best, which64, width, i, largest)
        for j in range(width):
            out[task // tiles * shape.inner + task % tiles * TILE + j] = (
                which32[j] if floating is float else which64[j])
    return 0


def extremum_places(cnp.ndarray x, cnp.ndarray out, int axis, bint largest):
    """out (int64) = the place along `axis`, shorter than 2^31, of the first NaN, else of the first largest (or
    smallest) element. Made for axes other than the last."""
    cdef Shape shape = shape_around(x, axis, axis + 1)
    cdef bint is_float = cnp.PyArray_TYPE(x) == cnp.NPY_FLOAT32
    cdef void* source = cnp.PyArray_DATA(x)
    cdef int64_t* goal = <int64_t*>cnp.PyArray_DATA(out)
    with nogil:
        if is_float:
            places_of(<const float*>source, goal, &shape, largest)
        else:
            places_of(<const double*>source, goal, &shape, largest)


cdef void put_places(const floating* g, const int64_t* places, floating* dx, const Shape* shape) noexcept nogil:
    cdef Py_ssize_t o, j
    memset(dx, 0, shape.outer * shape.n * shape.inner * sizeof(floating))
    for o in range(shape.outer):
        for j in range(shape.inner):
            if 0 <= places[j] < shape.n:
                dx[places[j] * shape.inner + j] = g[j]
        g += shape.inner
        places += shape.inner
        dx += shape.n * shape.inner


def extremum_places_backward(cnp.ndarray g, cnp.ndarray places, cnp.ndarray dx, int axis):
    """dx = g at the places along `axis`, 0 elsewhere."""
    cdef Shape shape = shape_around(dx, axis, axis + 1)
    cdef bint is_float = cnp.PyArray_TYPE(g) == cnp.NPY_FLOAT32
    cdef void* source = cnp.PyArray_DATA(g)
    cdef const int64_t* where = <const int64_t*>cnp.PyArray_DATA(places)
    cdef void* goal = cnp.PyArray_DATA(dx)
    with nogil:
        if is_float:
            put_places(<const float*>source, where, <float*>goal, &shape)
        else:
            put_places(<const double*>source, where, <double*>goal, &shape)


# ------------------------------------------------------------------ shares of a gradient

cdef void share_task(const floating* g, const floating* x, const floating* y, floating* dx, const Shape* shape,
                     Py_ssize_t task, bint spoils) noexcept nogil:
    cdef Py_ssize_t tiles = (shape.inner + TILE - 1) // TILE
    cdef Py_ssize_t column = task % tiles * TILE
    cdef Py_ssize_t start = task // tiles * shape.n * shape.inner + column
    cdef Py_ssize_t place = task // tiles * shape.inner + column
    cdef Py_ssize_t width = min(<Py_ssize_t>TILE, shape.inner - column)
    cdef floating share[TILE]
    if floating is float:
        if shape.inner == 1:
            share_row_f32(x + start, y[place], g[place], dx + start, shape.n, spoils)
        else:
            share_columns_f32(x + start, y + place, g + place, dx + start, share, shape.inner, shape.n, width, spoils)
    else:
        if shape.inner == 1:
            share_row_f64(x + start, y[place], g[place], dx + start, shape.n, spoils)
        else:
            share_columns_f64(x + start, y + place, g + place, dx + start, share, shape.inner, shape.n, width, spoils)


cdef void share_all(const floating* g, const floating* x, const floating* y, floating* dx, const Shape* shape,
                    bint spoils, int threads) noexcept nogil:
    cdef Py_ssize_t task
    for task in prange(shape.outer * ((shape.inner + TILE - 1) // TILE), num_threads=threads, schedule="static"):
        share_task(g, x, y, dx, shape, task, spoils)


def extremum_backward(cnp.ndarray g, cnp.ndarray x, cnp.ndarray y, cnp.ndarray dx, int first, int last, bint spoils):
    """dx = g where x is the extremum y, shared equally among ties, 0 elsewhere. Where y is NaN the NaNs of x share it,
    or if `spoils` all of dx is NaN there, as in PyTorch's amax."""
    cdef Shape shape = shape_around(x, first, last)
    cdef int threads = threads_for(<double>cnp.PyArray_SIZE(x) * 0.3)
    cdef bint is_float = cnp.PyArray_TYPE(x) == cnp.NPY_FLOAT32
    cdef void* a = cnp.PyArray_DATA(g)
    cdef void* b = cnp.PyArray_DATA(x)
    cdef void* c = cnp.PyArray_DATA(y)
    cdef void* goal = cnp.PyArray_DATA(dx)
    cdef Py_ssize_t task
    if cnp.PyArray_SIZE(x) == 0:
        return
    with nogil:
        if threads > 1:
            if is_float:
                share_all(<const float*>a, <const float*>b, <const float*>c, <float*>goal, &shape, spoils, threads)
            else:
                share_all(<const double*>a, <const double*>b, <const double*>c, <double*>goal, &shape, spoils,
                          threads)
        else:
            for task in range(shape.outer * ((shape.inner + TILE - 1) // TILE)):
                if is_float:
                    share_task(<const float*>a, <const float*>b, <const float*>c, <float*>goal, &shape, task, spoils)
                else:
                    share_task(<const double*>a, <const double*>b, <const double*>c, <double*>goal, &shape, task,
                               spoils)


# ------------------------------------------------------------------ squares

cdef inline void squares_task(const floating* x, const floating* mean, double* table, const Shape* shape,
                              Py_ssize_t chunk, Py_ssize_t task) noexcept nogil:
    cdef Py_ssize_t chunks = chunks_of(shape.n, chunk)
    cdef Py_ssize_t tiles = (shape.inner + TILE - 1) // TILE
    cdef Py_ssize_t column = task % tiles * TILE
    cdef Py_ssize_t begin = task // tiles % chunks * chunk
    cdef Py_ssize_t rows = min(chunk, shape.n - begin)
    cdef Py_ssize_t width = min(<Py_ssize_t>TILE, shape.inner - column)
    cdef Py_ssize_t place = task // tiles // chunks * shape.inner + column
    cdef Py_ssize_t j
    x += (task // tiles // chunks * shape.n + begin) * shape.inner + column
    table += task // tiles * shape.inner + column
    if shape.inner == 1:
        if floating is float:
            table[0] = row_squares_f32(x, rows, mean[place] if mean != NULL else <floating>0)
        else:
            table[0] = row_squares_f64(x, rows, mean[place] if mean != NULL else <floating>0)
        return
    for j in range(width):
        table[j] = 0
    if floating is float:
        column_squares_f32(x, shape.inner, rows, width, mean + place if mean != NULL else NULL, table)
    else:
        column_squares_f64(x, shape.inner, rows, width, mean + place if mean != NULL else NULL, table)


cdef int squares_all(const floating* x, const floating* mean, floating* out, const Shape* shape, double divisor,
                     bint root, int threads) noexcept nogil:
    cdef Py_ssize_t chunk = fold_chunk(shape)
    cdef Py_ssize_t chunks = chunks_of(shape.n, chunk)
    cdef Py_ssize_t tasks = shape.outer * chunks * ((shape.inner + TILE - 1) // TILE)
    cdef Py_ssize_t task, o, c, j
    cdef double[16] small
    cdef double total
    cdef double* table = &small[0]
    if shape.outer * chunks * shape.inner > 16:
        table = <double*>malloc(<size_t>(shape.outer * chunks * shape.inner) * sizeof(double))
        if table == NULL:
            return 1
    if threads == 1:
        for task in range(tasks):
            squares_task(x, mean, table, shape, chunk, task)
    else:
        for task in prange(tasks, num_threads=threads, schedule="static"):
            squares_task(x, mean, table, shape, chunk, task)
    for o in range(shape.outer):
        for j in range(shape.inner):
            total = 0
            for c in range(chunks):
                total += table[(o * chunks + c) * shape.inner + j]
            total /= divisor
            out[o * shape.inner + j] = <floating>(sqrt(total) if root else total)
    if table != &small[0]:
        free(table)
    return 0


def squares(cnp.ndarray x, cnp.ndarray mean, cnp.ndarray out, int first, int last, double divisor, bint root):
    """out = sum((x - mean)^2) / divisor over the axes from `first` to before `last`, or its square root; mean, of out's
    shape, may be None for 0. A variance, a standard deviation, a Euclidean norm."""
    cdef Shape shape = shape_around(x, first, last)
    cdef int threads = threads_for(<double>cnp.PyArray_SIZE(x) * 0.05)
    cdef bint is_float = cnp.PyArray_TYPE(x) == cnp.NPY_FLOAT32
    cdef void* source = cnp.PyArray_DATA(x)
    cdef void* middle = NULL if mean is None else cnp.PyArray_DATA(mean)
    cdef void* goal = cnp.PyArray_DATA(out)
    cdef int failed
    if shape.outer * shape.inner == 0:
        return
    with nogil:
        if is_float:
            failed = squares_all(<const float*>source, <const float*>middle, <float*>goal, &shape, divisor, root,
                                 threads)
        else:
            failed = squares_all(<const double*>source, <const double*>middle, <double*>goal, &shape, divisor, root,
                                 threads)
    if failed:
        raise MemoryError("no memory for partial sums")


cdef void deviations_of(const floating* x, const floating* mean, const floating* scale, floating* out,
                        const Shape* shape) noexcept nogil:
    cdef Py_ssize_t o, i, j
    cdef floating middle, factor
    for o in range(shape.outer):
        if shape.inner == 1:
            middle = mean[o] if mean != NULL else <floating>0
            factor = scale[o]
            for i in range(shape.n):
                out[i] = (x[i] - middle) * factor
            x += shape.n
            out += shape.n
            continue
        for i in range(shape.n):
            if mean == NULL:
                for j in range(shape.inner):
                    out[j] = x[j] * scale[o * shape.inner + j]
            else:
                for j in range(shape.inner):
                    out[j] = (x[j] - mean[o * shape.inner + j]) * scale[o * shape.inner + j]
            x += shape.inner
            out += shape.inner


def deviations(cnp.ndarray x, cnp.ndarray mean, cnp.ndarray scale, cnp.ndarray out, int first, int last):
    """out = (x - mean) * scale, both of the shape without the axes from `first` to before `last`; mean None is 0. The
    gradient of `squares`."""
    cdef Shape shape = shape_around(x, first, last)
    cdef bint is_float = cnp.PyArray_TYPE(x) == cnp.NPY_FLOAT32
    cdef void* source = cnp.PyArray_DATA(x)
    cdef void* middle = NULL if mean is None else cnp.PyArray_DATA(mean)
    cdef void* factor = cnp.PyArray_DATA(scale)
    cdef void* goal = cnp.PyArray_DATA(out)
    with nogil:
        if is_float:
            deviations_of(<const float*>source, <const float*>middle, <const float*>factor, <float*>goal, &shape)
        else:
            deviations_of(<const double*>source, <const double*>middle, <const double*>factor, <double*>goal, &shape)
