"""id_tokens: one good one, and each way of being wrong that is known to have been taken somewhere."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa as rsa_module
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey
from joserfc.jws import JWSRegistry

from dashboards.console.oidc import tokens
from dashboards.console.oidc.tokens import LEEWAY_S, UnknownKey, WrongToken, usable_keys, verified

NOW = 1_795_262_400
ISSUER, CLIENT, NONCE = "https://login.example.com/realms/house", "plantroom", "n" * 43
RSA, EC = RSAKey.generate_key(2048, {"kid": "rsa"}), ECKey.generate_key("P-256", {"kid": "ec"})
OTHER = RSAKey.generate_key(2048, {"kid": "rsa"})  # the same name, another key
KEYS = usable_keys({"keys": [RSA.as_dict(private=False), EC.as_dict(private=False)]})
GOOD: dict[str, Any] = {"iss": ISSUER, "aud": CLIENT, "sub": "u-1", "iat": NOW, "exp": NOW + 300, "nonce": NONCE}
LEFT_OUT = object()


def signed(key: RSAKey | ECKey = RSA, header: dict[str, Any] | None = None, **claims: Any) -> str:
    head = {"alg": "RS256" if isinstance(key, RSAKey) else "ES256", "kid": key.kid, **(header or {})}
    body = {name: value for name, value in {**GOOD, **claims}.items() if value is not LEFT_OUT}
    lax = JWSRegistry(algorithms=[str(head["alg"])], strict_check_header=False)
    return jwt.encode({k: v for k, v in head.items() if v is not LEFT_OUT}, body, key, registry=lax)


def part(value: object) -> str:
    return base64.urlsafe_b64encode(value if isinstance(value, bytes) else json.dumps(value).encode()).rstrip(b"=").decode()


def by_hand(header: dict[str, Any], sign: Callable[[bytes], bytes] = lambda _: b"", **claims: Any) -> str:
    body = f"{part(header)}.{part({**GOOD, **claims})}"
    return f"{body}.{part(sign(body.encode()))}"


def under(secret: bytes) -> Callable[[bytes], bytes]:
    return lambda body: hmac.new(secret, body, hashlib.sha256).digest()


def rightly(body: bytes) -> bytes:
    return RSA.private_key.sign(body, PKCS1v15(), SHA256())


def tampered() -> str:
    head, _, signature = signed().split(".")
    return f"{head}.{part({**GOOD, 'sub': 'admin'})}.{signature}"


def judged(text: object, keys: Any = KEYS) -> Any:
    return verified(text, keys, issuer=ISSUER, client_id=CLIENT, nonce=NONCE, now_s=NOW)


PEM = RSA.public_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
DER = RSA.public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
WRONG: dict[str, tuple[str, Callable[[], object]]] = {
    "no algorithm": ("algorithm", lambda: by_hand({"alg": "none"})),
    "no algorithm, oddly spelt": ("algorithm", lambda: by_hand({"alg": "nOnE", "kid": "rsa"})),
    "HMAC under the public key, PEM": ("algorithm", lambda: by_hand({"alg": "HS256", "kid": "rsa"}, under(PEM))),
    "HMAC under the public key, DER": ("algorithm", lambda: by_hand({"alg": "HS256", "kid": "rsa"}, under(DER))),
    "HMAC under the client's secret": ("algorithm", lambda: jwt.encode({"alg": "HS256"}, GOOD, OctKey.import_key(b"s" * 32), algorithms=["HS256"])),
    "HMAC said to be RS256": ("signature", lambda: by_hand({"alg": "RS256", "kid": "rsa"}, under(PEM))),
    "another RSA algorithm": ("algorithm", lambda: signed(header={"alg": "PS256"})),
    "SHA-512": ("algorithm", lambda: signed(header={"alg": "RS512"})),
    "ES256 with an RSA key's name": ("key", lambda: signed(EC, {"kid": "rsa"})),
    "RS256 with an EC key's name": ("key", lambda: signed(RSA, {"kid": "ec"})),
    "another's key of the same name": ("signature", lambda: signed(OTHER)),
    "an unknown key": ("key", lambda: signed(header={"kid": "new"})),
    "its own key inside": ("key", lambda: signed(OTHER, {"kid": "own", "jwk": OTHER.as_dict(private=False)})),
    "an extension nobody knows": ("signature", lambda: by_hand({"alg": "RS256", "kid": "rsa", "crit": ["new"], "new": 1}, rightly)),
    "changed after signing": ("signature", tampered),
    "signature left out": ("signature", lambda: signed().rpartition(".")[0] + "."),
    "another issuer": ("issuer", lambda: signed(iss="https://login.example.com/realms/other")),
    "an issuer with a slash more": ("issuer", lambda: signed(iss=ISSUER + "/")),
    "no issuer": ("issuer", lambda: signed(iss=LEFT_OUT)),
    "for another client": ("audience", lambda: signed(aud="grafana")),
    "for a client that contains our name": ("audience", lambda: signed(aud="plantroom-test")),
    "for nobody": ("audience", lambda: signed(aud=[])),
    "for several, no party": ("party", lambda: signed(aud=[CLIENT, "grafana"])),
    "for several, another party": ("party", lambda: signed(aud=[CLIENT, "grafana"], azp="grafana")),
    "another party": ("party", lambda: signed(azp="grafana")),
    "expired": ("expired", lambda: signed(exp=NOW - LEEWAY_S)),
    "without an end": ("expired", lambda: signed(exp=LEFT_OUT)),
    "an end that is a word": ("expired", lambda: signed(exp="9999999999")),
    "an end that is true": ("expired", lambda: signed(exp=True)),
    "an end in no calendar": ("expired", lambda: signed(exp=10**30)),
    "made in the future": ("issued", lambda: signed(iat=NOW + LEEWAY_S + 1)),
    "made yesterday": ("issued", lambda: signed(iat=NOW - 86_400)),
    "not valid yet": ("not_yet", lambda: signed(nbf=NOW + LEEWAY_S + 1)),
    "another login's": ("nonce", lambda: signed(nonce="m" * 43)),
    "without a nonce": ("nonce", lambda: signed(nonce=LEFT_OUT)),
    "nobody": ("subject", lambda: signed(sub="")),
    "a subject that is a number": ("subject", lambda: signed(sub=7)),
    "too long a subject": ("subject", lambda: signed(sub="x" * 256)),
    "sealed instead of signed": ("form", lambda: "a.b.c.d.e"),
    "two parts": ("form", lambda: "a.b"),
    "a list": ("form", lambda: ["a"]),
    "nothing": ("form", lambda: None),
    "too long": ("form", lambda: signed(note="x" * 20_000)),
    "other letters": ("form", lambda: "é.é.é"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_token_is_refused(case: str) -> None:
    reason, made = WRONG[case]
    with pytest.raises(WrongToken) as caught:
        judged(made())
    assert caught.value.reason == reason


@pytest.mark.parametrize("text", [
    signed(), signed(EC), signed(aud=[CLIENT]), signed(aud=[CLIENT, "grafana"], azp=CLIENT), signed(azp=CLIENT), signed(exp=NOW - LEEWAY_S + 1),
    signed(iat=NOW + LEEWAY_S), signed(nbf=NOW), signed(header={"x5t": "x", "new": 1}),
    by_hand({"alg": "RS256", "kid": "rsa", "new": 1}, rightly),
])  # fmt: skip
def test_the_control_a_right_one_is_taken(text: str) -> None:
    assert judged(text)["sub"] == "u-1"


def test_a_token_that_names_no_key_needs_a_set_of_one() -> None:
    text = signed(header={"kid": LEFT_OUT})
    assert judged(text, usable_keys({"keys": [RSA.as_dict(private=False)]}))["sub"] == "u-1"
    with pytest.raises(UnknownKey):
        judged(text, usable_keys({"keys": [RSA.as_dict(private=False), OTHER.as_dict(private=False)]}))


def test_without_our_list_of_algorithms_an_hmac_under_a_known_secret_would_be_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control: what refuses it is the list and the typed key, not chance."""
    secret = OctKey.import_key(b"s" * 32, {"kid": "rsa"})
    text = jwt.encode({"alg": "HS256", "kid": "rsa"}, GOOD, secret, algorithms=["HS256"])
    with pytest.raises(WrongToken):
        judged(text, [secret])
    monkeypatch.setattr(tokens, "ALGORITHMS", {"RSA": "RS256", "EC": "ES256", "oct": "HS256"})
    assert judged(text, [secret])["sub"] == "u-1"


