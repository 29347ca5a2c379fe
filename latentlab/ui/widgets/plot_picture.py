"""A plot and its legend as a file: SVG, or PNG."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from PySide6.QtCore import QBuffer, QByteArray, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QImage, QImageWriter, QPainter, QPen
from PySide6.QtSvg import QSvgGenerator
from PySide6.QtWidgets import QGraphicsView

from latentlab.ui import theme

#: Pixels of a PNG per pixel of the screen at 1x.
FINE = 2
MARGIN, LINE, SWATCH, GAP = 12, 20, 16, 20


def picture(plot: QGraphicsView, entries: Sequence[tuple[str, QColor]], kind: Literal["png", "svg"]) -> bytes:
    """What `plot` shows, under the names and colours of its curves."""
    shown, font = theme.current(), theme.base_font(12)
    places = _places([name for name, _ in entries], QFontMetricsF(font), plot.width())
    top = MARGIN + LINE * (1 + max((row for _, row in places), default=-1)) + (MARGIN // 2 if places else 0)
    size = QSize(plot.width() + 2 * MARGIN, plot.height() + top + LINE + MARGIN // 2)
    content = QByteArray()
    buffer = QBuffer(content)
    buffer.open(QBuffer.OpenModeFlag.WriteOnly)
    image = QImage(size * FINE, QImage.Format.Format_ARGB32_Premultiplied)
    image.setDevicePixelRatio(FINE)
    drawing = QSvgGenerator()
    drawing.setOutputDevice(buffer)
    drawing.setSize(size)
    drawing.setViewBox(QRectF(0, 0, size.width(), size.height()))
    drawing.setTitle("latentlab curves")
    painter = QPainter(drawing if kind == "svg" else image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.fillRect(QRectF(0, 0, size.width(), size.height()), shown.color("panel"))
    painter.setFont(font)
    for (name, colour), (left, row) in zip(entries, places, strict=True):
        middle = MARGIN + LINE * row + LINE / 2
        pen = QPen(colour, 3)
        pen.setCapStyle(Qt.PenCapStyle.RoundCap)
        painter.setPen(pen)
        painter.drawLine(QPointF(MARGIN + left + 2, middle), QPointF(MARGIN + left + SWATCH - 2, middle))
        painter.setPen(shown.color("text"))
        box = QRectF(MARGIN + left + SWATCH + 6, middle - LINE / 2, plot.width(), LINE)
        painter.drawText(box, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, name)
    plot.render(painter, QRectF(MARGIN, top, plot.width(), plot.height()))
    painter.setPen(shown.color("secondary"))
    painter.setFont(theme.base_font(11))
    foot = QRectF(MARGIN, top + plot.height(), plot.width(), LINE)
    painter.drawText(foot, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, "step")
    painter.end()
    if kind == "png":
        QImageWriter(buffer, QByteArray(b"png")).write(image)
    return bytes(content.data())


def _places(names: Sequence[str], metrics: QFontMetricsF, width: int) -> list[tuple[float, int]]:
    """(left, row) of every entry of the legend, from left to right in as many rows as it takes."""
    places, left, row = [], 0.0, 0
    for name in names:
        wide = SWATCH + 6 + metrics.horizontalAdvance(name)
        if left and left + wide > width:
            left, row = 0.0, row + 1
        places.append((left, row))
        left += wide + GAP
    return places
