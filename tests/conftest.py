"""Shared by all tests: outside programs by marker, never silently skipped in CI; no simulated device is asked for more than reads."""

from __future__ import annotations

import os
import shutil

import pytest

from tests.kit.strict_modbus import Watch

_WATCH = Watch()
_WATCH.install()


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item) -> None:
    """After the test and its fixtures: P9 held, whatever the test was about."""
    offences = _WATCH.offences()
    if offences and item.get_closest_marker("writes") is None:
        pytest.fail(f"P9: a simulated device was asked for more than reads: {offences}", pytrace=False)


def pytest_runtest_setup(item: pytest.Item) -> None:
    for marker in item.iter_markers("needs"):
        for program in marker.args:
            if shutil.which(program) or shutil.which(program, path="/usr/sbin:/usr/local/sbin:/sbin"):
                continue
            said = f"needs {program}: apt-get install {_PACKAGE.get(program, program)}"
            if os.environ.get("CI"):
                pytest.fail(f"{said} (CI skips nothing)")
            pytest.skip(said)


_PACKAGE = {"influxd": "influxdb", "mosquitto_pub": "mosquitto-clients"}