@pytest.mark.parametrize("claim", ["iss", "aud", "exp", "iat", "nonce", "sub"])
def test_each_demand_is_what_refuses(claim: str, monkeypatch: pytest.MonkeyPatch) -> None:
    spoilt = signed(**{claim: LEFT_OUT})
    with pytest.raises(WrongToken):
        judged(spoilt)
    plain, left = tokens._demands, {"iss": "issuer", "aud": "audience", "exp": "expired", "iat": "issued", "nonce": "nonce", "sub": "subject"}[claim]
    monkeypatch.setattr(tokens, "_demands", lambda *given: [one for one in plain(*given) if one[0] not in (left, "party")])
    judged(spoilt)


def test_keys_that_cannot_verify_an_id_token_are_left_out() -> None:
    rsa, ec = RSA.as_dict(private=False), EC.as_dict(private=False)
    assert [key.kid for key in KEYS] == ["rsa", "ec"]
    number = rsa_module.generate_private_key(65_537, 1024).public_key().public_numbers().n
    weak = {**rsa, "kid": "weak", "n": part(number.to_bytes(128, "big"))}
    odd = [
        weak, {**rsa, "use": "enc"}, {**rsa, "alg": "RS512"}, {**ec, "crv": "P-384"}, {**ec, "x": "AA"}, {**rsa, "n": 5}, {"kty": "RSA"},
        OctKey.import_key(b"s" * 32).as_dict(private=True), {"kty": ["RSA"]}, {"kty": "AKP"}, "key", None,
    ]  # fmt: skip
    assert usable_keys({"keys": odd}) == ()
    assert [key.kid for key in usable_keys({"keys": [*odd, rsa]})] == ["rsa"]
    for document in (None, [], {}, {"keys": None}, {"keys": {}}, {"keys": "x"}):
        assert usable_keys(document) == ()
    assert len(usable_keys({"keys": [rsa] * 500})) == tokens.MOST_KEYS


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_no_changed_byte_and_no_odd_text_is_taken_or_raises_anything_else(data: st.DataObject) -> None:
    text = signed(EC)
    at = data.draw(st.integers(0, len(text) - 1))
    changed = text[:at] + data.draw(st.characters()) + text[at + 1 :]
    for said in (changed, data.draw(st.text(max_size=60)), f"{text}.{text}", text + "A"):
        if said == text or _same_bits(said, text):
            continue
        with pytest.raises(WrongToken):
            judged(said)


def _same_bits(one: str, other: str) -> bool:
    """The last letter of a part has bits that mean nothing."""
    try:
        parts = [[base64.urlsafe_b64decode(p + "==") for p in text.encode("ascii").split(b".") for p in [p.decode()]] for text in (one, other)]
    except ValueError:
        return False
    return parts[0] == parts[1]
