"""Air on its way through an air handler: fan, ducts, mixing, coils. Flow is a share of the nominal one; degC and Pa."""

from __future__ import annotations

from math import sqrt
from typing import NamedTuple

DUCT_PA = 250.0  # static pressure at which boxes that stand fully open pass the nominal flow
FAN_PA = 1000.0  # of the fan at full speed; goes with speed squared
UNIT_PA = 300.0  # lost in coils and casing at nominal flow
FILTER_PA = 80.0  # lost in a clean filter at nominal flow
FAN_K = 1.4  # the fan at full speed warms its air by so much; goes with speed squared
COOL_REACH, HEAT_REACH = 0.9, 0.5  # share of the way to the water's temperature that a coil fully open takes the air
CHILLED, HOT = 7.0, 60.0  # degC of the water
TIGHT = 0.02  # share of outdoor air that a shut damper lets through


class Blown(NamedTuple):
    """static: Pa in the duct; flow: through the unit; served: what of it reaches the rooms."""

    static: float
    flow: float
    served: float


def blow(speed: float, filter_pa: float, boxes: float, leak: float) -> Blown:
    """Fan at `speed` (1 = full) against unit, filter and the openings behind: boxes (1 = all open) and a leak, in the same measure.

    Fan pressure = loss in the unit + static pressure, both with flow squared, so there is a closed form.
    """
    opening = boxes + leak
    static = FAN_PA * speed * speed / (1.0 + (UNIT_PA + filter_pa) * opening * opening / DUCT_PA)
    through = sqrt(static / DUCT_PA)
    return Blown(static, opening * through, boxes * through)


def mixed(outdoor: float, back: float, damper: float, leak: float = TIGHT) -> float:
    """damper: opening 0..1 of the outdoor damper; leak: share that comes in while it is shut."""
    share = leak + (1.0 - leak) * damper
    return share * outdoor + (1.0 - share) * back


def after_coils(air: float, heat: float, cool: float, chilled: float = CHILLED) -> float:
    """What leaves the coils, heating first; heat, cool: share of full water flow. Water no colder than the air does nothing."""
    warm = air + heat * HEAT_REACH * (HOT - air)
    return warm - cool * COOL_REACH * max(0.0, warm - chilled)
