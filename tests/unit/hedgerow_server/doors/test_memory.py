"""How much of the memory is taken, as the kernel tells."""

from pathlib import Path

import pytest
from hedgerow_server.doors.memory import Memory

MIB = 1024 * 1024


def kernel(folder: Path, line: str, files: dict[str, str]) -> Memory:
    """What a process sees that is in a cgroup."""
    process, cgroups = folder / "self", folder / "cgroup"
    process.mkdir()
    (process / "cgroup").write_text(line)
    (process / "statm").write_text("100000 25600 0 0 0 0 0\n")
    for name, text in files.items():
        path = cgroups / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return Memory(cgroups=cgroups, process=process)


def test_in_a_container_its_own_cgroup_counts_without_files_that_can_be_dropped(tmp_path: Path) -> None:
    files = {"memory.max": f"{512 * MIB}\n", "memory.current": f"{300 * MIB}\n"}
    found = kernel(tmp_path, "0::/\n", {**files, "memory.stat": f"anon 1\ninactive_file {44 * MIB}\n"})
    assert found.limit == 512 * MIB
    assert found.share() == pytest.approx(0.5)


def test_the_smallest_limit_of_those_above_holds(tmp_path: Path) -> None:
    files = {
        "pod/memory.max": f"{100 * MIB}\n",
        "pod/memory.current": f"{90 * MIB}\n",
        "pod/app/memory.max": "max\n",
        "pod/app/memory.current": f"{10 * MIB}\n",
    }
    found = kernel(tmp_path, "0::/pod/app\n", files)
    assert found.limit == 100 * MIB
    assert found.share() == pytest.approx(0.9)


def test_version_1_has_its_own_names(tmp_path: Path) -> None:
    files = {
        "memory/app/memory.limit_in_bytes": f"{200 * MIB}\n",
        "memory/app/memory.usage_in_bytes": f"{120 * MIB}\n",
        "memory/app/memory.stat": f"total_inactive_file {20 * MIB}\n",
        "memory/memory.limit_in_bytes": "9223372036854771712\n",
    }
    found = kernel(tmp_path, "4:memory:/app\n0::/\n", files)
    assert found.limit == 200 * MIB
    assert found.share() == pytest.approx(0.5)


@pytest.mark.parametrize("line", ["0::/\n", "0::/../../out\n", "nonsense\n", ""])
def test_without_a_limit_nothing_is_taken(tmp_path: Path, line: str) -> None:
    found = kernel(tmp_path, line, {"memory.current": "5\n", "memory.max": "max\n"})
    assert (found.limit, found.share()) == (None, 0.0)


def test_a_limit_of_ones_own_is_for_the_process(tmp_path: Path) -> None:
    kernel(tmp_path, "0::/\n", {"memory.max": "1\n"})
    found = Memory(400 * MIB, cgroups=tmp_path / "cgroup", process=tmp_path / "self")
    assert found.share() == pytest.approx(25600 * 4096 / (400 * MIB))


def test_of_this_process_the_kernel_tells() -> None:
    assert 0.001 < Memory(1024 * MIB).share() < 4
