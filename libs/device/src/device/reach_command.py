"""`python -m device reach`: the self-test for a camera's place in the network."""

import asyncio
import json
from pathlib import Path
from typing import Annotated, Any

import aiohttp
import typer
from rich.console import Console
from rich.table import Table

from device.reach import Finding, plan, targets_of, tried

app = typer.Typer(help="Can a camera reach its service from here?")
MARKS = {True: "[green]yes[/green]", False: "[red]no[/red]", None: "?"}


@app.callback(invoke_without_command=True)
def reach(
    url: Annotated[str, typer.Option(help="The camera port of the service")] = "",
    data: Annotated[str, typer.Option(help="The guide with the firewall page: URL or JSON file")] = "",
    token: Annotated[
        str,
        typer.Option(envvar="VEDETTE_ACCESS_TOKEN", hidden=True, help="For --data; better in the variable"),
    ] = "",
    time_server: Annotated[list[str] | None, typer.Option(help="Time server; may be repeated")] = None,
    trust: Annotated[Path | None, typer.Option(help="PEM file of authorities; else the system's")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs")] = False,
) -> None:
    """Try names, ports, TLS and time from this machine. Status 1 when something is closed."""
    if not url and not data:
        raise typer.BadParameter("say what to try: --url or --data")
    try:
        targets = targets_of(url, time_server or []) if url else []
        targets += plan(_read(data, token)) if data else []
    except (ValueError, OSError, aiohttp.ClientError) as error:
        raise typer.BadParameter(str(error)) from None
    findings = asyncio.run(tried(targets, str(trust) if trust else None))
    if as_json:
        typer.echo(json.dumps([_told(finding) for finding in findings], indent=2))
    else:
        _show(findings)
    if any(finding.ok is False for finding in findings):
        raise typer.Exit(1)


def _read(data: str, token: str) -> Any:
    if data.startswith(("https://", "http://")):
        return json.loads(asyncio.run(_fetched(data, token)))
    return json.loads(Path(data).read_text())


async def _fetched(url: str, token: str) -> bytes:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    timeout = aiohttp.ClientTimeout(total=10)
    async with aiohttp.ClientSession(timeout=timeout) as session, session.get(url, headers=headers) as answer:
        answer.raise_for_status()
        return await answer.read()


def _told(finding: Finding) -> dict[str, Any]:
    target = finding.target
    return {
        "protocol": target.protocol, "host": target.host, "port": target.port, "purpose": target.purpose,
        "ok": finding.ok, "text": finding.text, "advice": finding.advice,
    }  # fmt: skip


def _show(findings: list[Finding]) -> None:
    table = Table("for", "to", "reached", "", "what to do")
    for finding in findings:
        target = finding.target
        where = f"{target.protocol} {target.host}:{target.port}"
        table.add_row(target.purpose, where, MARKS[finding.ok], finding.text, finding.advice)
    Console().print(table)
