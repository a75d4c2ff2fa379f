"""Model of one player: a Bayesian mixture of explanations, each weighted by how well it has foreseen the player so far.

The explanations are the champion at several temperatures, lists of habits laid over it (rules.py), and a regression for
who plays quite unlike it (regression.py). Weights are prequential (Dawid 1984): every battle is foreseen before it is
learned, so what fits the past and foresees nothing gets no weight. A fixed share of all weight is dealt out anew after
each battle (Herbster and Warmuth 1998), so a player who changes is followed. One thread owns a model; `arrays` makes
of it what may be sent to another process.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cornerman.contract import Bools, Floats, ModelError
from cornerman.opponent.features import MAX_DERIVED, Features
from cornerman.opponent.predictor import Doubles
from cornerman.opponent.regression import Leanings
from cornerman.opponent.rules import Decisions, RuleList
from cornerman.opponent.words import Habit, habits
from cornerman.policy.policy import Policy

SHARPNESSES = (1000.0, 200.0, 60.0, 20.0, 8.0, 2.0)
"""One over the temperatures at which the champion is tried as an explanation."""
WITH_RULES = (500.0, 20.0)
_REGRESSION = len(SHARPNESSES)  # its place among the explanations
FIXED_SHARE = 0.03
RECENT_BATTLES = 20
MAX_DECISIONS, RECENT_DECISIONS, MAX_NUMBERS = 1_200, 200, 1_000_000
"""Decisions that are learned from: the newest, fewer in a game with very many features or actions."""
_LITTLE = 0.01  # weight of an explanation that is fitted rarely
_TOO_LITTLE = 0.005  # weight of an explanation that is not sent
_WAITING = 0.25  # new decisions, as a share, after which explanations are fitted again while battles wait


def most_decisions(sample: Decisions) -> int:
    """How many decisions of that size are learned from."""
    size = int(max(sample.observations.shape[1], sample.action_masks.shape[1]))
    return max(1, min(MAX_DECISIONS, MAX_NUMBERS // size))


@dataclass(frozen=True, slots=True)
class Score:
    """How some decisions were foreseen before they were learned: sums over `decisions` of them."""

    decisions: int = 0
    loss: float = 0.0  # of the logarithm, in nats
    uniform_loss: float = 0.0
    hits: int = 0  # the likeliest action was taken
    champion_hits: int = 0  # the champion's own best action was taken

    def __add__(self, other: Score) -> Score:
        return Score(*(getattr(self, name) + getattr(other, name) for name in Score.__slots__))


class PlayerModel:
    """Foresees one player (`predictor.Predictor`)."""

    def __init__(self, champion: Policy, feature_names: Sequence[str] = (), action_names: Sequence[str] = ()) -> None:
        """The names are what conditions and groups are made of; without them the model cannot learn."""
        self.champion, self._features, self._actions = champion, Features(feature_names), action_names
        rules = [RuleList(sharpness) for sharpness in (*WITH_RULES, WITH_RULES[0])]
        champions = [RuleList(sharpness) for sharpness in SHARPNESSES]
        self.explanations: list[RuleList | Leanings] = [*champions, Leanings(), *rules]
        self._weights = np.full(len(self.explanations), 1.0 / len(self.explanations))
        self._fitted = [0] * len(self.explanations)  # decisions that there were when each was fitted
        self._decisions: Decisions | None = None
        self._values = np.zeros((0, champion.spec.num_actions), np.float32)  # the champion's, of these decisions
        self.score, self.battles = Score(), 0
        self._scores: deque[Score] = deque(maxlen=RECENT_BATTLES)

    @property
    def recent_score(self) -> Score:
        """How the last `RECENT_BATTLES` battles were foreseen."""
        return sum(self._scores, Score())

    def probabilities(self, observations: Floats, action_masks: Bools) -> Doubles:
        """As `Predictor.probabilities`."""
        values = self.champion.q_values_batch(observations)
        heavy = [at for at, weight in enumerate(self._weights) if weight > _TOO_LITTLE]
        features = self._features.of(observations)
        parts = (
            self._weights[at] * self.explanations[at].probabilities(values, features, action_masks) for at in heavy
        )
        return np.asarray(sum(parts) / self._weights[heavy].sum())

    def learn(self, battle: Decisions, waiting: int = 0) -> Iterator[None]:
        """Learn the player's decisions of one battle, a piece of some milliseconds at a time.

        Where more battles are `waiting`, explanations are fitted again after more of them, and all after the last one.
        """
        if not battle.num:
            return
        if self._features.notice(battle.observations):  # the regression was fitted to fewer
            self.explanations[_REGRESSION], self._fitted[_REGRESSION] = Leanings(), 0
        self._weigh(battle, values := self.champion.q_values_batch(battle.observations))
        known = battle if self._decisions is None else self._decisions.then(battle)
        self._decisions = known = known.newest(most_decisions(battle))
        self._values = np.concatenate([self._values, values])[-known.num :]
        yield from self._fit([at for at in range(_REGRESSION, len(self.explanations)) if self._due(at, waiting)])

    def _fit(self, due: Sequence[int]) -> Iterator[None]:
        """Fit explanations again; those that would find the same rules only once."""
        found, known = dict[tuple[int, float], RuleList](), self._known()
        for at in due:
            which = known.newest(RECENT_DECISIONS) if at == len(self.explanations) - 1 else known
            explanation = self.explanations[at]
            like = which.num, 0.0 if self.champion.indifferent else explanation.sharpness
            if isinstance(explanation, RuleList) and like in found:
                explanation.rules = found[like].rules
                continue
            yield from explanation.fit(self._values[-which.num :], which, self._features.names, self._actions)
            if isinstance(explanation, RuleList):
                found[like] = explanation

    def _known(self) -> Decisions:
        """What is learned from, with features in place of observations."""
        assert self._decisions is not None
        return self._decisions._replace(observations=self._features.of(self._decisions.observations))

    def _due(self, at: int, waiting: int) -> bool:
        """Whether an explanation is fitted again: where there are enough new decisions for its weight.

        The last one, of recent decisions, has to be there when the player changes, whatever it explained before.
        """
        more = 0.05 if self._weights[at] > _LITTLE or at == len(self.explanations) - 1 else 0.5
        more = max(more, _WAITING * bool(waiting))
        if self.score.decisions - self._fitted[at] < more * min(self._fitted[at], MAX_DECISIONS):
            return False
        self._fitted[at] = self.score.decisions
        return True

    def _weigh(self, battle: Decisions, values: Floats) -> None:
        """Score a battle that is not learned yet, and weigh the explanations by how each foresaw it."""
        at = np.arange(battle.num), battle.actions
        features = self._features.of(battle.observations)
        each = [part.probabilities(values, features, battle.action_masks) for part in self.explanations]
        chances = np.array([part[at] for part in each])  # [E, N]
        mixed = np.tensordot(self._weights, np.array(each), 1)
        surprise, by_lot = -float(np.log(mixed[at]).sum()), float(np.log(battle.action_masks.sum(1)).sum())
        foreseen = [int((part.argmax(1) == battle.actions).sum()) for part in (mixed, each[0])]
        score = Score(battle.num, surprise, by_lot, *foreseen)
        self._scores.append(score)
        self.score, self.battles = self.score + score, self.battles + 1
        logarithms = np.log(self._weights) + np.log(chances).sum(1)
        weights = np.exp(logarithms - logarithms.max())
        self._weights = (1.0 - FIXED_SHARE) * weights / weights.sum() + FIXED_SHARE / len(weights)

    def habits(self, scales: Mapping[str, float]) -> list[Habit]:
        """The strongest habits in words; none where the champion alone explains the player better."""
        first = _REGRESSION + 1
        if self._decisions is None or self._weights[: len(SHARPNESSES)].sum() > 0.5:
            return []
        explanation = self.explanations[first + int(self._weights[first:-1].argmax())]
        assert isinstance(explanation, RuleList), "the last ones are lists of rules"
        return habits(explanation, self._values, self._known(), self._features.names, self._actions, scales)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Plain arrays from which `from_arrays` makes a model that foresees the same; nothing of single decisions."""
        heavy = [at for at, weight in enumerate(self._weights) if weight > _TOO_LITTLE]
        found: dict[str, NDArray[Any]] = {"weights": self._weights[heavy], "pairs": self._features.pairs}
        for number, at in enumerate(heavy):
            found |= {f"{number}.{name}": array for name, array in self.explanations[at].arrays().items()}
        return found

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], champion: Policy) -> PlayerModel:
        """The model of `arrays`, laid over this champion; ModelError where they do not fit it."""
        model = cls(champion)
        try:
            weights = np.asarray(arrays["weights"], np.float64)
            pairs = _pairs(arrays, champion)
            model._features, size = Features(pairs=pairs), champion.spec.observation_size + len(pairs)
            sizes = size, champion.spec.num_actions
            model.explanations = [_explanation(arrays, number, *sizes) for number in range(len(weights))]
            if weights.ndim != 1 or not len(weights) or not ((weights > 0) & (weights <= 1)).all():
                raise ValueError("weights must be above 0, and 1 at most")
        except (KeyError, ValueError, TypeError, IndexError) as error:
            raise ModelError(f"A model of a player does not hold what it should ({error}).") from error
        model._weights = weights / weights.sum()
        return model


def _pairs(arrays: Mapping[str, NDArray[Any]], champion: Policy) -> NDArray[np.int64]:
    pairs = np.asarray(arrays["pairs"])
    if pairs.ndim != 3 or pairs.shape[2] != 2 or pairs.dtype != np.int64 or len(pairs) > MAX_DERIVED:
        raise ValueError("derived features are pairs of features")
    if not ((pairs >= -1) & (pairs < champion.spec.observation_size)).all():
        raise ValueError("a derived feature is made of a feature that there is not")
    return pairs


def _explanation(
    arrays: Mapping[str, NDArray[Any]], number: int, num_features: int, num_actions: int
) -> RuleList | Leanings:
    """One explanation; ValueError, KeyError, TypeError or IndexError where it is not as `PlayerModel.arrays` has it."""
    own = {name.partition(".")[2]: array for name, array in arrays.items() if name.startswith(f"{number}.")}
    kind = Leanings if "leanings" in own else RuleList
    return kind.from_arrays(own, num_features, num_actions)
