"""The page of a report: one HTML file that needs no network, no script and no other file.

Everything that comes out of a file is escaped, and the page forbids its browser to load anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import Any

from cornerman import __version__
from cornerman.cli.report.curves import Card, cards, number
from cornerman.cli.report.gathered import Gathered
from cornerman.cli.versions import rating_text, tree_lines
from cornerman.contract import printable
from cornerman.evaluation.significance import wilson_interval
from cornerman.models.manifest import BASE
from cornerman.policy.policy_slot import OWN_FIGHTER, counted

MOST_HAPPENED = 200
ORIGINS = {"trained": "made", BASE: "taken over from the game", "imported": "imported"}
STYLE = Path(__file__).with_name("style.css")


def page(found: Gathered, now: float) -> str:
    """The report as HTML; `now`: seconds since 1970, UTC."""
    drawn = cards(found)
    unknown = [f"{card.title}: {card.note}" for card in drawn if not card.picture]
    name = f"{found.identity.game} {found.identity.game_version}" if found.identity else "A game"
    parts = [
        f"<h1>{_text(name)}: what Cornerman has learned</h1>",
        f"<p>Made {moment(now)} from {_text(found.folder)} by Cornerman {__version__}.</p>",
        _section("Not readable, and left out", _list(found.problems), "problems") if found.problems else "",
        f'<dl class="facts">{"".join(_fact(*fact) for fact in facts(found))}</dl>',
        f'<div class="cards">{"".join(_chart(card) for card in drawn if card.picture)}</div>',
        _section("Not known yet", _list(unknown)) if unknown else "",
        _section("What it knows of the player", _habits(found)),
        _section("Family tree", _tree(found)),
        _section("What happened", _happened(found)),
        _section("Recorded data, last session", _list(found.quality)) if found.quality else "",
    ]
    head = (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>{_text(name)}: Cornerman</title><style>{STYLE.read_text('utf-8')}</style></head>"
    )
    return f"{head}\n<body>\n{chr(10).join(filter(None, parts))}\n</body></html>\n"


def moment(seconds: float) -> str:
    """A time in UTC; "" where a file gives none that there is."""
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")
    except (ValueError, OverflowError, OSError):
        return ""


def facts(found: Gathered) -> Iterator[tuple[str, str]]:
    """The figures at the top of the page, by name."""
    champion = next((entry for entry in found.entries if entry.state == "champion"), None)
    if champion is not None:
        rating = found.ratings.get(str(champion.version))
        learned = champion.manifest is None or champion.manifest.learned
        known = f", rated {rating_text(rating)} at its best" if rating else ", not rated"
        yield "Plays", f"version {champion.version}{known}" if learned else "no version that has learned yet"
    yield "Versions stored", f"{len(found.entries)}"
    tried = len(found.gates)
    yield "Candidates judged", f"{tried:,}, {sum(bool(gate['promote']) for gate in found.gates):,} promoted"
    for what, live in (
        ("Against the player", found.live),
        ("Against the player, before a version had learned", found.own_live),
    ):
        if scores := [score for _, _, opponent, score in live if opponent == "player"]:
            share, (low, high) = sum(scores) / len(scores), wilson_interval(sum(scores) / len(scores), len(scores))
            yield what, f"{share:.0%} won ({low:.0%} to {high:.0%}), {counted(len(scores), 'battle')}"
    for what, key, form in (
        ("Learning steps", "steps", ",.0f"),
        ("Loss", "loss", ".3g"),
        ("Value accuracy", "accuracy", ".0%"),
    ):
        last = next((value for line in reversed(found.figures) if (value := number(line.get(key))) is not None), None)
        if last is not None:
            yield what, format(last, form)
    if found.figures:
        line = found.figures[-1]
        begun, at = number(line.get("session")), number(line.get("at"))
        when = "" if begun is None or at is None else moment(begun + at)
        yield "Last logged", f"{when}, {'bulk training' if line.get('source') == 'bulk' else 'in the game'}"
        yield "Learns on", str(line.get("device") or "not known")


def _fact(name: str, value: str) -> str:
    return f"<div><dt>{name}</dt><dd>{_text(value)}</dd></div>"


def _chart(card: Card) -> str:
    note = f'<p class="note">{_text(card.note)}</p>' if card.note else ""
    return f"<section><h2>{_text(card.title)}</h2>{card.picture}{note}</section>\n"


def _habits(found: Gathered) -> str:
    parts = [f"<p>{_text(found.no_habits)}</p>"] if found.no_habits else []
    for player, known in found.habits.items():
        parts.append(f"<h3>{_text(player or 'The player')}</h3>")
        if known:
            share, after = number(known["champion_foresees"]), f"after {known['battles']:,} battles"
            alone = "" if share is None else f" ({share:.0%} by the computer without knowing the player)"
            parts.append(f"<p>{known['foreseen']:.0%} of the last moves were foreseen{alone}, {after}.</p>")
        parts.append(_list(known.get("habits", []) or ["No habit stands out yet."]))
    return "".join(parts)


def _tree(found: Gathered) -> str:
    if not found.entries:
        return "<p>No version is stored.</p>"
    return f'<div class="wide"><pre>{_text(chr(10).join(tree_lines(found.entries, found.ratings)))}</pre></div>'


def _happened(found: Gathered) -> str:
    rows = sorted(_events(found), key=lambda row: -row[0])
    if not rows:
        return "<p>Nothing yet.</p>"
    cells = [f"<tr><td>{moment(when)}</td><td>{_text(text)}</td></tr>" for when, text in rows[:MOST_HAPPENED]]
    more = f"<p>{len(rows) - MOST_HAPPENED:,} earlier ones are left out.</p>" if len(rows) > MOST_HAPPENED else ""
    return f"<table>{''.join(cells)}</table>{more}"


def _events(found: Gathered) -> Iterator[tuple[float, str]]:
    untrained = [entry.version for entry in found.entries if entry.manifest and not entry.manifest.learned]
    for gate in found.gates:
        met = OWN_FIGHTER if gate["champion"] in untrained else f"version {gate['champion']}"
        who = "A candidate" if gate["candidate"] is None else f"Version {gate['candidate']}"
        yield number(gate["time"]) or 0.0, f"{who} against {met}. {gate['reason']}"
    for entry in found.entries:
        if entry.manifest is not None and not entry.manifest.passed_gate:
            words = ORIGINS.get(entry.manifest.origin, entry.manifest.origin)
            with suppress(ValueError):  # it may be a stranger's version, whose manifest says any text
                yield (
                    datetime.fromisoformat(entry.manifest.created).timestamp(),
                    f"Version {entry.version} was {words}.",
                )
    session, rested = None, ""
    for line in found.figures:
        begun, at = number(line.get("session")), number(line.get("at"))
        if begun is None or at is None:
            continue
        if begun != session:
            session, rested = begun, ""
            yield begun, f"{'Bulk training' if line.get('source') == 'bulk' else 'A session of the game'} began."
        rest = str(line.get("rest") or "")
        if re.sub(r"\d+", "", rest) != rested:  # at 82 degrees and at 83 it is one rest
            rested = re.sub(r"\d+", "", rest)
            yield begun + at, f"Learning rests: {rest}" if rest else "Learning goes on."


def _section(title: str, body: str, kind: str = "") -> str:
    return f'<section class="{kind}"><h2>{title}</h2>{body}</section>'


def _list(sentences: Sequence[str]) -> str:
    return f"<ul>{''.join(f'<li>{_text(sentence)}</li>' for sentence in sentences)}</ul>"


def _text(value: Any) -> str:
    """Words out of a file, for HTML; the line ends of a tree are kept."""
    return "\n".join(escape(printable(line)) for line in str(value).split("\n"))
