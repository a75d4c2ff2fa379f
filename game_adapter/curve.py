"""The learning curve of a series, as a PNG. Needs matplotlib (extra `plot`), imported only here and only when asked."""

from __future__ import annotations

from pathlib import Path

from game_adapter.series import RECENT, Series


def draw_curve(series: Series, path: Path) -> None:
    """Share of battles won over the last 50, and the swaps; ImportError without matplotlib."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    won = [battle.winner == series.plugin for battle in series.played]
    battles = range(1, len(won) + 1)
    recent = [sum(won[max(0, n - RECENT) : n]) / min(n, RECENT) for n in battles]
    figure = Figure(figsize=(9, 5), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.axhline(0.5, color="0.8", linewidth=1)
    axes.plot(battles, recent, color="#c8452f", linewidth=2)
    for battle, version in series.swaps:
        axes.axvline(battle, color="#33658a", linewidth=1, linestyle=":")
        axes.annotate(f"v{version}", (battle, 0.02), color="#33658a", fontsize=8, rotation=90, ha="right", va="bottom")
    axes.set(
        xlim=(1, max(2, len(won))),
        ylim=(0, 1),
        xlabel="battle",
        ylabel=f"share won of the last {RECENT}",
        title=f"{series.plugin} against {series.bot} in {series.game.name} (dotted: a version passed the gate)",
    )
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    figure.savefig(path)
