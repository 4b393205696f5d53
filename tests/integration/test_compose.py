"""The compose installation: what can be held against it without a container engine, and its broker's rules on a real mosquitto."""

from __future__ import annotations

import getpass
import os
import re
import runpy
import shutil
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from ruamel.yaml import YAML

from plantroom.bundle import problems_of
from rules.watch.watch_file import load_watch
from tests.kit.influx_v2_shim import Shim
from tests.kit.influxd import Influxd, free_port
from tests.kit.mosquitto import mosquitto

ROOT = Path(__file__).parents[2]
make_secrets = runpy.run_path(str(ROOT / "compose" / "make_secrets.py"))
COPIED = ("docker-compose.yml", "Dockerfile", "compose", "dashboards/grafana/provisioned")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = YAML(typ="safe").load((ROOT / "docker-compose.yml").read_text())
    return loaded


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the files with its own secrets, as after `make secrets`."""
    folder = tmp_path_factory.mktemp("installation")
    for name in COPIED:
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, target, ignore=shutil.ignore_patterns("secrets", "__pycache__"))
        else:
            shutil.copy(ROOT / name, target)
    make_secrets["make"](folder / "compose" / "secrets", folder / ".env")
    return folder


@pytest.fixture(scope="module")
def second() -> dict[str, Any]:
    """The file of the second machine."""
    loaded: dict[str, Any] = YAML(typ="safe").load((ROOT / "compose" / "watch" / "docker-compose.yml").read_text())
    return loaded


def services(compose: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    yield from compose["services"].items()


@pytest.mark.needs("docker-compose")
@pytest.mark.parametrize("profile", [[], ["--profile", "demo"]])
def test_compose_accepts_the_file(installation: Path, profile: list[str]) -> None:
    ours = ("COMPOSE", "MQTT", "INFLUX", "GRAFANA", "PLANTROOM")
    environment = {key: value for key, value in os.environ.items() if not key.startswith(ours)}
    command = ["docker-compose", *profile, "config"]
    done = subprocess.run(command, cwd=installation, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "variable is not set" not in done.stderr, done.stderr
    assert all(f"  {name}:" in done.stdout for name in ("mosquitto", "influxdb", "grafana", "plantroom"))
    for secret in (installation / "compose" / "secrets").iterdir():
        assert secret.read_text().strip() not in done.stdout


def test_every_image_is_pinned_to_one_version(compose: dict[str, Any]) -> None:
    images = {name: service["image"] for name, service in services(compose)}
    assert all(re.fullmatch(r"[a-z0-9/-]+:\d+\.\d+\.\d+", image) for image in images.values()), images
    bases = re.findall(r"^FROM (\S+)", (ROOT / "Dockerfile").read_text(), re.M)
    assert len(set(bases)) == 1, "what was built runs on what it was built on"
    assert re.fullmatch(r"python:\d+\.\d+\.\d+-slim-[a-z]+", bases[0])


def test_nothing_is_published_beyond_this_machine_by_default(compose: dict[str, Any], installation: Path) -> None:
    published = [port for _, service in services(compose) for port in service.get("ports", ())]
    assert len(published) == 4
    assert all(re.fullmatch(r"\$\{[A-Z_]+:-127\.0\.0\.1:\d+\}:\d+", port) for port in published), published
    assert all("127.0.0.1" in line for line in (installation / ".env").read_text().splitlines() if "_LISTEN=" in line)
    assert all(service.get("network_mode") != "host" and not service.get("privileged") for _, service in services(compose))


def test_no_secret_stands_in_the_files(compose: dict[str, Any]) -> None:
    for name, service in services(compose):
        for key in service.get("environment", {}):
            if re.search("PASSWORD|TOKEN|SECRET", key):
                assert key.endswith("_FILE"), f"{name}: {key} holds a secret; give it as a file"
    command = ["git", "check-ignore", "compose/secrets/influxdb_token", ".env"]
    kept = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert kept.stdout.split() == ["compose/secrets/influxdb_token", ".env"], "they could be committed"
    source = (ROOT / "compose/grafana/provisioning/datasources/influxdb.yaml").read_text()
    assert "Token $__file{/run/secrets/influxdb_token}" in source


def test_every_service_says_how_it_is_and_comes_back(compose: dict[str, Any]) -> None:
    for name, service in services(compose):
        assert service["healthcheck"]["test"][0] in ("CMD", "CMD-SHELL"), name
        assert service["restart"] == "unless-stopped", name
        assert "no-new-privileges:true" in service["security_opt"], name
        assert service["logging"]["options"]["max-size"], f"{name}: its log fills the disk"


def test_our_own_containers_are_bare(compose: dict[str, Any]) -> None:
    for name in ("plantroom", "simulators"):
        service = compose["services"][name]
        assert service["user"] == "10001:10001"
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
    text = (ROOT / "Dockerfile").read_text()
    assert text.index("USER 10001:10001") > text.index("AS run")
    assert compose["services"]["simulators"]["profiles"] == ["demo"]


def test_everything_that_is_named_is_there(compose: dict[str, Any], installation: Path) -> None:
    for name, service in services(compose):
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            if source.startswith("./"):
                assert (installation / source).exists(), f"{name}: {source}"
                assert volume.endswith(":ro"), f"{name} could write {source}"
            else:
                assert source in compose["volumes"], f"{name}: {source}"
        for secret in service.get("secrets", ()):
            assert (secret if isinstance(secret, str) else secret["source"]) in compose["secrets"]
        for other in service.get("depends_on", ()):
            assert other in compose["services"]
    for secret in compose["secrets"].values():
        assert (installation / secret["file"]).is_file()
    home = compose["services"]["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert (ROOT / "dashboards/grafana/provisioned" / Path(home.replace("${PLANTROOM_LANGUAGE:-zh}", "zh")).name).is_file()
    provider = YAML(typ="safe").load((ROOT / "compose/grafana/provisioning/dashboards/plantroom.yaml").read_text())["providers"][0]
    assert f":{provider['options']['path']}:ro" in " ".join(compose["services"]["grafana"]["volumes"])


def test_the_image_holds_every_package(compose: dict[str, Any]) -> None:
    text = (ROOT / "Dockerfile").read_text()
    ignored = (ROOT / ".dockerignore").read_text().split()
    for package in ("plantroom", "collector", "rules", "simulators", "dashboards", "pyproject.toml", "constraints.txt"):
        assert re.search(rf"^COPY .*\b{re.escape(package)}\b", text, re.M), package
        assert f"!{package}" in ignored, package


def test_the_example_site_is_a_good_site_file(installation: Path) -> None:
    path = installation / "compose" / "site" / "site.yaml"
    text = path.read_text()
    assert "/run/secrets/" in text
    path.with_name("local.yaml").write_text(text.replace("/run/secrets/", f"{installation}/compose/secrets/"))
    assert problems_of(path.with_name("local.yaml"), env={}) == []


def test_the_second_machines_container_is_as_bare_and_as_closed_as_the_first_ones(compose: dict[str, Any], second: dict[str, Any]) -> None:
    [(_, watch)] = services(second)
    ours = compose["services"]["plantroom"]
    for key in ("image", "user", "read_only", "cap_drop", "security_opt", "restart", "logging"):
        assert watch[key] == ours[key], key
    assert watch["build"] == {"context": "../..", "target": "run"} and ours["build"] == {"context": ".", "target": "run"}
    assert all(re.fullmatch(r"\$\{WATCH_LISTEN:-127\.0\.0\.1:8620\}:8620", port) for port in watch["ports"]) and len(watch["ports"]) == 1
    assert watch["command"][:4] == ["watch", "/watch/watch.yaml", "--data", "/data"] and "8620/healthz" in watch["healthcheck"]["test"][-1]
    assert set(watch["secrets"]) == set(second["secrets"]) == set(make_secrets["WATCH"])
    assert all("environment" not in service for _, service in services(second))
    kept = subprocess.run(["git", "check-ignore", "compose/watch/secrets/duty_secret"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert kept.returncode == 0, "it could be committed"


def test_what_the_second_machine_mounts_is_there_and_its_watch_file_is_good(installation: Path, second: dict[str, Any]) -> None:
    folder = installation / "compose" / "watch"
    make_secrets["make_watch"](folder / "secrets")
    for secret in second["secrets"].values():
        assert len((folder / secret["file"]).read_text()) >= 40
    assert stat.S_IMODE((folder / "secrets").stat().st_mode) == 0o700
    mounted = [volume for volume in second["services"]["watch"]["volumes"] if volume.startswith("./")]
    assert mounted == ["./watch.yaml:/watch/watch.yaml:ro"]
    local = folder / "local.yaml"
    local.write_text((folder / "watch.yaml").read_text().replace("/run/secrets/", f"{folder}/secrets/"))
    assert list(load_watch(local, env={}).installations) == ["building"], "the id of the example site"


@pytest.mark.needs("docker-compose")
def test_compose_accepts_the_second_machines_file(installation: Path) -> None:
    make_secrets["make_watch"](installation / "compose" / "watch" / "secrets")
    command = ["docker-compose", "-f", "compose/watch/docker-compose.yml", "config"]
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("COMPOSE", "WATCH"))}
    done = subprocess.run(command, cwd=installation, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "variable is not set" not in done.stderr, done.stderr
    for secret in (installation / "compose" / "watch" / "secrets").iterdir():
        assert secret.read_text().strip() not in done.stdout


def test_secrets_are_made_once_and_are_no_ones_twice(tmp_path: Path) -> None:
    one, other = tmp_path / "one" / "secrets", tmp_path / "other" / "secrets"
    first = make_secrets["make"](one, tmp_path / "one" / ".env")
    assert make_secrets["make"](one, tmp_path / "one" / ".env") == []
    make_secrets["make"](other, tmp_path / "other" / ".env")
    assert len(first) == 7
    for path in one.iterdir():
        assert path.read_text() != (other / path.name).read_text()
        assert len(path.read_text()) >= 40
    assert stat.S_IMODE(one.stat().st_mode) == 0o700
    before = (one / "mosquitto_accounts").read_text()
    (one / "mqtt_password").unlink()
    make_secrets["make"](one, tmp_path / "one" / ".env")
    assert (one / "mosquitto_accounts").read_text() != before, "a new password is a new account line"


class Client:
    """A paho client that can be asked what happened. Waits are for events, at most some seconds."""

    def __init__(self, port: int, user: str | None, password: str = "") -> None:
        self.heard: list[str] = []
        self._connected, self._came = threading.Event(), threading.Event()
        self.refused = False
        self._client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
        if user is not None:
            self._client.username_pw_set(user, password)
        self._client.on_connect = self._on_connect
        self._client.on_message = self._on_message
        self._subscribed = threading.Event()
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        assert self._connected.wait(10)

    def _on_connect(self, client: object, data: object, flags: object, reason: Any, properties: object) -> None:
        self.refused = bool(reason.is_failure)
        self._connected.set()

    def _on_message(self, client: object, data: object, message: mqtt.MQTTMessage) -> None:
        self.heard.append(message.topic)
        if message.topic == "plantroom/building/end":
            self._came.set()

    def subscribe(self, topic: str) -> None:
        self._subscribed.clear()
        self._client.subscribe(topic, qos=1)
        assert self._subscribed.wait(10)

    def publish(self, topic: str) -> None:
        self._client.publish(topic, b"x", qos=1).wait_for_publish(10)

    def wait_for_end(self) -> list[str]:
        assert self._came.wait(10)
        return self.heard

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


def broker_configuration(installation: Path, folder: Path, port: int) -> str:
    """The compose file's mosquitto.conf, its places moved into a folder of the test."""
    text = (installation / "compose/mosquitto/mosquitto.conf").read_text()
    (folder / "data").mkdir()
    for given, here in (
        ("listener 1883 0.0.0.0", f"listener {port} 127.0.0.1"),
        ("/run/secrets", f"{installation}/compose/secrets"),
        ("/mosquitto/config/acl", f"{installation}/compose/mosquitto/acl"),
        ("/mosquitto/data/", f"{folder}/data/"),
    ):
        assert given in text
        text = text.replace(given, here)
    return f"{text}\nuser {getpass.getuser()}\n"


