"""docs/licence-states.md, drawn from the table: `python -m licensing.domain.states_page > docs/...`."""

import sys

from licensing.domain.states import EFFECTS, TABLE, Rule, State

_HEAD = """# The states of a licence

Generated from `licensing.domain.states`; do not edit. A cause that has no line for a state changes nothing
there. The camera's own connection to the platform is the same in every state (LI-12).
"""


def page() -> str:
    """The whole page: what the states mean, a diagram, the table of transitions."""
    return "\n".join([_HEAD, *_meanings(), "", *_diagram(), "", *_transitions(), ""])


def _meanings() -> list[str]:
    lines = ["| state | portal functions | recording | charged | meaning |", "|---|---|---|---|---|"]
    for state, effects in EFFECTS.items():
        marks = ("yes" if on else "-" for on in (effects.portal_features, effects.recording, effects.charged))
        lines.append(f"| {state.value} | {' | '.join(marks)} | {effects.meaning} |")
    return lines


def _diagram() -> list[str]:
    arrows: dict[tuple[State | None, State], list[str]] = {}
    for rule in TABLE:
        arrows.setdefault((rule.source, rule.target), []).append(_label(rule))
    lines = ["```mermaid", "stateDiagram-v2"]
    for (source, target), labels in arrows.items():
        lines.append(f"    {source.value if source else '[*]'} --> {target.value}: {' / '.join(labels)}")
    return [*lines, f"    {State.ENDED.value} --> [*]", "```"]


def _label(rule: Rule) -> str:
    return rule.cause.value if rule.when is None else f"{rule.cause.value} [{rule.when.value}]"


def _transitions() -> list[str]:
    lines = ["| cause | from | when | to | source |", "|---|---|---|---|---|"]
    for rule in TABLE:
        source = rule.source.value if rule.source else "(no licence)"
        when = rule.when.value if rule.when else "always"
        lines.append(f"| {rule.cause.value} | {source} | {when} | {rule.target.value} | {rule.because} |")
    return lines


if __name__ == "__main__":
    sys.stdout.write(page())
