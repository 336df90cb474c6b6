"""Reads an SVG drawing back: where its texts and boxes are, and where its lines run."""

from __future__ import annotations

import re
from dataclasses import dataclass
from xml.etree import ElementTree as ET

SPACE = "{http://www.w3.org/2000/svg}"
Point = tuple[float, float]


@dataclass(frozen=True)
class Area:
    """A rectangle that something covers."""

    what: str
    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: Area) -> bool:
        return (self.left < other.right and other.left < self.right
                and self.top < other.bottom and other.top < self.bottom)  # fmt: skip

    def holds(self, point: Point) -> bool:
        return self.left < point[0] < self.right and self.top < point[1] < self.bottom


def read(svg: str) -> ET.Element:
    return ET.fromstring(svg)  # noqa: S314 -- our own drawing


def texts(root: ET.Element) -> list[Area]:
    """What each text covers, measured a little narrower than it is."""
    found = []
    for node in root.iter(f"{SPACE}text"):
        if node.get("text-anchor") != "middle":
            continue  # the line at the foot
        size = float(node.get("font-size", "12"))
        said = node.text or ""
        width = sum(0.6 if letter.isascii() else 1.0 for letter in said) * size
        x, y = float(node.get("x", "")), float(node.get("y", ""))
        found.append(Area(said, x - width / 2, y - size * 0.72, x + width / 2, y + size * 0.15))
    return found


def boxes(root: ET.Element) -> list[Area]:
    """The outer box of every state."""
    found = []
    for group in root.iter(f"{SPACE}g"):
        if group.get("data-state"):
            box = next(group.iter(f"{SPACE}rect"))
            x, y = float(box.get("x", "")), float(box.get("y", ""))
            width, height = float(box.get("width", "")), float(box.get("height", ""))
            found.append(Area(group.get("data-state", ""), x, y, x + width, y + height))
    return found


def lines(root: ET.Element) -> list[tuple[str, list[Point]]]:
    """Every line that is drawn, as points along it, pieces kept apart by where the pen was lifted."""
    found = []
    for group in root.iter(f"{SPACE}g"):
        if group.get("data-event"):
            path = next(node for node in group.iter(f"{SPACE}path") if node.get("stroke"))
            what = f"{group.get('data-from')} -{group.get('data-event')}"
            found += [(what, list(_along(piece))) for piece in re.findall(r"M[^M]+", path.get("d", ""))]
    return found


def _along(piece: str):
    x = y = 0.0
    for letter, rest in re.findall(r"([MHC])([^MHC]*)", piece):
        numbers = [float(number) for number in re.findall(r"-?[\d.]+", rest)]
        if letter == "M":
            x, y = numbers
            yield x, y
            continue
        ends = [x, y, numbers[0], y, numbers[0], y, numbers[0], y] if letter == "H" else [x, y, *numbers]
        for step in range(1, 41):
            t = step / 40
            weights = [(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3]
            yield (sum(w * ends[2 * i] for i, w in enumerate(weights)),
                   sum(w * ends[2 * i + 1] for i, w in enumerate(weights)))  # fmt: skip
        x, y = ends[6], ends[7]
