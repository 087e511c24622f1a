"""What zbar, which many phones and cameras use, reads from a QR code that the service drew."""

import re
from xml.etree import ElementTree

import pytest

SVG = "{http://www.w3.org/2000/svg}"
PIXELS = 4


def scanned(svg: str) -> str:
    """What zbar sees when the drawing is on paper."""
    pyzbar = pytest.importorskip("pyzbar.pyzbar", reason="needs libzbar0", exc_type=ImportError)
    side, dark = _modules(svg)
    row = [[0 if (x, y) in dark else 255 for x in range(side)] for y in range(side)]
    pixels = bytes(row[y // PIXELS][x // PIXELS] for y in range(side * PIXELS) for x in range(side * PIXELS))
    [found] = pyzbar.decode((pixels, side * PIXELS, side * PIXELS), symbols=[pyzbar.ZBarSymbol.QRCODE])
    return str(found.data.decode())


def _modules(svg: str) -> tuple[int, set[tuple[int, int]]]:
    """Width in modules and the dark ones: the drawing is one path of strokes, each one module high."""
    drawing = ElementTree.fromstring(svg)  # ours, not a stranger's
    scale = float(re.findall(r"scale\(([\d.]+)\)", svg)[0])
    side = round(float(drawing.get("width") or 0) / scale)
    stroke = next(path for path in drawing.iter(f"{SVG}path") if path.get("stroke"))
    dark, x, y = set(), 0.0, 0.0
    for command, numbers in re.findall(r"([Mmh])([-\d. ]+)", stroke.get("d") or ""):
        values = [float(number) for number in numbers.split()]
        if command == "M":
            x, y = values
        elif command == "m":
            x, y = x + values[0], y + values[1]
        else:
            dark |= {(round(x) + n, int(y)) for n in range(round(values[0]))}
            x += values[0]
    return side, dark
