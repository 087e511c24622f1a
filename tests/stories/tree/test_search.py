"""Items are found by a piece of their name, or of their device's serial number or MAC (GW-4)."""

import pytest

from tree_site import Tree


async def test_a_piece_of_a_name_finds_it_without_accents_and_case(tree: Tree) -> None:
    for name in ("Černý čekárna", "Straße", "Łódź", "Gate 12", "Garage"):
        await tree.add(name)
    assert await tree.found("cek") == ["Černý čekárna"]
    assert await tree.found("ČEKÁ") == ["Černý čekárna"]
    assert await tree.found("carna") == []
    assert await tree.found("cekarna cerny") == ["Černý čekárna"]
    assert await tree.found("strasse") == await tree.found("STRAß") == ["Straße"]
    assert await tree.found("lodz") == ["Łódź"]
    assert await tree.found("ga") == ["Garage", "Gate 12"]
    assert await tree.found("12") == ["Gate 12"]
    assert await tree.found("1") == ["Gate 12"]


async def test_the_best_fits_come_first_in_the_readers_order(tree: Tree) -> None:
    for name in ("Big hall", "Shallow", "Hall 2", "Hall 1"):
        await tree.add(name)
    assert await tree.found("hall") == ["Hall 1", "Hall 2", "Big hall", "Shallow"]


@pytest.mark.parametrize(
    "text", ["0040ff112233", "00:40:FF:11:22:33", "00-40-ff-11-22-33", "0040.ff11.2233", "ff:11", "2233"]
)
async def test_a_mac_is_found_in_any_notation_and_in_part(tree: Tree, text: str) -> None:
    await tree.camera("Gate")
    assert await tree.found(text) == ["Gate"]


async def test_a_serial_number_is_found(tree: Tree) -> None:
    await tree.camera("Gate", device="SN: AB-1234567")
    for text in ("ab-1234567", "AB1234567", "4567"):
        assert await tree.found(text) == ["Gate"]


async def test_long_names_are_found_by_long_pieces(tree: Tree) -> None:
    name = "The entrance behind the old water tower left"
    await tree.add(name)
    await tree.add("The entrance behind the old water pump left")
    assert await tree.found("entrance behind the old water tower") == [name]


@pytest.mark.parametrize(
    "text", ["   ", ".*", "$gt", "^", "a" * 100, "\\", "{}", "\U0010ffff", "'", "-", "\u0301"]
)
async def test_strange_questions_find_nothing_and_break_nothing(tree: Tree, text: str) -> None:
    await tree.add("Gate")
    assert await tree.found(text) == []


async def test_what_is_renamed_moved_or_removed_is_found_as_it_is_now(tree: Tree) -> None:
    hall = await tree.add("Hall")
    await tree.change(hall, {"name": "Yard"})
    assert (await tree.found("hall"), await tree.found("yard")) == ([], ["Yard"])
    await tree.remove(hall)
    assert await tree.found("yard") == []


async def test_a_hit_says_where_it_lies(tree: Tree) -> None:
    house = await tree.add("House")
    await tree.add("Gate", await tree.add("Hall", house), kind="panel")
    _, found = await tree.ask("GET", "/search?q=gate")
    assert found["items"][0]["path"] == ["House", "Hall"]


async def test_questions_have_a_limit(tree: Tree) -> None:
    for query in ("", "?q=", "?q=" + "x" * 101, "?q=x&limit=51", "?q=x&limit=0"):
        assert (await tree.ask("GET", f"/search{query}"))[0] == 422
