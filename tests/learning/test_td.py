"""The maths of a learning step against slow, obvious twins: autograd, torch's own Adam, a loop over the rows."""

import warnings
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from cornerman.learning import td
from cornerman.policy.q_network import NetworkSpec
from tests.support.plain_network import PlainSpec

Burst = Callable[..., Tensor]


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(params=["eager", "scripted"])
def burst(request: pytest.FixtureRequest) -> Burst:
    if request.param == "eager":
        return td.learn_burst
    scripted = td.scripted(td.learn_burst)
    if scripted is None:
        pytest.skip("this torch has no TorchScript")
    return no_grad(scripted)


def no_grad(function: Burst) -> Burst:
    def call(*arguments: object) -> Tensor:
        with torch.no_grad():
            return function(*arguments)  # type: ignore[arg-type]  # passed on as they came

    return call


# ------------------------------------------------------------------------------------------------ the obvious twins


def naive_q(flat: Tensor, spec: NetworkSpec, observation: Tensor) -> Tensor:
    """The network by name, as network.py describes it."""
    parts, start = {}, 0
    for name, shape in spec.arrays():
        size = int(np.prod(shape))
        parts[name] = flat[start : start + size].reshape(shape)
        start += size
    x = observation
    for i in range(len(spec.hidden)):
        z = x @ parts[f"hidden{i}.weight"] + parts[f"hidden{i}.bias"]
        if f"hidden{i}.gain" in parts:
            centred = z - z.mean(1, keepdim=True)
            z = centred / (centred.square().mean(1, keepdim=True) + 1e-5).sqrt()
            z = z * parts[f"hidden{i}.gain"] + parts[f"hidden{i}.shift"]
        x = z.clamp_min(0.0)
    return x @ parts["head.weight"] + parts["head.bias"]


def naive_loss(flat: Tensor, target: Tensor, spec: NetworkSpec, rows: td.Rows) -> tuple[Tensor, list[float]]:
    """Huber loss of batch 0, row by row, reading a next state only where there is one."""
    losses, errors = [], []
    for i in range(rows.action.shape[1]):
        wanted = float(rows.reward[0, i])
        legal = [a for a, allowed in enumerate(rows.next_action_mask[0, i].tolist()) if allowed]
        if legal and float(rows.discount[0, i]) != 0.0:
            row = rows.next_observation[0, i : i + 1]
            online_next = naive_q(flat.detach(), spec, row)[0].tolist()
            best = max(legal, key=lambda a: online_next[a])
            wanted += float(rows.discount[0, i]) * float(naive_q(target, spec, row)[0, best])
        error = naive_q(flat, spec, rows.observation[0, i : i + 1])[0, rows.action[0, i]] - wanted
        losses.append(torch.nn.functional.huber_loss(error, torch.zeros_like(error)))
        errors.append(float(error.detach()))
    return torch.stack(losses).mean(), errors


def naive_burst(
    weights: td.Weights, spec: NetworkSpec, rows: td.Rows, learning_rate: float, clip: float, target_rate: float
) -> None:
    """The same learning with autograd and torch's own optimizer, into `weights.online` and `weights.target`."""
    online = weights.online.clone().requires_grad_()
    optimizer = torch.optim.Adam([online], lr=learning_rate)
    for k in range(rows.action.shape[0]):
        optimizer.zero_grad()
        naive_loss(online, weights.target, spec, td.Rows(*(column[k : k + 1] for column in rows)))[0].backward()
        torch.nn.utils.clip_grad_norm_([online], clip)
        optimizer.step()
        weights.target.mul_(1 - target_rate).add_(online.detach(), alpha=target_rate)
    weights.online.copy_(online.detach())


# ------------------------------------------------------------------------------------------------------ random cases


