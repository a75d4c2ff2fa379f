"""Champions: the one owner of who plays. Policy slot, stored versions and history change together, and only here.

The disk first, then the slot: whoever plays now plays at the next start too, and what the disk refuses changes nothing.
The thread that owns the store calls everything here; any thread may read `slot`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from cornerman.contract import Floats, ModelError
from cornerman.evaluation.live_results import LiveResult
from cornerman.evaluation.verdict import Verdict
from cornerman.models.live_monitor import LiveMonitor
from cornerman.models.manifest import Provenance
from cornerman.models.store import Store
from cornerman.policy.policy import Policy
from cornerman.policy.policy_slot import KEPT, PolicySlot
from cornerman.policy.q_network import NetworkSpec, draw

Say = Callable[[str], None]


class Champions:
    """Loads, promotes and rolls back champions; `slot` holds the last of them, and its newest plays."""

    def __init__(self, store: Store, seed: int, say: Say, tell: Say) -> None:
        """Load the stored champions; where none loads, draw, store and promote a version that has learned nothing.

        `say` takes sentences about trouble, `tell` those about who plays now. `seed` decides the first version's
        weights. ModelError where a first version cannot be stored.
        """
        self.registry, self._store, self._seed, self._say, self._tell = store.registry, store, seed, say, tell
        self.slot = PolicySlot(self._stored())
        self._monitor = LiveMonitor(store, say)

    # -------------------------------------------------------------------------------------------------- who may learn

    def start_for(self, spec: NetworkSpec) -> Policy:
        """Whose weights learning begins with: the newest champion with that network, else one drawn anew.

        An imported champion may have other hidden layers than the learner.
        """
        fitting = [policy for policy in self.slot.line if policy.spec == spec]
        return fitting[-1] if fitting else Policy(spec, self._drawn(spec))

    def learned_from_player(self, version: int) -> bool:
        """Whether a version learned from the player's battles, itself or by descent; True where nobody can tell."""
        try:
            return version >= 0 and self.registry.manifest(version).from_player
        except ModelError:
            return True

    @property
    def on_probation(self) -> bool:
        """Whether live battles have still to show that the champion is no worse; then no candidate is judged."""
        return self._monitor.on_probation(self.slot.champion.version)

    # ------------------------------------------------------------------------------------------------------- changes

    def judged(self, verdict: Verdict, candidate: Policy, provenance: Provenance) -> Policy | None:
        """Note a verdict; a candidate that it promotes is stored and plays: that policy, or None.

        ModelError, and nothing has changed, where it cannot be stored.
        """
        champion, oldest = self.slot.champion.version, self.slot.oldest.version
        policy = self.promote(candidate, provenance) if verdict.promote else None
        self.note(verdict, champion, oldest, None if policy is None else policy.version)
        return policy

    def promote(self, candidate: Policy, provenance: Provenance) -> Policy:
        """Store a candidate and let it play; ModelError, and nothing has changed, where it cannot be stored."""
        version = self.registry.save(candidate.flat, provenance, spec=candidate.spec)
        self.registry.promote(version)
        policy = Policy(candidate.spec, candidate.flat, version)
        self.slot.promote(policy)
        return policy

    def note(self, verdict: Verdict, champion: int, oldest: int, promoted: int | None) -> None:
        """Put a verdict with its battles into the history, and the version that was promoted by it."""
        self._monitor.judged(verdict, champion, None if promoted is None else self.registry.manifest(promoted), oldest)

    def take_in(self, version: int) -> None:
        """Let a stored version play that came from elsewhere; ModelError where it does not load or has not played."""
        policy = self.registry.load(version)
        self.registry.promote(version)
        self.slot.promote(policy)

    def go_back_to(self, champions: Sequence[Policy]) -> None:
        """Let these champions of a checkpoint play, oldest first. What was promoted since stays stored and noted as
        promoted: training that goes on from there comes to the same versions again, see `promote_again`."""
        self.slot.restart(*champions)

    def promote_again(self, version: int) -> Policy:
        """Let a version play that was stored after the checkpoint which training went back to."""
        policy = self.registry.load(version)
        if version not in self.registry.line:
            self.registry.promote(version)
        self.slot.promote(policy)
        return policy

    def live(self, result: LiveResult) -> bool:
        """Note a live battle; True where the champion proved worse than its predecessor was, and was rolled back."""
        line = self.slot.line
        why = self._monitor.live(result, line[-1].version, line[-2].version if len(line) > 1 else None)
        return bool(why) and self.roll_back(why)

    def roll_back(self, why: str = "") -> bool:
        """The predecessor plays, now and at the next start; False, with nothing changed, where that cannot be."""
        before = self.slot.champion
        try:
            there_is_one = self.registry.roll_back() is not None
        except ModelError as error:
            self._say(f"{why} {error} Version {before.version} still plays.".strip())
            return False
        if there_is_one:
            self._restart()
            self._tell(f"{why} Version {self.slot.champion.version} plays again.".strip())
        return there_is_one

    def prune(self, keep: int) -> None:
        """Delete the oldest versions until `keep` are left; too many are no harm, so a failure is only told."""
        try:
            self.registry.prune(keep)
        except ModelError as error:
            self._tell(str(error))

    # -------------------------------------------------------------------------------------------------------- erasing

    def erase_trained_from_player(self) -> int:
        """Erase every version that learned from the player, and every checkpoint; returns how many versions.

        The newest one that did not plays then. ModelError where something could not be erased; whatever could is.
        """
        problems = []
        erased: list[int] = []

        def erase_checkpoints() -> None:
            self._store.checkpoint.erase()
            self._store.bulk_checkpoint.erase()  # it may go on from a champion that learned from the player

        for step in (
            erase_checkpoints,
            lambda: erased.extend(self.registry.erase_trained_from_player()),
            self._restart,
        ):
            try:
                step()
            except ModelError as error:
                problems.append(str(error))
        if problems:
            raise ModelError(" ".join(problems))
        return len(erased)

    def erase_player_battles(self) -> None:
        """Erase the battles against the player from the history; ModelError where that cannot be done."""
        self._monitor.forget_player()

    # --------------------------------------------------------------------------------------------------------- inside

    def _restart(self) -> None:
        """Let the slot hold the stored champions again."""
        self.slot.restart(*self._stored())

    def _stored(self) -> list[Policy]:
        """The champions that load, oldest first, at least one; what is wrong with the others is said."""
        champion, sentences = self.registry.load_champion()
        policies = []
        for version in self.registry.line[-KEPT:-1]:
            try:
                policies.append(self.registry.load(version))
            except ModelError as error:
                sentences.append(str(error))
        for sentence in sentences:
            self._say(sentence)
        return [*policies, champion if champion is not None else self._first()]

    def _first(self) -> Policy:
        """Store and promote a version that has learned nothing; ModelError where that cannot be done."""
        spec = self.registry.spec
        flat = self._drawn(spec)
        version = self.registry.save(flat, Provenance(), spec=spec)
        self.registry.promote(version)
        return Policy(spec, flat, version)

    def _drawn(self, spec: NetworkSpec) -> Floats:
        return draw(spec, np.random.default_rng([self._seed, 2]))
