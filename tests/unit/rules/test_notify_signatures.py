"""Signatures and templates of providers: against the examples of their own documents where they have one."""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plantroom.messages import CUT
from rules.notify import aliyun, dingtalk_robot, feishu_robot, template, tencent
from tests.contract.channel_stub import PAGE


def test_alibaba_clouds_own_example() -> None:
    """help.aliyun.com, "V3版本请求体&签名机制", the fixed values of its step by step."""
    query = aliyun.query({"RegionId": "cn-shanghai", "ImageId": "win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd"})
    headers = {
        "host": "ecs.cn-shanghai.aliyuncs.com",
        "x-acs-action": "RunInstances",
        "x-acs-content-sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "x-acs-date": "2023-10-26T10:22:32Z",
        "x-acs-signature-nonce": "3156853299f313e23d1673dc12e1703d",
        "x-acs-version": "2014-05-26",
    }
    assert aliyun.authorization("YourAccessKeyId", "YourAccessKeySecret", query, headers) == (
        "ACS3-HMAC-SHA256 Credential=YourAccessKeyId,SignedHeaders=host;x-acs-action;x-acs-content-sha256;x-acs-date;x-acs-signature-nonce;x-acs-version,"
        "Signature=06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0"
    )


def test_what_alibaba_cloud_wants_encoded() -> None:
    assert aliyun.query({"b": "a b*c~", "a": "机房/1"}) == "a=%E6%9C%BA%E6%88%BF%2F1&b=a%20b%2Ac~"


def test_tencent_clouds_own_example() -> None:
    """cloud.tencent.com/document/product/213/30654: the secrets stand there as stars, and so they are signed."""
    body = rb'{"Limit": 1, "Filters": [{"Values": ["\u672a\u547d\u540d"], "Name": "instance-name"}]}'
    headers = {"content-type": "application/json; charset=utf-8", "host": "cvm.tencentcloudapi.com", "x-tc-action": "DescribeInstances"}
    assert tencent.authorization("AKID" + "*" * 32, "*" * 32, "cvm", headers, body, 1551113065) == (
        f"TC3-HMAC-SHA256 Credential=AKID{'*' * 32}/2019-02-25/cvm/tc3_request, SignedHeaders=content-type;host;x-tc-action, "
        "Signature=10b1a37a7301a02ca19a647ad722d5e43b4b3cff309d421d85b46093f6ab6c4f"
    )


def test_each_attempt_is_signed_anew() -> None:
    settings = {"access_key": "key", "access_secret": "secret"}
    nonces = [aliyun.request(settings, page, "https://example.com", "SendSms", {}).headers["x-acs-signature-nonce"] for page in (PAGE, replace(PAGE, sent_ns=1))]
    assert nonces[0] != nonces[1] and all(len(nonce) == 32 for nonce in nonces)


def test_the_robots_signatures_are_each_the_other_way_round() -> None:
    """Worked from their documents' words: DingTalk signs the line under the secret, Feishu nothing under the line."""
    line = b"1795262400000\nSEC1"
    assert base64.b64decode(dingtalk_robot.sign("SEC1", 1_795_262_400_000)) == hmac.new(b"SEC1", line, hashlib.sha256).digest()
    assert base64.b64decode(feishu_robot.sign("SEC1", 1_795_262_400_000)) == hmac.new(line, b"", hashlib.sha256).digest()


def test_a_variable_is_cut_to_its_provider_s_length() -> None:
    values = template.filled(PAGE, ("severity", "machine", "place", "order", "text"), 6)
    assert values == {"severity": "出险", "machine": "3号客梯", "place": f"B座12-{CUT}", "order": "O12-1", "text": f"〔出险〕困{CUT}"}
    assert list(template.filled(PAGE, ("place", "severity"), 35)) == ["place", "severity"], "in the template's order"
    assert template.filled(replace(PAGE, message={**PAGE.message, "fault": None}), ("machine",), 6) == {"machine": "-"}, "an empty one would be refused"
    assert template.filled(replace(PAGE, language="en"), ("severity",), None) == {"severity": "Danger"}


def test_a_call_says_the_first_line_without_brackets() -> None:
    said = template.spoken(PAGE, ("text",), None)
    assert said == {"text": "出险 困人 3号客梯 B座12-13层间"} and template.spoken_s(said["text"]) <= template.SPOKEN_S


@given(st.lists(st.text(max_size=200), min_size=2, max_size=2), st.sampled_from([None, 1, 6, 35]), st.sampled_from(["zh", "en"]))
def test_no_call_is_longer_than_eight_seconds_and_no_variable_than_its_length(lines: list[str], length: int | None, language: str) -> None:
    page = replace(PAGE, message={**PAGE.message, "zh": lines, "en": lines}, language=language)
    values = template.spoken(page, ("text", "standing", "place"), length)
    assert sum(map(template.spoken_s, values.values())) <= template.SPOKEN_S + 1e-9
    for value in [*values.values(), *template.filled(page, template.VARIABLES, length).values()]:
        assert length is None or len(value) <= length
        assert "\n" not in value


@pytest.mark.parametrize(("given_", "number"), [("+86 138-0013-8000", "+8613800138000"), ("(010) 6554 3210", "01065543210"), ("zhang", None), ("12", None), ("1380013800a", None)])
def test_what_is_a_number(given_: str, number: str | None) -> None:
    assert template.number(given_) == number