@pytest.fixture
def broker(installation: Path, tmp_path: Path) -> Iterator[int]:
    port = free_port()
    with mosquitto(broker_configuration(installation, tmp_path, port), tmp_path, port):
        yield port


@pytest.mark.needs("mosquitto")
def test_the_broker_lets_each_account_do_its_own_and_nobody_else_in(broker: int, installation: Path) -> None:
    def password(name: str) -> str:
        return (installation / "compose" / "secrets" / name).read_text()

    for user, word in ((None, ""), ("plantroom", "wrong"), ("gateway", password("mqtt_password"))):
        stranger = Client(broker, user, word)
        assert stranger.refused, user
        stranger.close()
    plantroom = Client(broker, "plantroom", password("mqtt_password"))
    gateway = Client(broker, "gateway", password("mqtt_gateway_password"))
    assert not plantroom.refused and not gateway.refused
    plantroom.subscribe("#")
    gateway.subscribe("#")
    gateway.publish("lifts/building-1/state")
    gateway.publish("plantroom/building/fault/F1")  # not a gateway's to say
    plantroom.publish("lifts/building-1/command")  # nobody writes to a device
    plantroom.publish("plantroom/building/end")
    assert plantroom.wait_for_end() == ["lifts/building-1/state", "plantroom/building/end"]
    assert gateway.heard == []
    plantroom.close()
    gateway.close()


