"""Many items are moved in one step, and the last step can be taken back."""

import asyncio
from datetime import timedelta

from common.contracts.provisioning import ItemAdded, ItemsMoved
from tree_site import Tree


async def test_many_items_are_moved_at_once_and_told_at_once(tree: Tree) -> None:
    hall, yard = await tree.add("Hall"), await tree.add("Yard")
    items = [await tree.add(f"panel {n}", hall, kind="panel") for n in range(3)]
    status, answer = await tree.move_all([*items, hall], yard)
    assert (status, [item["parent"] for item in answer["items"]]) == (200, [yard] * 4)
    [told] = tree.site.house.bus.said(ItemsMoved)
    assert told.parents == dict.fromkeys([*items, hall], yard)


async def test_a_bulk_move_is_made_as_a_whole_or_not_at_all(tree: Tree) -> None:
    hall, yard = await tree.add("Hall"), await tree.add("Yard")
    panel = await tree.add("Panel", kind="panel")
    before = await tree.shown()
    good = {"id": panel, "version": 1}
    for bad, status, code in (
        ({"id": "none", "version": 1}, 404, "item_not_found"),
        ({"id": yard, "version": 2}, 412, "changed_meanwhile"),
        ({"id": hall, "version": 1}, 422, "inside_itself"),
        (good, 422, "items_repeated"),
    ):
        got, answer = await tree.ask("POST", "/moves", {"items": [good, bad], "parent": hall})
        assert (got, answer["code"]) == (status, code)
        assert await tree.shown() == before
    too_many = [{"id": str(n), "version": 1} for n in range(1001)]
    assert (await tree.ask("POST", "/moves", {"items": too_many, "parent": None}))[0] == 422
    _, missing = await tree.ask(
        "POST", "/moves", {"items": [good, {"id": "none", "version": 1}], "parent": None}
    )
    assert missing["errors"][0]["field"] == "items.1.id"


async def test_a_renaming_a_move_and_a_removal_are_taken_back(tree: Tree) -> None:
    house = await tree.add("House")
    hall = await tree.add("Hall", house)
    await tree.add("Panel", hall, kind="panel")
    await tree.camera("Gate", hall)
    before = await tree.shown()
    await tree.change(hall, {"name": "Big hall"})
    assert "old name “Hall”" in (await tree.ask("GET", "/undo"))[1]["meaning"]
    assert (await tree.undo())[0] == 200
    assert await tree.shown() == before
    await tree.move(hall, None)
    assert (await tree.undo())[1]["meaning"] == "“Hall” goes back to where it was."
    assert await tree.shown() == before
    await tree.remove(hall)
    assert "with the 2 items that were in it" in (await tree.ask("GET", "/undo"))[1]["meaning"]
    assert (await tree.undo())[0] == 200
    assert await tree.shown() == before
    assert [event.name for event in tree.site.house.bus.said(ItemAdded)][-1] == "Hall"
    assert await tree.found("hall") == ["Hall"]


async def test_only_the_last_step_is_taken_back_once_and_within_a_quarter_of_an_hour(tree: Tree) -> None:
    hall = await tree.add("Hall")
    assert (await tree.undo())[0] == 404
    await tree.change(hall, {"name": "One"})
    await tree.change(hall, {"name": "Two"})
    answers = await asyncio.gather(tree.undo(), tree.undo())
    assert sorted(status for status, _ in answers) == [200, 404]
    assert list(await tree.shown()) == ["One"]
    await tree.change(hall, {"name": "Three"})
    tree.site.house.clock.advance(timedelta(minutes=15))
    assert (await tree.undo())[1]["code"] == "nothing_to_undo"


async def test_what_somebody_else_changed_since_is_not_taken_back(tree: Tree) -> None:
    hall, yard = await tree.add("Hall"), await tree.add("Yard")
    other = Tree(tree.site, {"user": "user-c"})
    await tree.move(hall, yard)
    await other.change(hall, {"name": "Theirs"})
    for method in ("GET", "POST"):
        status, answer = await tree.ask(method, "/undo")
        assert (status, answer["code"]) == (409, "changed_since")
    assert await tree.shown() == {"Yard": None, "Theirs": "Yard"}
    assert (await other.undo())[0] == 200
    assert (await tree.undo())[0] == 200
    assert await tree.shown() == {"Hall": None, "Yard": None}


async def test_a_camera_that_called_meanwhile_does_not_stand_in_the_way(tree: Tree) -> None:
    await tree.site.claim()
    hall = await tree.add("Hall")
    camera = (await tree.ask("GET"))[1]["items"][1]["id"]
    await tree.move(camera, hall)
    await tree.site.camera().until("connected")
    assert (await tree.undo())[0] == 200
    assert (await tree.get(camera))["path"] == []


async def test_an_undone_step_never_makes_a_circle_nor_puts_things_nowhere(tree: Tree) -> None:
    a, b = await tree.add("A"), await tree.add("B")
    other = Tree(tree.site, {"user": "user-c"})
    inner = await tree.add("Inner", a)
    await tree.move(inner, b)
    await other.move(a, inner)
    status, answer = await tree.undo()
    assert (status, answer["code"]) == (409, "changed_since")
    await other.undo()
    await other.remove(a)
    assert (await tree.undo())[1]["code"] == "changed_since"


async def test_what_was_removed_does_not_come_back_into_a_folder_that_is_gone(tree: Tree) -> None:
    hall = await tree.add("Hall")
    panel = await tree.add("Panel", hall, kind="panel")
    await tree.remove(panel)
    await Tree(tree.site, {"user": "user-c"}).remove(hall)
    status, answer = await tree.undo()
    assert (status, answer["code"]) == (409, "changed_since")
    assert await tree.shown() == {}
