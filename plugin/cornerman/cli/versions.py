"""`cornerman versions`: lists the stored versions, draws their family tree, and changes which of them plays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from cornerman.cli.output import draw_to
from cornerman.contract import CornermanError, Game, HeadlessGame
from cornerman.evaluation.ratings import Rating
from cornerman.experience.encoder import Encoder
from cornerman.models.exchange import ONNX, export_version, import_version, read_file_to_import, try_out
from cornerman.models.manifest import Identity
from cornerman.models.registry import VersionEntry
from cornerman.models.store import Store
from cornerman.models.weights import damage

HEADER = f"{'version':>7}  {'state':<12} {'date':<16} {'parent':>6} {'steps':>9} {'gate':>5}  {'rating':<22} rows"
BRANCH, TRUNK = "+- ", "|  "
"""What every console and pipe can show."""
UNRATED = (
    "No version is rated: ratings come from headless battles of the gate, not from trials in live ones, or with a "
    "model whose levels were measured."
)
LOWEST = "The bot that these battles rate lowest stands at 0: --game says which is the weakest."
UNTRAINED = (
    "Version {} has learned nothing and does not play except with the setting from_nothing: the model that the game "
    "ships does, unless it was rolled back, or else the game's own fighter."
)


class StoredVersions:
    """The versions of one data folder. Every method raises CornermanError with a sentence.

    What changes something holds the folder's lock meanwhile, so that it never meets a game that is running.
    """

    def __init__(self, folder: Path, identity: Identity, game: Game | None = None) -> None:
        """`game` is needed for smoke battles, and to say which bot is the weakest, whose rating is 0; without it the
        one that is rated lowest counts as that."""
        self._folder, self._identity, self._game = folder, identity, game

    def _writing(self) -> Store:
        return Store(self._folder, self._identity, who="cornerman versions")

    def lines(self) -> list[str]:
        """The versions as a table, newest last, and how strong the bots are on the same scale."""
        entries, ratings, sentences = self.read()
        lines = [HEADER, *(_row(entry, ratings) for entry in entries)]
        bots = [f"{name} {rating_text(rating)}" for name, rating in ratings.items() if not name.isdigit()]
        if entries and not any(name.isdigit() for name in ratings):
            sentences.append(UNRATED)
        if bots:
            lines += ["", f"Bots on the same scale: {', '.join(bots)}"]
            sentences += [] if isinstance(self._game, HeadlessGame) else [LOWEST]
        sentences += [UNTRAINED.format(entry.version) for entry in entries if _state(entry) == "untrained"]
        return [*lines, *([""] if sentences else []), *sentences]

    def tree(self) -> list[str]:
        """The family tree in text."""
        entries, ratings, sentences = self.read()
        return [*tree_lines(entries, ratings), *sentences]

    def plot(self, path: Path) -> str:
        entries, ratings, _ = self.read()
        return draw_to(path, lambda: _draw(entries, ratings, path))

    def read(self) -> tuple[list[VersionEntry], dict[str, Rating], list[str]]:
        """Every stored version, oldest first, ratings by name as `Store.ratings` gives them, and what is wrong.

        A version whose weights do not load is shown as damaged; a history that cannot be read costs only the ratings.
        """
        with Store(self._folder, self._identity) as store:
            entries = store.registry.versions()
            for place, entry in enumerate(entries):
                problem = entry.problem or damage(self._folder / "versions" / f"{entry.version:06d}")
                if problem:
                    entries[place] = VersionEntry(entry.version, "damaged", None, problem)
            bots = [*self._game.bots] if isinstance(self._game, HeadlessGame) else []
            try:
                history = store.history()
                meetings, sentences = history.meetings(), history.sentences
            except CornermanError as error:
                return entries, store.came_with(), [str(error)]
            return entries, store.ratings(meetings, bots), sentences

    def promote(self, version: int) -> str:
        with self._writing() as store:
            check_stored(store, version)
            before = store.registry.champion
            store.registry.promote(version)
            learned = store.registry.manifest(version).learned
        if not learned:
            back = "" if before in (None, version) else f"; rollback brings version {before} back"
            return f"Version {version} is the champion now{back}. {UNTRAINED.format(version)}"
        if before == version:
            return f"Version {version} plays already."
        plays = f"Version {version} plays from the next start on"
        return f"{plays}." if before is None else f"{plays}, after version {before}; rollback brings that back."

    def roll_back(self) -> str:
        with self._writing() as store:
            before, now = store.registry.champion, store.registry.roll_back()
            sentences = store.registry.sentences
            learned = now is not None and store.registry.manifest(now).learned
        if now is None:
            raise CornermanError(" ".join([*sentences, "there is no earlier champion to go back to"]))
        who = f"Version {now} plays again" if learned else UNTRAINED.format(now).rstrip(".")
        return "\n".join([*sentences, f"{who}; version {before} is kept as rolled back."])

    def export(self, version: int, path: Path) -> str:
        if path.suffix.lower() == ONNX:
            raise CornermanError(f"a .zip is written, not {path.name}; 'cornerman export {version} {path}' writes ONNX")
        with Store(self._folder, self._identity) as store:
            check_stored(store, version)
            export_version(store.registry, version, path)
        return f"Version {version} is in {path}; 'cornerman versions import' adds it elsewhere."

    def import_file(self, path: Path) -> str:
        """Add a version from elsewhere, in quarantine until `try_out` releases it; a new folder is begun for it."""
        if not path.exists():
            raise CornermanError(f"there is no {path}")
        read_file_to_import(self._identity, path)  # a refused file begins no folder
        with self._writing() as store:
            version = import_version(store.registry, self._identity, path)
            then = f"'cornerman versions promote {version}' lets it play."
            if not store.registry.quarantined(version):
                return f"Version {version} is the same and was imported before. {then}"
            if self._game is None:
                waits = f"Version {version} was imported and stays in quarantine: there is no game for a smoke battle"
                return f"{waits}; import it again with --game module:attribute."
            passed = try_out(store.registry, version, self._game, Encoder(self._game))
        return f"Version {version} was imported and {passed}. {then}"

    def prune(self, keep: int) -> str:
        if keep < 1:
            raise CornermanError("--keep must be at least 1")
        with self._writing() as store:
            gone, left = store.registry.prune(keep), len(store.registry.numbers())
        versions, are = "version" if len(gone) == 1 else "versions", "is" if left == 1 else "are"
        what = f"Deleted {len(gone)} {versions}, {left} {are} left"
        return f"{what} (version 0, the champion and its predecessor always stay)." if left > keep else f"{what}."


def check_stored(store: Store, version: int) -> None:
    """CornermanError, with the versions that there are, where this one is not stored."""
    if version not in store.registry.numbers():
        numbers = ", ".join(str(number) for number in store.registry.numbers()[-12:])
        raise CornermanError(f"there is no version {version}; there are {numbers or 'none'}")


def tree_lines(entries: Sequence[VersionEntry], ratings: Mapping[str, Rating]) -> list[str]:
    """One line a version, families apart, e.g.

        0  kept
        1  kept  +40 (-5 to +85)  400 steps
        +- 2  rolled back  800 steps
        3  champion  +112 (+60 to +164)  1,200 steps

    The newest child goes on in its parent's column; its older siblings branch off above it. A version whose parent is
    gone, damaged or unknown begins a family.
    """
    known = {entry.version for entry in entries if entry.manifest is not None}
    children: dict[int | None, list[VersionEntry]] = {}
    for entry in sorted(entries, key=lambda entry: entry.version):
        parent = entry.manifest.parent if entry.manifest is not None else None
        # A parent is always older; a manifest that says otherwise must not lead in a circle.
        children.setdefault(parent if parent in known and parent < entry.version else None, []).append(entry)
    lines: list[str] = []
    for founder in children.get(None, []):
        lines += [""] if lines else []
        waiting = [(founder, "", "")]
        while waiting:
            entry, before, branch = waiting.pop()
            lines.append(f"{before}{branch}{entry.version}  {_described(entry, ratings.get(str(entry.version)))}")
            column = before + (TRUNK if branch else "")
            offspring = children.get(entry.version, [])
            waiting += [(heir, column, "") for heir in offspring[-1:]]
            waiting += [(sibling, column, BRANCH) for sibling in reversed(offspring[:-1])]
    return lines


def _state(entry: VersionEntry) -> str:
    untrained = entry.state == "champion" and entry.manifest is not None and not entry.manifest.learned
    return "untrained" if untrained else entry.state


def _described(entry: VersionEntry, rating: Rating | None) -> str:
    if entry.manifest is None:
        return f"{entry.state}: {entry.problem}"
    words = [_state(entry)]
    if rating is not None:
        words.append(rating_text(rating))
    if entry.manifest.learning_steps:
        words.append(f"{entry.manifest.learning_steps:,} steps")
    return "  ".join(words)


def rating_text(rating: Rating) -> str:
    if rating.low == rating.high:
        return f"{rating.points:+.0f}"
    return f"{rating.points:+.0f} ({rating.low:+.0f} to {rating.high:+.0f})"


def _row(entry: VersionEntry, ratings: Mapping[str, Rating]) -> str:
    manifest = entry.manifest
    if manifest is None:
        return f"{entry.version:>7}  {entry.state:<12} {entry.problem}"
    score = (manifest.gate or {}).get("score")
    gate = "-"
    if isinstance(score, int | float) and manifest.passed_gate:
        gate = f"{min(max(score, 0.0), 1.0):.0%}"  # older ones may have more
    rating = ratings.get(str(entry.version))
    rows = ", ".join(f"{count:,} {source}" for source, count in sorted(manifest.rows.items()) if count) or "-"
    parent = "-" if manifest.parent is None else str(manifest.parent)
    return (
        f"{entry.version:>7}  {_state(entry):<12} {manifest.created[:16].replace('T', ' '):<16} {parent:>6} "
        f"{manifest.learning_steps:>9,} {gate:>5}  {'not rated' if rating is None else rating_text(rating):<22} {rows}"
    )


def _draw(entries: list[VersionEntry], ratings: Mapping[str, Rating], path: Path) -> None:
    """Versions by learning steps and rating, each joined to its parent; bots as lines across."""
    from matplotlib.figure import Figure  # here and not above: only this needs it

    figure = Figure(figsize=(9, 5.5), layout="constrained")
    axes = figure.subplots()
    places: dict[int, tuple[float, float]] = {}
    for entry in entries:
        rating = ratings.get(str(entry.version))
        if entry.manifest is None:
            continue
        steps, points = float(entry.manifest.learning_steps), rating.points if rating else 0.0
        places[entry.version] = (steps, points)
        colour = {"champion": "tab:green", "rolled back": "tab:red"}.get(entry.state, "tab:blue")
        spread = [[points - rating.low], [rating.high - points]] if rating else None
        marker = "o" if rating else "x"
        axes.errorbar(steps, points, yerr=spread, fmt=marker, color=colour, capsize=3)
        axes.annotate(str(entry.version), (steps, points), xytext=(5, 5), textcoords="offset points")
        if entry.manifest.parent in places:
            start = places[entry.manifest.parent]
            axes.plot((start[0], steps), (start[1], points), color="0.6", linewidth=1, zorder=0)
    for name, rating in ratings.items():
        if not name.isdigit():
            axes.axhline(rating.points, color="0.7", linestyle=":")
            axes.annotate(name, (1, rating.points), xycoords=("axes fraction", "data"), ha="right", va="bottom")
    axes.set_xlabel("learning steps")
    axes.set_ylabel("rating (400 points are odds of ten to one)")
    axes.set_title("Stored versions: champion green, rolled back red, a cross has no rating yet")
    figure.savefig(path)
