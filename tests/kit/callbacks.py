"""Providers that call back, on the wire as they really do: WeCom's sealed and signed XML, and the receipts of Alibaba and Tencent Cloud.

The sealing is written here from the provider's description and shares nothing with what opens it but the AES of the library.
"""

from __future__ import annotations

import base64
import hashlib
import os
import struct
from collections.abc import Mapping

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from plantroom.clock import NS


class WeCom:
    """An application's callback side: its Token, its EncodingAESKey (43 letters) and the corp."""

    def __init__(self, token: str, key: str, corp: str) -> None:
        self.token, self.key, self.corp = token, key, corp

    def seal(self, message: bytes, corp: str | None = None) -> str:
        key = base64.b64decode(self.key + "=")
        plain = os.urandom(16) + struct.pack(">I", len(message)) + message + (self.corp if corp is None else corp).encode()
        missing = 32 - len(plain) % 32
        sealing = Cipher(algorithms.AES(key), modes.CBC(key[:16])).encryptor()
        return base64.b64encode(sealing.update(plain + bytes([missing] * missing)) + sealing.finalize()).decode()

    def query(self, sealed: str, now_ns: int, nonce: str = "1372623149") -> dict[str, str]:
        stamp = str(now_ns // NS)
        parts = [self.token, stamp, nonce, sealed]
        parts.sort()
        return {"msg_signature": hashlib.sha1("".join(parts).encode()).hexdigest(), "timestamp": stamp, "nonce": nonce}

    def post(self, message: str, now_ns: int, nonce: str = "1372623149") -> tuple[dict[str, str], bytes]:
        """(query, body)"""
        sealed = self.seal(message.encode())
        body = f"<xml><ToUserName><![CDATA[{self.corp}]]></ToUserName><Encrypt><![CDATA[{sealed}]]></Encrypt><AgentID><![CDATA[1000002]]></AgentID></xml>"
        return self.query(sealed, now_ns, nonce), body.encode()


def card_event(right: str, who: str, page: str, *, agent: str = "1000002", event: str = "template_card_event") -> str:
    return (
        f"<xml><ToUserName><![CDATA[ww1]]></ToUserName><FromUserName><![CDATA[{who}]]></FromUserName><CreateTime>1795262400</CreateTime>"
        f"<MsgType><![CDATA[event]]></MsgType><Event><![CDATA[{event}]]></Event><EventKey><![CDATA[accept:{right}]]></EventKey>"
        f"<TaskId><![CDATA[{page}@1795262400]]></TaskId><CardType><![CDATA[button_interaction]]></CardType>"
        f"<ResponseCode><![CDATA[RC]]></ResponseCode><AgentID>{agent}</AgentID></xml>"
    )


def aliyun_call(call: str, status: str, *, callee: str | None = "13800138000", dtmf: str = "") -> Mapping[str, object]:
    made = {
        "call_id": call, "originate_time": "2026-11-21 20:00:00", "ring_time": "2026-11-21 20:00:03", "start_time": "", "end_time": "2026-11-21 20:00:40",
        "duration": "0", "status_code": status, "status_msg": "m", "hangup_direction": "", "out_id": "P1-1", "dtmf": dtmf, "voice_type": "voice",
    }  # fmt: skip
    return made if callee is None else {**made, "callee": callee}


def aliyun_sms(biz: str, success: bool, phone: str = "13800138000") -> Mapping[str, object]:
    return {
        "phone_number": phone, "send_time": "2026-11-21 20:00:00", "report_time": "2026-11-21 20:00:05", "success": success,
        "err_code": "DELIVERED" if success else "MOBILE_NOT_ON_SERVICE", "err_msg": f"{phone} m", "sms_size": "1", "biz_id": biz, "out_id": "P1-1",
    }  # fmt: skip


def tencent_sms(sid: str, success: bool, phone: str = "13800138000") -> Mapping[str, object]:
    status = "SUCCESS" if success else "FAIL"
    return {"user_receive_time": "2026-11-21 20:00:05", "nationcode": "86", "mobile": phone, "report_status": status, "errmsg": "DELIVRD",
            "description": "m", "sid": sid}  # fmt: skip


def tencent_call(name: str, call: str, **more: object) -> Mapping[str, object]:
    return {name: {"call_from": "075583763333", "callid": call, "mobile": "13800138000", "nationcode": "86", **more}}
