"""Ghost: a player's model as a fighter, and the file in which it is passed on.

It is one safetensors file: the weights of the champion that the model is laid over, the model's arrays, and notes on
the game and the player, under one checksum. It is trusted as little as an imported model: size, checksum, game, names,
shapes, types and ranges are checked, nothing in it is executed, and no name in it becomes a path.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from cornerman.contract import Bools, Floats, ModelError, printable
from cornerman.experience.transitions import MAX_PLAYER_NAME, DataFormat, format_from_dict
from cornerman.files.atomic import disk_errors, parse_object, read_file, replace_file
from cornerman.files.tensor_file import seal, unseal
from cornerman.opponent.player_model import PlayerModel
from cornerman.policy.policy import Policy
from cornerman.policy.q_network import NetworkSpec

ENDING = ".ghost"
FOLDER = "ghosts"
"""Where imported ghosts lie in the data folder."""
MAX_BYTES = 64 * 2**20
_WHAT = "The ghost's file"
_SCHEMA = 1
_MAX_LAYERS, _MAX_UNITS = 8, 4096


@dataclass(frozen=True, slots=True)
class Ghost:
    """Plays as the model foresees that the player would; `battles` and `decisions` are what it was learned from."""

    name: str
    model: PlayerModel
    champion: Policy
    battles: int
    decisions: int

    def act(
        self,
        observation: Floats,
        action_mask: Bools,
        random: np.random.Generator,
        temperature: float = 0.0,
        epsilon: float = 0.0,
    ) -> int:
        """A legal action for one observation `[F]` under a mask `[A]`, drawn as the model says."""
        del temperature, epsilon  # of a policy: a ghost has the player's own
        mask = np.asarray(action_mask)
        legal = mask.nonzero()[0]
        reached = self.model.probabilities(observation[None], mask[None])[0, legal].cumsum()
        at = int(np.searchsorted(reached, random.random() * reached[-1], side="right"))
        return int(legal[min(at, len(legal) - 1)])  # the last one also where a champion of huge weights gives no number


def write_ghost(ghost: Ghost, data_format: DataFormat, path: Path) -> None:
    """Write a ghost to `path` in one step; ModelError where that fails."""
    arrays = {f"champion.{name}": array for name, array in ghost.champion.to_arrays().items()}
    arrays |= {f"model.{name}": array for name, array in ghost.model.arrays().items()}
    facts = {
        "schema": _SCHEMA,
        "name": ghost.name,
        "game": asdict(data_format),
        "hidden": list(ghost.champion.spec.hidden),
        "battles": ghost.battles,
        "decisions": ghost.decisions,
    }
    with disk_errors(f"The ghost could not be written to {path}"):
        replace_file(path, seal(arrays, {"ghost": json.dumps(facts)}, _WHAT))


def read_ghost(path: Path, data_format: DataFormat) -> Ghost:
    """The ghost in a file, after every check; ModelError with the reason where it cannot be used in this game."""
    arrays, texts = unseal(read_file(path, MAX_BYTES, _WHAT), _WHAT)
    facts = parse_object(texts.get("ghost", "").encode(), _WHAT)
    try:
        game, hidden, name = format_from_dict(facts["game"]), tuple(facts["hidden"]), facts["name"]
        counts = facts["battles"], facts["decisions"]
        known = facts["schema"] == _SCHEMA and all(type(count) is int and count >= 0 for count in counts)
    except (KeyError, TypeError) as error:
        raise ModelError(f"{_WHAT} does not hold what it should ({error}).") from error
    if not known or not isinstance(name, str) or len(name) > MAX_PLAYER_NAME or name != printable(name):
        raise ModelError(f"{_WHAT} does not hold what it should.")
    if differences := data_format.differences(game):
        raise ModelError(f"The ghost fights in another game or version: {differences}.")
    if len(hidden) > _MAX_LAYERS or not all(type(units) is int and 1 <= units <= _MAX_UNITS for units in hidden):
        raise ModelError(f"{_WHAT} names hidden layers that no network has.")
    spec = NetworkSpec(data_format.observation_size, data_format.num_actions, hidden)
    weights = {key.removeprefix("champion."): array for key, array in arrays.items() if key.startswith("champion.")}
    if any(array.dtype != np.float32 for array in weights.values()):
        raise ModelError(f"{_WHAT} holds weights that are no float32 numbers.")
    try:
        champion = Policy.from_arrays(spec, weights)
    except ValueError as error:
        raise ModelError(f"{_WHAT} holds weights that do not fit: {error}.") from error
    model = {key.removeprefix("model."): array for key, array in arrays.items() if key.startswith("model.")}
    ghost = Ghost(name, PlayerModel.from_arrays(model, champion), champion, *counts)
    with np.errstate(all="ignore"):  # weights that overflow are found by what they give
        observation, mask = (
            np.full((1, spec.observation_size), 0.5, np.float32),
            np.ones((1, spec.num_actions), np.bool_),
        )
        chances = ghost.model.probabilities(observation, mask)
    if not np.isclose(chances.sum(), 1.0):
        raise ModelError(f"{_WHAT} loads, but gives no usable chances.")
    return ghost


def ghosts_in(folder: Path, data_format: DataFormat) -> tuple[dict[str, Ghost], list[str]]:
    """The imported ghosts of a data folder by file name without its ending, and a sentence for each that is damaged."""
    found, sentences = dict[str, Ghost](), []
    for path in _files(folder):
        try:
            found[path.stem] = read_ghost(path, data_format)
        except ModelError as error:
            sentences.append(f"{path.name}: {error}")
    return found, sentences


def erase_ghosts(folder: Path) -> int:
    """Delete the ghosts of a data folder; returns how many they were. OSError where one stays."""
    files = _files(folder)
    for path in files:
        path.unlink()
    return len(files)


def _files(folder: Path) -> list[Path]:
    return sorted((folder / FOLDER).glob(f"*{ENDING}"))
