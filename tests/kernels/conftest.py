"""The kernels of one theme at every level that this machine runs: a test module names its THEME."""

import pytest

from minigrad import _kernels


@pytest.fixture(params=_kernels.built_levels())
def kernel(request):
    module = _kernels.load(request.param)[request.module.THEME]
    module.set_threads(1)
    yield module
    module.set_threads(1)
