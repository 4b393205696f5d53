"""A site of a hundred machines that behave: half of them publish, half of them stand behind 13 gateways."""

from __future__ import annotations

LIFTS = 50  # that publish JSON
# kind, profile, how many, how many behind one gateway
HUNDRED = (
    ("ahu", "systemair-topvex", 25, 5),
    ("fire_pump", "metron-fd4", 15, 5),
    ("generator", "smartgen-hgm4000n", 10, 2),
)


def site_text(share: float = 1.0) -> str:
    """share: of the hundred, so many of each kind."""
    connections, port = ["  - {id: broker, mqtt: {host: 127.0.0.1, port: 20000}}"], 20_000
    equipment = [f"  - {{id: lift-{n}, kind: elevator, name: lift {n}, profile: mqtt-json-elevator, connection: broker, topic: l-{n}}}"
                 for n in range(1, round(share * LIFTS) + 1)]  # fmt: skip
    for kind, profile, count, together in HUNDRED:
        for n in range(round(share * count)):
            if n % together == 0:
                port += 1
                connections.append(f"  - {{id: g-{port}, modbus_tcp: {{host: 127.0.0.1, port: {port}}}}}")
            unit = n % together + 1
            equipment.append(f"  - {{id: {kind.replace('_', '-')}-{n + 1}, kind: {kind}, name: {kind} {n + 1}, profile: {profile}, "
                             f"connection: g-{port}, unit: {unit}}}")  # fmt: skip
    head = "site: {id: hundred, name: A hundred, zone: Asia/Shanghai, language: en, practice: gb}\nconnections:\n"
    return head + "\n".join(connections) + "\nequipment:\n" + "\n".join(equipment) + "\n"
