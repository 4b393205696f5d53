"""The demo's MQTT broker: amqtt on one loopback port, as a process of its own. For a demo only: it forgets all when it ends."""

from __future__ import annotations

import asyncio
import logging
import sys

from amqtt.broker import Broker

from plantroom.service import die_with_supervisor

HOST = "127.0.0.1"


async def serve(port: int) -> None:
    """Until the process is ended; there is nothing to save, so a signal just ends it."""
    listener = {"type": "tcp", "bind": f"{HOST}:{port}"}
    open_to_all = {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}}
    await Broker({"listeners": {"default": listener}, "plugins": open_to_all}).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    logging.basicConfig(level=logging.ERROR)
    die_with_supervisor()
    asyncio.run(serve(int(sys.argv[1])))
