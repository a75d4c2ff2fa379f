"""The network's shape and first draw."""

import numpy as np
import pytest

from cornerman.policy.q_network import NetworkSpec, draw, split

SPEC = NetworkSpec(5, 3, (8, 6))


def test_arrays_lie_one_after_the_other_and_fill_the_vector() -> None:
    flat = np.arange(SPEC.num_parameters, dtype=np.float32)
    views = split(flat, SPEC)
    assert list(views) == [name for name, _ in SPEC.arrays()]
    assert np.array_equal(np.concatenate([view.ravel() for view in views.values()]), flat)
    assert SPEC.num_parameters == 5 * 8 + 3 * 8 + 8 * 6 + 3 * 6 + 6 * 3 + 3


def test_views_write_through() -> None:
    flat = np.zeros(SPEC.num_parameters, np.float32)
    split(flat, SPEC)["head.bias"][:] = 7.0
    assert flat[-3:].tolist() == [7.0, 7.0, 7.0]
    assert not flat[:-3].any()


@pytest.mark.parametrize("size", [0, SPEC.num_parameters - 1, SPEC.num_parameters + 1])
def test_a_vector_of_another_length_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match=str(SPEC.num_parameters)):
        split(np.zeros(size, np.float32), SPEC)


def test_a_draw_is_decided_by_its_generator() -> None:
    one, same, other = (draw(SPEC, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_a_draw_has_the_promised_scales() -> None:
    spec = NetworkSpec(400, 300, (500,))
    views = split(draw(spec, np.random.default_rng(0)), spec)
    assert views["hidden0.weight"].std() == pytest.approx((2 / 400) ** 0.5, rel=0.02)
    assert not views["head.weight"].any()
    assert not views["head.bias"].any()
    assert (views["hidden0.gain"] == 1).all()
    for name in ("hidden0.bias", "hidden0.shift", "head.bias"):
        assert not views[name].any()
