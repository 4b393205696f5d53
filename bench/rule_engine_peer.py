"""The peer of bench/rules.py, run by an environment of its own (it wants other versions than Plantroom): samples a second of rule-engine.

stdin: {"rules": [expression, ...], "thing": {point: value}, "seconds": s}; stdout: {"version", "rate"}. A sample is one value of a thing
that all rules have looked at.
"""

from __future__ import annotations

import json
import sys
import time
from importlib.metadata import version

import rule_engine  # type: ignore[import-not-found,unused-ignore]


def main() -> None:
    asked = json.load(sys.stdin)
    compiled = [rule_engine.Rule(text) for text in asked["rules"]]
    things = [dict(asked["thing"]) for _ in range(200)]
    started, samples = time.process_time(), 0
    while time.process_time() - started < asked["seconds"]:
        for thing in things:
            for rule in compiled:
                rule.matches(thing)
            samples += len(thing)
    print(json.dumps({"version": version("rule-engine"), "rate": samples / (time.process_time() - started)}))


if __name__ == "__main__":
    main()
