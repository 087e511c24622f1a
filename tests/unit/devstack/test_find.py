"""The order in which a server is looked for."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from devstack.servers import COTURN, MONGO, RABBIT, Machine, NothingFoundError, Wanted, find

LOG = Path("/dev/null")


@dataclass
class Bare(Machine):
    """A machine with exactly what a test gives it."""

    environment: dict[str, str] = field(default_factory=dict)
    binaries: dict[str, str] = field(default_factory=dict)
    wheels: dict[str, str] = field(default_factory=dict)
    has_docker: bool = False
    installable: dict[str, str] | None = None
    installed: list[str] = field(default_factory=list)

    def binary(self, name: str, folders: Sequence[str] = ()) -> Path | None:
        return Path(self.binaries[name]) if name in self.binaries else None

    def wheel(self, name: str) -> Path | None:
        return Path(self.wheels[name]) if name in self.wheels else None

    def can_install(self) -> bool:
        return self.installable is not None

    def install(self, package: str, log: Path) -> bool:
        self.installed.append(package)
        self.binaries.update(self.installable or {})
        return bool(self.installable)

    def docker(self) -> bool:
        return self.has_docker


def test_an_address_in_the_environment_is_taken_before_everything_else() -> None:
    machine = Bare({"VEDETTE_MONGO_URL": "mongodb://there"}, binaries={"mongod": "/usr/bin/mongod"})
    found = find(MONGO, machine, LOG)
    assert (found.source, found.where) == ("address", "mongodb://there")


def test_a_program_on_the_path_is_taken_before_the_wheel() -> None:
    machine = Bare(binaries={"mongod": "/usr/bin/mongod"}, wheels={"mongod": "/wheel/mongod"})
    found = find(MONGO, machine, LOG)
    assert (found.source, found.where) == ("path", "/usr/bin/mongod")


def test_the_wheel_is_taken_before_a_container() -> None:
    found = find(MONGO, Bare(wheels={"mongod": "/wheel/mongod"}, has_docker=True), LOG)
    assert (found.source, found.where) == ("wheel", "/wheel/mongod")


def test_a_missing_program_is_installed_before_docker_is_asked() -> None:
    machine = Bare(installable={"rabbitmq-server": "/usr/lib/rabbitmq/bin/rabbitmq-server"}, has_docker=True)
    said: list[str] = []
    found = find(RABBIT, machine, LOG, said.append)
    assert found.source == "installed"
    assert machine.installed == ["rabbitmq-server"]
    assert "apt-get install rabbitmq-server" in said[0]


def test_a_failed_installation_falls_back_to_a_container_and_says_so() -> None:
    said: list[str] = []
    found = find(COTURN, Bare(installable={}, has_docker=True), LOG, said.append)
    assert found.source == "container"
    assert "failed" in said[-1]


def test_nothing_is_installed_where_a_container_backend_is_asked_for() -> None:
    machine = Bare(
        {"VEDETTE_TEST_BACKEND": "containers"}, binaries={"mongod": "/usr/bin/mongod"}, has_docker=True
    )
    assert find(MONGO, machine, LOG).source == "container"


def test_a_container_backend_without_docker_is_refused_and_not_replaced() -> None:
    machine = Bare({"VEDETTE_TEST_BACKEND": "containers"}, binaries={"mongod": "/usr/bin/mongod"})
    with pytest.raises(NothingFoundError, match="no Docker daemon"):
        find(MONGO, machine, LOG)


@pytest.mark.parametrize("wanted", [MONGO, RABBIT, COTURN])
def test_a_machine_with_nothing_is_told_what_to_install(wanted: Wanted) -> None:
    with pytest.raises(NothingFoundError, match=r"is missing: .*install.*VEDETTE_\w+_URL"):
        find(wanted, Bare(), LOG)


def test_debians_wrapper_that_insists_on_root_is_not_the_first_choice() -> None:
    assert RABBIT.folders[0] == "/usr/lib/rabbitmq/bin"
