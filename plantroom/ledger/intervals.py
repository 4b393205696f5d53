"""What a cell says of how often -> an ISO 8601 length (P15D, P1M, P1Y), and back into words. Pure."""

from __future__ import annotations

import re
import unicodedata

from plantroom.words import say

UNITS = {"D": "day", "W": "week", "M": "month", "Y": "year"}
MOST = {"D": 3_660, "W": 520, "M": 240, "Y": 20}
_ISO = re.compile(r"P(\d{1,4})([DWMY])")
_ZH_DIGITS = {
    "半": 0,
    "一": 1,
    "二": 2,
    "两": 2,
    "三": 3,
    "四": 4,
    "五": 5,
    "六": 6,
    "七": 7,
    "八": 8,
    "九": 9,
    "十": 10,
    "十二": 12,
    "十五": 15,
    "三十": 30,
}
_ZH = re.compile(
    r"(?:每|按|每隔)?(\d{1,4}|十二|十五|三十|[一二两三四五六七八九十半])?个?(天|日|周|星期|礼拜|月|月度|季|季度|年|年度)(?:一次|1次|度|保|检|保养|维保|检查|巡检)?"
)
_ZH_UNITS = {
    "天": "D",
    "日": "D",
    "周": "W",
    "星期": "W",
    "礼拜": "W",
    "月": "M",
    "月度": "M",
    "季": "Q",
    "季度": "Q",
    "年": "Y",
    "年度": "Y",
}
_TIMES = re.compile(r"(?:每)?(年|月|周|季|季度|日|天)(\d{1,2}|[一二两三四六])次|(\d{1,2}|[一二两三四六])次/?每?(年|月|周|季|季度|日|天)")
_EN = re.compile(r"(?:every|each|per)?\s*(\d{1,4})?[\s-]*(day|week|month|quarter|year|d|w|wk|mo|m|yr|y)s?")
_EN_UNITS = {
    "day": "D",
    "d": "D",
    "week": "W",
    "w": "W",
    "wk": "W",
    "month": "M",
    "mo": "M",
    "m": "M",
    "quarter": "Q",
    "year": "Y",
    "yr": "Y",
    "y": "Y",
}
_EN_TIMES = re.compile(r"(\d{1,2}|once|twice)\s*(?:times?|x)?\s*(?:a|per|/|every)\s*(year|month|week|quarter|day)")
_WORDS = {
    "daily": "P1D", "weekly": "P1W", "biweekly": "P2W", "fortnightly": "P2W", "every fortnight": "P2W", "monthly": "P1M",
    "bimonthly": "P2M",
    "semimonthly": "P15D", "half-monthly": "P15D", "quarterly": "P3M", "half-yearly": "P6M", "semi-annual": "P6M", "semiannual": "P6M",
    "semi-annually": "P6M", "biannual": "P6M", "yearly": "P1Y", "annual": "P1Y", "annually": "P1Y", "半年度": "P6M",
    "双周": "P2W", "双月": "P2M",
    "每半个月": "P15D", "每旬": "P10D", "旬": "P10D",
}  # fmt: skip


def read_interval(text: str) -> str:
    """Raises ValueError, which says what to write."""
    plain = " ".join(unicodedata.normalize("NFKC", text).strip().lower().split())
    found = _WORDS.get(plain) or _iso(plain.upper()) or _zh(plain.replace(" ", "")) or _times(plain.replace(" ", "")) or _en(plain)
    if found is None:
        raise ValueError(f"{text[:40]!r} is no interval; write 半月, 每月, 每季度, 90天, or every 2 weeks, 6 months")
    return found


def words_of(iso: object, lang: str) -> str | None:
    """`P3M` in words; None for what is no interval of ours."""
    match = _ISO.fullmatch(iso) if isinstance(iso, str) else None
    if match is None:
        return None
    count, unit = int(match.group(1)), UNITS[match.group(2)]
    return say(f"interval.{'each' if count == 1 else 'every'}.{unit}", lang, count=count)


def _iso(text: str) -> str | None:
    match = _ISO.fullmatch(text)
    return _length(int(match.group(1)), match.group(2)) if match else None


def _zh(text: str) -> str | None:
    match = _ZH.fullmatch(text)
    if match is None:
        return None
    said, unit = match.groups()
    if said == "半":
        return {"M": "P15D", "Y": "P6M"}.get(_ZH_UNITS[unit])
    return _length(_count(said), _ZH_UNITS[unit])


def _times(text: str) -> str | None:
    match = _TIMES.fullmatch(text)
    if match is None:
        return None
    unit, times = (match.group(1), match.group(2)) if match.group(1) else (match.group(4), match.group(3))
    return _share(_count(times), _ZH_UNITS[unit])


def _en(text: str) -> str | None:
    if match := _EN_TIMES.fullmatch(text):
        return _share({"once": 1, "twice": 2}.get(match.group(1)) or int(match.group(1)), _EN_UNITS[match.group(2)])
    match = _EN.fullmatch(text)
    return _length(int(match.group(1) or 1), _EN_UNITS[match.group(2)]) if match else None


def _count(said: str | None) -> int:
    if not said:
        return 1
    return _ZH_DIGITS[said] if said in _ZH_DIGITS else int(said)


def _share(times: int, unit: str) -> str | None:
    """So many times a year, month, ...: twice a year is every 6 months, twice a month every 15 days."""
    parts = {"Y": ("M", 12), "Q": ("M", 3), "M": ("D", 30), "W": ("D", 7), "D": ("D", 1)}
    if times == 1:
        return _length(1, unit)
    small, count = parts[unit]
    if times > 1 and count % times == 0:
        return _length(count // times, small)
    days = {"Y": 365, "Q": 91, "M": 30, "W": 7, "D": 1}[unit]
    return _length(days // times, "D") if times and days // times else None


def _length(count: int, unit: str) -> str | None:
    count, unit = (3 * count, "M") if unit == "Q" else (count, unit)
    return f"P{count}{unit}" if 1 <= count <= MOST[unit] else None