def random_rows(
    spec: NetworkSpec, num_steps: int, batch_size: int, random: np.random.Generator, poison: float = np.nan
) -> td.Rows:
    """Rows with every kind of end: no discount, no legal action, both; `poison` stands where nobody may look."""
    shape = (num_steps, batch_size)
    mask = random.random((*shape, spec.num_actions)) < random.choice([0.2, 0.6, 1.0])
    one = random.random(shape) < 0.3
    mask[one] = np.eye(spec.num_actions, dtype=bool)[random.integers(spec.num_actions, size=int(one.sum()))]
    ended = random.random(shape) < 0.3
    mask[ended & (random.random(shape) < 0.5)] = False
    discount = np.where(ended & (random.random(shape) < 0.7), 0.0, 0.97)
    mask[ended & (discount > 0)] = False
    observation, next_observation = random.normal(size=(2, *shape, spec.observation_size))
    next_observation[(discount == 0) | ~mask.any(-1)] = poison
    return td.Rows(
        torch.from_numpy(observation),
        torch.from_numpy(random.integers(spec.num_actions, size=shape)),
        torch.from_numpy(random.normal(0.0, 1.5, shape)),
        torch.from_numpy(discount),
        torch.from_numpy(next_observation),
        torch.from_numpy(mask),
    )


def random_weights(spec: NetworkSpec, random: np.random.Generator) -> td.Weights:
    online, target = torch.from_numpy(random.normal(0.0, 0.7, (2, spec.num_parameters)))
    return td.Weights(online.clone(), target.clone(), torch.zeros_like(online), torch.zeros_like(online))


