"""Small files of every kind that is kept as evidence, and of kinds that are not; made here, so that nobody's photo lies in the repository."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Mapping


def png(width: int = 2, height: int = 2) -> bytes:
    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    rows = b"".join(b"\x00" + b"\x40\x80\xc0" * width for _ in range(height))
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def jpeg(size: int = 40) -> bytes:
    """Its segments as a camera writes them; the picture itself is noise."""
    app0 = b"\xff\xe0" + struct.pack(">H", 16) + b"JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"
    sos = b"\xff\xda" + struct.pack(">H", 8) + b"\x01\x01\x00\x00\x3f\x00"
    return b"\xff\xd8" + app0 + sos + bytes(size) + b"\xff\xd9"


def webp() -> bytes:
    body = b"WEBPVP8L" + struct.pack("<I", 4) + b"\x2f\x00\x00\x00"
    return b"RIFF" + struct.pack("<I", len(body)) + body


def heic() -> bytes:
    def box(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", 8 + len(data)) + name + data

    return box(b"ftyp", b"heic\x00\x00\x00\x00mif1heic") + box(b"meta", bytes(4)) + box(b"mdat", bytes(30))


def pdf() -> bytes:
    return b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog >>\nendobj\ntrailer << /Root 1 0 R >>\n%%EOF\n"


def archive(files: Mapping[str, bytes], comment: bytes = b"") -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in files.items():
            file.writestr(name, data)
        file.comment = comment
    return made.getvalue()


WORKBOOK = {"[Content_Types].xml": b"<Types/>", "xl/workbook.xml": b"<workbook/>"}


def xlsx() -> bytes:
    return archive(WORKBOOK)


GOOD: Mapping[str, bytes] = {
    "jpeg": jpeg(), "png": png(), "webp": webp(), "heic": heic(), "pdf": pdf(), "xlsx": xlsx(),
    "csv": "设备,日期\nlift-3,2026-11-30\n".encode("utf-8-sig"), "txt": "更换轴承，试运行正常\n".encode(),
}  # fmt: skip

REFUSED: Mapping[str, tuple[str, bytes]] = {
    "nothing": ("empty", b""),
    "html": ("active", b"<!DOCTYPE html><script>alert(1)</script>"),
    "html behind words": ("active", b"hello\n<script>alert(1)</script>"),
    "svg": ("active", b'<svg xmlns="http://www.w3.org/2000/svg"><script/></svg>'),
    "svg with a mark": ("active", b"\xef\xbb\xbf <svg/>"),
    "a shell script": ("active", b"#!/bin/sh\nrm -rf /\n"),
    "a program": ("type", b"\x7fELF\x02\x01\x01" + bytes(60)),
    "a windows program": ("type", b"MZ\x90\x00" + bytes(60)),
    "gif": ("type", b"GIF89a\x01\x00\x01\x00\x00\x00\x00;"),
    "gbk": ("not_utf8", "设备,日期\n".encode("gbk")),
    "an archive": ("type", archive({"a.txt": b"a"})),
    "a workbook with macros": ("macro", archive({**WORKBOOK, "xl/vbaProject.bin": b"x"})),
    "a workbook that climbs": ("polyglot", archive({**WORKBOOK, "../../etc/passwd": b"x"})),
    "a workbook behind a page": ("type", b"<html></html>" + xlsx()),
    "a picture that is an archive": ("polyglot", jpeg() + archive({"a.js": b"x"})),
    "a picture that is a page": ("polyglot", jpeg()[:20] + b"<html><script>alert(1)</script></html>" + jpeg()[20:]),
    "a picture with a page behind it": ("polyglot", jpeg() + b"<script>alert(1)</script>"),
    "a picture with more behind it": ("polyglot", png() + b"more"),
    "a pdf that is an archive": ("polyglot", pdf() + archive({"a": b"x"})),
    "a pdf that is a page": ("polyglot", b"%PDF-1.7\n<script>alert(1)</script>\n%%EOF"),
    "half a picture": ("broken", png()[:-20]),
    "a picture without an end": ("broken", jpeg()[:-2]),
    "half a pdf": ("broken", pdf()[:40]),
    "half a workbook": ("broken", xlsx()[:-30]),
    "half a heic": ("broken", heic()[:-3]),
    "a webp that says another length": ("broken", webp() + bytes(9)),
}
