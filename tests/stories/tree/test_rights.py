"""Rights on a part of the tree: they inherit downwards, follow what is moved, and end where they end (rule 28)."""

from dataclasses import dataclass
from datetime import timedelta

import pytest

from common.auth import Role
from tree_site import Tree


@dataclass
class Part:
    """`mine` reaches House and what lies in it; beside it lies Yard with a camera."""

    tree: Tree
    mine: Tree
    house: str
    hall: str
    gate: str
    yard: str
    fence: str


@pytest.fixture
async def part(tree: Tree) -> Part:
    house, yard = await tree.add("House", kind="location"), await tree.add("Yard")
    hall = await tree.add("Hall", house)
    gate = await tree.camera("Gate", hall)
    fence = await tree.camera("Fence", yard, device="0040ff999999")
    return Part(tree, await tree.somebody((house,)), house, hall, gate, yard, fence)


async def test_a_part_of_the_tree_is_seen_with_all_that_lies_in_it(part: Part) -> None:
    assert await part.mine.shown() == {"House": None, "Hall": "House", "Gate": "Hall"}
    assert (await part.mine.get(part.gate))["path"] == ["House", "Hall"]
    deep = await part.tree.somebody((part.hall,), "user-d")
    assert await deep.shown() == {"Hall": None, "Gate": "Hall"}
    assert (await deep.get(part.gate))["path"] == ["Hall"]
    one = await part.tree.somebody((part.gate,), "user-e")
    assert await one.shown() == {"Gate": None}


async def test_somebody_of_whom_nothing_was_heard_sees_nothing(part: Part) -> None:
    nobody = Tree(part.tree.site, {"user": "user-x", "scoped": True})
    assert await nobody.shown() == {}
    ended = await part.tree.somebody((), "user-y")
    assert await ended.shown() == {}
    assert (await ended.ask("GET", f"/{part.gate}"))[0] == 404


async def test_rights_on_another_organisations_item_open_nothing(part: Part) -> None:
    """Whoever gives rights may name any id: what it opens is looked up in their own organisation."""
    theirs = await Tree(part.tree.site, {"organisation": "org-b"}).add("Theirs")
    deceived = await part.tree.somebody((theirs, "none"), "user-z")
    assert await deceived.shown() == {}
    assert await deceived.found("theirs") == []
    for item in (theirs, part.gate):
        assert (await deceived.ask("GET", f"/{item}"))[0] == 404
        assert (await deceived.ask("POST", "", {"kind": "folder", "name": "In", "parent": item}))[0] == 422


async def test_what_lies_elsewhere_is_like_nothing(part: Part) -> None:
    seen = {"If_Match": "*"}
    for method, path, body in (
        ("GET", f"/{part.fence}", None),
        ("PATCH", f"/{part.fence}", {"name": "Mine"}),
        ("GET", f"/{part.yard}/removal", None),
        ("DELETE", f"/{part.yard}?confirmation=1.1", None),
        ("PUT", f"/{part.fence}/favourite", None),
        ("POST", "/moves", {"items": [{"id": part.fence, "version": 1}], "parent": part.hall}),
    ):
        theirs = await part.mine.ask(method, path, body, **seen)
        none = await part.mine.ask(
            method, path.replace(part.fence, "none").replace(part.yard, "none"), body, **seen
        )
        assert theirs[0] == none[0] == 404, path
        assert theirs[1]["detail"] == none[1]["detail"]
    assert await part.mine.found("fence") == []
    assert await part.mine.found("999999") == []
    assert await part.mine.found("gate") == ["Gate"]


async def test_cameras_elsewhere_are_like_none(part: Part) -> None:
    who = part.mine.more
    _, page = await part.tree.site.ask("GET", "/api/v1/cameras", **who)
    assert [camera["id"] for camera in page["items"]] == [part.gate]
    tag = {"If-Match": "*"}
    for method, body in (("GET", None), ("PATCH", {"name": "x"}), ("DELETE", None)):
        more = {**who, "role": Role.ADMIN, "headers": tag}
        theirs = await part.tree.site.ask(method, f"/api/v1/cameras/{part.fence}", body, **more)
        none = await part.tree.site.ask(method, "/api/v1/cameras/none", body, **more)
        assert (theirs[0], theirs[1]["code"]) == (none[0], none[1]["code"]) == (404, "camera_not_found")
    path = f"/api/v1/cameras/{part.gate}"
    assert (await part.tree.site.ask("PATCH", path, {"name": "Door"}, headers=tag, **who))[0] == 200


