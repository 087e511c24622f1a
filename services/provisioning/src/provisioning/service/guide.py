"""What a person has to know to connect a camera: its button, its web page, the firewall (PR-26 to PR-33)."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Literal

Language = Literal["en", "de", "cs", "es", "fr"]
Purpose = Literal["service", "time", "dispatcher", "streaming"]
MANUALS = "https://help.axis.com/"
KNOWN_MODELS = ("M1135", "P1375", "V5925", "Q3536-LVE")
"""Models with a link of their own (PR-26)."""
_FIRMWARE = re.compile(r"\s*([0-9]{1,4})")
_STREAMING = (("udp", 53), ("udp", 123), ("tcp", 1935))
"""PR-33."""


@dataclass(frozen=True, slots=True)
class Section:
    code: str
    title: str
    text: str = ""
    steps: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Manual:
    """Where the manufacturer shows a model's button."""

    model: str
    url: str


@dataclass(frozen=True, slots=True)
class FirewallRule:
    """One kind of outgoing connection."""

    protocol: str
    port: int
    to: str
    """A network, an address or a host name; empty: anywhere."""
    purpose: Purpose
    text: str


@dataclass(frozen=True, slots=True)
class Deployment:
    """What this installation's cameras talk to."""

    networks: Sequence[str]
    ports: Sequence[int]
    dispatchers: Sequence[str]
    """`host:port`."""
    streaming_plans: Sequence[str]
    """Plans that CamStreamer belongs to."""


@dataclass(frozen=True, slots=True)
class Guide:
    language: Language
    sections: Sequence[Section]
    manuals: Sequence[Manual]
    firewall: Sequence[FirewallRule]


class GuideService:
    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment

    def guide(self, language: Language, model: str | None, firmware: str | None, plan: str | None) -> Guide:
        """For a camera, as far as it is known: unknown firmware gets both ways, unknown models all links."""
        texts = _texts(language)
        sections = [
            _section(code, texts[code]) for code in ("button", "used_before", *_ways(firmware), "outgoing")
        ]
        return Guide(language, sections, manuals(model), self._firewall(plan, texts["purposes"]))

    def _firewall(self, plan: str | None, texts: Mapping[str, str]) -> list[FirewallRule]:
        told = self._deployment
        rules = [
            FirewallRule("tcp", port, to, "service", texts["service"])
            for to in told.networks or ("",)
            for port in told.ports
        ]
        rules += [FirewallRule("udp", 123, to, "time", texts["time"]) for to in told.networks or ("",)]
        for dispatcher in told.dispatchers:
            host, _, port = dispatcher.rpartition(":")
            rules.append(FirewallRule("tcp", int(port), host, "dispatcher", texts["dispatcher"]))
        if plan in told.streaming_plans:
            rules += [
                FirewallRule(kind, port, "", "streaming", texts["streaming"]) for kind, port in _STREAMING
            ]
        return rules


def manuals(model: str | None) -> list[Manual]:
    """The link to this model's manual; to those of the common models when it is none of them."""
    named = [one for one in KNOWN_MODELS if model is not None and one.casefold() in model.casefold()]
    return [Manual(f"AXIS {one}", f"{MANUALS}axis-{one.lower()}") for one in named or KNOWN_MODELS]


def _ways(firmware: str | None) -> tuple[str, ...]:
    found = _FIRMWARE.match(firmware or "")
    if found is None:
        return ("firmware_new", "firmware_old")
    return ("firmware_new",) if int(found[1]) >= 10 else ("firmware_old",)


def _section(code: str, texts: Mapping[str, Any]) -> Section:
    return Section(code, texts["title"], texts.get("text", ""), texts.get("steps", ()))


@cache
def _texts(language: Language) -> Mapping[str, Any]:
    path = files("provisioning") / "assets" / "guide" / f"{language}.json"
    texts: Mapping[str, Any] = json.loads(path.read_text("utf-8"))
    return texts
