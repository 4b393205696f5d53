"""`make secrets`: every password and token of docker-compose.yml as a file of its own, made by chance, none built in.
`make watch-secrets`: those of compose/watch/docker-compose.yml, on the second machine.

Standard library only. What exists is kept; delete a file to get a new secret (the broker's accounts follow by themselves). The folder is
closed to other users of this machine (0700); the files in it can be read by the containers' accounts, which see nothing else of it.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import sys
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).parent
MADE = ("influxdb_password", "influxdb_token", "grafana_password", "mqtt_password", "mqtt_gateway_password")
WATCH = ("building_watch_secret", "duty_secret")
ACCOUNTS = {"plantroom": "mqtt_password", "gateway": "mqtt_gateway_password"}  # user of the broker -> file of the password
ROUNDS = 101  # what mosquitto_passwd uses

ENVIRONMENT = """\
# Settings of docker-compose.yml; no secrets here. Addresses are of this machine: 0.0.0.0:1883 lets gateways in from the field network.
COMPOSE_PROJECT_NAME=plantroom
MQTT_LISTEN=127.0.0.1:1883
INFLUXDB_LISTEN=127.0.0.1:8086
INFLUXDB_RETENTION=1830d
GRAFANA_LISTEN=127.0.0.1:3000
PLANTROOM_LISTEN=127.0.0.1:8600
PLANTROOM_SITE=site.yaml
PLANTROOM_LANGUAGE=zh
"""


def account_line(user: str, password: str) -> str:
    """A line of mosquitto's password file: PBKDF2 with HMAC-SHA512, form 7."""
    salt = secrets.token_bytes(12)
    hashed = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, ROUNDS, 64)
    return f"{user}:$7${ROUNDS}${base64.b64encode(salt).decode()}${base64.b64encode(hashed).decode()}\n"


def make(folder: Path, environment: Path) -> list[Path]:
    """Creates what is missing; returns those files."""
    made = _made(folder, MADE)
    accounts = folder / "mosquitto_accounts"
    if not accounts.exists() or any((folder / name) in made for name in ACCOUNTS.values()):
        lines = (account_line(user, (folder / name).read_text()) for user, name in ACCOUNTS.items())
        accounts.unlink(missing_ok=True)
        made.append(_file(accounts, "".join(lines)))
    if not environment.exists():
        environment.write_text(ENVIRONMENT)
        made.append(environment)
    return made


def make_watch(folder: Path) -> list[Path]:
    """The same for the second machine."""
    return _made(folder, WATCH)


def _made(folder: Path, names: Sequence[str]) -> list[Path]:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    return [_file(folder / name, secrets.token_urlsafe(32)) for name in names if not (folder / name).exists()]


def _file(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o444)
    return path


def main(arguments: Sequence[str]) -> int:
    made = make_watch(HERE / "watch" / "secrets") if "--watch" in arguments else make(HERE / "secrets", HERE.parent / ".env")
    sys.stdout.writelines(f"made {path}\n" for path in made)
    if not made:
        sys.stdout.write("nothing to make: all secrets are there\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
