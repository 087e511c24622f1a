"""One trace, from the collector: the way of a request through the house."""

from collections import defaultdict
from collections.abc import Iterable, Iterator

from rich.markup import escape
from rich.tree import Tree

from devstack.demo.caller import Json, TraceContext
from devstack.demo.stage import NotAsTold, Stage, eventually

WAY = (
    ("gateway", "DELETE provisioning"),
    ("provisioning", "DELETE /api/v1/cameras/{id}"),
    ("provisioning", "mongodb commit items"),
    ("provisioning", "publish provisioning.camera_removed.v1"),
    ("licensing", "process provisioning.camera_removed.v1"),
    ("licensing", "mongodb commit registrations"),
    ("licensing", "publish licensing.licence_changed.v1"),
    ("provisioning", "process licensing.licence_changed.v1"),
    ("provisioning", "mongodb commit licences"),
)
"""Service and span: each one hangs below the one before."""
_LEGEND = "[dim](begins at, takes; publish → RabbitMQ → process)[/]"
_COLOURS = {"gateway": "cyan", "provisioning": "green", "licensing": "yellow"}


async def one_trace(stage: Stage, trace: TraceContext) -> None:
    """The removal, as the collector has it: gateway, service, outbox, RabbitMQ, consumers, MongoDB."""

    async def look() -> list[Json]:
        async with stage.http.get(f"{stage.catcher}/traces/{trace.trace_id}") as answer:
            spans: list[Json] = await answer.json() if answer.status == 200 else []
            return spans

    spans = await eventually(look, went_the_way, f"trace {trace.trace_id}", _told(WAY), say=_names)
    [root] = [span for span in spans if span["parent_id"] == trace.span_id]
    if root["service"] != "gateway":
        raise NotAsTold("where the trace enters the house", "gateway", root["service"])
    begins = min(span["start_ns"] for span in spans)
    ends = max(span["start_ns"] + span["duration_ms"] * 1e6 for span in spans)
    stage.tell(
        "asks the collector for the removal's trace",
        f"{len(spans)} spans in {len({span['service'] for span in spans})} services, "
        f"{(ends - begins) / 1e6:.1f} ms from the request to the last commit",
    )
    stage.show(_tree(spans, root, trace))


def _told(stations: Iterable[tuple[str, str]]) -> str:
    return "; ".join(f"{service} {name}" for service, name in stations)


def _names(spans: list[Json]) -> str:
    return _told((span["service"], span["name"]) for span in spans)


def went_the_way(spans: list[Json]) -> bool:
    """Whether some path from the root downwards passes all stations of the way, in order."""
    by_id = {span["span_id"]: span for span in spans}

    def upwards(span: Json) -> Iterator[tuple[str, str]]:
        above: Json | None = span
        while above is not None:
            yield above["service"], above["name"]
            above = by_id.get(above["parent_id"])

    for span in spans:
        if (span["service"], span["name"]) == WAY[-1]:
            stations = upwards(span)
            if all(station in stations for station in reversed(WAY)):  # `in` reads on where it stopped
                return True
    return False


def _tree(spans: list[Json], root: Json, trace: TraceContext) -> Tree:
    below: dict[str, list[Json]] = defaultdict(list)
    for span in sorted(spans, key=lambda span: int(span["start_ns"])):
        below[span["parent_id"]].append(span)
    picture = Tree(f"[bold]trace {trace.trace_id}[/] {_LEGEND}", guide_style="dim")

    def hang(span: Json, branch: Tree) -> None:
        colour = _COLOURS.get(span["service"], "white")
        at = (span["start_ns"] - root["start_ns"]) / 1e6
        times = f"[dim]{at:.1f} ms, {span['duration_ms']:.1f} ms[/]"
        twig = branch.add(f"[{colour}]{span['service']}[/] {escape(span['name'])} {times}")
        for child in below[span["span_id"]]:
            hang(child, twig)

    hang(root, picture)
    return picture
