"""One headless battle in fifty is faulty: the game's own code raises in it, or what it says breaks the contract.

Rule (evaluation/faults.py): the battle is dropped, counted by reason and shown; only where most are faulty does the
work stop, with the sentence that says which.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cornerman.__main__ import main
from cornerman.contract import ContractError
from cornerman.evaluation.arena import evaluate
from cornerman.evaluation.faults import BattleFaults, FaultyBattleError, GameCode
from cornerman.evaluation.gate import Gate, GateSettings
from cornerman.experience.encoder import Encoder
from cornerman.experience.transitions import faults
from cornerman.policy.policy import Policy
from cornerman.policy.q_network import NetworkSpec, draw
from cornerman.selfplay.orders import PRESENT, collecting
from cornerman.selfplay.worker import BULK, Worker
from cornerman.settings import Settings
from tests.support.bulk_command import QUICK
from tests.support.choosing import Gym
from tests.support.faulty_game import FAULTS, FaultyGame

every_fault = pytest.mark.parametrize("fault", FAULTS)


def policy_of(game: FaultyGame, seed: int = 0) -> Policy:
    encoder = Encoder(game)
    spec = NetworkSpec(encoder.observation_size, encoder.num_actions, (8,))
    return Policy(spec, draw(spec, np.random.default_rng(seed)), seed)


def collect(game: FaultyGame, stretches: int = 4) -> tuple[list[Mapping[str, Any]], list[Mapping[str, Any]]]:
    """Columns and notes of a worker."""
    worker, policy = Worker(game, (8,), 1, 0), policy_of(game)
    order = collecting(Settings(), {PRESENT: 3}, {"itself": 0.5, "random": 0.5}, {"itself": 1.0})
    answers = [worker.obey({PRESENT: policy.flat}, order) for _ in range(stretches)]
    return [columns for columns, _ in answers], [notes for _, notes in answers]


@every_fault
def test_a_worker_drops_faulty_battles_and_tells(fault: str) -> None:
    columns, notes = collect(FaultyGame(fault))
    assert all(note["decisions"] == BULK.turns * BULK.scalar for note in notes)
    dropped = sum(sum(note.get("dropped", {}).values()) for note in notes)
    assert 20 < dropped < 250, "one battle in fifty, and bots sit in half of them"
    assert sum(note["battles"] for note in notes) > 10 * dropped
    assert {reason for note in notes for reason in note.get("examples", {})}
    for column in columns:
        assert not any(wrong.any() for wrong in faults(column).values())


def test_a_worker_learns_nothing_from_the_open_decisions_of_a_dropped_battle() -> None:
    """In every battle that is faulty after one decision, nothing that was decided is learned from."""
    columns, notes = collect(FaultyGame("apply", 5))
    assert sum(note["dropped"]["ZeroDivisionError"] for note in notes) > 500
    for column in columns:
        assert len(np.unique(column["battle_id"])) > 500
        assert (column["discount"] == 0.0).all(), "every battle has one decision a seat, and all that count have ended"
    ids = np.concatenate([column["battle_id"] for column in columns])
    assert set(np.unique(ids, return_counts=True)[1].tolist()) == {2}


@every_fault
def test_evaluate_and_the_gate_leave_faulty_battles_out(fault: str) -> None:
    game = FaultyGame(fault)
    result = evaluate(policy_of(game), game.bots["random"], game, 400, 1)
    assert result.num_battles == 400
    assert "battles were dropped" in result.dropped
    gate = Gate(policy_of(game, 1), policy_of(game, 2), game, Encoder(game), 1, GateSettings(40, 60))
    while gate.verdict is None:
        gate.advance(1000)
    assert gate.verdict.pairs >= 40
    assert gate.verdict.figures["faulty battles"] == 0 or "battles were dropped" in gate.verdict.reason


@pytest.mark.parametrize("fault", ["new_battle", "apply", "not a number", "nobody may", "illegal bot"])
def test_learning_goes_on_in_the_game(tmp_path: Path, fault: str) -> None:
    """Learning was off after 15 to 27 live battles."""
    gym = Gym(tmp_path, FaultyGame(fault), practice=3.0)
    for number in range(40):
        gym.play(2, first=2 * number)
        gym.work()
    assert gym.metrics.get("steps") > 200
    dropped = [event["text"] for event in gym.metrics.events() if "was dropped" in event["text"]]
    assert len(dropped) == 1
    gym.store.close()


@pytest.mark.parametrize("fault", ["new_battle", "apply", "state"])
def test_practice_stops_where_most_battles_are_faulty_and_learning_goes_on(tmp_path: Path, fault: str) -> None:
    gym = Gym(tmp_path, FaultyGame(fault, 1), practice=3.0)
    for number in range(10):
        gym.play(2, first=2 * number)
        gym.work()
    steps = gym.metrics.get("steps")
    gym.play(40, first=100)
    gym.work()
    assert gym.metrics.get("steps") > steps
    stopped = [event["text"] for event in gym.metrics.events() if event["text"].startswith("Practice is off")]
    assert len(stopped) == 1
    assert "most headless battles are faulty: " in stopped[0]
    gym.store.close()


@pytest.mark.parametrize(
    ("name", "status", "text"),
    [
        ("ONE_IN_FIFTY", 0, "damage by zero"),
        ("EVERY_ONE", 1, "most headless battles are faulty: 10 of 10 battles were dropped (10 ZeroDivisionError)"),
    ],
)
def test_bulk_training_goes_on_or_says_why_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, status: int, text: str
) -> None:
    (tmp_path / "settings.toml").write_text(QUICK)
    options = ["--decisions", "20000", "--workers", "1", "--report-battles", "20"]
    game = f"tests.support.faulty_game:{name}"
    assert main(["train", "--game", game, "--data", str(tmp_path), *options]) == status
    out, err = capsys.readouterr()
    assert text in out + err
    assert "Traceback" not in err
    if status == 0:
        assert out.count("A headless battle was dropped (") == 1
        assert "ZeroDivisionError" in out[out.index("Faulty battles that were dropped") :]


# ------------------------------------------------------------------------------------------------------ the boundary


@pytest.mark.parametrize("error", [OSError("a"), KeyError("a"), RecursionError("a"), ContractError("a")])
def test_game_code_names_what_failed(error: Exception) -> None:
    with pytest.raises(FaultyBattleError, match=r"^the rules.*a"), GameCode("the rules"):
        raise error


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(1), MemoryError()])
def test_game_code_lets_through_what_is_not_the_games(error: BaseException) -> None:
    with pytest.raises(type(error)), GameCode("the rules"):
        raise error


def test_count_stops_only_once_most_battles_are_faulty() -> None:
    counted = BattleFaults()
    error = FaultyBattleError("KeyError", "turn 3 failed with KeyError: 'hp'")
    assert [counted.count(error) for _ in range(5)] == [True, False, False, False, False]
    counted.count_whole(6)
    counted.count(error)
    with pytest.raises(ContractError, match=r"7 of 13 battles were dropped \(7 KeyError\), for example: turn 3"):
        counted.count(error)
