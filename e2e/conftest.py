"""Fixtures: every test has servers of its own, and ends the ones it started.

`POLITY_TEST_STORE` says what a server is: `sqlite`, unless told, is one process on the embedded database; `postgres` is
two processes on a PostgreSQL database, behind nginx.
"""

import os
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import partial

import pytest

import postgres
import replicas
from polity import PASSWORD, Server, serve
from sdk import Client

STORE = os.environ.get("POLITY_TEST_STORE", "sqlite")
assert STORE in ("sqlite", "postgres"), f"POLITY_TEST_STORE must be sqlite or postgres, not {STORE}"

# Nothing here leaves the machine, whatever the environment says.
os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1,localhost"


def pytest_report_header():
    return f"store: {STORE}"


def pytest_collection_modifyitems(items):
    """`@pytest.mark.store(name, reason=…)` is for what there is on one store only."""
    for item in items:
        mark = item.get_closest_marker("store")
        if mark and mark.args != (STORE,):
            item.add_marker(pytest.mark.skip(reason=mark.kwargs["reason"]))


@pytest.fixture(scope="session")
def cluster():
    """A PostgreSQL cluster with a template that has the schema."""
    with postgres.cluster() as cluster:
        cluster.make_template(replicas.migrate)
        yield cluster


@pytest.fixture
def start(tmp_path_factory, request):
    """Starts a server, with settings from the environment."""
    if STORE == "postgres":
        how = partial(replicas.serve, cluster=request.getfixturevalue("cluster"))
    else:
        how = serve
    with ExitStack() as stack:
        yield lambda **env: stack.enter_context(how(tmp_path_factory.mktemp("polity"), **env))


@pytest.fixture
def server(start):
    return start()


@pytest.fixture
def connect(server):
    """Opens a client of the SDK."""
    with ExitStack() as stack:
        yield lambda *args, **kwargs: stack.enter_context(closing(Client(server.url, *args, **kwargs)))


@dataclass
class Person:
    """Somebody with an account, and clients of the SDK under the session that signing up gave."""

    id: str
    email: str
    client: Client
    server: Server
    connect: object

    def confirm_address(self):
        """Confirms the address with the link from the mail."""
        reply = self.client.profile.validate(self.server.link_id(self.email, "validate"))
        assert reply.token.user_id == self.id

    def found(self, name):
        """Creates an organization; returns it, and a client in it."""
        organization = self.client.organization.create_organization({"name": name}).organization
        return organization, self.enter(organization.id)

    def enter(self, organization_id):
        return self.connect(self.client.organization.switch_organization(organization_id, {}).token.id)


@pytest.fixture
def signup(server, connect):
    """Signs somebody up."""

    def signup(name):
        email = f"{name}@example.com"
        token = connect().profile.signup({"email": email, "password": PASSWORD, "name": name.title()}).token
        return Person(token.user_id, email, connect(token.id), server, connect)

    return signup