async def test_things_are_arranged_inside_and_neither_taken_out_nor_in(part: Part) -> None:
    cellar = await part.mine.add("Cellar", part.house)
    assert (await part.mine.move(part.gate, cellar))[0] == 200
    for parent in (part.yard, part.fence, "none", None):
        status, answer = await part.mine.move(part.gate, parent)
        assert (status, answer["code"]) == (422, "parent_invalid")
        status, answer = await part.mine.move_all([part.gate], parent)
        assert (status, answer["code"]) == (422, "parent_invalid")
        new = {"kind": "folder", "name": "x", "parent": parent}
        assert (await part.mine.ask("POST", "", new))[1]["code"] == "parent_invalid"
    fence = {"items": [{"id": part.fence, "version": 1}], "parent": part.house}
    assert (await part.mine.ask("POST", "/moves", fence))[0] == 404


async def test_the_place_of_what_was_granted_is_not_theirs_to_change(part: Part) -> None:
    deep = await part.tree.somebody((part.hall, part.yard), "user-d")
    assert (await deep.change(part.hall, {"name": "Great hall"}))[0] == 200
    for answer in (
        await deep.move(part.hall, part.yard),
        await deep.move_all([part.hall], part.yard),
        await deep.remove(part.hall),
    ):
        assert (answer[0], answer[1]["code"]) == (403, "outside_your_part")


async def test_a_moved_item_changes_rights_at_once(part: Part) -> None:
    await part.mine.ask("PUT", f"/{part.gate}/favourite")
    await part.tree.move(part.gate, part.yard)
    assert await part.mine.shown() == {"House": None, "Hall": "House"}
    assert (await part.mine.ask("GET", f"/{part.gate}"))[0] == 404
    assert (await part.mine.ask("GET"))[1]["favourites"] == []
    assert await part.mine.found("gate") == []
    await part.tree.move(part.yard, part.hall)
    assert "Fence" in await part.mine.shown()
    assert "Gate" in await part.mine.shown()


async def test_what_left_ones_part_is_not_brought_back_by_undo(part: Part) -> None:
    cellar = await part.mine.add("Cellar", part.house)
    await part.mine.move(part.gate, cellar)
    await part.tree.move(cellar, part.yard)
    status, answer = await part.mine.undo()
    assert (status, answer["code"]) == (403, "outside_your_part")
    assert (await part.tree.get(part.gate))["path"] == ["Yard", "Cellar"]


async def test_rights_that_change_count_at_once(part: Part) -> None:
    part.tree.site.house.clock.advance(timedelta(seconds=1))
    again = await part.tree.somebody((part.yard,))
    assert await again.shown() == {"Yard": None, "Fence": "Yard"}


async def test_a_camera_is_added_inside_and_nowhere_else(part: Part) -> None:
    ask, who = part.tree.site.ask, part.mine.more
    new = {"device_id": "0040ff555555", "secret": "secret", "name": "Cellar"}
    for parent in (part.yard, part.fence, "none", None):
        status, answer = await ask("POST", "/api/v1/claims", {**new, "parent": parent}, **who)
        assert (status, answer["code"]) == (422, "parent_invalid")
    status, claim = await ask("POST", "/api/v1/claims", {**new, "parent": part.hall}, **who)
    assert status == 201
    assert "Cellar" in await part.mine.shown()
    for parent, expected in ((part.yard, 422), (None, 422), (part.hall, 201)):
        assert (await ask("POST", "/api/v1/camera-codes/claim", {"parent": parent}, **who))[0] == expected
    assert (await ask("GET", f"/api/v1/claims/{claim['id']}", **who))[1]["state"] == "waiting"


async def test_claims_elsewhere_are_like_none(part: Part) -> None:
    ask, who = part.tree.site.ask, part.mine.more
    _, page = await ask("GET", "/api/v1/claims")
    claims = {claim["camera"]: claim["id"] for claim in page["items"]}
    assert (await ask("GET", f"/api/v1/claims/{claims[part.gate]}", **who))[0] == 200
    theirs = await ask("GET", f"/api/v1/claims/{claims[part.fence]}", **who)
    none = await ask("GET", "/api/v1/claims/none", **who)
    assert (theirs[0], theirs[1]["detail"]) == (none[0], none[1]["detail"]) == (404, "There is no such claim")
    status, answer = await ask("GET", "/api/v1/claims", **who)
    assert (status, answer["code"]) == (403, "whole_organisation_only")  # `/cameras` has those within


async def test_what_is_asked_about_is_told_apart_and_what_was_removed_too(part: Part) -> None:
    asked = {"ids": [part.fence, part.gate, "none", part.house, part.yard]}
    assert await part.mine.ask("POST", "/reached", asked) == (200, {"ids": [part.gate, part.house]})
    assert (await part.tree.ask("POST", "/reached", asked))[1]["ids"] == [
        part.fence, part.gate, part.house, part.yard
    ]  # fmt: skip
    assert (await part.tree.remove(part.gate))[0] < 300
    assert (await part.mine.ask("POST", "/reached", asked))[1]["ids"] == [part.gate, part.house]
    theirs = Tree(part.tree.site, {"organisation": "org-b"})
    assert (await theirs.ask("POST", "/reached", asked))[1]["ids"] == []
