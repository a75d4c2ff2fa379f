"""A game as an environment of other libraries, checked by those libraries' own checkers.

Needs the extras `pettingzoo` and `gymnasium`, and stable-baselines3 for one test.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from cornerman.experience.encoder import Encoder
from game_adapter.ringside.game import RINGSIDE
from tests.support.declared_games import AtOnce

pytest.importorskip("gymnasium", reason="extra gymnasium")
pytest.importorskip("pettingzoo", reason="extra pettingzoo")

if TYPE_CHECKING:
    from game_adapter.environments import AllSeats, OneSeat

pytestmark = [
    pytest.mark.filterwarnings("ignore:The old environment creation API:DeprecationWarning"),  # its own checker uses it
    # A dictionary with a mask is what PettingZoo's own board games give; of a game that it does not know it warns.
    pytest.mark.filterwarnings("ignore:Observation is not a NumPy array"),
    pytest.mark.filterwarnings("ignore:Observation space for each agent probably should be"),
]


def aec() -> Any:
    from game_adapter.environments import aec_environment

    return aec_environment(RINGSIDE, Encoder(RINGSIDE))


def all_seats(max_decisions: int = 2_000) -> AllSeats:
    from game_adapter.environments import AllSeats

    return AllSeats(RINGSIDE, Encoder(RINGSIDE), max_decisions)


def one_seat(**options: Any) -> OneSeat:
    from game_adapter.environments import OneSeat

    return OneSeat(RINGSIDE, Encoder(RINGSIDE), **options)


def test_pettingzoo_api_test_passes() -> None:
    from pettingzoo.test import api_test

    api_test(aec(), num_cycles=300)


def test_pettingzoo_seed_test_passes() -> None:
    from pettingzoo.test import seed_test

    seed_test(aec, num_cycles=200)


def test_gymnasium_check_env_passes() -> None:
    from gymnasium.utils.env_checker import check_env

    for seat in (0, 1, None):
        check_env(one_seat(seat=seat), skip_render_check=True)


def test_stable_baselines3_check_env_passes() -> None:
    pytest.importorskip("stable_baselines3", reason="extra study")
    from stable_baselines3.common.env_checker import check_env

    check_env(one_seat())


def played(environment: Any, seed: int, choose: Callable[[Any], int]) -> list[tuple[str, float]]:
    """Each agent's rewards in a battle of AEC, in the order in which `last` gave them."""
    environment.reset(seed=seed)
    rewards = []
    for agent in environment.agent_iter():
        observation, reward, terminated, truncated, _ = environment.last()
        rewards.append((agent, reward))
        environment.step(None if terminated or truncated else choose(observation["action_mask"]))
    return rewards


def test_all_seats_sees_what_the_policy_sees_and_ends_with_the_outcome() -> None:
    random, encoder, environment = np.random.default_rng(1), Encoder(RINGSIDE), all_seats()
    for seed in range(5):
        environment.reset(seed=seed)
        battle = RINGSIDE.new_battle(int(np.random.default_rng(seed).integers(2**31)))
        while battle.outcome is None:
            assert battle.seat is not None
            assert environment.agent_selection == f"seat_{battle.seat}"
            for seat in (0, 1):
                seen = environment.observe(f"seat_{seat}")
                assert np.array_equal(seen["observation"], encoder.encode(battle.state(), seat))
                assert list(seen["action_mask"]) == (list(battle.action_mask()) if seat == battle.seat else [0] * 11)
            action = int(random.choice(np.flatnonzero(battle.action_mask())))
            battle.apply(action)
            environment.step(action)
        assert environment.rewards == {f"seat_{seat}": won for seat, won in battle.outcome.items()}
        assert all(environment.terminations.values())


def test_all_seats_is_truncated_where_the_battle_is_too_long() -> None:
    environment = all_seats(max_decisions=5)
    rewards = played(environment, 1, lambda mask: int(np.flatnonzero(mask)[0]))
    assert len(rewards) == 5 + 2
    assert all(reward == 0.0 for _, reward in rewards)


def test_aec_environment_ends_a_battle_at_an_illegal_action(capfd: pytest.CaptureFixture[str]) -> None:
    rewards = played(aec(), 1, lambda mask: int(np.flatnonzero(mask == 0)[0]))
    assert sorted(reward for _, reward in rewards[1:]) == [-1.0, 0.0]


def test_all_seats_refuses_wrong_use_with_a_sentence() -> None:
    environment = all_seats()
    with pytest.raises(RuntimeError, match="call reset"):
        environment.observe("seat_0")
    environment.reset(seed=1)
    with pytest.raises(ValueError, match="needs an action"):
        environment.step(None)


@pytest.mark.parametrize("seat", [0, 1])
def test_one_seat_plays_against_the_bot(seat: int) -> None:
    """The strongest bot's own choices beat the weakest one, and lose nothing to being asked through an environment."""
    from random import Random

    environment, won = one_seat(opponent="random", seat=seat), 0
    for seed in range(20):
        observation, info = environment.reset(seed=seed)
        lot = int(np.random.Generator(np.random.PCG64(seed)).integers(2**31))
        battle, bot_random, mine = RINGSIDE.new_battle(lot), Random(lot), Random(seed)
        terminated, reward = False, 0.0
        while not terminated:
            while battle.seat not in (None, seat):
                battle.apply(RINGSIDE.bots["random"](battle, bot_random))
            assert np.array_equal(observation, Encoder(RINGSIDE).encode(battle.state(), seat))
            assert list(info["action_mask"]) == list(battle.action_mask())
            action = RINGSIDE.bots["planner"](battle, mine)
            battle.apply(action)
            observation, reward, terminated, truncated, info = environment.step(action)
            assert not truncated
        won += reward == 1.0
    assert won >= 16
    with pytest.raises(RuntimeError, match="call reset"):
        environment.step(0)


def test_one_seat_loses_by_an_illegal_action_and_stops_at_the_longest_battle() -> None:
    environment = one_seat(max_decisions=6)
    _, info = environment.reset(seed=1)
    illegal = int(np.flatnonzero(info["action_mask"] == 0)[0])
    _, reward, terminated, _, info = environment.step(illegal)
    assert (reward, terminated, info["illegal_action"]) == (-1.0, True, illegal)
    assert not environment.action_masks().any()
    environment.reset(seed=1)
    for _ in range(6):
        _, reward, terminated, truncated, _ = environment.step(int(np.flatnonzero(environment.action_masks())[0]))
        if truncated:
            break
    assert (reward, terminated, truncated) == (0.0, False, True)


def test_one_seat_names_the_bots_there_are() -> None:
    with pytest.raises(ValueError, match="no bot 'nobody'; it has random, brawler"):
        one_seat(opponent="nobody")


def test_games_whose_seats_decide_at_once_are_refused_with_a_sentence() -> None:
    from game_adapter.environments import AllSeats, OneSeat

    game = AtOnce()
    for environment in (AllSeats(game, Encoder(game)), OneSeat(game, Encoder(game))):
        with pytest.raises(TypeError, match="at once: its seats decide at once"):
            environment.reset(seed=1)
