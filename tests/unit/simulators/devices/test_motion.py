"""A lift's ride: within its limits, and it arrives."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.devices.motion import Ride

RIDES = st.builds(
    Ride,
    st.floats(0.02, 300.0) | st.floats(-300.0, -0.02),
    st.floats(0.5, 6.0),
    st.floats(0.4, 1.5),
    st.floats(0.5, 1.5),
)


@given(st.floats(0.02, 300.0), st.sampled_from([1, -1]), st.floats(0.5, 6.0), st.floats(0.4, 1.5), st.floats(0.5, 1.5))
def test_a_ride_arrives_and_keeps_to_its_limits(length: float, way: int, rated: float, acceleration: float, jerk: float) -> None:
    ride = Ride(way * length, rated, acceleration, jerk)
    assert ride.at(ride.duration_s + 1)[0] == pytest.approx(way * length)
    times = np.linspace(0.0, ride.duration_s, 400)
    x, v, a = np.array([ride.at(float(t)) for t in times]).T
    assert abs(v).max() <= rated * 1.0001 and abs(a).max() <= acceleration * 1.0001
    assert (np.diff(x) * way >= -1e-9).all()  # never back
    assert x[-1] == pytest.approx(way * length, rel=1e-6)
    step = times[1]
    assert abs(np.diff(a)).max() <= jerk * step * 1.01 + 1e-9
    assert abs(np.diff(x) - v[:-1] * step).max() <= acceleration * step * step  # speed is the way's slope


def test_a_long_ride_is_the_textbook_length() -> None:
    """60 m at 1.75 m/s, 0.9 m/s2, 1.1 m/s3: v/a + a/j more than distance over speed."""
    assert Ride(60.0, 1.75, 0.9, 1.1).duration_s == pytest.approx(60 / 1.75 + 1.75 / 0.9 + 0.9 / 1.1)


@given(RIDES)
def test_there_is_rest_before_and_after(ride: Ride) -> None:
    assert ride.at(-1.0) == (0.0, 0.0, 0.0)
    assert ride.at(ride.duration_s)[1:] == (0.0, 0.0)
