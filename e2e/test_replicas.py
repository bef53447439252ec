"""What only several replicas can do: share the requests, and go on when one of them stops."""

import re
from datetime import UTC, datetime, timedelta

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from nginx import nginx
from polity import REQUEST_LIMIT_S, wait_for
from postgres import free_port

pytestmark = pytest.mark.store("postgres", reason="there is one process on the embedded database, and no proxy")


def answered(process):
    """How often a replica answered `GET /v1/test/anon`."""
    counted = r'^polity_http_requests_total\{operation="TestAnon",method="GET",status="2xx"\} (\d+)$'
    found = re.search(counted, process.metrics(), re.MULTILINE)
    return int(found[1]) if found else 0


def test_requests_go_to_the_replicas_in_turn(server):
    for _ in range(10):
        assert server.call("GET", "/v1/test/anon").status_code == 200
    assert [answered(process) for process in server.processes] == [5, 5]


def test_a_replica_that_stops_is_not_missed(signup, server):
    organization, inside = signup("ada").found("acme")
    server.processes[0].stop()
    read, rename = inside.organization.get_organization, inside.organization.update_organization_name
    for n in range(5):
        assert rename(organization.id, {"name": f"acme-{n}"}).organization.name == f"acme-{n}"
        assert read(organization.id).organization.name == f"acme-{n}"
    inside.organization.deactivate_organization(organization.id, {"skip_confirmation": True})
    wait_for(lambda: read(organization.id).organization.status == "DEACTIVATED", 30, "deactivated organization")


def test_rates_are_limited_by_the_address_of_the_client_on_each_replica(start):
    server = start(POLITY_RATE_LIMIT="on")
    account = {"email": "ada@example.com", "password": "a long password", "name": "Ada"}
    token = server.call("POST", "/v1/account/signup", json=account).json()["token"]["id"]

    def check(address):
        # The test is on the same machine as the proxy, so what it says it comes from is believed.
        return server.call("GET", "/v1/coupons/NONE", token, headers={"X-Forwarded-For": address}).status_code

    # Ten at once for each replica, then one in six seconds.
    assert {check("203.0.113.1") for _ in range(20)} == {404}
    assert 429 in {check("203.0.113.1") for _ in range(20)}
    assert check("203.0.113.2") == 404


@pytest.fixture
def certificate(tmp_path):
    """A file with a certificate for `localhost`, signed by itself, and its key."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path, pem = tmp_path / "certificate.pem", serialization.Encoding.PEM
    unencrypted = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(certificate.public_bytes(pem) + key.private_bytes(pem, *unencrypted))
    return path


def test_the_example_speaks_tls_as_it_is_written(server, certificate, tmp_path):
    """The other tests leave TLS out, because the clients would have to know the certificate."""
    port = free_port()
    with nginx(tmp_path / "nginx", port, [process.address() for process in server.processes], certificate):
        for _ in range(2):
            url = f"https://localhost:{port}/v1/test/anon"
            assert requests.get(url, verify=certificate, timeout=REQUEST_LIMIT_S).json() == {}


def test_what_is_for_the_network_behind_the_proxy_is_not_passed_on(server):
    for path in ("/metrics", "/readyz"):
        for process in server.processes:
            reply = requests.get(f"http://{process.address()}{path}", timeout=REQUEST_LIMIT_S)
            assert reply.status_code == 200, reply.text
        for written in (path, f"{path}/", f"/{path}//", f"/.{path}", f"/%{ord(path[1]):x}{path[2:]}"):
            assert server.call("GET", written).status_code == 404, written
