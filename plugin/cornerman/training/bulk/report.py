"""What bulk training came to: learning curve, ladder with intervals, action use, cross table; as text and as a picture.

The battles of the cross table are played here, greedily and side-swapped. matplotlib only for the picture.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any, Protocol

from cornerman.contract import HeadlessGame
from cornerman.evaluation.arena import Agent, evaluate, pair_seed
from cornerman.evaluation.ratings import Meeting, Rating, rate
from cornerman.experience.encoder import Encoder
from cornerman.policy.policy_slot import PolicySlot

CURVE_LINES = 12
ANCHOR_POINTS = 0.0
"""The weakest scripted fighter's, by definition."""


class Trained(Protocol):
    """What is read of a run."""

    @property
    def game(self) -> HeadlessGame: ...
    @property
    def progress(self) -> Any: ...
    @property
    def devices(self) -> Mapping[str, Any]: ...
    @property
    def faults(self) -> Sequence[str]: ...


def write_report(run: Trained, slot: PolicySlot, folder: Path, num_battles: int) -> str:
    """Play the cross table, write report.txt and, where matplotlib is there, report.png; returns the text."""
    names, meetings = cross_table(run.game, slot, num_battles)
    weakest = next(iter(run.game.bots), names[0])
    ladder = rate(meetings, {weakest: ANCHOR_POINTS})
    actions = dict(zip(run.game.action_names, run.progress.actions, strict=True))
    text = "\n\n".join(
        [
            "Learning curve (recent score of the exploring policy against each scripted fighter)\n"
            + curve_text(run.progress.curve),
            "Ladder (greedy; 95 % intervals; " + f"{weakest} is {ANCHOR_POINTS:.0f})\n" + ladder_text(ladder),
            f"Cross table (score of the row against the column, {num_battles} battles a pair)\n"
            + table_text(names, meetings),
            "Action use of the policy that learned\n" + action_text(actions),
            "Devices\n" + "\n".join([*(choice.why for choice in run.devices.values()), *run.faults]),
        ]
    )
    (folder / "report.txt").write_text(text + "\n", encoding="utf-8")
    try:
        draw_report(folder / "report.png", run.progress.curve, ladder, actions)
    except ImportError:
        return f"{text}\n\nNo picture: matplotlib is not installed (pip install matplotlib)."
    return f"{text}\n\nPicture: {folder / 'report.png'}"


def cross_table(game: HeadlessGame, slot: PolicySlot, num_battles: int) -> tuple[list[str], list[Meeting]]:
    """Everyone against everyone: the champion, its predecessor, the oldest one kept, the scripted fighters."""
    line = {f"version {policy.version}": policy for policy in (slot.champion, slot.back(1), slot.oldest)}
    players: dict[str, Agent] = {**line, **game.bots}
    encoder, meetings = Encoder(game), []
    for number, (first, second) in enumerate(combinations(players, 2)):
        seed = pair_seed(0, number, "report")
        result = evaluate(players[first], players[second], game, num_battles, seed, encoder=encoder)
        meetings.append(Meeting(first, second, result.score * result.num_battles, result.num_battles))
    return list(players), meetings


def curve_text(curve: Sequence[Mapping[str, Any]]) -> str:
    """A line for each of at most `CURVE_LINES` moments, evenly spread."""
    if not curve:
        return "too short to tell"
    step = max(1, -(-len(curve) // CURVE_LINES))
    shown = list(curve[::step])
    if shown[-1] is not curve[-1]:
        shown.append(curve[-1])
    names = list(curve[-1]["score"])
    lines = [
        f"{'decisions':>14} {'minutes':>8} {'steps':>9} {'version':>8}" + "".join(f" {name:>10}" for name in names)
    ]
    for entry in shown:
        scores = "".join(f" {entry['score'].get(name, 0.5):>10.0%}" for name in names)
        minutes = entry["seconds"] / 60
        lines.append(f"{entry['decisions']:>14,} {minutes:>8.1f} {entry['steps']:>9,} {entry['version']:>8}{scores}")
    return "\n".join(lines)


def ladder_text(ladder: Mapping[str, Rating]) -> str:
    """Strongest first."""
    return "\n".join(
        f"{name:<14} {rating.points:7.0f}  ({rating.low:.0f} to {rating.high:.0f}), {rating.battles} battles"
        for name, rating in ladder.items()
    )


def table_text(names: Sequence[str], meetings: Sequence[Meeting]) -> str:
    """Scores, row against column."""
    scores = {}
    for meeting in meetings:
        share = meeting.score / meeting.battles
        scores[meeting.player, meeting.opponent], scores[meeting.opponent, meeting.player] = share, 1.0 - share
    lines = [" " * 14 + "".join(f"{name[:12]:>13}" for name in names)]
    for row in names:
        cells = (f"{scores[row, column]:>13.0%}" if (row, column) in scores else f"{'':>13}" for column in names)
        lines.append(f"{row:<14}" + "".join(cells))
    return "\n".join(lines)


def action_text(actions: Mapping[str, int]) -> str:
    """Share of each action, as numbers and bars."""
    total = max(1, sum(actions.values()))
    width = max(map(len, actions))
    return "\n".join(
        f"{name:<{width}} {count / total:6.1%} {'#' * round(40 * count / total)}" for name, count in actions.items()
    )


def draw_report(
    path: Path, curve: Sequence[Mapping[str, Any]], ladder: Mapping[str, Rating], actions: Mapping[str, int]
) -> None:
    """Curve, ladder and action use side by side; ImportError where matplotlib is missing."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(15, 5), layout="constrained")
    learning, rungs, use = figure.subplots(1, 3)
    for name in curve[-1]["score"] if curve else ():
        points = [(entry["decisions"], entry["score"].get(name, 0.5)) for entry in curve]
        learning.plot([at for at, _ in points], [score for _, score in points], marker=".", label=f"against {name}")
    learning.set(xlabel="decisions", ylabel="recent score while exploring", ylim=(0, 1), title="Learning curve")
    learning.ticklabel_format(axis="x", style="sci", scilimits=(0, 0))
    if curve:
        learning.legend(loc="lower right")
    names = list(ladder)[::-1]
    middle = [ladder[name].points for name in names]
    spread = [[ladder[n].points - ladder[n].low for n in names], [ladder[n].high - ladder[n].points for n in names]]
    rungs.errorbar(middle, range(len(names)), xerr=spread, fmt="o", capsize=4)
    rungs.set_yticks(range(len(names)), names)
    rungs.set(xlabel="points (400: ten to one)", title="Ladder, 95 % intervals")
    total = max(1, sum(actions.values()))
    use.barh(list(actions)[::-1], [count / total for count in actions.values()][::-1])
    use.set(xlabel="share", title="Action use")
    figure.savefig(path, dpi=90)
