"""Status: a plain-data snapshot of the plugin for the panel, the headless table and a game's own window."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict

from cornerman.evaluation.live.results import LiveBattles
from cornerman.evaluation.ratings import win_share
from cornerman.evaluation.significance import wilson_interval
from cornerman.policy.difficulty import ADAPTIVE, LEVEL_NAMES, LEVELS, Rung
from cornerman.policy.policy_slot import ON_TRIAL, OWN_FIGHTER, PolicySlot, name_of
from cornerman.settings import Settings


@dataclass(slots=True)
class Switches:
    """The switches and the difficulty, which the player sets in the panel."""

    on: bool = True  # the whole plugin
    recording: bool = True
    learning: bool = True
    level: int = len(LEVELS)  # difficulty, from 1


LEARNER = ("steps", "loss", "accuracy", "processing_time", "steps_per_s", "steps_to_candidate", "dropped", "failures")
GATE = ("state", "pairs", "score", "verdict", "waits")
_COUNTS = "fill kept steps dropped failures practised practice_decisions gate_pairs judged_pairs"
UNKNOWN: Mapping[str, Any] = {
    **dict.fromkeys(_COUNTS.split(), 0),
    **dict.fromkeys(("loss", "accuracy", "processing_time", "steps_to_candidate", "gate_score"), None),
    **dict.fromkeys(("gate_verdict", "gate_waits", "device_why", "fault", "backend_why"), ""),
    "backend": "numpy",
    "gate_state": "idle",
    "device": "none",
    "player": {},
}
"""Figures before the trainer has set any."""

NOBODY: Mapping[str, Any] = {
    "name": "",
    "battles": 0,
    "decisions": 0,
    "unlearned": 0,
    "habits": [],
    **dict.fromkeys(("foreseen", "champion_foresees", "loss")),
}
"""What is known of a player before anything is."""


class Report(TypedDict):
    """What `Cornerman.report()` gives. Everything is plain data and a copy; the game's thread may keep it."""

    plugin: dict[str, Any]  # on, recording, learning: bool; notice: the newest message that needs attention, or ""
    version: int  # the one that plays; -1: none that is stored
    playing: str  # who plays, in words: "version 3", "level 2, easy: an earlier self", "the game's own fighter; 212
    # decisions watched", "the candidate on trial; version 3 in other battles": in the battle that began last
    replay: dict[str, int]  # fill, capacity; needed: before learning starts
    recorder: dict[str, Any]  # recorded, abandoned, not_as_chosen: int; kept: battles on the disk in this session;
    # rejected, clamped: {reason: count}; examples: {reason: message}
    learner: dict[str, Any]  # steps, dropped, failures, candidate_period: int; steps_to_candidate: int or None;
    # loss, accuracy, processing_time (s a step), steps_per_s: float or None
    player: dict[str, Any]  # learns: bool; name: str; battles, decisions: int, that the model of the present player
    # knows; unlearned: battles that it has yet to learn; foreseen, champion_foresees: share of the last 20 battles'
    # decisions, or None; loss: over the uniform one's, or None; habits: up to three in words; looked_ahead: int,
    # decisions against players taken by look-ahead
    practice: dict[str, int]  # played: battles of practice in idle windows; decisions: of all practice battles
    gate: dict[str, Any]  # state: str; pairs: int; score: float or None; verdict: str; judged: pairs of all candidates;
    # waits: what is missing before a candidate can be judged or its trial goes on, or ""
    record: dict[str, Any]  # battles, wins: int; win_rate: float or None; interval: [low, high] or None; the last 50 in
    # the plugin's seats, whoever decided there
    window: dict[str, Any]  # open: bool; why: str; share: float, of its time; run_on_ms: p99 after closing, or None
    device: str  # the device that learns, or "none"
    device_why: str  # reason for the device, with timings; where it failed since, the failure; "": none chosen
    played_by: dict[str, str]  # backend: who computed the last decision; why, with timings or what failed
    machine: dict[str, Any]  # cpu_percent, own_cpu_percent, memory_mb, worker_mb, memory_percent, temperature_c: float
    # or None; frames: {with, without: {p50_ms, p99_ms: float or None, frames: int}}, by whether a training window was
    # open; reasons: why learning rests, in sentences
    difficulty: dict[str, Any]  # level: 1 to 6; name: str; levels: list of names; note: how strong the level is, where
    # the adaptive one stands, or what the levels are made of, or ""
    swaps: int  # since the game started
    events: list[dict[str, Any]]  # newest first: age_s: float, text: str
    decision: dict[str, Any] | None  # the plugin's last one; battle_id, seat, version, samples: int; age_s: float;
    # who: as in `playing`; searched: bool; why: a sentence; actions: the best legal ones, [{name, legal: bool,
    # win: 0 to 1, value, chosen: bool}]; expects: what the model of the player gives for the next
    # decision, [{name, share: 0 to 1}], [] without look-ahead
    expected: dict[str, Any] | None  # the player's last decision as it was foreseen; battles: int, that the model of
    # the player knew then, 0: the champion stood in for it; actions: the likeliest and the one that was taken, [{name,
    # share: 0 to 1, taken: bool}]; age_s: float
    strength: dict[str, Any]  # versions: [{version, rating, low, high}]; bots: [{name, rating}]; you: the plugin's
    # share of the last 20 battles against the player, [{battles, share, low, high}]; loss, accuracy: [[steps, value]]
    versions: list[
        dict[str, Any]
    ]  # newest first: version: int; parent: int or None; made: ISO time; origin, note: str;
    # rating: float or None; playing, can_play: bool


