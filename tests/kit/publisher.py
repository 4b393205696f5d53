"""Devices that publish what they see to a broker, once a second and at once on a change, from a thread of the test."""

from __future__ import annotations

import json
import threading

import paho.mqtt.client as mqtt


class Publisher:
    """Devices are numbered from 0, their topic is `pumps/NUMBER`. It goes on by itself after the broker was away."""

    def __init__(self, port: int, devices: int) -> None:
        self._lost = [0] * devices
        self._client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
        self._client.reconnect_delay_set(0.2, 0.5)
        self._client.max_queued_messages_set(devices)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._publish, daemon=True)
        self._thread.start()

    def show(self, device: int, lost: int) -> None:
        self._lost[device] = lost
        self._say(device)

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
        self._client.disconnect()
        self._client.loop_stop()

    def _say(self, device: int) -> None:
        if self._client.is_connected():  # what is old when it arrives is worth nothing
            self._client.publish(f"pumps/{device}", json.dumps({"phase_loss": bool(self._lost[device]), "running": False, "mode": 1}))

    def _publish(self) -> None:
        while not self._stop.wait(1.0):
            for device in range(len(self._lost)):
                self._say(device)
