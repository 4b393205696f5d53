"""A certificate authority of a test's own: a CA, a server's certificate for 127.0.0.1, a client's; made by openssl in a second."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Authority:
    folder: Path

    @property
    def ca(self) -> Path:
        return self.folder / "ca.pem"

    def signed(self, name: str, extension: str = "") -> tuple[Path, Path]:
        """(certificate, key) of a name; extension: of X.509, such as subjectAltName=IP:127.0.0.1."""
        key, request, cert = (self.folder / f"{name}.{kind}" for kind in ("key", "csr", "pem"))
        _openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", str(key), "-out", str(request), "-subj", f"/CN={name}")
        extra = self.folder / f"{name}.ext"
        extra.write_text(extension)
        words = ["x509", "-req", "-in", str(request), "-CA", str(self.ca), "-CAkey", str(self.folder / "ca.key"), "-CAcreateserial"]
        _openssl(*words, "-days", "2", "-out", str(cert), "-extfile", str(extra))
        key.chmod(0o644)  # mosquitto gives up root before it reads it
        return cert, key


def authority(folder: Path, name: str = "test CA") -> Authority:
    folder.mkdir(parents=True)
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", str(folder / "ca.key")]
    _openssl("req", "-x509", *key, "-out", str(folder / "ca.pem"), "-days", "2", "-subj", f"/CN={name}")
    return Authority(folder)


def _openssl(*words: str) -> None:
    done = subprocess.run(["openssl", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
