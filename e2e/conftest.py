"""Fixtures: every test has servers of its own, and ends the ones it started."""

import os
from contextlib import ExitStack, closing
from dataclasses import dataclass

import pytest

from polity import PASSWORD, Server, serve
from sdk import Client

# Nothing here leaves the machine, whatever the environment says.
os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1"


@pytest.fixture
def start(tmp_path_factory):
    """Starts a server, with settings from the environment."""
    with ExitStack() as stack:
        yield lambda **env: stack.enter_context(serve(tmp_path_factory.mktemp("polity"), **env))


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
