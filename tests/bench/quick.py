"""Cost, latency, memory and growth of the gateway, beside other gateways in the same run, in less than ten minutes.

The same measures as `full`, with fewer passes, calls and sizes: 10,000 calls and 6,000 left ones of each kind where
full makes a million, and 10,000 keys, tenants and routes where full has 100,000 of them.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.harness.plan import QUICK
from bench.harness.run import main

if __name__ == "__main__":
    sys.exit(main(QUICK, __doc__ or ""))
