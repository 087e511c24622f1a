"""Every piece of a name or of a device id is the beginning of an ending that is kept."""

from hypothesis import assume, given
from hypothesis import strategies as st

from provisioning.domain import Wanted, endings
from provisioning.domain.search import ENDING, STARTS

NAMES = st.text(st.sampled_from("aábcčdeé ŽßłÆ👍🏽-1"), min_size=1, max_size=45).map(str.strip).filter(bool)


def offered(wanted: Wanted, name: str, device: str | None = None) -> bool:
    """As the index finds it."""
    kept = endings(name, device)

    def begins(text: str) -> bool:
        return any(ending.startswith(text) for ending in kept)

    return any(map(begins, wanted.pieces)) or (bool(wanted.apart) and all(map(begins, wanted.apart)))


@given(NAMES, st.data())
def test_any_piece_of_a_name_finds_it(name: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(name) - 1))
    wanted = Wanted.of(name[start : data.draw(st.integers(start + 1, len(name)))])
    assume(wanted is not None and all(wanted.words))
    assert wanted is not None
    assert offered(wanted, name)
    assert wanted.finds(name, None)


@given(st.integers(0, 2**48 - 1), st.sampled_from([":", "-", " ", ""]), st.data())
def test_any_piece_of_a_mac_in_any_notation_finds_it(mac: int, separator: str, data: st.DataObject) -> None:
    plain = f"{mac:012x}"
    written = separator.join(plain[at : at + 2] for at in range(0, 12, 2)).upper()
    start = data.draw(st.integers(0, len(written) - 3))
    wanted = Wanted.of(written[start : data.draw(st.integers(start + 3, len(written)))])
    assert wanted is not None
    assert offered(wanted, "x", f"mac:{plain}")
    assert wanted.finds("x", f"mac:{plain}")


@given(st.text(max_size=45), NAMES)
def test_what_is_found_is_what_was_offered(text: str, name: str) -> None:
    wanted = Wanted.of(text)
    if wanted is not None and wanted.finds(name, None):
        assert offered(wanted, name)


def test_what_is_kept_of_a_name_is_bounded() -> None:
    kept = endings("👨‍👩‍👧‍👦" * 45, "id:" + "x" * 64)
    assert len(kept) <= 2 * STARTS
    assert max(map(len, kept)) <= ENDING
