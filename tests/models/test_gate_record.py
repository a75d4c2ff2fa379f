"""The gate's record: what a champion turned down and what versions reached, over restarts, roll-backs and "Forget"."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from cornerman.contract import ModelError
from cornerman.evaluation.verdict import Bar, Measured, Verdict
from cornerman.models.champions import Champions
from cornerman.models.manifest import Provenance
from cornerman.models.store import Store
from cornerman.policy.policy import Policy
from tests.support.stored_versions import SPEC, flat, store_in

BRAWLER, OLDEST = Measured("champion", "brawler", 5, 400, 0.5, 0.25), Measured("champion", "oldest", 6, 400, 0.75, 0.25)
REFUSED = Verdict(False, "Kept the champion: not better.", measured=(BRAWLER,))
PROMOTED = Verdict(True, "Promoted: 61%.", measured=(BRAWLER, OLDEST))


def opened(store: Store) -> Champions:
    return Champions(store, 0, lambda _: None, lambda _: None, from_nothing=True)


def judge(champions: Champions, verdict: Verdict, seed: int, from_player: bool = False) -> None:
    candidate = Policy(SPEC, flat(seed))
    provenance = Provenance(champions.slot.champion.version, gate=verdict.as_dict(), from_player=from_player)
    champions.judged(replace(verdict, seed=seed), candidate, provenance)


def again(store: Store) -> Champions:
    """The champions of the next session."""
    store.close()
    return opened(store_in(store.folder))


def test_bar_begins_anew_with_a_promotion_and_names_versions_by_what_they_are_now(tmp_path: Path) -> None:
    champions = opened(store_in(tmp_path))
    assert champions.bar() == Bar()
    judge(champions, REFUSED, 1)
    assert champions.bar() == Bar(1, (BRAWLER,))
    judge(champions, replace(PROMOTED, measured=()), 2)
    assert champions.bar() == Bar(0, (replace(BRAWLER, player="oldest"),))
    judge(champions, replace(REFUSED, measured=(OLDEST,)), 3)
    assert champions.bar() == Bar(1, (replace(BRAWLER, player="oldest"), OLDEST))
    assert champions.roll_back()
    assert champions.bar().turned_down == 2, "the predecessor has turned down one, and loses its successor"
    assert champions.bar().measured == (BRAWLER, replace(OLDEST, player="1", opponent="champion"))


def test_bar_survives_a_restart(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    champions = opened(store)
    judge(champions, PROMOTED, 1)
    judge(champions, replace(REFUSED, measured=()), 2)
    bar = champions.bar()
    assert (bar.turned_down, len(bar.measured)) == (1, 2)
    next_session = again(store)
    assert next_session.bar() == bar
    judge(next_session, replace(REFUSED, measured=()), 3)
    assert next_session.bar().turned_down == 2, "counted once, by the history or here"


def test_candidate_that_could_not_be_stored_counts_as_turned_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    champions = opened(store_in(tmp_path))

    def full(*_: object, **__: object) -> int:
        raise ModelError("Version 1 could not be saved (no space left on device).")

    with monkeypatch.context() as patch:
        patch.setattr(champions.registry, "save", full)
        with pytest.raises(ModelError, match="no space left"):
            judge(champions, PROMOTED, 1)
    assert champions.bar().turned_down == 1
    judge(champions, PROMOTED, 2)
    assert champions.bar().turned_down == 0


def test_forget_begins_the_count_of_candidates_turned_down_anew(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    champions = opened(store)
    judge(champions, REFUSED, 1)
    champions.erase_trained_from_player()
    champions.erase_player_battles()
    assert champions.bar() == Bar()
    assert again(store).bar() == Bar()


def test_record_goes_through_a_checkpoint(tmp_path: Path) -> None:
    first, second = opened(store_in(tmp_path / "a")), opened(store_in(tmp_path / "b"))
    judge(first, REFUSED, 1)
    second.gate_record.restore(json.loads(json.dumps(first.gate_record.state())))
    assert second.bar() == first.bar() == Bar(1, (BRAWLER,))


@pytest.mark.parametrize("measured", [7, [["champion"]], None, "text"])
def test_imported_versions_and_damaged_gates_bring_no_results(tmp_path: Path, measured: object) -> None:
    store = store_in(tmp_path)
    store.registry.save(flat(0), Provenance(), spec=SPEC)
    store.registry.promote(0)
    gate = PROMOTED.as_dict()
    store.registry.save(flat(1), Provenance(0, gate=gate, origin="imported"), spec=SPEC)
    store.registry.save(flat(2), Provenance(0, gate={**gate, "measured": measured}), spec=SPEC)
    assert opened(store).bar() == Bar()


def test_forget_drops_results_with_the_versions_that_learned_from_the_player(tmp_path: Path) -> None:
    champions = opened(store_in(tmp_path))
    judge(champions, PROMOTED, 1)
    judge(champions, PROMOTED, 2, from_player=True)
    assert len(champions.bar().measured) == 4
    champions.erase_trained_from_player()
    assert champions.slot.champion.version == 1
    assert champions.bar().measured == (replace(BRAWLER, player="oldest"), replace(OLDEST, player="oldest"))
