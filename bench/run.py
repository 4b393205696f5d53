"""`make bench`: each claim of speed beside its peer, one after the other on a quiet machine. Prints figures; asserts nothing.

`python bench/run.py poll rules` runs only those.
"""

from __future__ import annotations

import platform
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
ORDER = (
    *("poll", "burst", "scale", "mqtt", "serial_line", "plan", "journal"),
    *("rules", "backtest", "rehearse", "through", "history", "flip", "flood", "deliver", "console", "kpi", "memory", "peers"),
)


def main() -> int:
    wanted = sys.argv[1:] or ORDER
    print(f"{platform.processor() or platform.machine()}, Python {platform.python_version()}, {time.strftime('%Y-%m-%d')}")
    worst = 0
    for name in wanted:
        print(f"\n== bench/{name}.py", flush=True)
        worst = max(worst, subprocess.run([sys.executable, str(HERE / f"{name}.py")], check=False, cwd=HERE.parent).returncode)
    return worst


if __name__ == "__main__":
    sys.exit(main())
