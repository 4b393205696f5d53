"""The demo's MQTT broker: amqtt on one loopback port, as a process of its own. For a demo only: it forgets all when it ends."""

from __future__ import annotations

import asyncio
import logging
import sys

from amqtt.broker import Broker
from amqtt.session import Session

from plantroom.service import die_with_supervisor

HOST = "127.0.0.1"


class QuietBroker(Broker):  # type: ignore[misc]
    """amqtt 0.12 greets every new client with the retained messages of everybody's subscriptions; a client that only publishes, and
    rightly expects nothing but an acknowledgement, is then told something it never asked for. Here only its own subscriptions count."""

    async def _publish_retained_messages_for_subscription(self, subscription: tuple[str, int], session: Session) -> None:
        subscribers = self._subscriptions.get(subscription[0], ())
        if any(subscriber.client_id == session.client_id for subscriber, _ in subscribers):
            await super()._publish_retained_messages_for_subscription(subscription, session)


async def serve(port: int) -> None:
    """Until the process is ended; there is nothing to save, so a signal just ends it."""
    listener = {"type": "tcp", "bind": f"{HOST}:{port}"}
    open_to_all = {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}}
    await QuietBroker({"listeners": {"default": listener}, "plugins": open_to_all}).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    logging.basicConfig(level=logging.ERROR)
    die_with_supervisor()
    asyncio.run(serve(int(sys.argv[1])))
