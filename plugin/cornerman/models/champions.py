"""Champions: which version plays. Policy slot, stored versions and history are changed together, and only here.

The disk is changed first, then the slot: the version that plays now also plays at the next start, and where the disk
refuses nothing changes. The thread that owns the store calls everything here; any thread may read `slot`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from cornerman.contract import Floats, ModelError
from cornerman.evaluation.live.results import LiveResult
from cornerman.evaluation.ratings import gain_of
from cornerman.models.live_monitor import LiveMonitor
from cornerman.models.manifest import BASE, Provenance
from cornerman.models.store import Store
from cornerman.policy.policy import Policy
from cornerman.policy.policy_slot import KEPT, NO_LADDER, PolicySlot, RatedRungs, Trial, name_of
from cornerman.policy.q_network import NetworkSpec, draw

if TYPE_CHECKING:
    from cornerman.evaluation.verdict import Bar, Verdict
    from cornerman.models.gate_record import GateRecord
    from cornerman.models.weights import Ladder

Messages = Callable[[str], None]


class Champions:
    """Loads, promotes and rolls back champions; `slot` holds the last of them, and its newest plays."""

    def __init__(self, store: Store, seed: int, warn: Messages, event: Messages, from_nothing: bool = False) -> None:
        """Load the stored champions; where none loads, store and promote an untrained version, drawn from `seed`.

        `warn` takes messages about trouble, `event` what happened, as a roll-back. `from_nothing` as in PolicySlot.
        Where nothing can be stored the untrained version has the number -1.
        """
        self.registry, self._store, self._seed, self._warn, self._event = store.registry, store, seed, warn, event
        self.slot = PolicySlot(self._stored(), from_nothing, self._ladder())
        self._monitor = LiveMonitor(store, warn)
        self._later: list[int] = []  # versions that a resumed training comes to once more
        self._noted: set[int] = set()  # seeds of verdicts that it comes to once more

    @cached_property
    def gate_record(self) -> GateRecord:
        """What the gate has found so far."""
        # Imported here, because a game that only plays needs nothing of the gate.
        from cornerman.models.gate_record import GateRecord

        return GateRecord(self._monitor.turned_down, self.registry.manifests)

    def start_for(self, spec: NetworkSpec) -> Policy:
        """The policy that learning starts from: the newest champion with that network, else newly drawn weights.

        An imported champion may have other hidden layers than the learner.
        """
        fitting = [policy for policy in self.slot.champions if policy.spec == spec]
        return fitting[-1] if fitting else Policy(spec, self._drawn(spec))

    def learned_from_player(self, version: int) -> bool:
        """Whether a version or an ancestor learned from the player's battles; True where that is unknown."""
        try:
            return version >= 0 and self.registry.manifest(version).from_player
        except ModelError:
            return True

    def bar(self) -> Bar:
        """The bar for the next candidate before the gate."""
        return self.gate_record.bar(self.slot.champion.version, self._oldest)

    @property
    def _oldest(self) -> int:
        """The oldest champion that a candidate meets; the champion itself where there is no other."""
        return (self.slot.players or (self.slot.champion,))[0].version

    def try_out(self, trial: Trial | None) -> None:
        """Let a candidate play its share of the live battles from the next one on; None: none of them."""
        self.slot.trial = trial

    def judged(self, verdict: Verdict, candidate: Policy, provenance: Provenance) -> Policy | None:
        """Record a verdict; store and promote its candidate where it says so. Returns the promoted policy or None.

        ModelError where it cannot be stored: the champion plays on, and has turned down a candidate.
        """
        champion, oldest = self.slot.champion.version, self._oldest
        self.gate_record.read()
        if provenance.gate is not None:
            provenance = replace(provenance, gate={**provenance.gate, "champion": champion, "oldest": oldest})
        try:
            policy = self.promote(candidate, provenance) if verdict.promote else None
        except ModelError as error:
            self._note(replace(verdict, promote=False, reason=f"Kept the champion: {error}"), None, champion, oldest)
            raise
        self._note(verdict, policy, champion, oldest)
        return policy

    def _note(self, verdict: Verdict, promoted: Policy | None, champion: int, oldest: int) -> None:
        """Note a verdict in memory and in the history, once."""
        self.gate_record.add(verdict, champion, oldest)
        if verdict.seed not in self._noted:
            manifest = None if promoted is None else self.registry.manifest(promoted.version)
            self._monitor.judged(verdict, champion, manifest, oldest)

    def promote(self, candidate: Policy, provenance: Provenance) -> Policy:
        """Store a candidate and promote it; ModelError, and nothing has changed, where it cannot be stored.

        After `go_back_to`, a candidate that was stored before is promoted as that version.
        """
        version = next((number for number in self._later if self._is(number, candidate)), None)
        if version is None:
            version = self.registry.save(candidate.flat, provenance, spec=candidate.spec)
        if version not in self.registry.champions:
            self.registry.promote(version)
        policy = Policy(candidate.spec, candidate.flat, version)
        self.slot.promote(policy, self._ladder())
        return policy

    def _is(self, version: int, candidate: Policy) -> bool:
        try:
            return bool(np.array_equal(self.registry.load(version).flat, candidate.flat))
        except ModelError:  # a damaged one cannot be gone on with
            return False

    def promote_stored(self, version: int) -> None:
        """Promote a stored version; ModelError where it does not load or is still in quarantine."""
        policy = self.registry.load(version)
        self.registry.promote(version)
        self.slot.promote(policy, self._ladder())

    def choose(self, version: int) -> None:
        """Promote a stored version that somebody chose; ModelError where it does not load, is in quarantine, or has
        learned nothing and so never plays against a player."""
        if self.registry.load(version).indifferent and not self.slot.from_nothing:
            raise ModelError(f"Version {version} has learned nothing: it does not play against you.")
        self.promote_stored(version)

    def promote_base_model(self, policy: Policy, learning_steps: int, ladder: Ladder | None = None) -> None:
        """Store and promote the model that the game ships; not once more where it was rolled back.

        Where it cannot be stored it plays as version -1 until the game ends.
        """
        known = [each.version for each in self.registry.manifests() if each.origin == BASE]
        version = next((number for number in known if self._is(number, policy)), -1)
        if version in self.registry.rolled_back:
            return
        if not self._store.read_only:
            try:
                if version < 0:
                    provenance = Provenance(learning_steps=learning_steps, origin=BASE)
                    version = self.registry.save(policy.flat, provenance, spec=policy.spec)
                if ladder is not None:
                    self.registry.save_ladder(version, ladder)
                self.registry.promote(version)
            except ModelError as error:
                self._warn(str(error))
        levels = None if ladder is None else (ladder.rungs, ladder.first, {version: ladder.top.points})
        self.slot.promote(Policy(policy.spec, policy.flat, version, shipped=True), levels)

    def go_back_to(self, champions: Sequence[Policy], moment: float) -> None:
        """Fill the slot with a checkpoint's champions, oldest first. ModelError where one is not stored any more.

        Training resumed from there comes to the versions and verdicts of after `moment` (seconds since 1970) once more:
        they stay stored as they are, and are not stored twice.
        """
        stored = self.registry.numbers()
        for policy in champions:
            if policy.version not in stored:
                raise ModelError(f"version {policy.version}, which it goes on from, is no longer stored.")
        self._later = [number for number in stored if number > champions[-1].version]
        self._noted = self._monitor.seeds_since(moment)
        self.slot.restart(*champions)

    def live(self, result: LiveResult) -> bool:
        """Count a live battle; True where the champion proved worse than its predecessor and was rolled back."""
        line = self.slot.champions
        why = self._monitor.live(result, line[-1].version, line[-2].version if len(line) > 1 else None)
        return bool(why) and self.roll_back(why)

    def roll_back(self, why: str = "") -> bool:
        """Let the predecessor play, now and at the next start; False, and no change, where that is impossible.

        The version that goes counts as a candidate that the predecessor has turned down.
        """
        before = self.slot.champion
        try:
            there_is_one = self.registry.roll_back() is not None
        except ModelError as error:
            self._warn(f"{why} {error} Version {before.version} still plays.".strip())
            return False
        if there_is_one:
            from cornerman.evaluation.verdict import Verdict  # not needed at every start of a game

            self.slot.restart(*self._stored(), ladder=self._ladder())
            verdict = Verdict(False, f"Version {before.version} was rolled back. {why}".strip())
            self._note(verdict, None, self.slot.champion.version, self._oldest)
            who = name_of(self.slot.playing())
            self._event(f"{why} {who[0].upper()}{who[1:]} plays again.".strip())
        return there_is_one

    def prune(self, keep: int) -> None:
        """Delete the oldest versions until `keep` are left; a failure is only an event, since too many do no harm."""
        try:
            self.registry.prune(keep)
        except ModelError as error:
            self._event(str(error))

    def erase_trained_from_player(self) -> int:
        """Erase every version that learned from the player, and every checkpoint; returns the number of versions.

        The newest remaining champion plays. ModelError where something could not be erased; the rest is erased.
        """
        problems = []
        erased: list[int] = []
        self.slot.ghost = None  # the trainer that made it may have ended
        for step in (
            self._store.checkpoint.erase,
            self._store.bulk_checkpoint.erase,  # its weights may descend from a champion that learned from the player
            lambda: erased.extend(self.registry.erase_trained_from_player()),
            lambda: self.slot.restart(*self._stored(), ladder=self._ladder()),
            self.gate_record.forget,
        ):
            try:
                step()
            except ModelError as error:
                problems.append(str(error))
        if problems:
            raise ModelError(" ".join(problems))
        return len(erased)

    def erase_player_battles(self, name: str | None = None) -> None:
        """Erase the battles against one player, or all, from the history; ModelError where that cannot be done."""
        self._monitor.forget_players(name)

    def mend_history(self) -> None:
        """Open the history for writing: a damaged file is set aside, with a message."""
        self._monitor.turned_down()

    def _ladder(self) -> RatedRungs:
        """The newest ladder of a stored champion; champions since are rated by their gates."""
        line = self.registry.champions
        for at in reversed(range(len(line))):
            try:
                ladder = self.registry.ladder(line[at])
            except ModelError as error:
                self._warn(f"{error} The levels of difficulty do without it.")
                continue
            if ladder is not None:
                return ladder.rungs, ladder.first, self._points(line[at:], ladder.top.points)
        return NO_LADDER

    def _points(self, line: Sequence[int], points: float) -> dict[int, float]:
        """Ratings of champions in a row, the first one's known."""
        rated = {line[0]: points}
        for version in line[1:]:
            try:
                gate = self.registry.manifest(version).gate or {}
            except ModelError:  # a damaged one does not play
                continue
            if version not in rated:  # one that was chosen once more is as strong as before
                beaten = rated.get(gate.get("champion", -1), points)
                rated[version] = beaten + gain_of(gate.get("score"), gate.get("pairs"))
            points = rated[version]
        return rated

    def _stored(self) -> list[Policy]:
        """The champions that load, oldest first, at least one; a message for each of the others."""
        champion, sentences = self.registry.load_champion()
        policies = []
        for version in self.registry.champions[-KEPT:-1]:
            try:
                policies.append(self.registry.load(version))
            except ModelError as error:
                sentences.append(str(error))
        for sentence in sentences:
            self._warn(sentence)
        return [*policies, champion if champion is not None else self._first()]

    def _first(self) -> Policy:
        """Store and promote an untrained version; where the disk refuses a message says so."""
        spec = self.registry.spec
        flat, version = self._drawn(spec), -1
        if not self._store.read_only:
            try:
                version = self.registry.save(flat, Provenance(), spec=spec)
                self.registry.promote(version)
            except ModelError as error:
                self._warn(str(error))
        return Policy(spec, flat, version)

    def _drawn(self, spec: NetworkSpec) -> Floats:
        return draw(spec, np.random.default_rng([self._seed, 2]))
