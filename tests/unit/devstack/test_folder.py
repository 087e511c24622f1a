"""Secrets, lock and ports of a suite."""

import socket
import stat
from pathlib import Path

import pytest

from devstack import keys
from devstack.folder import Folder, InUseError
from devstack.ports import LOOPBACK, choose, free_port
from devstack.roster import SERVICES, USUAL_PORTS, Addresses, environment


def test_secrets_are_readable_by_their_owner_only(tmp_path: Path) -> None:
    keys.keep(tmp_path / "secrets.json")
    assert stat.S_IMODE((tmp_path / "secrets.json").stat().st_mode) == 0o600


def test_secrets_are_made_once_and_kept(tmp_path: Path) -> None:
    first = keys.keep(tmp_path / "secrets.json")
    assert keys.keep(tmp_path / "secrets.json") == first


def test_a_secret_that_is_new_in_this_release_is_added_to_the_kept_ones(tmp_path: Path) -> None:
    file = tmp_path / "secrets.json"
    file.write_text('{"turn_secret": "kept"}')
    assert keys.keep(file).turn_secret.get_secret_value() == "kept"
    assert "master_key" in file.read_text()


def test_secrets_do_not_show_in_a_representation(tmp_path: Path) -> None:
    made = keys.keep(tmp_path / "secrets.json")
    assert made.master_key.get_secret_value() not in repr(made)


def test_a_second_suite_in_the_same_folder_is_refused_with_the_address_of_the_first(tmp_path: Path) -> None:
    first, second = Folder(tmp_path), Folder(tmp_path)
    with first.locked():
        first.announce({"gateway": "http://127.0.0.1:8080"})
        with pytest.raises(InUseError, match=r"127\.0\.0\.1:8080"), second.locked():
            pass
    assert second.running() is None


def test_data_is_not_removed_while_a_suite_runs(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.data.mkdir()
    with folder.locked(), pytest.raises(InUseError):
        Folder(tmp_path).remove_data()
    assert folder.data.exists()


def test_a_taken_port_is_replaced_by_the_next_free_one() -> None:
    wanted = free_port()
    with socket.socket() as other:
        other.bind((LOOPBACK, wanted))
        other.listen()
        assert choose({"gateway": wanted})["gateway"] > wanted


def test_names_that_prefer_the_same_port_get_different_ones() -> None:
    wanted = free_port()
    assert len(set(choose({"gateway": wanted, "camera": wanted, "mail": 0}).values())) == 3


def test_only_the_service_that_needs_a_secret_is_told_it(tmp_path: Path) -> None:
    made = keys.keep(tmp_path / "secrets.json")
    addresses = Addresses("mongodb://m", "amqp://a", "smtp://s", "turn:t", "stun:t", "/log")
    told = {name: environment(name, USUAL_PORTS, addresses, made) for name in SERVICES}
    assert [name for name in SERVICES if "VEDETTE_TURN_SECRET" in told[name]] == ["relay"]
    assert [name for name in SERVICES if "VEDETTE_BOOTSTRAP_STAFF" in told[name]] == ["identity"]
