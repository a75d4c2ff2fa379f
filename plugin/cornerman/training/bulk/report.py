"""Report of bulk training: learning curve, ladder with intervals, action use, cross table; as text and as a picture.

The battles of the cross table are played here, greedily and side-swapped. matplotlib only for the picture.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

from cornerman.contract import HeadlessGame
from cornerman.evaluation.arena import evaluate, pair_seed
from cornerman.evaluation.headless import Agent
from cornerman.evaluation.ratings import Meeting, Rating, rate
from cornerman.experience.encoder import Encoder
from cornerman.policy.policy import Policy
from cornerman.selfplay.league import WEAKEST_POINTS
from cornerman.training.bulk.plan import Progress

CURVE_LINES = 12


def write_report(
    folder: Path,
    game: HeadlessGame,
    champions: Sequence[Policy],
    progress: Progress,
    machine: Sequence[str],
    num_battles: int,
    stopped: Callable[[], bool] = lambda: False,
) -> str:
    """Play the cross table, write report.txt and, where matplotlib is there, report.png; returns the text.

    `machine`: sentences about devices. Once `stopped` is true no battle is played any more, and the cross table and the
    ladder are left out.
    """
    actions = dict(zip(game.action_names, progress.actions, strict=True))
    parts = {"Learning curve (recent score of the exploring policy against each bot)": curve_text(progress.curve)}
    meetings = cross_table(game, champions, num_battles, stopped)
    ladder: dict[str, Rating] = {}
    if meetings:
        names = list(dict.fromkeys(name for meeting in meetings for name in (meeting.player, meeting.opponent)))
        weakest = next(iter(game.bots), names[0])
        ladder = rate(meetings, {weakest: WEAKEST_POINTS})
        parts[f"Ladder (greedy; 95 % intervals; {weakest} is {WEAKEST_POINTS:.0f})"] = ladder_text(ladder)
        table = f"Cross table (score of the row against the column, {num_battles} battles a pair)"
        parts[table] = table_text(names, meetings)
    parts["Action use of the policy that learned"] = action_text(actions)
    if progress.dropped:
        parts["Faulty battles that were dropped"] = ", ".join(
            f"{n:,} {reason}" for reason, n in progress.dropped.items()
        )
    parts["Devices"] = "\n".join(machine)
    text = "\n\n".join(f"{heading}\n{body}" for heading, body in parts.items())
    (folder / "report.txt").write_text(text + "\n", encoding="utf-8")
    try:
        draw_report(folder / "report.png", progress.curve, ladder, actions)
    except ImportError:
        return f"{text}\n\nNo picture: matplotlib is not installed (pip install matplotlib)."
    return f"{text}\n\nPicture: {folder / 'report.png'}"


def cross_table(
    game: HeadlessGame, champions: Sequence[Policy], num_battles: int, stopped: Callable[[], bool]
) -> list[Meeting]:
    """All pairings of the champion, its predecessor, the oldest one kept and the bots; empty where stopped."""
    chosen = (champions[-1], champions[max(0, len(champions) - 2)], champions[0])
    agents: dict[str, Agent] = {**{f"version {policy.version}": policy for policy in chosen}, **game.bots}
    encoder, meetings = Encoder(game), []
    for number, (first, second) in enumerate(combinations(agents, 2)):
        seed, pair = pair_seed(0, number, "report"), (agents[first], agents[second])
        result = evaluate(*pair, game, num_battles, seed, encoder=encoder, stopped=stopped)
        if stopped():
            return []
        meetings.append(Meeting(first, second, result.score * len(result.ended), len(result.ended)))
    return meetings


def curve_text(curve: Sequence[Mapping[str, Any]]) -> str:
    """A line for each of at most `CURVE_LINES` moments, evenly spread."""
    if not curve:
        return "too short for a curve"
    step, names = max(1, -(-len(curve) // CURVE_LINES)), list(curve[-1]["score"])
    head = f"{'decisions':>14} {'minutes':>8} {'steps':>9} {'version':>8}"
    lines = [head + "".join(f" {name:>10}" for name in names)]
    for entry in (*curve[:-1:step], curve[-1]):
        scores = "".join(f" {entry['score'].get(name, 0.5):>10.0%}" for name in names)
        minutes = entry["seconds"] / 60
        lines.append(f"{entry['decisions']:>14,} {minutes:>8.1f} {entry['steps']:>9,} {entry['version']:>8}{scores}")
    return "\n".join(lines)


def ladder_text(ladder: Mapping[str, Rating]) -> str:
    return "\n".join(
        f"{name:<14} {rating.points:7.0f}  ({rating.low:.0f} to {rating.high:.0f}), {rating.battles} battles"
        for name, rating in ladder.items()
    )


def table_text(names: Sequence[str], meetings: Sequence[Meeting]) -> str:
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
