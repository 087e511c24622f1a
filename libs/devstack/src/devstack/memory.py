"""How much memory the suite takes."""

from dataclasses import dataclass

import psutil

MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Memory:
    """Bytes of a process tree. `resident` counts shared pages once for every process (the usual RSS);
    `proportional` shares them out (PSS, what the machine would really get back)."""

    resident: int
    proportional: int
    processes: int

    def __str__(self) -> str:
        return (
            f"{self.resident / MEGABYTE:.0f} MB resident in {self.processes} processes "
            f"({self.proportional / MEGABYTE:.0f} MB with shared pages counted once)"
        )


def of_tree(pid: int | None = None) -> Memory:
    """Memory of the process (default: this one) and all below it: services, mongod, beam."""
    root = psutil.Process(pid)
    resident = proportional = processes = 0
    for process in [root, *root.children(recursive=True)]:
        try:
            info = process.memory_full_info()
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
        resident += info.rss
        proportional += getattr(info, "pss", info.rss)
        processes += 1
    return Memory(resident, proportional, processes)
