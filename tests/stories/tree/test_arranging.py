"""People put their cameras in order: folders, names, moves, removals (GW-2, GW-5 to GW-11)."""

import asyncio
from typing import Any

from common.auth import Role
from common.contracts.licensing import LicenceChanged
from common.contracts.provisioning import (
    CameraRemoved,
    CameraRenamed,
    ItemAdded,
    ItemRemoved,
    ItemRenamed,
    ItemsMoved,
)
from common.ids import CameraId, LicenceId, OrganisationId
from tree_site import Tree


async def test_folders_and_locations_come_first_then_the_rest_alphabetically(tree: Tree) -> None:
    for name, kind in (
        ("Lobby", "panel"),
        ("yard", "folder"),
        ("Árbol", "location"),
        ("alarm", "electric_input"),
    ):
        await tree.add(name, kind=kind)
    await tree.camera("Gate")
    assert list(await tree.shown()) == ["Árbol", "yard", "alarm", "Gate", "Lobby"]


async def test_the_order_is_that_of_the_readers_language(tree: Tree) -> None:
    for name in ("Ulice", "Chodba", "Hala", "Čekárna", "Cesta", "Dvůr"):
        await tree.add(name)
    assert list(await tree.shown("?language=cs")) == ["Cesta", "Čekárna", "Dvůr", "Hala", "Chodba", "Ulice"]
    assert list(await tree.shown("?language=de")) == ["Čekárna", "Cesta", "Chodba", "Dvůr", "Hala", "Ulice"]
    _, czech = await tree.ask("GET", "", Accept_Language="cs-CZ,cs;q=0.9,en;q=0.8")
    assert [item["name"] for item in czech["items"]][-2:] == ["Chodba", "Ulice"]


async def test_an_item_is_made_shown_renamed_moved_and_every_step_is_told(tree: Tree) -> None:
    house = await tree.add("House", kind="location")
    hall = await tree.add("Hall", house)
    camera = await tree.camera("Gate", hall)
    assert (await tree.change(hall, {"name": "Big hall"}))[1]["path"] == ["House"]
    assert (await tree.change(camera, {"name": "Door"}))[0] == 200
    status, moved = await tree.move(camera, None)
    assert (status, moved["parent"], moved["path"]) == (200, None, [])
    assert await tree.shown() == {"House": None, "Big hall": "House", "Door": None}
    said = tree.site.house.bus.said
    assert [(event.name, event.parent) for event in said(ItemAdded)] == [("House", None), ("Hall", house)]
    assert [event.name for event in said(ItemRenamed)] == ["Big hall"]
    assert [event.name for event in said(CameraRenamed)] == ["Door"]
    assert [event.parents for event in said(ItemsMoved)] == [{camera: None}]


async def test_a_camera_is_not_made_but_claimed_and_names_have_45_characters(tree: Tree) -> None:
    assert (await tree.ask("POST", "", {"kind": "camera", "name": "Gate"}))[0] == 422
    assert (await tree.ask("POST", "", {"kind": "folder", "name": "x" * 46}))[0] == 422
    assert (await tree.ask("POST", "", {"kind": "folder", "name": "👨‍👩‍👧‍👦" * 45}))[0] == 201


async def test_nothing_can_be_put_into_a_camera_or_nowhere(tree: Tree) -> None:
    camera = await tree.camera("Gate")
    for parent in (camera, "nowhere", "\0"):
        status, answer = await tree.ask("POST", "", {"kind": "folder", "name": "x", "parent": parent})
        assert (status, answer["code"]) == (422, "parent_invalid")


async def test_a_folder_is_not_put_into_itself_nor_below_itself(tree: Tree) -> None:
    a = await tree.add("A")
    b = await tree.add("B", a)
    c = await tree.add("C", b)
    for parent in (a, b, c):
        status, answer = await tree.move(a, parent)
        assert (status, answer["code"]) == (422, "inside_itself")


async def test_of_two_moves_that_would_make_a_circle_together_one_is_made(tree: Tree) -> None:
    a, b = await tree.add("A"), await tree.add("B")
    answers = await asyncio.gather(tree.move(a, b), tree.move(b, a))
    assert sorted(status for status, _ in answers) == [200, 422]
    shown = await tree.shown()
    assert sorted(shown.values(), key=str) in ([None, "A"][::-1], [None, "B"][::-1], ["A", None], ["B", None])


async def test_folders_lie_in_each_other_16_deep_and_no_deeper(tree: Tree) -> None:
    parent, steps = None, []
    for number in range(16):
        parent = await tree.add(f"{number}", parent)
        steps.append(parent)
    assert (await tree.ask("POST", "", {"kind": "folder", "name": "x", "parent": parent}))[1][
        "code"
    ] == "too_deep"
    top = await tree.add("top")
    assert (await tree.move(steps[0], top))[1]["code"] == "too_deep"
    assert (await tree.ask("POST", "", {"kind": "panel", "name": "x", "parent": parent}))[0] == 201


async def test_two_people_who_change_one_item_never_lose_a_change(tree: Tree) -> None:
    hall = await tree.add("Hall")
    _, needed = await tree.ask("PATCH", f"/{hall}", {"name": "x"})
    assert (needed["status"], needed["code"], needed["current"]["name"]) == (428, "version_needed", "Hall")
    answers = await asyncio.gather(*(tree.change(hall, {"name": f"name {n}"}, 1) for n in range(5)))
    assert sorted(status for status, _ in answers) == [200, 412, 412, 412, 412]
    won = next(answer["name"] for status, answer in answers if status == 200)
    assert {answer["current"]["name"] for status, answer in answers if status == 412} <= {won, "Hall"}
    assert (await tree.get(hall))["name"] == won
    for tag in ('"x"', '"99999999999"', "''", '"\u0661"'.encode().decode("latin-1")):
        assert (await tree.ask("PATCH", f"/{hall}", {"name": "x"}, If_Match=tag))[0] == 412


async def test_a_removal_says_what_it_means_and_needs_exactly_that_confirmed(tree: Tree) -> None:
    house = await tree.add("House")
    hall = await tree.add("Hall", house)
    await tree.camera("Gate", hall)
    status, needed = await tree.ask("DELETE", f"/{hall}")
    assert (status, needed["removal"]["items_moving_up"]) == (428, 1)
    assert "move up" in needed["removal"]["meaning"]
    token = needed["removal"]["confirmation"]
    panel = await tree.add("Panel", hall, kind="panel")
    for wrong in (token, token[:-1] + "x", "", "9.9", "é"):
        status, answer = await tree.ask("DELETE", f"/{hall}?confirmation={wrong}")
        assert (status, answer["code"]) == (409, "confirmation_outdated")
    _, removal = await tree.ask("GET", f"/{hall}/removal")
    somebody_else = Tree(tree.site, {"user": "user-c"})
    theirs = await somebody_else.ask("DELETE", f"/{hall}?confirmation={removal['confirmation']}")
    assert theirs[0] == 409
    assert (await tree.ask("DELETE", f"/{hall}?confirmation={removal['confirmation']}"))[0] == 204
    assert await tree.shown() == {"House": None, "Gate": "House", "Panel": "House"}
    assert (await tree.get(panel))["parent"] == house
    assert (await tree.ask("GET", f"/{hall}"))[0] == 404
    assert [event.item for event in tree.site.house.bus.said(ItemRemoved)] == [hall]


async def test_a_removed_camera_says_what_is_still_processed_and_until_when(tree: Tree) -> None:
    await tree.site.claim()
    camera = tree.site.camera()
    await camera.until("connected")
    [item] = (await tree.ask("GET"))[1]["items"]
    assert item["connection"] == "online"
    now = tree.site.house.clock.now()
    licence = LicenceChanged(
        organisation=OrganisationId("org-a"), version=1, at=now, licence=LicenceId("l-1"),
        camera=CameraId(item["id"]), state="active", previous=None, cause="test", since=now, plan="standard",
        portal_features=True, recording=True, charged=True, simultaneous_accesses=5,
    )  # fmt: skip
    await tree.site.house.bus.tell(licence)
    _, removal = await tree.ask("GET", f"/{item['id']}/removal")
    assert (removal["licences_ending"], removal["recordings_stopping"]) == (1, 1)
    assert removal["processed_until"].startswith("2026-03-31T12:00:00")
    assert (await tree.remove(item["id"]))[0] == 204
    left = await tree.get(item["id"])
    assert (left["kind"], left["connection"], left["licence"]) == ("removed_device", None, None)
    assert "can still be processed until 2026-03-31" in left["note"]
    assert len(tree.site.house.bus.said(CameraRemoved)) == 1
    assert (await tree.undo())[1]["code"] == "nothing_to_undo"
    assert (await tree.remove(item["id"]))[0] == 204
    assert await tree.shown() == {}


async def test_only_who_may_remove_cameras_removes_them(tree: Tree) -> None:
    camera, hall = await tree.camera("Gate"), await tree.add("Hall")
    operator = Tree(tree.site, {"role": Role.OPERATOR})
    assert (await operator.remove(camera))[0] == 403
    assert (await operator.remove(hall))[0] == 204
    assert (await Tree(tree.site, {"role": Role.VIEWER}).move(camera, None))[0] == 403


