"""Mail over SMTP: sent once, sent again when the other side says later, given up when it says never."""

import email
import email.policy
import re
import socket
import time

import pytest
from aiosmtpd.controller import Controller

from polity import MAIL_LIMIT_S, PASSWORD, wait_for

# The server tries again after a second: in this time an attempt that should not come would have come.
QUIET_S = 4


class Sink:
    """A mail server: answers as told, then accepts; keeps what it accepted."""

    def __init__(self):
        self.answers = []
        self.attempts = 0
        self.accepted = []

    async def handle_DATA(self, _server, _session, envelope):
        self.attempts += 1
        answer = self.answers.pop(0) if self.answers else "250 OK"
        if answer.startswith("250"):
            self.accepted.append(envelope)
        return answer


@pytest.fixture
def sink():
    sink = Sink()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    controller = Controller(sink, hostname="127.0.0.1", port=port)
    sink.url = f"smtp://127.0.0.1:{port}"
    controller.start()
    yield sink
    controller.stop()


@pytest.fixture
def server(start, sink):
    return start(POLITY_SMTP_URL=sink.url, POLITY_MAIL_FROM="polity@example.com")


def sign_up(server):
    account = {"email": "ada@example.com", "password": PASSWORD, "name": "Ada"}
    assert server.call("POST", "/v1/account/signup", json=account).status_code == 200


def test_a_mail_arrives_once(server, sink):
    sign_up(server)
    wait_for(lambda: sink.accepted, MAIL_LIMIT_S, "mail")
    time.sleep(QUIET_S)
    assert sink.attempts == 1
    (envelope,) = sink.accepted
    assert (envelope.mail_from, envelope.rcpt_tos) == ("polity@example.com", ["ada@example.com"])

    mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
    assert (mail["to"].addresses[0].addr_spec, mail["from"].addresses[0].addr_spec) == (
        "ada@example.com",
        "polity@example.com",
    )
    link = re.search(r"https?://\S+", mail.get_body(("plain",)).get_content())[0]
    assert link.startswith(f"{server.url}/")
    reply = server.call("POST", f"/v1/account/validate/{link.rsplit('/', 1)[1]}")
    assert reply.status_code == 200, reply.text


def test_a_threshold_of_the_budget_is_mailed_once_and_names_what_spent_it(server, sink):
    account = {"email": "ada@example.com", "password": PASSWORD, "name": "Ada"}
    token = server.call("POST", "/v1/account/signup", json=account).json()["token"]["id"]
    made = server.call("POST", "/v1/organizations", token, json={"name": "acme"}).json()["organization"]
    budget = {"amount": "10", "enforcement": "stop"}
    server.call("PUT", f"/v1/organizations/{made['id']}/budget", token, json=budget).raise_for_status()
    key = server.operator("POST", "/metering_keys", json={"name": "inference"})["metering_key"]["token"]
    events = [
        {"source": "inference", "id": str(n), "organization_id": made["id"], "amount_microcents": "2000000"}
        | {"project_id": made["default_project_id"]}
        for n in range(5)
    ]
    for _ in range(2):
        reply = server.call("POST", "/metering/v1/events", key, json={"events": events})
        assert reply.status_code == 200, reply.text

    def alerts():
        mails = [email.message_from_bytes(e.content, policy=email.policy.default) for e in sink.accepted]
        return [mail for mail in mails if "budget" in mail["subject"]]

    wait_for(alerts, MAIL_LIMIT_S, "a mail about the budget")
    time.sleep(QUIET_S)
    # Both thresholds were reached at once: the mail is about the highest.
    assert [mail["subject"] for mail in alerts()] == ["acme has spent 100 % of its budget"]
    text = alerts()[0].get_body(("plain",)).get_content()
    assert "$0.10  default" in text, text


def test_a_temporary_refusal_is_tried_again(server, sink):
    sink.answers = ["451 try again later"]
    sign_up(server)
    wait_for(lambda: sink.accepted, MAIL_LIMIT_S, "mail")
    time.sleep(QUIET_S)
    assert (sink.attempts, len(sink.accepted)) == (2, 1)


def test_a_final_refusal_is_final(server, sink):
    sink.answers = ["550 no such mailbox"] * 10
    sign_up(server)
    wait_for(lambda: sink.attempts, MAIL_LIMIT_S, "attempt")
    time.sleep(QUIET_S)
    assert sink.attempts == 1
    # The gauge is read from the database, so it says the same on every replica.
    for process in server.processes:
        metrics = process.metrics()
        assert re.search(r"^polity_\w*mail\w*\{[^}]*bounced[^}]*\} 1$", metrics, re.MULTILINE), metrics
