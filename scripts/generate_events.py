#!/usr/bin/env python3
"""Write backend/berth/chain/events.py from the committed ABI files; --check only compares.

.venv/bin/python scripts/generate_events.py [--check]
"""

import sys
from pathlib import Path

from berth.chain.event_codegen import source

TARGET = Path(__file__).resolve().parents[1] / "backend" / "berth" / "chain" / "events.py"


def main() -> int:
    text = source()
    current = TARGET.read_text("utf-8") if TARGET.exists() else ""
    if text == current:
        return 0
    if "--check" in sys.argv[1:]:
        print(
            f"{TARGET.name} does not fit the ABI files: run scripts/generate_events.py",
            file=sys.stderr,
        )
        return 1
    TARGET.write_text(text, "utf-8")
    print(f"wrote {TARGET.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
