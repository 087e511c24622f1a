"""The limit of open files: each camera on the line takes one."""

import resource


def open_files() -> int:
    """As many as this process may have; its own limit is raised to what it is allowed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard
