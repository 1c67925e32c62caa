"""Cost, latency, memory and growth of the gateway, beside other gateways in the same run, with a million calls and left
calls, and up to 100,000 keys, tenants and routes. Takes hours and writes docs/benchmarks.md.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.harness.plan import FULL
from bench.harness.run import main

if __name__ == "__main__":
    sys.exit(main(FULL, __doc__ or ""))
