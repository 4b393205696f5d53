"""TLS to a broker: its certificate checked against `ca`, ours shown from `cert` and `key`; what went wrong in words with the remedy."""

from __future__ import annotations

import ssl
from pathlib import Path

from plantroom.site import Mqtt

_ALERTS = {  # in the text of an error: what the broker means by it
    "ALERT_CERTIFICATE_REQUIRED": "the broker wants a client certificate: set `cert` and `key`",
    "ALERT_HANDSHAKE_FAILURE": "the broker refuses the handshake; perhaps it wants a client certificate: set `cert` and `key`",
    "ALERT_UNKNOWN_CA": "the broker does not know the CA of our client certificate `cert`",
    "ALERT_BAD_CERTIFICATE": "the broker does not take our client certificate `cert`",
    "ALERT_CERTIFICATE_EXPIRED": "the broker says that our client certificate `cert` has expired",
    "ALERT_CERTIFICATE_REVOKED": "the broker says that our client certificate `cert` was revoked",
    "ALERT_DECRYPT_ERROR": "the broker cannot check our client certificate `cert`",
    "WRONG_VERSION_NUMBER": "what answers there speaks no TLS: check `port` (8883 is usual) and `tls`",
    "HTTP_REQUEST": "what answers there speaks no TLS: check `port` (8883 is usual) and `tls`",
}


def context_of(link: Mqtt) -> ssl.SSLContext | None:
    """None without TLS. Raises OSError naming the file that cannot be used. TLS 1.2 at least."""
    if not link.tls:
        return None
    for name, path in (("ca", link.ca), ("cert", link.cert), ("key", link.key)):
        if path is not None:
            _readable(name, path)
    try:
        context = ssl.create_default_context(cafile=link.ca)
    except ssl.SSLError as error:
        raise OSError(f"ca: {link.ca} holds no certificate in PEM form") from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if link.cert is not None:
        try:
            context.load_cert_chain(link.cert, link.key, password=_no_password)
        except (ssl.SSLError, ValueError) as error:
            said = f"cert: {link.cert} and key: {link.key} are not a certificate and the key to it in PEM form, without a password"
            raise OSError(said) from error
    return context


def reason_of(error: BaseException, link: Mqtt) -> str:
    """Why there is no connection, or no longer, in words that say what to do."""
    if isinstance(error, ssl.SSLCertVerificationError):
        if error.verify_code in (62, 64):  # host name, address
            return f"the broker's certificate is not for {link.host}: {error.verify_message}; connect by the name that stands in it"
        trusted = f"ca {link.ca}" if link.ca else "the CAs of this system"
        return f"the broker's certificate is not signed by {trusted}: {error.verify_message}; set `ca` to the CA that signed it"
    if isinstance(error, ssl.SSLError):
        said = f"{error.reason or ''} {error}"
        return next((words for alert, words in _ALERTS.items() if alert in said), f"TLS: {error.reason or error}")
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return str(error) or type(error).__name__


def _no_password() -> str:
    """Asked for where the key is encrypted; a service has nobody to ask."""
    raise ValueError("the key is encrypted")


def _readable(name: str, path: str) -> None:
    try:
        with Path(path).open("rb") as file:
            file.read(1)
    except OSError as error:
        raise OSError(f"{name}: {path} cannot be read: {error.strerror}") from error
