"""Products of matrices that OpenBLAS computes on the thread that asks for them.

Beside a busy game its threads cost nine tenths of the time, wait for each other in busy loops, and how many there are
is the game's to say.
"""

from __future__ import annotations

from typing import Any

from numpy import dot, empty
from numpy.typing import NDArray

ON_ONE_THREAD = {1: 9215, 2: 2**18}
"""Multiplications of a product with a vector and with a matrix that OpenBLAS still computes on one thread
(interface/gemv.c, gemm.c)."""
_ROWS = 4  # of the left matrix at once, at least


def product(left: NDArray[Any], right: NDArray[Any], out: NDArray[Any]) -> None:
    """`left @ right` into `out`, in parts so small that OpenBLAS takes no threads for them; `right` may be a vector."""
    most = ON_ONE_THREAD[right.ndim]
    if out.shape[0] * right.size <= most:
        dot(left, right, out)
        return
    rows = max(1, most // right.size)
    for at in range(0, len(out), rows):
        dot(left[at : at + rows], right, out[at : at + rows])


def matmul(left: NDArray[Any], right: NDArray[Any]) -> NDArray[Any]:
    """`left @ right` of two matrices of one type, likewise; where `right` is too large, as a sum over parts of it."""
    rows = max(1, ON_ONE_THREAD[2] // (_ROWS * max(1, right.shape[1])))
    out: NDArray[Any]
    out, part = empty((2, len(left), right.shape[1]), left.dtype)
    product(left[:, :rows], right[:rows], out)
    for at in range(rows, len(right), rows):
        product(left[:, at : at + rows], right[at : at + rows], part)
        out += part
    return out
