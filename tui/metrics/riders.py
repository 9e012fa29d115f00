"""Who rode in a class, as bars; and the same as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.text import Text

from hub import times
from hub.classes.rides import METRICS
from hub.look.class_metrics import OneClass, Rider
from hub.notify.wording import metric_text
from tui.chart import spark
from tui.metrics.sheet import Row, Sheet
from tui.metrics.words import LEGEND, MEASURES, measured, number_text, title_of
from tui.table import Column, IdTable
from tui.theme import bar, glyph, state
from tui.words import clean

__all__ = ["SHEET", "RiderTable", "key_of", "rider_cells", "sheet_of"]

SPARK = 7
SHORT_TITLES = {"power_avg_w": "Watts", "hr_avg_bpm": "Pulse", "cadence_avg_rpm": "Cadence", "speed_avg_kmh": "Speed",
                "power_max_w": "Max watts", "hr_max_bpm": "Max pulse", "cadence_max_rpm": "Max cad.",
                "speed_max_kmh": "Max speed"}  # fmt: skip

SHEET = (
    Column("name", "Rider", 16, grow=True),
    *(
        Column(metric, SHORT_TITLES.get(metric, title_of(metric).capitalize()), 9, drop=place, right=True)
        for place, metric in enumerate(MEASURES)
    ),
    Column("note", "", 10, drop=len(MEASURES)),
)
"""The columns of the table: what says least goes first where there is no room."""


class RiderTable(IdTable):
    """Bars are as long as their column, so they are made anew for another width."""

    def on_resize(self) -> None:
        """Another width."""
        super().on_resize()
        self.forget()

    def width_of(self, key: str) -> int:
        """How wide a column is now."""
        return next((width for column, width in self._widths() if column.key == key), 0)


def key_of(rider: Rider) -> str:
    """What the cursor belongs to: a result, or somebody without one."""
    return f"r{rider.ride.result_id}" if rider.ride is not None else f"m{rider.member}"


def rider_cells(
    rider: Rider, metric: str, top: float, width: int, colours: Mapping[str, str], *, waits: bool
) -> dict[str, Text | str]:
    """One rider: the bar is from 0 to the highest value of the class."""
    name, ride = clean(rider.name), rider.ride
    if ride is None:
        look, word = (state("planned"), "no data yet") if waits else (state("removed"), "no data")
        said: dict[str, Text | str] = {"name": name, "bar": Text(f"{glyph(look)} {word}", style=colours["muted"])}
        return said if width else {**said, "value": f"{glyph(look)} none"}
    value = ride.metrics.get(metric)
    recent = Text(spark([one.sound.get(metric) for one in rider.recent], SPARK), style=colours["muted"])
    if value is None:
        return {"name": name, "bar": Text("not measured", style=colours["muted"]), "value": "–", "spark": recent}
    number = number_text(metric, value)
    if metric in ride.implausible:
        look = state("warning")
        odd = Text.assemble((f"{glyph(look)} ", colours[look.colour]), ("can hardly be, left out", colours["muted"]))
        return {"name": name, "bar": odd, "value": f"{number} ?", "spark": recent}
    drawn = bar(value / top if top else 0.0, width, colours["accent"], colours["faint"])
    return {"name": name, "bar": drawn, "value": number, "spark": recent}


def sheet_of(one: OneClass, weeks: Sequence[tuple[str, float | None, float | None]], metric: str) -> Sheet:
    """A class as a table: its means, its riders, what was dropped, and the weeks of the chart."""
    view, zone = one.view, times.zone(one.view.timezone)
    rows = {"mean": Row({"name": "mean of all shown", **_mean_cells(one.means)})}
    if one.before:
        usual = {name: number for name in MEASURES if (number := _usual(one, name)) is not None}
        rows["before"] = Row({"name": f"mean of {len(one.before)} before", **_mean_cells(usual)})
    for rider in one.by(metric):
        rows[key_of(rider)] = _row(rider, "" if rider.ride is not None else "no data")
    for rider in one.dropped:
        rows[key_of(rider)] = _row(rider, "○ dropped", dropped=True)
    for number, (week, own, every) in enumerate(weeks):
        said = f"{_mean(metric, own)} in {view.name or view.session}, {_mean(metric, every)} in all classes"
        rows[f"week{number}"] = Row({"*": f"Week to {week}: {title_of(metric)} {said}", "name": f"Week to {week}",
                                     "note": said})  # fmt: skip
    when = view.starts_at.astimezone(zone)
    unseen = f"   {one.unseen} not shown, at own wish" if one.unseen else ""
    title = f"{clean(view.name or view.session)}  {when:%a %-d %b %Y %H:%M}{unseen}"
    return Sheet(title, SHEET, rows, LEGEND)


def _row(rider: Rider, note: str, *, dropped: bool = False) -> Row:
    ride, name = rider.ride, clean(rider.name)
    cells = {metric: measured(ride, metric) for metric in MEASURES} if ride is not None else {}
    result = (ride.result_id, name, dropped) if ride is not None else None
    if note and ride is not None:
        name = f"{name} {note}"
    return Row({"name": name, **cells, "note": note}, rider.member, result)


def _mean_cells(means: Mapping[str, float]) -> dict[str, str]:
    return {name: number_text(name, means[name]) if name in means else "–" for name in MEASURES}


def _mean(metric: str, value: float | None) -> str:
    return metric_text(METRICS[metric], value, "en")


def _usual(one: OneClass, metric: str) -> float | None:
    more = one.more(metric)
    return one.means[metric] / (1 + more) if more is not None and more > -1 else None
