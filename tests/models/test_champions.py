"""champions.py: slot and disk say the same of who plays, whatever is promoted, rolled back, erased or damaged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cornerman.contract import ModelError
from cornerman.evaluation.live.results import LiveResult
from cornerman.evaluation.verdict import Verdict
from cornerman.models.champions import Champions
from cornerman.models.manifest import Provenance
from cornerman.models.store import Store
from cornerman.models.weights import Ladder
from cornerman.policy.difficulty import RUNG, Rung
from cornerman.policy.policy import Policy
from cornerman.policy.policy_slot import KEPT
from cornerman.policy.q_network import NetworkSpec
from tests.support.failing_files import failing
from tests.support.stored_versions import SPEC, damage, filled_store, flat, path_of, store_in

PROMOTED = Verdict(True, "Promoted: 61% against the champion over 40 pairs.")


class Opened:
    """Champions of a store, with their warnings and events."""

    def __init__(self, store: Store) -> None:
        self.store, self.warnings, self.events = store, list[str](), list[str]()
        self.champions = Champions(store, 0, self.warnings.append, self.events.append)

    @property
    def playing(self) -> tuple[int, int | None, int | None]:
        """Which version plays by the slot, by the store, and at the next start."""
        self.store.close()
        again = store_in(self.store.folder)
        champion, _ = again.registry.load_champion()
        again.close()
        return (
            self.champions.slot.champion.version,
            self.store.registry.champion,
            None if champion is None else champion.version,
        )


def candidate(seed: int) -> Policy:
    return Policy(SPEC, flat(seed))


def test_empty_store_begins_with_an_untrained_version(tmp_path: Path) -> None:
    opened = Opened(store_in(tmp_path))
    assert opened.playing == (0, 0, 0)
    assert not opened.champions.learned_from_player(0)
    assert opened.warnings == opened.events == []


def test_slot_gets_as_many_champions_as_it_keeps_without_damaged_ones(tmp_path: Path) -> None:
    store = filled_store(tmp_path, 12)
    for version in (11, 6, 1):
        damage(path_of(tmp_path, version, "weights.safetensors"))
    opened = Opened(store)
    slot = opened.champions.slot
    assert [policy.version for policy in slot.champions] == [3, 4, 5, 7, 8, 9, 10][-KEPT + 1 :]
    assert (slot.champion.version, slot.champions[0].version, slot.swaps) == (10, 3, 0)
    assert [rung.policy.version for n in range(1, 6) if (rung := slot.at_level(n))] == [7, 8, 9, 10, 10]
    for version in range(12, 12 + KEPT):
        opened.champions.promote(candidate(version), Provenance(parent=10))
    assert [policy.version for policy in slot.champions] == list(range(12, 12 + KEPT))
    assert slot.swaps == KEPT
    assert len([sentence for sentence in opened.warnings if "damaged" in sentence]) == 2


def test_promotion_changes_disk_slot_and_history_together(tmp_path: Path) -> None:
    opened = Opened(filled_store(tmp_path))
    rejected = opened.champions.judged(Verdict(False, "Kept the champion."), candidate(8), Provenance(parent=2))
    assert rejected is None
    assert opened.playing == (2, 2, 2)
    promoted = opened.champions.judged(PROMOTED, candidate(9), Provenance(parent=2, gate=PROMOTED.as_dict()))
    assert promoted is not None
    assert opened.playing == (3, 3, 3)
    assert promoted.flat.tobytes() == flat(9).tobytes()
    assert [(gate["promote"], gate["champion"]) for gate in opened.store.history().gates()] == [(1, 2), (0, 2)]
    noted = opened.store.history().database.rows("select version from versions order by 1")
    assert noted == [(version,) for version in range(4)]


@pytest.mark.parametrize("change", ["promote", "roll back"])
@pytest.mark.parametrize("nth", range(1, 14))
def test_slot_and_disk_agree_whichever_file_operation_fails(tmp_path: Path, change: str, nth: int) -> None:
    opened = Opened(filled_store(tmp_path))
    failed = False
    with failing(nth) as state:
        if change == "roll back":
            failed = not opened.champions.roll_back()
        else:
            try:
                opened.champions.promote(candidate(9), Provenance(parent=2))
            except ModelError:
                failed = True
    now, stored, next_time = opened.playing
    assert now == stored
    if failed:
        assert now == 2
    assert next_time == now or state.hit
    if failed and change == "roll back":
        assert "could not be stored" in opened.warnings[-1]
        assert opened.warnings[-1].endswith("Version 2 still plays.")


def test_roll_back_goes_to_the_newest_earlier_champion_that_loads(tmp_path: Path) -> None:
    opened = Opened(filled_store(tmp_path, 4))
    damage(path_of(tmp_path, 2, "weights.safetensors"))
    assert opened.champions.roll_back()
    assert opened.playing == (1, 1, 1)
    assert opened.events == ["Version 1 plays again."]
    assert "version 2" in opened.warnings[0]
    assert opened.champions.roll_back()
    assert not opened.champions.roll_back(), "there is no earlier one"
    assert opened.playing == (0, 0, 0)


def test_champion_that_loses_what_its_predecessor_won_is_rolled_back_for_good(tmp_path: Path) -> None:
    opened = Opened(filled_store(tmp_path))
    opened.champions.roll_back()
    assert not any(opened.champions.live(LiveResult(1, 5, "player", 1.0, 9, 0)) for _ in range(40))
    opened.champions.promote_stored(2)
    results = [opened.champions.live(LiveResult(2, 5, "player", 0.0, 9, 0)) for _ in range(40)]
    assert results.count(True) == 1
    assert results.index(True) >= 19, "decided by too few battles"
    assert opened.playing == (1, 1, 1)
    assert opened.events[-1].startswith("Worse than its predecessor")
    assert opened.events[-1].endswith("Version 1 plays again.")


def test_learning_begins_with_the_newest_champion_of_the_same_network_or_anew(tmp_path: Path) -> None:
    opened = Opened(filled_store(tmp_path))
    wide = NetworkSpec(18, 5, (16,))
    opened.champions.promote(Policy(wide, flat(4, wide)), Provenance(parent=2))
    assert opened.champions.start_for(SPEC).version == 2
    assert opened.champions.start_for(wide).version == 3
    drawn = opened.champions.start_for(NetworkSpec(18, 5, (4,)))
    assert drawn.version == -1
    assert drawn.flat.any()
    assert not opened.champions.learned_from_player(-1)


def test_erasing_goes_on_where_one_part_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = Opened(filled_store(tmp_path))
    opened.champions.promote(candidate(3), Provenance(parent=2, rows={"player": 3}))
    opened.store.checkpoint.save({"x": np.zeros(3)}, {})
    opened.store.bulk_folder.mkdir()
    opened.store.bulk_checkpoint.save({"x": np.zeros(3)}, {})
    opened.store.history().add_battle("live 5", "3", "player", 1.0, 9)

    def stuck() -> None:
        raise ModelError("The state of learning could not be erased (permission denied).")

    monkeypatch.setattr(opened.store.checkpoint, "erase", stuck)
    with pytest.raises(ModelError, match="permission denied"):
        opened.champions.erase_trained_from_player()
    assert opened.playing == (2, 2, 2)
    assert not path_of(tmp_path, 3, "manifest.json").exists()
    monkeypatch.undo()
    assert opened.champions.erase_trained_from_player() == 0
    assert opened.store.checkpoint.load() == opened.store.bulk_checkpoint.load() == (None, [])
    opened.champions.erase_player_battles()
    assert opened.store.history().num_battles() == 0


def with_ladder(store: Store, version: int, points: float) -> None:
    """Give a version a ladder of one rung."""
    rung = Rung(Policy(SPEC, flat(7), RUNG), points=0.0)
    store.registry.save_ladder(version, Ladder((rung,), 0, Rung(store.registry.load(version), points=points)))


def test_levels_are_of_the_ladder_of_whoever_plays_after_a_promotion_an_import_and_a_roll_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = filled_store(tmp_path, 1)
    with_ladder(store, 0, 300.0)
    opened = Opened(store)
    slot, read, rated = opened.champions.slot, store.registry.ladder, list[bool]()

    def ladder(version: int) -> Ladder | None:
        rated.append(slot.rated)
        return read(version)

    monkeypatch.setattr(store.registry, "ladder", ladder)
    opened.champions.promote(candidate(9), Provenance(parent=0))
    assert [rung.points for rung in slot.rungs] == [0.0, 300.0]
    imported = store.registry.save(flat(4), Provenance(origin="imported"), spec=SPEC)
    with_ladder(store, imported, 700.0)
    store.registry.clear(imported)
    opened.champions.promote_stored(imported)
    assert slot.rungs[-1].points == 700.0
    opened.champions.roll_back()
    assert (slot.rated, slot.rungs[-1].points) == (True, 300.0)
    assert all(rated), "a battle that begins meanwhile finds the levels of before or those of after"