def rates(num_steps: int, learning_rate: float, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.tensor([td.adam_rates(k + 1, learning_rate) for k in range(num_steps)], dtype=dtype)


specs = st.builds(
    lambda kind, **sizes: kind(**sizes),
    kind=st.sampled_from([NetworkSpec, NetworkSpec, PlainSpec]),
    observation_size=st.integers(1, 9),
    num_actions=st.integers(1, 7),
    hidden=st.lists(st.integers(1, 12), min_size=1, max_size=3).map(tuple),
)


# --------------------------------------------------------------------------------------------------------- the tests


@settings(max_examples=80, deadline=None)
@given(spec=specs, batch_size=st.integers(1, 6), seed=st.integers(0, 2**32 - 1))
def test_gradient_equals_autograd(spec: NetworkSpec, batch_size: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    rows = random_rows(spec, 1, batch_size, random)
    weights = random_weights(spec, random)
    flat = weights.online.clone().requires_grad_()
    loss, errors = naive_loss(flat, weights.target, spec, rows)
    loss.backward()
    td_error, gradient = td.gradient(weights.online, weights.target, td.shape_of(spec), rows)
    assert flat.grad is not None
    torch.testing.assert_close(gradient, flat.grad, rtol=1e-7, atol=1e-10)
    torch.testing.assert_close(td_error.tolist(), errors, rtol=1e-9, atol=1e-10)
    assert float(td.huber(td_error).mean()) == pytest.approx(float(loss.detach()), rel=1e-9)


@settings(max_examples=15, deadline=None)
@given(spec=specs, seed=st.integers(0, 2**32 - 1))
@pytest.mark.parametrize("scripted", [False, True])
def test_a_burst_equals_autograd_with_torchs_adam(scripted: bool, spec: NetworkSpec, seed: int) -> None:
    function = td.scripted(td.learn_burst) if scripted else td.learn_burst
    if function is None:
        pytest.skip("this torch has no TorchScript")
    random = np.random.default_rng(seed)
    rows = random_rows(spec, 5, 4, random)
    weights = random_weights(spec, random)
    twin = td.Weights(*(tensor.clone() for tensor in weights))
    clip, target_rate = 0.3, 0.05
    figures = no_grad(function)(weights, td.shape_of(spec), rows, rates(5, 0.01), clip, target_rate)
    naive_burst(twin, spec, rows, 0.01, clip, target_rate)
    torch.testing.assert_close(weights.online, twin.online, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(weights.target, twin.target, rtol=1e-5, atol=1e-6)
    assert figures.shape == (3, 5)


def test_forward_equals_the_named_network() -> None:
    spec, random = NetworkSpec(6, 4, (9, 5, 3)), np.random.default_rng(3)
    weights = random_weights(spec, random)
    rows = torch.from_numpy(random.normal(size=(7, 6)))
    torch.testing.assert_close(td.forward(weights.online, td.shape_of(spec), rows), naive_q(weights.online, spec, rows))


def test_figures_tell_loss_td_error_and_gradient_length(burst: Burst) -> None:
    spec, random = NetworkSpec(4, 3, (6,)), np.random.default_rng(5)
    rows, weights = random_rows(spec, 1, 8, random), random_weights(spec, random)
    td_error, gradient = td.gradient(weights.online, weights.target, td.shape_of(spec), rows)
    figures = burst(weights, td.shape_of(spec), rows, rates(1, 0.01), 0.1, 0.01)[:, 0].tolist()
    expected = [float(td.huber(td_error).mean()), float(td_error.abs().mean()), float(gradient.norm())]
    assert figures == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("poison", [np.nan, np.inf, -1e300])
def test_what_stands_in_a_terminal_rows_next_observation_changes_nothing(burst: Burst, poison: float) -> None:
    spec = NetworkSpec(4, 3, (6, 5))
    results = []
    for value in (0.0, poison):
        rows = random_rows(spec, 3, 16, np.random.default_rng(9), value)
        weights = random_weights(spec, np.random.default_rng(10))
        results.append((burst(weights, td.shape_of(spec), rows, rates(3, 0.01), 1.0, 0.1), weights))
    (figures, weights), (other_figures, other_weights) = results
    assert torch.equal(figures, other_figures)
    for one, other in zip(weights, other_weights, strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("poison", [np.nan, np.inf, -np.inf, 1e300])
def test_poison_at_illegal_actions_does_not_leak_from_the_next_state(burst: Burst, poison: float) -> None:
    """Action 2 is illegal in every next state and never taken: its output may be anything."""
    spec = NetworkSpec(4, 3, (6, 5))
    results = []
    for value in (0.0, poison):
        rows = random_rows(spec, 3, 16, np.random.default_rng(9))
        rows.next_action_mask[:, :, 2] = False
        rows = rows._replace(action=rows.action % 2)
        weights = random_weights(spec, np.random.default_rng(10))
        weights.online[-1] = weights.target[-1] = value
        figures = burst(weights, td.shape_of(spec), rows, rates(3, 0.01), 1.0, 0.1)
        results.append((figures, weights.online[:-1], weights.target[:-1]))
    for one, other in zip(*results, strict=True):
        assert torch.equal(one, other)


def test_the_online_network_chooses_and_the_target_network_values() -> None:
    online_next = torch.tensor([[9.0, 5.0, np.nan], [1.0, 2.0, 3.0], [np.nan, np.nan, np.nan], [1.0, 7.0, 0.0]])
    target_next = torch.tensor([[-1.0, 40.0, np.nan], [10.0, 20.0, 30.0], [np.nan, np.inf, 1.0], [1.0, 7.0, 0.0]])
    mask = torch.tensor([[True, True, False], [True, False, False], [False, False, False], [True, True, True]])
    discount = torch.tensor([0.5, 0.5, 0.5, 0.0])
    wanted = td.double_q_target(
        torch.ones(4), discount, td.terminal_rows(discount, mask), online_next, target_next, ~mask
    )
    assert wanted.tolist() == [1.0 - 0.5, 1.0 + 5.0, 1.0, 1.0]


def test_huber_is_squared_near_zero_and_linear_beyond() -> None:
    errors = torch.tensor([-3.0, -1.0, -0.5, 0.0, 0.5, 1.0, 3.0])
    assert td.huber(errors).tolist() == [2.5, 0.5, 0.125, 0.0, 0.125, 0.5, 2.5]


@pytest.mark.parametrize(("limit", "expected"), [(1.0, 1.0), (5.0, 5.0), (6.0, 5.0)])
def test_a_long_gradient_is_clipped_to_the_limit(limit: float, expected: float) -> None:
    gradient = torch.tensor([3.0, 0.0, -4.0], dtype=torch.float64)
    assert float(td.clip_gradient(gradient, limit)) == 25.0
    assert float(gradient.norm()) == pytest.approx(expected, rel=1e-6)
    assert float(gradient[2] / gradient[0]) == pytest.approx(-4 / 3)


def test_adam_equals_torchs_over_many_steps() -> None:
    random = np.random.default_rng(2)
    start = torch.from_numpy(random.normal(size=40))
    weights = td.Weights(start.clone(), start.clone(), torch.zeros_like(start), torch.zeros_like(start))
    parameter = start.clone().requires_grad_()
    optimizer = torch.optim.Adam([parameter], lr=0.01, betas=(0.9, 0.999), eps=1e-8)
    for k in range(200):
        gradient = torch.from_numpy(random.normal(0.0, 10.0 ** random.integers(-9, 3, size=40)))
        parameter.grad = gradient.clone()
        optimizer.step()
        td.adam(weights, gradient, list(rates(k + 1, 0.01)[k]))
    torch.testing.assert_close(weights.online, parameter.detach(), rtol=1e-8, atol=1e-9)


def test_moments_never_stay_denormal() -> None:
    """In float32 a moment below 1.2e-38 is denormal; parameters without a gradient come there in 80 and 4,000 steps."""
    size = 8
    first, second = torch.full((size,), 1e-29), torch.full((size,), 1.1 * td.TINY)
    weights = td.Weights(torch.ones(size), torch.ones(size), first, second)
    for k in range(400):
        td.adam(weights, torch.zeros(size), list(rates(1, 0.001, torch.float32)[0]))
        if k % 100 == 99:
            td.clear_tiny(weights.first_moment)
    assert not ((weights.first_moment != 0) & (weights.first_moment.abs() < td.TINY)).any()
    assert (weights.second_moment >= td.TINY * 0.999).all()
    assert (weights.online == 1.0).all()


def test_scripted_and_eager_bursts_agree() -> None:
    scripted = td.scripted(td.learn_burst)
    if scripted is None:
        pytest.skip("this torch has no TorchScript")
    spec = NetworkSpec(20, 7, (32, 32))
    results = []
    for function in (td.learn_burst, scripted):
        random = np.random.default_rng(4)
        rows = td.Rows(*(c.float() if c.is_floating_point() else c for c in random_rows(spec, 8, 16, random)))
        weights = td.Weights(*(tensor.float() for tensor in random_weights(spec, random)))
        for _ in range(3):  # TorchScript rewrites the function on its second and third call
            no_grad(function)(weights, td.shape_of(spec), rows, rates(8, 0.01, torch.float32), 10.0, 0.01)
        results.append(weights)
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("error", [RuntimeError("no"), AttributeError("no"), OSError("no source")])
def test_without_torchscript_there_is_no_scripted_burst(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def refuse(function: Callable[..., object]) -> object:
        warnings.warn("torch.jit.script is gone", DeprecationWarning, stacklevel=2)
        raise error

    monkeypatch.setattr(torch.jit, "script", refuse)
    filters = list(warnings.filters)
    assert td.scripted(td.learn_burst) is None
    assert warnings.filters == filters


@pytest.mark.parametrize("scripted", [False, True])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("where", [*td.Weights._fields, "figures"])
def test_weights_are_kept_only_where_all_of_them_and_the_figures_are_finite(
    where: str, value: float, scripted: bool
) -> None:
    keep = td.scripted(td.keep_finite) if scripted else td.keep_finite
    if keep is None:
        pytest.skip("this torch has no TorchScript")
    weights = td.Weights(*(torch.full((3,), float(i)) for i in range(1, 5)))
    kept, figures = td.Weights(*(torch.zeros(3) for _ in range(4))), torch.tensor([[1.0, 3.0], [2.0, 2.0], [0.0, 8.0]])
    assert keep(weights, kept, figures).tolist() == [2.0, 1.0, 2.0, 2.0, 4.0]
    assert [tensor.tolist() for tensor in kept] == [tensor.tolist() for tensor in weights]
    before = [tensor.tolist() for tensor in kept]
    for tensor in weights:
        tensor.add_(1.0)
    (figures[1] if where == "figures" else getattr(weights, where))[1] = value
    told = keep(weights, kept, figures).tolist()
    assert told[:3] == [2.0, 0.0, 2.0]
    assert [tensor.tolist() for tensor in kept] == before


class Stays(torch.Tensor):
    """A tensor that cannot be fetched from its device any more."""

    def cpu(self, *arguments: object, **more: object) -> Tensor:
        raise RuntimeError("lost")


@pytest.mark.parametrize("where", [*td.Weights._fields, "figures"])
def test_a_device_lost_while_weights_are_fetched_leaves_the_kept_ones_whole(where: str) -> None:
    weights = td.Weights(*(torch.ones(3) for _ in range(4)))
    kept, figures = td.Weights(*(torch.zeros(3) for _ in range(4))), torch.ones(3, 2)
    if where == "figures":
        figures = figures.as_subclass(Stays)
    else:
        weights = weights._replace(**{where: getattr(weights, where).as_subclass(Stays)})
    with pytest.raises(RuntimeError, match="lost"):
        td.keep_finite(weights, kept, figures)
    assert not any(tensor.any() for tensor in kept)
