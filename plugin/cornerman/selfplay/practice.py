"""Practice: headless battles that the trainer plays in its windows, so that a few live battles teach more.

The newest policy, exploring, meets bots, itself and earlier champions, always all three. Both seats' decisions are
recorded like a live battle's, marked as self-play. A faulty battle (evaluation/faults.py) is dropped; where most are
faulty practice stops. Played a turn at a time; the trainer's thread only.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from random import Random

from cornerman.contract import BattleEnd, Bot, ContractError, HeadlessGame, Source, Transition
from cornerman.evaluation.arena import MAX_TURNS, PolicyBot, apply_action, decide, new_battle, outcome_of, seat_due
from cornerman.evaluation.faults import BattleFaults, FaultyBattleError, GameCode
from cornerman.experience.battle_store import FIRST_SELF_PLAY_ID
from cornerman.experience.encoder import Encoder
from cornerman.experience.recorder import Recorder
from cornerman.experience.rewards import RewardCalculator
from cornerman.policy.policy import Policy

_OUTCOME, _STATE = GameCode("the outcome"), GameCode("reading the state")


class Practice:
    """A queue of battles to play; `advance` plays one turn of the present one."""

    def __init__(
        self,
        game: HeadlessGame,
        encoder: Encoder,
        rewards: RewardCalculator,
        random: Random,
        champions: Callable[[], tuple[Policy, ...]],
        epsilon: float,
        say: Callable[[str], object] = lambda sentence: None,
    ) -> None:
        """`say` hears of battles that were dropped, once a reason, and why practice stopped."""
        self.due = 0.0  # battles still to play
        self.stopped = False  # most battles were faulty
        self._faults, self._say = BattleFaults(), say
        self.rows: deque[Transition | BattleEnd] = deque()
        self._game, self._encoder, self._random, self._epsilon = game, encoder, random, epsilon
        self._champions = champions
        self._recorder = Recorder(encoder, rewards, self.rows.append)
        self._bots = list(game.bots.values())
        self._played = 0
        self._turns: Iterator[None] = iter(())

    def advance(self, newest: Policy) -> bool:
        """Play one turn, or end a battle; False when none is due. A battle that begins is played by `newest`."""
        try:
            for _ in self._turns:
                return True
        except FaultyBattleError as error:
            self._drop(error)
        if self.due < 1.0 or self.stopped:
            return False
        self.due -= 1.0
        self._turns = self._battle(newest, self._champions())
        return True

    def _drop(self, error: FaultyBattleError) -> None:
        """Leave the battle under way; its open decisions are not learned from."""
        self._turns = iter(())
        self._recorder.abandon(FIRST_SELF_PLAY_ID + self._played - 1)
        try:
            if self._faults.count(error):
                self._say(f"A practice battle was dropped ({error}).")
        except ContractError as why:
            self.stopped = True
            self._say(f"Practice stops: {why}.")

    def clear(self) -> None:
        """Drop what is due and what was not collected."""
        self.due, self._turns = 0.0, iter(())
        self.rows.clear()

    def _battle(self, newest: Policy, champions: tuple[Policy, ...]) -> Iterator[None]:
        random, recorder = self._random, self._recorder
        battle_id, seat = FIRST_SELF_PLAY_ID + self._played, self._played % 2
        self._played += 1
        opponent, source = self._opponent(newest, champions)
        bots = {seat: self._bot(newest), 1 - seat: opponent}
        battle = new_battle(self._game, random.getrandbits(48))
        recorder.start(battle_id, {seat: Source.PLUGIN, 1 - seat: source})
        with _STATE:
            state = battle.state()
        for _ in range(MAX_TURNS):
            with _STATE:
                deciding = seat_due(battle)
                if deciding is None:
                    break
                mask = battle.action_mask()
            action = decide(bots[deciding], battle, random)
            apply_action(battle, action)
            with _STATE:
                before, state = state, battle.state()
            recorder.turn(battle_id, deciding, before, mask, action, state)
            self._check_recorded()
            yield
        with _OUTCOME:
            outcome = outcome_of(battle)
        recorder.end(battle_id, outcome or {}, truncated=outcome is None)
        self._check_recorded()
        self._faults.count_whole()
        yield  # so that whoever advances collects the last rows too

    def _check_recorded(self) -> None:
        """FaultyBattleError where the recorder could not use what the game gave."""
        if self._recorder.rejected:
            reason, sentence = next(iter(self._recorder.examples.items()))
            self._recorder.forget()
            raise FaultyBattleError(reason, sentence)

    def _opponent(self, newest: Policy, champions: tuple[Policy, ...]) -> tuple[Bot, Source]:
        kind = self._random.randrange(3)
        if kind == 0 and self._bots:
            return self._random.choice(self._bots), Source.SCRIPTED
        policy = self._random.choice(champions) if kind == 1 else newest
        return self._bot(policy), Source.PLUGIN

    def _bot(self, policy: Policy) -> Bot:
        return PolicyBot(policy, self._encoder, epsilon=self._epsilon)