@pytest.mark.needs("mosquitto", "influxd")
def test_the_example_site_and_its_simulators_fill_the_database_through_the_broker(broker: int, installation: Path, tmp_path: Path) -> None:
    """The demo profile without its containers: the same site file, accounts and rules; a 1.x engine behind the tests' 2.x shim."""
    secrets = installation / "compose" / "secrets"
    with Influxd(tmp_path / "influxd") as influx, Shim(influx.url, (secrets / "influxdb_token").read_text()) as shim, ExitStack() as stack:
        influx.create("plantroom")
        field = free_port()
        for name, secret in (("plantroom", "mqtt_password"), ("gateway", "mqtt_gateway_password")):
            text = (installation / "compose/site/site.yaml").read_text()
            for given, here in (
                ("host: mosquitto, port: 1883", f"host: 127.0.0.1, port: {broker}"),
                ("port: 1502", f"port: {field}"),
                ("http://influxdb:8086", shim.url),
                ("/run/secrets/mqtt_password", str(secrets / secret)),
                ("/run/secrets", str(secrets)),
            ):
                assert given in text
                text = text.replace(given, here)
            (tmp_path / f"{name}.yaml").write_text(text)
        commands = {
            "gateway": ["simulate", "gateway.yaml"],
            "plantroom": ["run", "plantroom.yaml", "--data", "data", "--listen", f"127.0.0.1:{free_port()}"],
        }
        for name, command in commands.items():
            stack.enter_context(running(command, tmp_path, name))
        kinds = {"generator": 1, "ahu": 1, "elevator": 4, "fire_pump": 1}
        wait_for(lambda: machines(influx, kinds) == kinds, "samples of every machine of the site", tmp_path)
        assert influx.ask('SHOW TAG VALUES WITH KEY = "site"', "plantroom")[0]["values"][0][1] == "building"


def machines(influx: Influxd, kinds: dict[str, int]) -> dict[str, int]:
    """How many machines of each kind have good samples."""
    return {kind: len(influx.ask(f'SELECT count(*) FROM "{kind}" GROUP BY equipment', "plantroom")) for kind in kinds}


@contextmanager
def running(command: list[str], folder: Path, user: str) -> Iterator[None]:
    with (folder / f"{user}.log").open("wb") as log:
        environment = os.environ | {"MQTT_USER": user}
        process = subprocess.Popen([sys.executable, "-m", "plantroom", *command], cwd=folder, env=environment, stdout=log, stderr=log)
    try:
        yield
    finally:
        process.terminate()
        process.wait(15)


def wait_for(condition: Callable[[], bool], what: str, folder: Path, seconds: float = 90) -> None:
    """Other processes cannot tell us: they are looked at every 200 ms."""
    end = time.monotonic() + seconds
    while not condition():
        logs = "\n".join(path.read_text()[-2000:] for path in folder.glob("*.log"))
        assert time.monotonic() < end, f"{what} never came\n{logs}"
        time.sleep(0.2)
