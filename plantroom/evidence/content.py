"""What a file is, by what stands in it: its declared type and its name count for nothing. Pure but for reading the file it is given.

A file is taken where it is one of KINDS from its first byte to its last and nothing else besides: a picture that is an archive or a web
page too (a polyglot) is refused. Formats: JPEG ITU-T T.81 annex B; PNG (W3C) 5.2-5.3; WebP RFC 9649; HEIF ISO 23008-12 with the boxes of
ISO 14496-12; PDF ISO 32000-2 7.5; XLSX ECMA-376 part 2 over ZIP (APPNOTE 4.3).
"""

from __future__ import annotations

import codecs
import re
import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

HEAD = 4096
TAIL = 65_557  # as far from its end as a ZIP's directory may be found
CHUNK = 1 << 20
MOST_ENTRIES = 10_000
MOST_UNPACKED = 512 << 20  # of an XLSX: one that unpacks to more is a bomb
ACTIVE = re.compile(rb"<(?:!doctype|html|head|body|script|svg|iframe|\?php|\?xml|math)\b", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f]")
_HEIC = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")


class NotTaken(ValueError):
    """The file is refused. code: of `evidence.refused.<code>` in the catalogue."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Kind:
    """shown: a browser may show it in a page of ours (never as a page of its own)."""

    name: str
    media: str
    suffix: str
    shown: bool = False


KINDS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("jpeg", "image/jpeg", ".jpg", True),
        Kind("png", "image/png", ".png", True),
        Kind("webp", "image/webp", ".webp", True),
        Kind("heic", "image/heic", ".heic"),
        Kind("pdf", "application/pdf", ".pdf"),
        Kind("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", ".xlsx"),
        Kind("csv", "text/csv; charset=utf-8", ".csv"),
        Kind("txt", "text/plain; charset=utf-8", ".txt"),
    )
}


def begins(head: bytes) -> str:
    """The only kind a file that begins so can be; `text` for txt or csv. Raises NotTaken."""
    if not head:
        raise NotTaken("empty")
    if head.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    if head[4:8] == b"ftyp" and head[8:12] in _HEIC:
        return "heic"
    if head.startswith(b"%PDF-"):
        return "pdf"
    if head.startswith(b"PK\x03\x04"):
        return "xlsx"
    if b"\x00" in head or _text(head.removeprefix(codecs.BOM_UTF8)) is None:
        raise NotTaken("type")
    return "text"


def kind_of(path: Path) -> Kind:
    """Reads the whole file, a piece at a time. Raises NotTaken."""
    with path.open("rb") as file:
        head = file.read(HEAD)
        name = begins(head)
        size = file.seek(0, 2)
        file.seek(max(0, size - TAIL))
        tail = file.read()
        file.seek(0)
        if name != "text":
            _nothing_else(name, head, tail)
            _WHOLE[name](file, size)
        else:
            name = _whole_text(file)
    return KINDS[name]


def _nothing_else(name: str, head: bytes, tail: bytes) -> None:
    """Raises NotTaken where another reader would take it for something else."""
    if name not in ("pdf", "jpeg", "png", "webp", "heic") and ACTIVE.search(head):
        raise NotTaken("polyglot")
    if name in ("jpeg", "png", "webp", "heic") and (ACTIVE.search(head) or ACTIVE.search(tail[-HEAD:])):
        raise NotTaken("polyglot")
    if name == "pdf" and re.search(rb"<(?:!doctype html|html|script|svg)\b", head, re.IGNORECASE):
        raise NotTaken("polyglot")
    if name != "pdf" and b"%PDF-" in head[:1024]:
        raise NotTaken("polyglot")
    if name != "xlsx" and _is_archive(tail):
        raise NotTaken("polyglot")


def _is_archive(tail: bytes) -> bool:
    """A ZIP's end record whose comment reaches to the file's last byte."""
    at = tail.rfind(b"PK\x05\x06")
    while at >= 0:
        if at + 22 <= len(tail) and at + 22 + int.from_bytes(tail[at + 20 : at + 22], "little") == len(tail):
            return True
        at = tail.rfind(b"PK\x05\x06", 0, at)
    return False


def _jpeg(file: BinaryIO, size: int) -> None:
    """Its segments up to the picture itself, and an end of image somewhere behind. What phones append (a film, a depth map) may stay."""
    file.seek(2)
    while True:
        marker = file.read(2)
        while marker[1:] == b"\xff":  # fill bytes
            marker = marker[1:] + file.read(1)
        if len(marker) < 2 or marker[0] != 0xFF:
            raise NotTaken("broken")
        length = int.from_bytes(file.read(2), "big")
        if length < 2 or file.tell() + length - 2 > size:
            raise NotTaken("broken")
        file.seek(length - 2, 1)
        if marker[1] == 0xDA:
            break
    last = b""
    while chunk := file.read(CHUNK):
        if b"\xff\xd9" in last + chunk:
            return
        last = chunk[-1:]
    raise NotTaken("broken")


def _png(file: BinaryIO, size: int) -> None:
    """Every chunk with its check sum, IEND the last, and nothing behind it."""
    file.seek(8)
    first = True
    while True:
        head = file.read(8)
        length = int.from_bytes(head[:4], "big")
        if len(head) < 8 or file.tell() + length + 4 > size or (first and head[4:] != b"IHDR"):
            raise NotTaken("broken")
        crc, left = zlib.crc32(head[4:]), length
        while left:
            piece = file.read(min(left, CHUNK))
            crc, left = zlib.crc32(piece, crc), left - len(piece)
        if int.from_bytes(file.read(4), "big") != crc:
            raise NotTaken("broken")
        first = False
        if head[4:] == b"IEND":
            if file.tell() != size:
                raise NotTaken("polyglot")
            return


def _webp(file: BinaryIO, size: int) -> None:
    file.seek(4)
    if int.from_bytes(file.read(4), "little") + 8 not in (size, size + 1):
        raise NotTaken("broken")


def _heic(file: BinaryIO, size: int) -> None:
    """Boxes one after the other, the last one ends with the file; one of them is `meta`."""
    at, seen = 0, set()
    while at < size:
        file.seek(at)
        head = file.read(16)
        length = int.from_bytes(head[:4], "big")
        if length == 1:
            length = int.from_bytes(head[8:16], "big")
        elif length == 0:
            length = size - at
        if length < 8 or at + length > size:
            raise NotTaken("broken")
        seen.add(head[4:8])
        at += length
    if b"meta" not in seen:
        raise NotTaken("broken")


def _pdf(file: BinaryIO, size: int) -> None:
    file.seek(max(0, size - 1024))
    if b"%%EOF" not in file.read():
        raise NotTaken("broken")


def _xlsx(file: BinaryIO, size: int) -> None:
    """A workbook without programs in it, that begins at the first byte and unpacks to something sensible."""
    try:
        with zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
            names = {entry.filename for entry in entries}
            comment = len(archive.comment)
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError):
        raise NotTaken("broken") from None
    if not {"[Content_Types].xml", "xl/workbook.xml"} <= names:
        raise NotTaken("type")
    if any("vbaproject" in name.lower() or name.lower().endswith((".exe", ".js", ".vbs", ".dll")) for name in names):
        raise NotTaken("macro")
    strange = any(name.startswith(("/", "\\")) or ".." in name.replace("\\", "/").split("/") for name in names)
    if strange or min(entry.header_offset for entry in entries) != 0 or comment or any(entry.flag_bits & 1 for entry in entries):
        raise NotTaken("polyglot")
    if len(entries) > MOST_ENTRIES or sum(entry.file_size for entry in entries) > MOST_UNPACKED:
        raise NotTaken("too_large_unpacked")


def _whole_text(file: BinaryIO) -> str:
    """txt or csv: UTF-8 from end to end, no control characters, nothing that a browser or a shell would run."""
    decode = codecs.getincrementaldecoder("utf-8-sig")()
    first, text = "", ""
    try:
        while chunk := file.read(CHUNK):
            text = decode.decode(chunk)
            if _CONTROL.search(text):
                raise NotTaken("type")
            if len(first) < HEAD:
                first += text[:HEAD]
        decode.decode(b"", final=True)
    except UnicodeDecodeError:
        raise NotTaken("not_utf8") from None
    lead = first.lstrip()
    if lead.startswith(("<", "#!", "%!")) or ACTIVE.search(first.encode()):
        raise NotTaken("active")
    lines = [line for line in first.splitlines() if line.strip()][:2]
    for mark in (",", ";", "\t"):
        if len(lines) == 2 and lines[0].count(mark) == lines[1].count(mark) > 0:
            return "csv"
    return "txt"


def _text(head: bytes) -> str | None:
    """head may end within a character."""
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        raise NotTaken("not_utf8" if _printable(head) else "type") from None
    return None if _CONTROL.search(text) else text


def _printable(head: bytes) -> bool:
    """Perhaps a text in another encoding (GBK, as spreadsheet programs write it)."""
    return not any(byte < 9 or 14 <= byte < 32 for byte in head)


_WHOLE: Mapping[str, Callable[[BinaryIO, int], None]] = {
    "jpeg": _jpeg,
    "png": _png,
    "webp": _webp,
    "heic": _heic,
    "pdf": _pdf,
    "xlsx": _xlsx,
}