def compose(
    switches: Switches,
    settings: Settings,
    slot: PolicySlot,
    figures: Mapping[str, Any],
    training: Mapping[str, Any],
    recorder: Mapping[str, Any],
    live: LiveBattles,
    seen: Mapping[str, Any],
) -> Report:
    """The snapshot. `seen`: decision, expected, strength, versions, two_sides and some of player. The game's thread."""
    policy = rung.policy if (rung := _rung(switches.level, slot, live)) and switches.on else None
    tried, waits = switches.on and live.trying(slot.trial), trial_waits(switches, slot, rung, training["works"])
    learning, notice = switches.learning and not training["gave_up"], training["trouble"] or figures["notice"]
    given, learns = {**UNKNOWN, **figures}, switches.on and learning and switches.recording
    who = _placed(switches.level, slot, rung) if policy and rung else _own(switches, learning, recorder, given)
    return {
        "plugin": {"on": switches.on, "recording": switches.recording, "learning": learning, "notice": notice},
        "version": -1 if policy is None or tried else max(policy.version, -1),
        "playing": _playing(who, tried, slot, waits),
        "replay": {"fill": given["fill"], "capacity": settings.replay_capacity, "needed": settings.warm},
        "recorder": {**recorder, "kept": given["kept"]},
        "learner": {**{name: given[name] for name in LEARNER}, "candidate_period": settings.candidate_period},
        "player": {**NOBODY, **given["player"], **seen["player"], "learns": learns},
        "practice": {"played": given["practised"], "decisions": given["practice_decisions"]},
        "gate": _gate(given, waits),
        "record": _record(live.outcomes),
        "window": _window(switches.on, learning, training["window"]),
        "device": given["device"],
        "device_why": given["fault"] or given["device_why"],
        "played_by": {"backend": given["backend"], "why": given["backend_why"]},
        "machine": dict(training["machine"]),
        "difficulty": _difficulty(switches.level, slot, live, seen["strength"]["bots"], seen["two_sides"]),
        "swaps": slot.swaps,
        "events": figures["events"],
        "decision": seen["decision"],
        "expected": seen["expected"],
        "strength": seen["strength"],
        "versions": seen["versions"],
    }


def _rung(level: int, slot: PolicySlot, live: LiveBattles) -> Rung | None:
    """Who plays at this level, at the adaptive one who plays in the battle that began last; None: the own fighter."""
    newest = live.adaptive.newest
    if level == ADAPTIVE and any(rung is newest for rung in slot.rungs):
        return newest
    return slot.at_level(min(level, len(LEVELS)))


