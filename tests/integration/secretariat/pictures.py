"""Pictures that a telephone would write, and that somebody hostile would."""

from __future__ import annotations

import io
import struct
import zlib

from PIL import Image
from PIL.TiffImagePlugin import IFDRational

MAKER = "Synthetic Telephone 7"
COMMENT = b"written by nobody at home"
LATITUDE = 48.858222


def photograph(width: int = 320, height: int = 200, form: str = "JPEG") -> bytes:
    """A picture that says where and with what it was made."""
    made = Image.linear_gradient("L").resize((width, height)).convert("RGB")
    exif = Image.Exif()
    exif[0x010F], exif[0x0110], exif[0x0132] = MAKER, MAKER, "2026:11:21 08:09:10"
    gps = exif.get_ifd(0x8825)
    gps[1], gps[2] = "N", tuple(IFDRational(part) for part in (48, 51, 29.6))
    exif[0x8825] = gps
    written = io.BytesIO()
    more = {"comment": COMMENT} if form == "JPEG" else {}
    made.save(written, form, exif=exif, **more)
    return written.getvalue()


def claiming(width: int, height: int) -> bytes:
    """A PNG of a few hundred bytes that claims so many pixels: a decompression bomb."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = zlib.compress(bytes(1_000_000), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")
