"""What `make run` shows: one screen, then one line for everything that happens."""

from rich.console import Console, Group
from rich.panel import Panel
from rich.table import Table

from devstack.memory import Memory
from devstack.suite import Suite


def ready(
    suite: Suite, memory: Memory, demo_problem: str, data: str = "kept; make reset removes it"
) -> Panel:
    """The screen once all is ready; `demo_problem` says why the demo login is missing, if it is, and `data`
    what becomes of the data."""
    parts = _rows()
    parts.add_row("Portal and API", suite.gateway_url)
    parts.add_row("Camera port", suite.camera_url)
    parts.add_row("Mail catcher", f"{suite.mail_url}  (SMTP on port {suite.ports['smtp']})")
    logins = _rows()
    if demo_problem:
        logins.add_row("Demo login", f"not there: {demo_problem}")
    else:
        logins.add_row("Demo login", f"{suite.owner.email}  {suite.owner.password}")
    logins.add_row("Staff login", f"{suite.staff.email}  {suite.staff.password}")
    servers = _rows()
    for found in suite.found:
        servers.add_row(found.name, without_password(str(found)))
    rest = _rows()
    rest.add_row("Logs", f"{suite.folder.logs}/<name>.log")
    rest.add_row("Data", f"{suite.folder.data}  ({data})")
    rest.add_row("Ready after", f"{suite.ready_after:.1f} s")
    rest.add_row("Memory", str(memory))
    gap = ""
    return Panel(
        Group(parts, gap, logins, gap, servers, gap, rest),
        title="Vedette runs",
        subtitle="Ctrl-C stops everything",
        padding=(1, 2),
    )


def status(console: Console, state: dict[str, str], missing: dict[str, str]) -> None:
    """A table of the processes; `missing` is empty for those that are ready."""
    table = Table(title=f"Vedette runs as process {state['pid']}", title_justify="left")
    for heading in ("process", "address", "state"):
        table.add_column(heading)
    for name, waits_for in missing.items():
        table.add_row(name, state[name], f"not ready: {waits_for}" if waits_for else "ready")
    console.print(table)


def without_password(text: str) -> str:
    """An address as it may be shown: the password between `:` and `@` left out."""
    scheme, separator, rest = text.partition("://")
    user, at, host = rest.rpartition("@")
    return f"{scheme}{separator}{user.partition(':')[0]}{at}{host}" if at else text


def _rows() -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold", min_width=14)
    table.add_column(overflow="fold")
    return table
