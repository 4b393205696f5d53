"""Channel `lark_robot`: a Lark group robot, which is Feishu's outside China: the same words at https://open.larksuite.com."""

from __future__ import annotations

from collections.abc import Mapping

from rules.notify import feishu_robot
from rules.notify.page import Answer, Page

SERVER = "https://open.larksuite.com"
LIMIT = feishu_robot.LIMIT


async def send(settings: Mapping[str, object], page: Page, *, timeout_s: float) -> Answer:
    return await feishu_robot.send(settings, page, timeout_s=timeout_s, server=SERVER)
