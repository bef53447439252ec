"""The requests of clients that are not the Python SDK, in the order and the form in which they send them."""

import pytest

from polity import wait_for


@pytest.fixture
def ada(signup):
    return signup("ada")


@pytest.fixture
def acme(ada):
    return ada.found("acme")


@pytest.fixture
def cli(server):
    """Calls as the Go client does: a JSON type with a charset, `{}` and a newline for nothing."""

    def call(method, path, token):
        body = {"data": "{}\n", "headers": {"Content-Type": "application/json; charset=utf-8"}}
        return server.call(method, path, token, **({} if method == "GET" else body))

    return call


def read(reply):
    """The object in a good reply."""
    assert reply.status_code == 200, reply.text
    assert reply.headers["content-type"].startswith("application/json")
    return reply.json()


def check_error(reply, status, code):
    assert reply.status_code == status, reply.text
    assert reply.headers["content-type"].startswith("application/json")
    body = reply.json()
    assert (body["status"], body["code"]) == (status, code)
    assert body["message"]


def test_a_deployment_platform_makes_and_removes_its_organization(ada, server):
    """Found with a personal token, switch without a body, deactivate, poll, delete."""
    personal = ada.client.credentials.create_credential({"name": "platform", "type": "USER"}).credential.token
    made = read(server.call("POST", "/v1/organizations", personal, json={"name": "tenant-1"}))["organization"]
    again = server.call("POST", "/v1/organizations", personal, json={"name": "tenant-1"})
    check_error(again, 400, "invalid_argument")
    assert "already exists" in again.text

    path = f"/v1/organizations/{made['id']}"
    inside = read(server.call("POST", f"{path}/switch", personal))["token"]
    assert inside["organization_id"] == made["id"]
    read(server.call("POST", f"{path}/deactivate", inside["id"], json={"skip_confirmation": True}))

    def is_deactivated():
        return read(server.call("GET", path, inside["id"]))["organization"]["status"] == "DEACTIVATED"

    wait_for(is_deactivated, 30, "deactivated organization")
    read(server.call("DELETE", path, inside["id"]))
    check_error(server.call("DELETE", path, personal), 404, "not_found")


def test_whoami_with_a_session(ada, acme, cli):
    organization, _ = acme
    assert read(cli("GET", "/v1/account/profile", ada.client.token))["user"]["email"] == ada.email
    check_error(cli("GET", "/v1/account/organization", ada.client.token), 404, "not_found")

    token = read(cli("POST", f"/v1/organizations/{organization.id}/switch", ada.client.token))["token"]["id"]
    read(cli("GET", "/v1/account/profile", token))
    for path in (f"/v1/organizations/{organization.id}", "/v1/account/organization"):
        assert read(cli("GET", path, token))["organization"]["name"] == "acme"


def test_whoami_with_a_token_of_an_organization(acme, cli):
    organization, inside = acme
    token = inside.credentials.create_credential({"name": "ci", "type": "ORGANIZATION"}).credential.token
    check_error(cli("GET", "/v1/account/profile", token), 403, "authorization_error")
    apps = read(cli("GET", "/v1/apps?limit=1", token))
    assert {name: apps[name] for name in ("apps", "limit", "offset", "count")} == {
        "apps": [],
        "limit": 1,
        "offset": 0,
        "count": 0,
    }
    assert read(cli("GET", f"/v1/organizations/{organization.id}", token))["organization"]["id"] == organization.id


def test_organizations_are_listed_and_found_by_name(ada, acme, cli):
    beta, _ = ada.found("beta")
    user = read(cli("GET", "/v1/account/profile", ada.client.token))["user"]
    listed = read(cli("GET", f"/v1/organization_members?user_id={user['id']}&limit=100&offset=0", ada.client.token))
    assert listed["count"] == len(listed["members"]) == 2
    found = {member["organization"]["name"]: member["organization"] for member in listed["members"]}
    assert found["beta"]["id"] == beta.id
    assert {item["status"] for item in found.values()} == {"ACTIVE"}
    token = read(cli("POST", f"/v1/organizations/{found['beta']['id']}/switch", ada.client.token))["token"]
    assert token["organization_id"] == beta.id


def test_a_project_header_does_not_matter_to_the_account(acme, server):
    headers = {"x-koyeb-project-id": "00000000-0000-4000-8000-000000000000", "seon-fp": "x" * 4000}
    for path in ("/v1/account/profile", "/v1/account/organization", "/v1/account/organizations?limit=10"):
        read(server.call("GET", path, acme[1].token, headers=dict(headers)))


@pytest.mark.parametrize("content_type", ["text/plain;charset=UTF-8", "application/x-www-form-urlencoded", None])
def test_the_content_type_of_a_body_does_not_matter(ada, server, content_type):
    headers = {"Content-Type": content_type} if content_type else {}
    body = '{"name": "acme", "unknown": [1], "captcha": null}'
    reply = server.call("POST", "//v1/organizations", ada.client.token, data=body, headers=headers)
    assert read(reply)["organization"]["name"] == "acme"


def test_errors_always_have_the_same_shape(ada, server):
    token = ada.client.token
    check_error(server.call("GET", "/v1/nonsense", token), 404, "not_found")
    check_error(server.call("GET", "/nonsense"), 404, "not_found")
    check_error(server.call("PUT", "/v1/account/organizations", token), 404, "not_found")
    check_error(server.call("POST", "/v1/organizations", token, data="{"), 400, "invalid_argument")
    check_error(server.call("POST", "/v1/organizations", token, data="[]"), 400, "invalid_argument")
    check_error(server.call("GET", "/v1/account/profile"), 401, "authentication_error")
    check_error(server.call("GET", "/v1/organizations/not-a-uuid", token), 400, "invalid_argument")