def _placed(level: int, slot: PolicySlot, rung: Rung) -> str:
    """Who plays, one weaker than the champion at its best after its place: "level 2, easy: version 1"."""
    name = name_of(rung.policy)
    if rung.policy is slot.champion and not rung.temperature:
        return name
    if level != ADAPTIVE:
        return f"level {level}, {LEVEL_NAMES[level - 1]}: {name}"
    levels = [slot.at_level(number) for number in range(1, ADAPTIVE)]
    below = [at for at, other in enumerate(levels) if other is not None and other.points <= rung.points]
    if not below:
        return f"adaptive, below {LEVEL_NAMES[0]}: {name}"
    lower = below[-1]
    same = lower == len(LEVELS) - 1 or any(other is rung for other in levels)
    return f"adaptive, {'above ' * (not same)}{LEVEL_NAMES[lower]}: {name}"


def _difficulty(
    level: int, slot: PolicySlot, live: LiveBattles, bots: Sequence[Mapping[str, Any]], two_sides: bool
) -> dict[str, Any]:
    rung, note = (slot.at_level(level), "") if level < ADAPTIVE else (None, "")
    if level == ADAPTIVE:
        levels = [slot.at_level(number) for number in range(1, ADAPTIVE)]
        note = f"adaptive: {live.adaptive.standing(levels, slot.rungs)}"
    elif rung is not None and slot.rated and bots:
        bot = min(bots, key=lambda each: abs(rung.points - each["rating"]))
        note = f"level {level} is rated {rung.points:,.0f}, the bot {bot['name']} {bot['rating']:,.0f}"
        if two_sides:
            won = win_share(bot["rating"], rung.points)
            note = f"the bot {bot['name']} wins {won:.0%} against level {level}, which is rated {rung.points:,.0f}"
        if level < len(LEVELS) and (best := slot.points.get(slot.champion.version)) is not None:
            note += f"; {name_of(slot.champion)} at its best is rated {best:,.0f}"
    if level < len(LEVELS) or level == ADAPTIVE:
        unrated = "no battles have measured the levels: they are older versions, by live results alone"
        note = "; ".join(filter(None, [note, unrated * (bool(slot.rungs) and not slot.rated)]))
    return {"level": level, "name": LEVEL_NAMES[level - 1], "levels": list(LEVEL_NAMES), "note": note}


def trial_waits(switches: Switches, slot: PolicySlot, rung: Rung | None, trainer_works: bool) -> str:
    """Why no battle that begins now is part of a trial, whether one runs or not; "" where nothing is in its way.

    `rung`: who plays it otherwise, None: the game's own fighter.
    """
    if not (switches.on and switches.recording and switches.learning):
        return "learning is off" if switches.on and switches.recording else "nothing is recorded"
    if (None if rung is None else rung.policy) is not slot.playing():
        return "an older version plays at this level, and a trial is against the newest"
    return "" if trainer_works else "the trainer does not answer"


def _playing(who: str, tried: bool, slot: PolicySlot, waits: str) -> str:
    """`who` plays other battles than those of a trial."""
    if tried:
        return f"{ON_TRIAL}; {who.partition(';')[0]} in other battles"
    return who + "; a candidate plays some battles" * (slot.trial is not None and not waits)


def _gate(given: Mapping[str, Any], trial_waits: str) -> dict[str, Any]:
    gate = {**{name: given[f"gate_{name}"] for name in GATE}, "judged": given["judged_pairs"]}
    if gate["state"] == "on trial" and trial_waits:
        gate |= {"state": "trial waits", "waits": trial_waits}
    return gate


def _own(switches: Switches, learning: bool, recorder: Mapping[str, Any], given: Mapping[str, Any]) -> str:
    """The game's own fighter, and why it plays."""
    watched = f"{max(recorder['recorded'], given['fill']):,} decisions watched" if learning else "learning is off"
    why = "the plugin is off" if not switches.on else watched if switches.recording else "recording is off"
    return f"{OWN_FIGHTER}; {why}"


def _record(results: Sequence[int]) -> dict[str, Any]:
    wins, battles = sum(result > 0 for result in results), len(results)
    if not battles:
        return {"battles": 0, "wins": 0, "win_rate": None, "interval": None}
    share = wins / battles
    return {"battles": battles, "wins": wins, "win_rate": share, "interval": list(wilson_interval(share, battles))}


def _window(on: bool, learning: bool, window: Mapping[str, Any]) -> dict[str, Any]:
    if on and learning:
        return dict(window)
    why = "learning is off" if on else "the plugin is off"
    return {"open": False, "why": why, "share": 0.0, "run_on_ms": None}
