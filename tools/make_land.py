"""Write the console's map: land as a grid of dots, from outlines drawn for this project to about two degrees.

`python -m tools.make_land` writes gateway/console/static/land.svg, an equirectangular map of 720 by 360 as
gateway/console/places.py has it. No map's data is in it: the outlines are coarse and end at seas, not at borders.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

OUT: Final = Path(__file__).parent.parent / "gateway" / "console" / "static" / "land.svg"
STEP: Final = 2.5
"""Degrees between two dots."""
LAND: Final = """
north america: -168 65 -162 70 -156 71 -141 70 -128 70 -115 68 -100 68 -95 72 -85 69 -82 67 -86 65 -94 61 -94 58 -88 56
-82 55 -80 52 -78 57 -77 62 -70 61 -65 58 -60 54 -56 52 -60 49 -65 48 -61 46 -66 44 -70 43 -71 41 -75 39 -76 35 -81 31
-80 26 -82 27 -84 30 -90 29 -94 29 -97 27 -97 22 -95 18 -91 18 -90 21 -87 21 -88 17 -84 15 -83 10 -79 9 -81 8 -85 10
-88 13 -94 16 -100 17 -105 20 -106 23 -109 26 -113 31 -114 29 -110 23 -112 26 -117 33 -121 35 -124 40 -124 47 -128 51
-132 56 -140 60 -148 60 -153 58 -160 56 -158 59 -165 61 -165 64
greenland: -55 82 -35 83 -20 80 -20 72 -30 68 -40 65 -44 60 -50 62 -53 68 -58 75 -70 78 -62 81
arctic: -120 72 -105 73 -90 75 -75 78 -65 82 -85 82 -110 78 -122 75
baffin: -88 73 -78 73 -68 68 -62 66 -66 62 -73 65 -80 70
south america: -77 8 -72 12 -62 11 -52 5 -50 0 -44 -3 -35 -6 -35 -9 -39 -14 -41 -22 -48 -26 -53 -33 -58 -35 -57 -38
-62 -39 -65 -43 -66 -48 -69 -52 -71 -54 -75 -50 -74 -42 -73 -36 -71 -30 -70 -20 -76 -14 -81 -6 -80 -2 -78 2
africa: -6 35 0 36 10 37 11 33 20 31 25 32 32 31 35 28 37 22 39 16 43 12 51 12 48 5 42 -1 39 -6 40 -15 35 -20 35 -24
32 -28 27 -34 19 -35 16 -28 12 -18 13 -9 9 -1 9 4 4 6 -4 5 -9 5 -13 9 -17 14 -17 21 -13 27 -9 31
madagascar: 49 -12 50 -16 47 -25 44 -24 44 -17
eurasia: -9 43 -9 37 -5 36 0 39 3 42 7 43 11 42 16 38 18 40 13 45 19 42 22 37 24 40 27 37 36 36 35 32 34 29 39 21 43 13
52 16 59 22 56 26 51 25 48 30 57 26 62 25 67 24 72 20 75 13 77 8 80 13 82 17 88 21 92 22 94 17 98 13 100 7 103 1 104 4
101 9 100 13 105 9 109 12 106 18 110 21 117 23 122 29 121 36 118 39 122 40 125 38 127 35 129 37 128 40 132 43 138 47
141 53 136 55 142 59 152 59 156 57 157 51 162 57 164 60 171 60 179 63 180 69 170 70 160 70 150 71 140 73 128 72 113 74
105 77 90 75 80 72 70 73 68 68 60 69 50 68 44 66 40 66 33 67 41 67 32 70 25 71 17 69 12 65 5 61 7 58 11 59 13 55 16 57
18 61 22 65 25 65 21 61 28 60 23 58 21 56 14 54 9 57 8 54 3 51 -2 49 -4 48 -1 46 -2 43
britain: -5 50 1 51 1 53 -2 56 -2 58 -5 58 -5 55 -3 54 -5 52
ireland: -10 52 -6 52 -6 55 -9 55
iceland: -24 65 -18 63 -14 65 -17 66 -22 66
japan: 130 31 132 34 136 34 141 36 142 40 141 43 145 44 142 45 140 41 138 37 133 35 130 33
sumatra: 95 5 101 0 106 -5 104 -6 98 1
java: 105 -6 115 -7 114 -9 106 -8
borneo: 109 1 113 3 117 7 119 5 117 0 116 -4 110 -3
sulawesi: 119 -5 120 0 125 1 121 -1 123 -5
new guinea: 131 -1 138 -2 147 -6 150 -10 143 -9 138 -8 133 -4
philippines: 120 18 122 17 125 12 126 7 122 7 120 13
australia: 114 -22 122 -18 130 -12 136 -12 136 -15 140 -17 142 -11 146 -19 153 -26 153 -31 150 -37 145 -39 140 -38
137 -34 131 -31 124 -33 116 -35 115 -31
tasmania: 145 -41 148 -41 147 -43
new zealand: 173 -35 178 -38 174 -42 170 -46 167 -46 172 -41 174 -39
ceylon: 79 9 82 8 82 6 80 6
cuba: -84 23 -75 21 -75 20 -82 22
hispaniola: -74 20 -68 19 -68 18 -74 18
formosa: 120 25 122 25 121 22 120 23
svalbard: 12 79 22 80 20 77 15 77
novaya zemlya: 52 71 58 74 67 77 60 76 54 73
"""
SEA: Final = """
black: 28 42 31 46 38 47 41 42 35 42 31 41
caspian: 47 45 53 46 53 37 50 37 49 41
"""
Outline = list[tuple[float, float]]


def outlines(text: str) -> list[Outline]:
    """[(longitude, latitude), ...] of each."""
    found: list[Outline] = []
    for block in text.replace("\n", " ").split(":")[1:]:
        numbers = [float(word) for word in block.split() if word.lstrip("-").isdigit()]
        found.append(list(zip(numbers[::2], numbers[1::2], strict=True)))
    return found


def inside(outline: Outline, longitude: float, latitude: float) -> bool:
    """Whether a point is within, by counting the sides that a line to the east crosses."""
    within = False
    for (x1, y1), (x2, y2) in zip(outline, [*outline[1:], outline[0]], strict=True):
        if (y1 > latitude) != (y2 > latitude) and longitude < x1 + (latitude - y1) * (x2 - x1) / (y2 - y1):
            within = not within
    return within


def dots() -> list[tuple[float, float]]:
    """Where land is, on the map."""
    land, sea = outlines(LAND), outlines(SEA)
    found: list[tuple[float, float]] = []
    for row in range(int(140 / STEP)):
        latitude = 83.0 - row * STEP
        for column in range(int(360 / STEP)):
            longitude = -180 + STEP / 2 + column * STEP
            on_land = any(inside(one, longitude, latitude) for one in land)
            if on_land and not any(inside(one, longitude, latitude) for one in sea):
                found.append(((longitude + 180) * 2, (90 - latitude) * 2))
    return found


def main() -> None:
    """Write the file."""
    path = "".join(f"M{x:g} {y:g}h0" for x, y in dots())
    # One grey for both schemes: a picture's own style sheet is not ours to allow.
    attributes = 'fill="none" stroke="#8393a5" stroke-opacity=".5" stroke-width="3.1" stroke-linecap="round"'
    OUT.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 720 360"><path {attributes} d="{path}"/></svg>\n',
        "utf-8",
    )
    print(f"{OUT.name}: {path.count('M')} dots, {OUT.stat().st_size} bytes")


if __name__ == "__main__":
    main()
