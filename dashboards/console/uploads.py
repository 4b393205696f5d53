"""A file that comes with a request, taken piece by piece: as the whole body, or as the part `file` of a form, after its fields.

The fields stand before the file, so that who asks and what it is about are known before the first byte of it is taken. python-multipart
knows the form's syntax (RFC 7578); nothing is ever held but a piece.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from email.message import Message

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser
from starlette.requests import ClientDisconnect, Request

from dashboards.console.forms import MOST_FIELDS, BadBody, clean
from plantroom.evidence import NotTaken

PATHS = frozenset({"/evidence", "/api/v1/evidence"})
MOST_FORM = 32 * 1024  # of fields, headers and boundaries
LONGEST_NAME = 200
FILE = "file"


def is_upload(request: Request) -> bool:
    return request.method == "POST" and request.url.path in PATHS


async def upload_of(request: Request) -> Upload:
    """The request's one upload, its fields read, its file not yet. Raises BadBody, and NotTaken where it is too long by its own word."""
    found: Upload | None = getattr(request.state, "upload", None)
    if found is None:
        length = request.headers.get("content-length", "")
        if length.isdigit() and int(length) > request.app.state.most_upload() + MOST_FORM:
            raise NotTaken("too_large")
        found = request.state.upload = Upload(request)
        await found.begin()
    return found


class Upload:
    """fields: of the form, or of the address where the body is the file. name: of the file, as the sender calls it, "" unknown."""

    def __init__(self, request: Request) -> None:
        self.fields: dict[str, str] = {}
        self.name = ""
        self.length: int | None = None  # of the file, where it is known before
        self._chunks = request.stream()
        self._ready: list[bytes] = []
        self._form: _Form | None = None
        kind = request.headers.get("content-type", "")
        if kind.partition(";")[0].strip().lower() == "multipart/form-data":
            self._form = _Form(_boundary(kind))
        else:
            query = request.query_params
            self.fields = {name: clean(query[name]) for name in list(query)[:MOST_FIELDS]}
            self.name = self.fields.get("name", "")[:LONGEST_NAME]
            length = request.headers.get("content-length", "")
            self.length = int(length) if length.isdigit() else None

    async def begin(self) -> None:
        if self._form is None:
            return
        while not self._form.at_file and not self._form.ended:
            if not await self._more():
                raise BadBody("the form ends before its end")
        self.fields, self.name = self._form.fields, self._form.name

    async def pieces(self) -> AsyncIterator[bytes]:
        """Of the file. Raises BadBody for a form without one, or one that was cut off."""
        if self._form is None:
            async for piece in self._chunks:
                yield piece
            return
        if not self._form.at_file:
            raise BadBody("the form has no file")
        while True:
            for piece in self._form.taken():
                yield piece
            if self._form.ended:
                return
            if not await self._more():
                raise BadBody("the form ends before its end")

    async def _more(self) -> bool:
        assert self._form is not None
        async for chunk in self._chunks:
            if chunk:
                self._form.feed(chunk)
                return True
        return False


class _Form:
    """Callbacks of the parser -> fields, then the file's bytes."""

    def __init__(self, boundary: bytes) -> None:
        self.fields: dict[str, str] = {}
        self.name, self.at_file, self.ended = "", False, False
        self._in_file = False
        self._size, self._pieces = 0, list[bytes]()
        self._header, self._value, self._headers = b"", b"", dict[str, str]()
        self._field, self._data = "", bytearray()
        self._parser = MultipartParser(boundary, {
            "on_part_begin": self._begin, "on_header_field": self._on_header, "on_header_value": self._on_value,
            "on_header_end": self._on_header_end, "on_headers_finished": self._on_headers, "on_part_data": self._on_data,
            "on_part_end": self._on_part_end, "on_end": self._on_end,
        })  # fmt: skip

    def feed(self, chunk: bytes) -> None:
        try:
            self._parser.write(chunk)
        except FormParserError as wrong:
            raise BadBody(f"the form cannot be read: {wrong}") from None

    def taken(self) -> list[bytes]:
        pieces, self._pieces = self._pieces, []
        return pieces

    def _grow(self, size: int) -> None:
        self._size += size
        if self._size > MOST_FORM:
            raise BadBody(f"the form's fields are longer than {MOST_FORM} bytes")

    def _begin(self) -> None:
        self._headers, self._header, self._value, self._data = {}, b"", b"", bytearray()

    def _on_header(self, data: bytes, start: int, end: int) -> None:
        self._grow(end - start)
        self._header += data[start:end]

    def _on_value(self, data: bytes, start: int, end: int) -> None:
        self._grow(end - start)
        self._value += data[start:end]

    def _on_header_end(self) -> None:
        self._headers[self._header.decode("latin-1").lower()] = self._value.decode("utf-8", "replace")
        self._header = self._value = b""

    def _on_headers(self) -> None:
        said = Message()
        said["content-disposition"] = self._headers.get("content-disposition", "").replace("\r", "").replace("\n", "")
        self._field = str(said.get_param("name", "", "content-disposition") or "")
        if self._field == FILE and not self.at_file:
            self.at_file = self._in_file = True
            self.name = clean(str(said.get_filename("") or "").rpartition("/")[2].rpartition("\\")[2][:LONGEST_NAME])

    def _on_data(self, data: bytes, start: int, end: int) -> None:
        if self._in_file:
            self._pieces.append(data[start:end])
        else:
            self._grow(end - start)
            self._data += data[start:end]

    def _on_part_end(self) -> None:
        if self._in_file:
            self._in_file = False
        elif not self.at_file and self._field:
            if len(self.fields) >= MOST_FIELDS:
                raise BadBody(f"more than {MOST_FIELDS} fields")
            try:
                self.fields[self._field] = clean(self._data.decode("utf-8"))
            except UnicodeDecodeError:
                raise BadBody(f"the field {self._field[:40]} is no UTF-8") from None

    def _on_end(self) -> None:
        self.ended = True


def _boundary(content_type: str) -> bytes:
    said = Message()
    said["content-type"] = content_type.replace("\r", "").replace("\n", "")
    boundary = str(said.get_param("boundary") or "")
    if not 0 < len(boundary) <= 70 or not boundary.isascii():
        raise BadBody("the form names no boundary")
    return boundary.encode()


__all__ = ["PATHS", "ClientDisconnect", "Upload", "is_upload", "upload_of"]


def about_of(fields: Mapping[str, str], known: tuple[str, ...]) -> tuple[str, str] | None:
    """(about, id): the one thing the fields name."""
    named = [(about, fields[about]) for about in known if fields.get(about)]
    return named[0] if len(named) == 1 else None
