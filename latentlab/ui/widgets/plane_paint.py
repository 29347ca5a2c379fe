"""What a plane of points is painted with: field, arrows, lattice and points on the unit square, y upwards."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QLineF, QPointF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QPixmap, QPolygonF

from latentlab.training.events import Plane
from latentlab.ui import theme
from latentlab.ui.scene import ARROWS, FIELD, LATTICE, REAL, Scene, leaning
from latentlab.ui.widgets.pixels import as_image, scaled

#: How far the field leaves the ground where the discriminator is sure.
FIELD_STRENGTH = 0.42
#: Room around the unit square in its sides, so that what lies on its edge is seen whole.
MARGIN = 1 / 32
#: Gradients below this share of the steep ones have no arrow: it would be a dot.
FLAT = 1e-3
#: Lines of a lattice each way at most.
LATTICE_LINES = 17
#: Pixels: a generated point on a square of so many, less on a smaller one; a real one is smaller still.
POINT, POINT_AT, SMALLEST, REAL_SHARE = 4.0, 450, 2.0, 0.75


def real_colour(alpha: float = 1.0) -> QColor:
    """Of the data, and of where the discriminator takes points for such."""
    colour = QColor(theme.current().series[1])
    colour.setAlphaF(alpha)
    return colour


def made_colour(alpha: float = 1.0) -> QColor:
    """Of what the model makes; with the other a pair that colour-blind people tell apart."""
    return theme.current().color("accent", alpha)


def paint(scene: Scene, layers: frozenset[str], side: int, ratio: float) -> QPixmap:
    """The square with everything that does not move, `side` device pixels wide; `ratio` of them are one."""
    pixmap = QPixmap(side, side)
    pixmap.fill(theme.current().color("canvas"))
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    size = ratio * max(SMALLEST, POINT * min(1.0, side / ratio / POINT_AT))
    plane = scene.plane or Plane(np.empty((0, 2), np.float32))
    if FIELD in layers and plane.field is not None:
        _paint_field(painter, leaning(plane.field, scene.loss), side)
    if REAL in layers and scene.real is not None:
        _paint_points(painter, scene.real, side, real_colour(0.45), REAL_SHARE * size)
    if LATTICE in layers and plane.image is not None:
        _paint_lattice(painter, plane.image, side, ratio)
    if ARROWS in layers and plane.arrows is not None:
        _paint_arrows(painter, plane.arrows, side, ratio)
    _paint_points(painter, plane.samples, side, made_colour(0.85), size)
    painter.end()
    pixmap.setDevicePixelRatio(ratio)
    return pixmap


def place(points: np.ndarray, side: float) -> np.ndarray:
    """Points (N, 2) of the plane on a picture of it: x to the right, y down, in its pixels."""
    return (points.astype(np.float64) * (1, -1) + (MARGIN, 1 + MARGIN)) * (side / (1 + 2 * MARGIN))


def unplace(x: float, y: float, side: float) -> tuple[float, float]:
    """The point of the plane that lies at x and y, in pixels, of a picture of it."""
    scale = (1 + 2 * MARGIN) / side
    return x * scale - MARGIN, 1 + MARGIN - y * scale


def _paint_field(painter: QPainter, leaning: np.ndarray, side: int) -> None:
    ground, made, real = map(_rgb, (theme.current().color("canvas"), made_colour(), real_colour()))
    # Pictures begin at the top. Beyond the edge it goes on as at the edge.
    beyond = round(MARGIN * len(leaning))
    lean = np.pad(leaning[::-1], beyond, mode="edge")[..., None]
    blend = ground + FIELD_STRENGTH * np.abs(lean) * (np.where(lean > 0, real, made) - ground)
    picture = np.rint(blend).astype(np.uint8)
    edge = beyond / len(leaning)
    ends = place(np.array([[-edge, 1 + edge], [1 + edge, -edge]]), side).round().astype(int)
    (left, top), (right, bottom) = ends.tolist()
    size = QSize(right - left, bottom - top)
    painter.drawImage(left, top, scaled(as_image(picture), size, smooth=True))


def _rgb(colour: QColor) -> np.ndarray:
    return np.array([colour.red(), colour.green(), colour.blue()], np.float64)


def _paint_points(painter: QPainter, points: np.ndarray, side: int, colour: QColor, size: float) -> None:
    painter.setPen(QPen(colour, size, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
    known = points[np.isfinite(points).all(1)]  # before a training goes back there may be none
    painter.drawPoints(QPolygonF([QPointF(x, y) for x, y in place(known, side).tolist()]))


def _paint_lattice(painter: QPainter, image: np.ndarray, side: int, ratio: float) -> None:
    painter.setPen(QPen(theme.current().color("text", 0.35), ratio))
    # The outer lines are always there, or one would not see where the plane ends.
    chosen = np.unique(np.linspace(0, len(image) - 1, min(LATTICE_LINES, len(image))).round().astype(int))
    image = np.nan_to_num(image)
    for lines in (image[chosen], image[:, chosen].swapaxes(0, 1)):
        for line in lines:
            painter.drawPolyline([QPointF(x, y) for x, y in place(line, side).tolist()])


def _paint_arrows(painter: QPainter, arrows: np.ndarray, side: int, ratio: float) -> None:
    """The way uphill, in which the generator is pushed: longer where it is steeper."""
    places, ways = arrows[:, :2].astype(np.float64), arrows[:, 2:].astype(np.float64)
    steep = np.linalg.norm(ways, axis=1)
    kept = steep > FLAT * steep.max(initial=0)
    if not kept.any():
        return
    places, ways, steep = places[kept], ways[kept], steep[kept]
    most = np.percentile(steep, 95)
    # Roots, for gradients differ by powers of ten and each of them is a direction worth seeing.
    reach = 0.8 / len(arrows) ** 0.5 * np.sqrt(np.minimum(steep / most, 1))
    ways = ways * (reach / steep)[:, None]
    tails, heads = place(places - ways / 2, side), place(places + ways / 2, side)
    along = heads - tails
    across = along[:, ::-1] * (-1, 1)
    left, right = heads - 0.35 * along + 0.2 * across, heads - 0.35 * along - 0.2 * across
    lines = [
        QLineF(*one, *other)
        for pair in ((tails, heads), (left, heads), (right, heads))
        for one, other in zip(*(ends.tolist() for ends in pair), strict=True)
    ]
    painter.setPen(QPen(theme.current().color("text", 0.32), ratio))
    painter.drawLines(lines)
