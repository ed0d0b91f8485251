"""Static SVG charts: pure functions of their data, coloured by the page's style sheet alone."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from pulumi_groq.reports.page.markup import Child, Markup, element, fragment


@dataclass(frozen=True, slots=True)
class Scale:
    """Maps 0 to `top` onto `height` units from the bottom up; `ticks` are round numbers within it."""

    top: float
    ticks: tuple[float, ...]

    def part(self, value: float) -> float:
        """From 0 at the bottom to 1 at the top."""
        return value / self.top


def scale_for(largest: float, most_ticks: int = 4, least_step: float = 0.0) -> Scale:
    """A scale from 0 to a round number at or above `largest`, in steps of at least `least_step`."""
    if largest <= 0 or not math.isfinite(largest):
        return Scale(1.0, (0.0, 1.0))
    rough = max(largest / most_ticks, least_step)
    magnitude = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * magnitude for factor in (1, 2, 2.5, 5, 10) if factor * magnitude >= rough * 0.9999)
    count = math.ceil(largest / step - 1e-9)
    return Scale(step * count, tuple(step * number for number in range(count + 1)))


def short_number(value: float) -> str:
    """`0`, `0.25`, `950`, `1.2k`, `3M`: as short as an axis needs it."""
    for size, letter in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:.4g}{letter}"
    return f"{value:.4g}"


WIDE, NARROW = "wide", "narrow"
_LEFT: Final = 40.0
_TOP: Final = 12.0
_BOTTOM: Final = 22.0
_TEXT_GAP: Final = 13.0


@dataclass(frozen=True, slots=True)
class Series:
    """One colour of a chart (0 to 6, as the style sheet has them): a value for each day, 0 or more."""

    label: str
    values: Sequence[float]
    colour: int


@dataclass(frozen=True, slots=True)
class Mark:
    """A horizontal line across the chart; `kind` is its class."""

    value: float
    label: str
    kind: str


@dataclass(frozen=True, slots=True)
class _Frame:
    """The area of the plot inside the drawing."""

    width: float
    height: float
    right: float
    scale: Scale
    days: int

    @property
    def step(self) -> float:
        return (self.width - _LEFT - self.right) / self.days

    def x(self, position: float) -> float:
        return _LEFT + position * self.step

    def y(self, value: float) -> float:
        return self.height - _BOTTOM - self.scale.part(value) * (self.height - _BOTTOM - _TOP)


def stacked_days(
    days: Sequence[date], series: Sequence[Series], label: str, unit: str, *, width: float
) -> Markup:
    """Bars by day, one colour a series; drawn `width` wide, and once more for narrow screens."""
    totals = [sum(each.values[index] for each in series) for index in range(len(days))]

    def draw(width: float, kind: str) -> Markup:
        scale = scale_for(max(totals, default=0.0), least_step=0.01 if unit == "USD" else 1.0)
        frame = _Frame(width, 200.0, 6.0, scale, len(days))
        bars = [_bar(frame, index, series) for index in range(len(days))]
        hints = [_hint(frame, index, _day_hint(day, series, index, unit)) for index, day in enumerate(days)]
        return _drawing(frame, label, kind, [_axes(frame, days), bars, hints])

    return fragment(draw(width, WIDE), draw(330.0, NARROW))


def running_total(
    days: Sequence[date], totals: Sequence[float], projected: float | None, marks: Sequence[Mark], label: str
) -> Markup:
    """The total at the end of each day so far, where it leads by the end of `days`, and lines across."""
    largest = max([*totals, projected or 0.0, *(mark.value for mark in marks)], default=0.0)

    def draw(width: float, kind: str) -> Markup:
        frame = _Frame(
            width,
            260.0,
            110.0 if kind == WIDE else 6.0,
            scale_for(largest * 1.02, least_step=0.01),
            len(days),
        )
        hints = [
            _hint(frame, index, f"{short_day(day)}: {total:,.2f} USD so far")
            for index, (day, total) in enumerate(zip(days, totals, strict=False))
        ]
        children: list[Child] = [
            _axes(frame, days),
            _line(frame, totals, projected),
            _marks(frame, marks, kind),
            hints,
        ]
        return _drawing(frame, label, kind, children)

    return fragment(draw(960.0, WIDE), draw(330.0, NARROW))


def share_bar(part: float, label: str) -> Markup:
    """A small bar that is filled to `part` (1 is all); above that it is full and marked."""
    filled = min(max(part, 0.0), 1.0)
    level = "over" if part >= 1 else "high" if part >= 0.8 else "fine"
    return element(
        "svg",
        element("rect", x=0, y=0, width=100, height=6, rx=3, class_="track"),
        element(
            "rect", x=0, y=0, width=max(filled * 100, 2 if part > 0 else 0), height=6, rx=3, class_=level
        ),
        class_="share",
        viewBox="0 0 100 6",
        role="img",
        aria_label=label,
        preserveAspectRatio="none",
    )


def life_bars(lives: Sequence[tuple[float, float, str]], label: str) -> Markup:
    """When the keys of a lineage lived: each from and to as parts of the span shown, and a class."""
    bars: list[Child] = [element("rect", x=0, y=0, width=240, height=14, rx=3, class_="track")]
    height = 10.0 / max(len(lives), 1)
    for lane, (begin, end, kind) in enumerate(lives):
        width = max((end - begin) * 240, 2.0)
        place = {"x": begin * 240, "y": 2 + lane * height, "width": width, "height": max(height - 1, 1.0)}
        bars.append(element("rect", **place, rx=1.5, class_=kind))
    return element("svg", bars, class_="life", viewBox="0 0 240 14", role="img", aria_label=label)


def short_day(day: date) -> str:
    """`9 Nov`."""
    return f"{day.day} {day:%b}"


def _drawing(frame: _Frame, label: str, kind: str, children: Child) -> Markup:
    return element(
        "svg",
        children,
        class_=f"chart {kind}",
        viewBox=f"0 0 {frame.width:g} {frame.height:g}",
        role="img",
        aria_label=label,
    )


def _axes(frame: _Frame, days: Sequence[date]) -> list[Child]:
    right = frame.width - frame.right
    drawn: list[Child] = []
    for tick in frame.scale.ticks:
        y = frame.y(tick)
        drawn.append(element("line", x1=_LEFT, x2=right, y1=y, y2=y, class_="grid" if tick else "base"))
        drawn.append(_text(short_number(tick), _LEFT - 6, y + 4, "end"))
    every = 7 if frame.width > 400 else 10
    for index in range(len(days) - 1, 0, -every):
        drawn.append(_text(short_day(days[index]), frame.x(index + 0.5), frame.height - 6, "middle"))
    return drawn


def _bar(frame: _Frame, index: int, series: Sequence[Series]) -> list[Child]:
    drawn: list[Child] = []
    below = 0.0
    for each in series:
        value = each.values[index]
        if value > 0:
            top = frame.y(below + value)
            height = max(frame.y(below) - top, 0.5)
            drawn.append(
                element(
                    "rect",
                    x=frame.x(index + 0.14),
                    y=top,
                    width=frame.step * 0.72,
                    height=height,
                    class_=f"s{each.colour}",
                )
            )
            below += value
    return drawn


def _line(frame: _Frame, totals: Sequence[float], projected: float | None) -> list[Child]:
    if not totals:
        return []
    points = [(frame.x(0), frame.y(0))] + [
        (frame.x(index + 1), frame.y(total)) for index, total in enumerate(totals)
    ]
    path = " ".join(f"{'L' if index else 'M'}{x:.1f} {y:.1f}" for index, (x, y) in enumerate(points))
    last_x, last_y = points[-1]
    drawn: list[Child] = [
        element("path", d=f"{path} L{last_x:.1f} {frame.y(0):.1f} Z", class_="area"),
        element("path", d=path, class_="total"),
        element("circle", cx=last_x, cy=last_y, r=3.5, class_="now"),
    ]
    if projected is not None and len(totals) < frame.days:
        end = f"L{frame.x(frame.days):.1f} {frame.y(projected):.1f}"
        drawn.insert(1, element("path", d=f"M{last_x:.1f} {last_y:.1f} {end}", class_="projected"))
    return drawn


def _marks(frame: _Frame, marks: Sequence[Mark], kind: str) -> list[Child]:
    drawn: list[Child] = []
    last_label_y: float | None = None
    for mark in sorted(marks, key=lambda mark: -mark.value):
        y = frame.y(mark.value)
        right = frame.width - frame.right
        drawn.append(element("line", x1=_LEFT, x2=right, y1=y, y2=y, class_=mark.kind))
        # Labels that would cover each other are left to the table below the chart.
        if last_label_y is None or y - last_label_y >= _TEXT_GAP:
            beside = kind == WIDE
            x, label_y = (right + 6, y + 4) if beside else (_LEFT + 4, y - 4)
            drawn.append(_text(mark.label, x, label_y, "start", mark.kind))
            last_label_y = y
    return drawn


def _hint(frame: _Frame, index: int, text: str) -> Markup:
    """What is shown when the pointer is over the day."""
    return element(
        "g",
        element("title", text),
        element(
            "rect",
            x=frame.x(index),
            y=_TOP,
            width=frame.step,
            height=frame.height - _TOP - _BOTTOM,
            class_="hint",
        ),
    )


def _day_hint(day: date, series: Sequence[Series], index: int, unit: str) -> str:
    parts = [f"{each.label} {each.values[index]:,.6g}" for each in series if each.values[index] > 0]
    return f"{short_day(day)}: {', '.join(parts)} {unit}" if parts else f"{short_day(day)}: nothing"


def _text(text: str, x: float, y: float, anchor: str, kind: str | None = None) -> Markup:
    return element("text", text, x=x, y=y, text_anchor=anchor, class_=kind)
