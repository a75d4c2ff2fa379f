"""Products in parts equal numpy's, and no part is one for which OpenBLAS takes threads."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cornerman.policy import products


@pytest.mark.parametrize(("rows", "inner", "columns"), [(5, 7, 3), (40, 900, 32), (9, 1_200, 99), (0, 4, 2), (5, 7, 0)])
def test_products_take_no_threads_and_equal_numpys(
    monkeypatch: pytest.MonkeyPatch, rows: int, inner: int, columns: int
) -> None:
    sizes: list[int] = []

    def noted(left: Any, right: Any, out: Any) -> Any:
        sizes.append(out.shape[0] * right.size)
        return np.dot(left, right, out)

    monkeypatch.setattr(products, "dot", noted)
    random = np.random.default_rng(0)
    left, right = random.normal(size=(inner, rows)).T, random.normal(size=(inner, columns))
    np.testing.assert_allclose(products.matmul(left, right), left @ right, atol=1e-9)
    assert max(sizes) <= products.ON_ONE_THREAD[2]
