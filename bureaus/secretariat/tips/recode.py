"""Makes one picture anew, in a process of its own that has little and ends.

Started by pictures.py: `python -I -c START ROOT PIXELS SIDE`.

It reads the picture from standard input and writes a JPEG to standard output; its arguments are the most pixels that it
opens and the longest side that it writes. What it writes is made of pixels alone: no EXIF, no profile, no comment, no
thumbnail, no second frame. Exit code 3 says that it is no picture that it takes.

Rules: memory, processor time and files are bounded by the kernel before a byte is looked at; the size that the file
claims is looked at before anything is unpacked; the formats are those that cameras and telephones write.
"""

from __future__ import annotations

import io
import resource
import sys
from typing import Final

REFUSED: Final = 3
_FORMATS: Final = ("JPEG", "PNG", "WEBP")
_MEMORY: Final = 768 * 1024 * 1024
_SECONDS: Final = 15
_QUALITY: Final = 85


def bound() -> None:
    """Take away from this process what it does not need."""
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (_SECONDS, _SECONDS))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def recode(data: bytes, pixels: int, side: int) -> bytes:
    """The picture as a JPEG made of its pixels alone.

    Raises:
        ValueError, OSError, SyntaxError, MemoryError, EOFError: it is no picture that is taken.
    """
    from PIL import Image, ImageOps  # noqa: PLC0415  # after the bounds

    with Image.open(io.BytesIO(data), formats=_FORMATS) as opened:
        width, height = opened.size
        if width * height > pixels or not width or not height:
            raise ValueError("more pixels than are opened")
        if opened.format == "JPEG":
            opened.draft("RGB", (side, side))  # unpacked no larger than it is written
        turned = ImageOps.exif_transpose(opened)
        plain = Image.new("RGB", turned.size, "white")
        rgba = turned.convert("RGBA") if turned.has_transparency_data else None
        plain.paste(turned.convert("RGB") if rgba is None else rgba, mask=rgba)
    plain.thumbnail((side, side))
    written = io.BytesIO()
    plain.save(written, "JPEG", quality=_QUALITY)
    return written.getvalue()


def main() -> int:
    """Read, make anew, write."""
    pixels, side = (int(argument) for argument in sys.argv[1:3])
    data = sys.stdin.buffer.read()
    bound()
    try:
        made = recode(data, pixels, side)
    except (ValueError, OSError, SyntaxError, MemoryError, EOFError, OverflowError):
        return REFUSED
    sys.stdout.buffer.write(made)
    return 0


if __name__ == "__main__":
    sys.exit(main())
