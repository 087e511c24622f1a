"""The rules of the front door, without any sockets."""

from hypothesis import given
from hypothesis import strategies as st

from common.auth import Action
from common.contracts import EVENTS
from gateway.domain.buckets import Buckets, Pace, header
from gateway.domain.happenings import VISIBLE, Happening, Window
from gateway.domain.routes import RESOURCES, SERVICES, find
from gateway.service.description import merge


def happening(identity: str, organisation: str = "a") -> Happening:
    return Happening(identity, organisation, Action.READ_CAMERAS, b"")


def test_every_resource_has_a_service_that_exists() -> None:
    assert set(RESOURCES.values()) == set(SERVICES)


def test_every_visible_event_is_declared() -> None:
    assert set(VISIBLE) <= set(EVENTS)


@given(st.text(max_size=60))
def test_no_path_is_public_by_being_odd(text: str) -> None:
    way = find("POST", f"/api/v1/sign-ins/{text}")
    if way is not None and way.public:
        rest = text.partition("?")[0]
        assert rest.count("/") <= 3
        assert ".." not in rest.split("/")


def test_a_bucket_gives_its_burst_and_then_its_rate() -> None:
    buckets = Buckets(Pace(rate=2, burst=3))
    assert [buckets.take("k", 0.0) for _ in range(3)] == [2, 1, 0]
    assert buckets.take("k", 0.0) == -0.5
    assert buckets.take("k", 0.5) == 0
    assert buckets.take("other", 0.0) == 2


@given(st.lists(st.floats(0, 10), min_size=1, max_size=200))
def test_no_timing_gets_more_than_burst_plus_rate(gaps: list[float]) -> None:
    buckets, now, taken = Buckets(Pace(rate=1, burst=5)), 0.0, 0
    for gap in gaps:
        now += gap
        taken += buckets.take("k", now) >= 0
    assert taken <= 5 + now + 1e-6


def test_buckets_stay_bounded() -> None:
    buckets = Buckets(Pace(1, 1), capacity=10)
    for number in range(1000):
        buckets.take(str(number), number / 100)
        assert len(buckets) <= 10


def test_a_crowd_of_other_keys_does_not_refill_an_empty_bucket() -> None:
    buckets = Buckets(Pace(rate=0.1, burst=2), capacity=100)
    for now in range(60):
        buckets.take(f"passing {now}", float(now))
    assert [buckets.take("k", 60.0) for _ in range(3)] == [1, 0, -10]
    for number in range(80):
        buckets.take(f"passing {number}", 61.0)
    assert buckets.empty("k", 61.0)


def test_the_header_tells_what_is_left_and_when_it_is_full_again() -> None:
    assert header("organisation", 7.9, Pace(rate=2, burst=10)) == b'RateLimit: "organisation";r=7;t=2\r\n'


def test_a_window_forgets_the_oldest_event_and_the_quietest_organisation() -> None:
    window = Window(each=2, organisations=2)
    for identity in ("1", "2", "3"):
        assert window.add(happening(identity))
    assert window.after("a", "1") is None
    assert [known.id for known in window.after("a", "2") or ()] == ["3"]
    window.add(happening("4", "b"))
    window.add(happening("5", "c"))
    assert window.after("a", "2") is None
    assert window.after("b", "4") == []


def test_references_follow_a_renamed_component_wherever_it_is_used() -> None:
    reference = {"$ref": "#/components/schemas/Item"}
    part = {
        "paths": {"/x": {"get": {"responses": {"200": {"content": [reference]}}}}},
        "components": {"schemas": {"Item": {"type": "string"}, "List": {"items": reference}}},
    }
    own = {"info": {}, "paths": {}, "components": {"schemas": {"Item": {"type": "object"}}}}
    merged = merge(own, {"relay": part, "identity": None})
    moved = {"$ref": "#/components/schemas/RelayItem"}
    assert merged["components"]["schemas"]["List"] == {"items": moved}
    assert merged["paths"]["/x"]["get"]["responses"]["200"]["content"] == [moved]
    assert merged["components"]["schemas"]["Item"] == {"type": "object"}
    assert merged["x-unavailable"] == ["identity"]
