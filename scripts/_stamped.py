"""Gives what tools stamp with the present the time of SOURCE_DATE_EPOCH, so that the same tree makes the same bytes.

Usage: python scripts/_stamped.py FILE: a CycloneDX bill of materials (.json), or a Helm chart (.tgz).
"""

import gzip
import io
import json
import os
import sys
import tarfile
import uuid
from datetime import UTC, datetime
from pathlib import Path


def bill(text: bytes, epoch_s: int) -> bytes:
    """A bill of materials whose serial number is made of what it says, and its time the given one."""
    told = json.loads(text)
    told.pop("serialNumber", None)
    told["metadata"]["timestamp"] = datetime.fromtimestamp(epoch_s, UTC).isoformat().replace("+00:00", "Z")
    serial = uuid.uuid5(uuid.NAMESPACE_OID, json.dumps(told, sort_keys=True))
    return (json.dumps({"serialNumber": f"urn:uuid:{serial}", **told}, indent=2) + "\n").encode()


def chart(packed: bytes, epoch_s: int) -> bytes:
    """A chart whose files are in their order, of nobody, and all of the given time."""
    with tarfile.open(fileobj=io.BytesIO(packed)) as old:
        files = {one.name: old.extractfile(one) for one in old if one.isfile()}
        contents = {name: file.read() for name, file in files.items() if file is not None}
    bare = io.BytesIO()
    with tarfile.open(fileobj=bare, mode="w", format=tarfile.GNU_FORMAT) as new:
        for name in sorted(contents, key=lambda name: (not name.endswith("/Chart.yaml"), name)):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mtime, entry.mode = len(contents[name]), epoch_s, 0o644
            new.addfile(entry, io.BytesIO(contents[name]))
    # Without a name in its head, and with the system of no machine.
    return gzip.compress(bare.getvalue(), mtime=epoch_s)


if __name__ == "__main__":
    path = Path(sys.argv[1])
    stamp = chart if path.suffix == ".tgz" else bill
    path.write_bytes(stamp(path.read_bytes(), int(os.environ["SOURCE_DATE_EPOCH"])))
