"""Webhooks, verified by a library that knows nothing of Polity: the one that publishes Standard Webhooks."""

import threading
from contextlib import contextmanager
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from polity import wait_for

ARRIVES_S = 20


@contextmanager
def receiver():
    """A server that keeps what is posted to it, and answers as told, then accepts."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            self.server.received.append((dict(self.headers), body))
            self.send_response(self.server.answers.pop(0) if self.server.answers else 204)
            self.end_headers()

        def log_message(self, *_args):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.received, server.answers = [], []
        server.url = f"http://127.0.0.1:{server.server_port}/hook"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def sink():
    with receiver() as sink:
        yield sink


@pytest.fixture
def server(start):
    return start(POLITY_WEBHOOK_ALLOW_NETWORKS="127.0.0.0/8")


@pytest.fixture
def acme(signup):
    """The token of a session in an organization."""
    ada = signup("ada")
    organization = ada.client.organization.create_organization({"name": "acme"}).organization
    return ada.client.organization.switch_organization(organization.id, {}).token.id


def call(server, acme, method, path, **kwargs):
    reply = server.call(method, path, acme, **kwargs)
    assert reply.status_code == 200, reply.text
    return reply.json()


def received(sink, count):
    return wait_for(lambda: len(sink.received) >= count and sink.received[count - 1], ARRIVES_S, "webhook")


def test_what_is_delivered_is_verified(server, acme, sink):
    hook = {"url": sink.url, "event_types": ["project.created"]}
    hook = call(server, acme, "POST", "/v1/webhooks", json=hook)["webhook"]
    verifier = Webhook(hook["secret"])
    call(server, acme, "POST", "/v1/projects", json={"name": "web"})
    headers, body = received(sink, 1)
    message = verifier.verify(body, headers)
    assert (message["type"], message["data"]["object"]["name"]) == ("project.created", "web")
    assert message["data"]["id"] == headers["webhook-id"]
    assert datetime.fromisoformat(message["timestamp"])

    with pytest.raises(WebhookVerificationError):
        verifier.verify(body.replace(b"web", b"wab"), headers)
    with pytest.raises(WebhookVerificationError):
        verifier.verify(body, headers | {"webhook-id": "another"})
    with pytest.raises(WebhookVerificationError):
        Webhook("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").verify(body, headers)


def test_after_a_rotation_old_and_new_secret_verify(server, acme, sink):
    own = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    hook = {"url": sink.url, "event_types": ["project.created"], "secret": own}
    hook = call(server, acme, "POST", "/v1/webhooks", json=hook)["webhook"]
    rotated = call(server, acme, "POST", f"/v1/webhooks/{hook['id']}/rotate_secret", json={})["webhook"]
    call(server, acme, "POST", "/v1/projects", json={"name": "web"})
    headers, body = received(sink, 1)
    for secret in (own, rotated["secret"]):
        assert Webhook(secret).verify(body, headers)["type"] == "project.created"


def test_what_failed_comes_again_with_the_same_id(server, acme, sink):
    hook = {"url": sink.url, "event_types": ["project.created"]}
    hook = call(server, acme, "POST", "/v1/webhooks", json=hook)["webhook"]
    sink.answers = [503]
    call(server, acme, "POST", "/v1/projects", json={"name": "web"})
    first, second = received(sink, 1), received(sink, 2)
    assert (first[0]["webhook-id"], first[1]) == (second[0]["webhook-id"], second[1])
    verifier = Webhook(hook["secret"])
    assert verifier.verify(*reversed(first)) == verifier.verify(*reversed(second))


def test_a_test_message_is_verified(server, sink):
    hook = server.operator("POST", "/webhooks", json={"url": sink.url, "event_types": ["project.created"]})["webhook"]
    tried = server.operator("POST", f"/webhooks/{hook['id']}/test")
    assert (tried["delivered"], tried["status_code"], tried["error"]) == (True, 204, "")
    headers, body = received(sink, 1)
    assert Webhook(hook["secret"]).verify(body, headers)["type"] == "webhook.test"