async def test_one_call_shows_the_tree_and_the_next_one_only_what_changed(tree: Tree) -> None:
    await tree.add("Hall")
    _, headers, _ = await tree.site.ask_fully("GET", "/api/v1/items")
    seen = {"If-None-Match": headers["ETag"]}
    status, again, body = await tree.site.ask_fully("GET", "/api/v1/items", headers=seen)
    assert (status, again["ETag"], body) == (304, headers["ETag"], None)
    await tree.add("Yard")
    status, newer, body = await tree.site.ask_fully("GET", "/api/v1/items", headers=seen)
    assert status == 200
    assert newer["ETag"] != headers["ETag"]
    assert len(body["items"]) == 2


async def test_filters_leave_what_is_wanted_and_the_folders_on_the_way(tree: Tree) -> None:
    house, yard = await tree.add("House", kind="location"), await tree.add("Yard")
    hall = await tree.add("Hall", house)
    await tree.camera("Gate", hall)
    await tree.add("Panel", yard, kind="panel")
    assert await tree.shown("?kind=camera") == {"House": None, "Hall": "House", "Gate": "Hall"}
    assert await tree.shown("?kind=panel,guest") == {"Yard": None, "Panel": "Yard"}
    assert await tree.shown("?connection=waiting&licence=none") == await tree.shown("?kind=camera")
    assert await tree.shown("?connection=online,offline") == {}
    assert (await tree.ask("GET", "?kind=nonsense"))[0] == 422


async def test_favourites_are_ones_own_and_at_the_top(tree: Tree) -> None:
    yard, hall = await tree.add("Yard"), await tree.add("Hall")
    for item in (yard, hall, yard):
        assert (await tree.ask("PUT", f"/{item}/favourite"))[0] == 204
    assert (await tree.ask("GET"))[1]["favourites"] == [hall, yard]
    assert (await tree.get(hall))["favourite"] is True
    other = Tree(tree.site, {"user": "user-c"})
    assert (await other.ask("GET"))[1]["favourites"] == []
    assert (await tree.ask("DELETE", f"/{yard}/favourite"))[0] == 204
    assert (await tree.ask("DELETE", f"/{yard}/favourite"))[0] == 204
    assert (await tree.ask("GET"))[1]["favourites"] == [hall]
    assert (await tree.ask("PUT", "/none/favourite"))[0] == 404


async def test_a_person_has_200_favourites_and_those_of_removed_items_make_room(tree: Tree) -> None:
    house = tree.site.house.databases["provisioning"].collections
    hall, yard = await tree.add("Hall"), await tree.add("Yard")
    panels = [await tree.add(f"{number}", hall, kind="panel") for number in range(3)]
    for number, item in enumerate([*panels, *(panels[:1] * 197)]):
        row = {"_id": f"{number}", "organisation": "org-a", "user": "user-a", "item": item}
        if number >= len(panels):
            row["item"] = f"{item}-{number}"
            house["items"][row["item"]] = {**house["items"][item], "_id": row["item"]}
        house.setdefault("favourites", {})[row["_id"]] = row
    status, answer = await tree.ask("PUT", f"/{yard}/favourite")
    assert (status, answer["code"]) == (409, "too_many_favourites")
    await tree.remove(panels[0])
    assert (await tree.ask("PUT", f"/{yard}/favourite"))[0] == 204


async def test_another_organisations_items_are_like_none(tree: Tree) -> None:
    hall = await tree.add("Hall")
    other: dict[str, Any] = {"organisation": "org-b", "headers": {"If-Match": '"1"'}}
    for method, path, body in (
        ("GET", f"/{hall}", None),
        ("PATCH", f"/{hall}", {"name": "x"}),
        ("GET", f"/{hall}/removal", None),
        ("DELETE", f"/{hall}?confirmation=1.1", None),
        ("PUT", f"/{hall}/favourite", None),
        ("POST", "/moves", {"items": [{"id": hall, "version": 1}], "parent": None}),
    ):
        theirs = await tree.site.ask(method, "/api/v1/items" + path, body, **other)
        none = await tree.site.ask(method, "/api/v1/items" + path.replace(hall, "none"), body, **other)
        assert theirs[0] == none[0] == 404, path
        assert theirs[1]["detail"] == none[1]["detail"]
    into = {"kind": "folder", "name": "x", "parent": hall}
    assert (await tree.site.ask("POST", "/api/v1/items", into, organisation="org-b"))[0] == 422
