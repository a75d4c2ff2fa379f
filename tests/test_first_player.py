"""Who plays before a version has proved better: the model that the game ships, or the game's own fighter."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest

from cornerman.contract import Bot, ContractError, ModelError
from cornerman.evaluation.live.results import LiveResult
from cornerman.evaluation.verdict import Bar
from cornerman.experience.declaration import declaration_of
from cornerman.experience.encoder import Encoder
from cornerman.models.champions import Champions
from cornerman.models.exchange import export_version
from cornerman.models.manifest import BASE, Identity, Provenance
from cornerman.models.registry import Registry
from cornerman.models.store import Store
from cornerman.policy.difficulty import LEVELS
from cornerman.policy.policy import Policy
from cornerman.policy.q_network import NetworkSpec, draw
from cornerman.selfplay.league import League
from cornerman.selfplay.orders import judging
from cornerman.selfplay.worker import Worker
from cornerman.settings import Settings, with_values
from cornerman.training.bulk.log import BulkLog
from cornerman.training.bulk.promotion import BulkPromotion
from tests.support.choosing import Choosing, ChoosingBattle, Described, Gym, at_random, wins
from tests.support.duel import preferring
from tests.support.held_folder import held
from tests.support.stored_versions import damage
from tests.support.table import Table, promote

OWN = "the game's own fighter"


def right(battle: ChoosingBattle, random: Random) -> int:
    del random
    assert battle.seat is not None
    return wins(battle.state(), battle.seat)


class Ruled(Choosing):
    """A game whose own fighter is the weaker of its bots."""

    bots: Mapping[str, Bot] = {"random": at_random, "right": right}
    own_fighter = "random"


class Named(Described):
    """A game of hooks alone that names a bot."""

    own_fighter = "slime"


class Shipped(Choosing):
    """A game that ships a model."""

    def __init__(self, base_model: Any) -> None:
        self.base_model = base_model


class ShippedByHooksAlone(Described):
    """The same without headless battles."""

    bots, new_battle = Choosing.bots, Choosing.new_battle  # for the table only

    def __init__(self, base_model: Any) -> None:
        self.base_model = base_model


def model(folder: Path, action: int | None = 1, hidden: tuple[int, ...] = (8,), game: Any = None) -> Path:
    """An exported version that prefers one action; None: one that has learned nothing."""
    encoder = Encoder(game or Choosing())
    spec = NetworkSpec(encoder.observation_size, encoder.num_actions, hidden)
    flat = draw(spec, np.random.default_rng(5)) if action is None else preferring(action, spec)
    with Store(folder / "made", Identity.of(game or Choosing(), encoder), spec, "the test") as store:
        version = store.registry.save(flat, Provenance(learning_steps=70, rows={"player": 9}))
        export_version(store.registry, version, folder / "model.zip")
    return folder / "model.zip"


def versions(table: Table) -> list[tuple[int, str]]:
    return [(manifest.version, manifest.origin) for manifest in table.plugin.store.registry.manifests()]


def quiet(game: Any, folder: Path, **settings: Any) -> Table:
    """A plugin that does not learn."""
    return Table(game, folder, **{"learning": False, "from_nothing": False, **settings})


# --------------------------------------------------------------------------------------------- the game's own fighter


def test_own_fighter_plays_until_a_version_is_promoted_and_after_it_is_rolled_back(tmp_path: Path) -> None:
    with quiet(Choosing(), tmp_path) as table:
        plugin, results, end = table.plugin, list[Any](), table.plugin.live.end
        plugin.live.end = lambda *battle: results.append(end(*battle)) or results[-1]  # type: ignore[method-assign, func-returns-value]
        table.play(3)
        assert table.versions == []
        assert [result.version for result in results] == [0, 0, 0], "its results are those of version 0"
        report = plugin.report()
        assert (report["version"], report["playing"]) == (-1, f"{OWN}; learning is off")
        assert report["recorder"]["recorded"] == 6
        promote(plugin, 1)
        for level in range(1, len(LEVELS) + 1):
            plugin.controls.set_difficulty(level)
            assert plugin.report()["playing"].endswith("version 1"), (
                "no level is the own fighter's, which may be stronger"
            )
        table.play(1)
        assert table.versions == [1]
        plugin.controls.roll_back()
        assert plugin.report()["events"][0]["text"] == "The game's own fighter plays again."
        table.play(1)
        assert table.versions == [1]
    with quiet(Choosing(), tmp_path) as again:
        assert again.plugin.report()["playing"].startswith(OWN)


def test_version_that_does_worse_than_the_own_fighter_did_gives_way_to_it(tmp_path: Path) -> None:
    with quiet(Choosing(), tmp_path) as table:
        champions = table.plugin.champions
        for _ in range(30):
            assert not champions.live(LiveResult(0, 5, "player", 1.0, 3, 1))
        promote(table.plugin, 1)
        assert any(champions.live(LiveResult(1, 5, "player", 0.0, 3, 1)) for _ in range(30))
        event = table.plugin.report()["events"][0]["text"]
        assert event.startswith("Worse than its predecessor: 0% in ")
        assert event.endswith(" The game's own fighter plays again.")
        assert table.plugin.report()["version"] == -1


@pytest.mark.parametrize(
    ("switch", "why"),
    [
        (lambda table: None, "2 decisions watched"),
        (lambda table: table.plugin.controls.set_learning(False), "learning is off"),
        (lambda table: table.plugin.controls.set_recording(False), "recording is off"),
        (lambda table: table.plugin.controls.set_on(False), "the plugin is off"),
    ],
)
def test_report_says_why_the_own_fighter_plays(tmp_path: Path, switch: Callable[[Table], None], why: str) -> None:
    with quiet(Described(), tmp_path, learning=True) as table:
        table.game = Choosing()
        table.play(1, settle=True)
        switch(table)
        assert table.plugin.report()["playing"] == f"{OWN}; {why}"


@pytest.mark.parametrize("settings", [{"safe_mode": True}, {"recording": False}, {}], ids=str)
def test_own_fighter_plays_in_a_game_of_hooks_alone(tmp_path: Path, settings: dict[str, Any]) -> None:
    with quiet(Described(), tmp_path, **settings) as table:
        table.game = Choosing()
        table.play(2)
        assert (table.versions, table.rejected) == ([], {})
        assert table.plugin.metrics.notice == ""


def test_from_nothing_lets_the_untrained_version_play_and_the_game_s_model_not(tmp_path: Path) -> None:
    with quiet(Shipped(model(tmp_path)), tmp_path / "data", from_nothing=True) as table:
        table.play(2)
        assert table.versions == [0, 0]
        assert versions(table) == [(0, "trained")]


def test_own_fighter_is_measured_in_place_of_an_untrained_champion(tmp_path: Path) -> None:
    game = Ruled()
    game.own_fighter = "right"
    with quiet(game, tmp_path) as table:
        now, untrained = (table.plugin.evaluate(version, "random", 100, 1) for version in (None, 0))
        assert now is not None
        assert untrained is not None
        assert (now["version"], now["losses"], untrained["version"]) == (0, 0, 0)
        assert now["wins"] > untrained["wins"]


# --------------------------------------------------------------------------------------------------- judging, practice


def test_own_fighter_is_the_bot_that_is_named_else_the_last() -> None:
    assert declaration_of(Ruled()).own_fighter == "random"
    assert declaration_of(Choosing()).own_fighter == "random"
    assert declaration_of(Described()).own_fighter == ""
    game = Ruled()
    game.own_fighter = "slime"
    with pytest.raises(ContractError, match=r"its own_fighter is 'slime'; name which of its bots .*: random, right"):
        declaration_of(game)
    with pytest.raises(ContractError, match="its own_fighter is 'slime', and there are no bots"):
        declaration_of(Named())
    with pytest.raises(ContractError, match="its base_model is 5; declare the path"):
        declaration_of(Shipped(5))


def test_first_candidate_meets_the_own_fighter_and_later_ones_the_champion(tmp_path: Path) -> None:
    gym = Gym(tmp_path, Ruled(), from_nothing=False)
    met = []
    for action in (0, 1):
        gym.candidates.begin(Policy(gym.spec, preferring(action, gym.spec)), Provenance(parent=0))
        order = gym.candidates.order()
        assert order is not None
        met.append((order[1]["champion"], sorted(order[0])))
        gym.candidates.drop()
        promote_in(gym.champions, gym.spec)
    assert met == [("random", ["candidate"]), ("", ["candidate", "champion"])], "version 0 is not the oldest either"


def promote_in(champions: Champions, spec: NetworkSpec) -> None:
    champions.promote(Policy(spec, preferring(0, spec)), Provenance(parent=0))


def test_gate_judges_by_battles_against_the_own_fighter() -> None:
    game = Ruled()
    encoder, settings = Encoder(game), with_values(Settings(), {"gate_max_pairs": 60}, "the test")
    spec = NetworkSpec(encoder.observation_size, encoder.num_actions, (8,))
    worker, verdicts = Worker(game, (8,), 1, 0), []
    for bot in ("random", "right"):
        arrays, order = judging(Policy(spec, preferring(1, spec)), bot, settings, 3, None, Bar())
        verdicts.append(worker.obey(arrays, order)[1]["verdict"])
    assert [verdict["promote"] for verdict in verdicts] == [False, False]
    assert verdicts[0]["score"] > 0.4, "one action alone is as good as chance"
    assert verdicts[1]["score"] < 0.35, "and worse than what is right"


def test_practice_leaves_the_untrained_version_out(tmp_path: Path) -> None:
    for from_nothing, expected in ((True, {"version 0"}), (False, set())):
        gym = Gym(tmp_path / str(from_nothing), from_nothing=from_nothing)
        assert {f"version {policy.version}" for policy in gym.slot.players} == expected


@pytest.mark.parametrize(("own_fighter", "against"), [("right", ("right", 1)), ("", ("", 2))])
def test_bulk_training_judges_the_first_version_against_the_own_fighter(
    tmp_path: Path, own_fighter: str, against: tuple[str, int]
) -> None:
    gym = Gym(tmp_path, Ruled(), from_nothing=False)
    log, league = BulkLog(tmp_path / "log.jsonl", lambda _: None), League(["random", "right"])
    promotion = BulkPromotion(gym.champions, league, own_fighter, gym.spec, gym.settings, log)
    assert league.champions == ()
    promotion.candidates.begin(Policy(gym.spec, preferring(1, gym.spec)), Provenance(0))
    order = promotion.candidates.order()
    assert order is not None
    assert (order[1]["champion"], len(order[0])) == against


# ----------------------------------------------------------------------------------------- the model that a game ships


@pytest.mark.parametrize("kind", [Shipped, ShippedByHooksAlone])
def test_shipped_model_plays_from_the_first_battle_and_is_stored_once(tmp_path: Path, kind: Any) -> None:
    game = kind(str(model(tmp_path)))
    for _ in range(2):
        with quiet(game, tmp_path / "data") as table:
            assert versions(table) == [(0, "trained"), (1, BASE)]
            assert table.plugin.report()["playing"] == "the model that the game ships (version 1)"
            match = table.match()
            assert match.decide() == 1
            match.abandon()
            assert table.plugin.metrics.notice == ""
            manifest = table.plugin.store.registry.manifest(1)
            assert (manifest.learning_steps, manifest.from_player) == (70, False)
            assert table.plugin.slot.champion.spec.hidden == (8,), "learning goes on from it"


def test_shipped_model_that_was_rolled_back_does_not_come_back(tmp_path: Path) -> None:
    game = Shipped(model(tmp_path))
    with quiet(game, tmp_path / "data") as table:
        table.plugin.controls.roll_back()
    with quiet(game, tmp_path / "data") as again:
        assert again.plugin.report()["playing"].startswith(OWN)
        assert versions(again) == [(0, "trained"), (1, BASE)]
    model(tmp_path / "newer", 0).replace(tmp_path / "model.zip")
    with quiet(game, tmp_path / "data") as updated:
        assert updated.plugin.report()["playing"] == "the model that the game ships (version 2)"


def test_stored_champion_plays_before_the_shipped_model(tmp_path: Path) -> None:
    with quiet(Choosing(), tmp_path / "data") as table:
        promote(table.plugin, 1)
    with quiet(Shipped(model(tmp_path)), tmp_path / "data") as again:
        assert again.plugin.report()["playing"] == "version 1"


def test_forget_keeps_the_shipped_model(tmp_path: Path) -> None:
    with quiet(Shipped(model(tmp_path)), tmp_path / "data") as table:
        promote(table.plugin, 2, rows={"player": 5})
        assert table.plugin.report()["playing"] == "version 3"
        table.plugin.controls.forget()
        assert table.plugin.metrics.notice.endswith("Now plays: the model that the game ships (version 1).")
        assert table.plugin.report()["playing"] == "the model that the game ships (version 1)"


def missing(folder: Path) -> Path:
    return folder / "no such file.zip"


def damaged(folder: Path) -> Path:
    path = model(folder)
    damage(path, 2_000)
    return path


def of_another_game(folder: Path) -> Path:
    class Other(Choosing):
        name = "other"

    return model(folder, game=Other())


def untrained(folder: Path) -> Path:
    return model(folder, None)


@pytest.mark.parametrize("make", [missing, damaged, of_another_game, untrained])
def test_shipped_model_that_cannot_be_used_leaves_the_own_fighter_and_a_sentence(
    tmp_path: Path, make: Callable[[Path], Path]
) -> None:
    game = Shipped(make(tmp_path))
    for _ in range(2):
        with quiet(game, tmp_path / "data") as table:
            table.play(1)
            assert table.versions == []
            assert versions(table) == [(0, "trained")]
            (said,) = [line for line in table.plugin.messages() if "game" in line]
            assert said.startswith(f"The model that the game ships ({game.base_model.name}) cannot play: ")
            assert said.endswith(" The game's own fighter plays.")


def test_shipped_model_that_fails_its_smoke_battle_is_not_stored(tmp_path: Path) -> None:
    class Breaking(Shipped):
        def new_battle(self, seed: int) -> ChoosingBattle:
            raise ValueError("no ring")

    with quiet(Breaking(model(tmp_path)), tmp_path / "data") as table:
        assert versions(table) == [(0, "trained")]
        assert "no ring" in table.plugin.metrics.notice


# -------------------------------------------------------------------------------------------------- nothing is stored


def played_unrecorded(tmp_path: Path, ships: bool, folder: Path) -> str:
    """What a plugin says that plays and cannot keep anything."""
    who = "the model that the game ships" if ships else OWN
    with quiet(Shipped(model(tmp_path) if ships else None), folder, learning=True) as table:
        table.play(2)
        assert len(table.versions) == 2 * ships
        assert table.plugin.report()["playing"].partition(";")[0] == who
        (said,) = table.plugin.messages()
    assert said.endswith(f" {who.capitalize()} plays; nothing of this game is recorded or learned.")
    return said


@pytest.mark.parametrize("ships", [True, False])
def test_game_plays_where_its_folder_is_held_and_empty(tmp_path: Path, ships: bool) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    with held(folder) as other:
        before = set(folder.iterdir())
        assert f"process {other}" in played_unrecorded(tmp_path, ships, folder)
        assert set(folder.iterdir()) == before, "nothing was written"


@pytest.mark.parametrize("ships", [True, False])
def test_game_plays_where_its_folder_cannot_be_made(tmp_path: Path, ships: bool) -> None:
    (tmp_path / "file").write_text("no folder", "utf-8")
    played_unrecorded(tmp_path, ships, tmp_path / "file" / "data")


def test_game_plays_where_the_disk_takes_no_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> int:
        raise ModelError("Version 0 could not be saved (No space left on device).")

    shipped = model(tmp_path)
    monkeypatch.setattr(Registry, "save", full)
    for base, who, opinions in ((None, OWN, 0), (shipped, "the model that the game ships", 1)):
        with quiet(Shipped(base), tmp_path / who) as table:
            table.play(1)
            assert len(table.versions) == opinions
            assert table.plugin.report()["playing"].partition(";")[0] == who
            assert "No space left" in table.plugin.messages()[0]
