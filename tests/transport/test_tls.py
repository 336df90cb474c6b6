"""Whom a call talks to is always proved, and nothing can switch that off."""

from __future__ import annotations

import inspect
import socket
import ssl

import pytest

from payflow.errors import ConfigError
from payflow.transport import Limits, NeverSent, NoAnswer, Transport
from payflow.transport.connections import trust

from .certificates import old_client
from .conftest import POST
from .far_side import answer, says


@pytest.fixture
def trusting(certificates):
    return Limits(connect_seconds=1.0, read_seconds=1.0, total_seconds=5.0, ca_file=certificates.ca_file)


def refused(transport):
    with pytest.raises(NeverSent) as error:
        transport.send(POST, operation="charge")
    assert error.value.code == "GATEWAY_TLS"
    return error.value.message


def test_a_genuine_certificate_is_accepted(far_side, to, certificates, trusting):
    side = far_side(says(answer()), tls=certificates.good())
    transport = to(side, limits=trusting)
    for _ in range(3):
        assert transport.send(POST, operation="charge").status == 200
    assert side.connections == 1


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("expired", "certificate has expired"),
        ("wrong_host", "IP address mismatch"),
        ("self_signed", "self-signed certificate"),
        ("old_protocol", "PROTOCOL_VERSION"),
    ],
)
def test_b099_a_certificate_or_protocol_that_proves_nothing_is_refused(
    far_side, to, certificates, trusting, kind, words
):
    side = far_side(says(answer()), tls=getattr(certificates, kind)())
    assert words in refused(to(side, limits=trusting))
    assert side.requests == []


def test_the_old_server_does_answer_an_old_client(far_side, certificates):
    side = far_side(says(answer()), tls=certificates.old_protocol())
    with socket.create_connection(("127.0.0.1", side.port)) as sock, old_client().wrap_socket(sock) as old:
        assert old.version() == "TLSv1.1"


def test_b099_a_host_named_only_in_the_common_name_is_refused(far_side, to, certificates, trusting):
    side = far_side(says(answer()), tls=certificates.only_common_name(), host="localhost")
    assert "localhost" in refused(to(side, limits=trusting))


def test_b099_a_root_that_nobody_knows_is_refused(far_side, to, certificates):
    assert "CERTIFICATE_VERIFY_FAILED" in refused(to(far_side(says(answer()), tls=certificates.good())))


def test_b099_the_environment_cannot_add_a_root(far_side, to, certificates, monkeypatch):
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.setenv(name, certificates.ca_file)
    refused(to(far_side(says(answer()), tls=certificates.good())))


def test_the_environment_cannot_have_session_keys_written(far_side, to, certificates, trusting, monkeypatch, tmp_path):
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))
    trust.__globals__["_trust"].cache_clear()
    to(far_side(says(answer()), tls=certificates.good()), limits=trusting).send(POST, operation="charge")
    assert not (tmp_path / "keys").exists()


def test_the_environment_cannot_send_calls_through_a_proxy(far_side, to, monkeypatch):
    proxy, side = far_side(says(answer(b"proxy"))), far_side(says(answer(b"far side")))
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, proxy.url)
    assert to(side).send(POST, operation="charge").body == b"far side"
    assert proxy.connections == 0


def test_the_environment_cannot_add_a_password(far_side, to, monkeypatch, tmp_path):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login a password b\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    side = far_side(says(answer()))
    to(side).send(POST, operation="charge")
    assert b"authorization" not in side.requests[0].lower()


def test_a_handshake_that_drips_is_cut_off(far_side, to, certificates):
    limits = Limits(connect_seconds=0.2, total_seconds=0.5, ca_file=certificates.ca_file)
    side = far_side(lambda visit: visit.drip(b"\x16\x03\x03\x10\x00" + b"\x02" * 1000))
    refused(to(side.url.replace("http:", "https:"), limits=limits))


def test_plain_http_where_tls_was_expected_is_refused(far_side, to, trusting):
    def plain(visit):
        visit.sock.recv(65536)
        visit.say(answer())

    refused(to(far_side(plain).url.replace("http:", "https:"), limits=trusting))


@pytest.mark.parametrize("announced", [True, False])
def test_an_answer_without_a_length_ends_where_tls_says_so(far_side, to, certificates, trusting, announced):
    def script(visit):
        visit.request()
        visit.say(b"HTTP/1.1 200 OK\r\n\r\n" + b"a" * 1000)
        if announced:
            visit.sock.unwrap()

    transport = to(far_side(script, tls=certificates.good()), limits=trusting)
    if announced:
        assert len(transport.send(POST, operation="charge").body) == 1000
        return
    with pytest.raises(NoAnswer) as error:
        transport.send(POST, operation="charge")
    assert error.value.code == "GATEWAY_RESPONSE_MALFORMED"


def test_nothing_switches_verification_off(certificates):
    context = trust(certificates.ca_file)
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    names = {*inspect.signature(Transport.__init__).parameters, *Limits.__dataclass_fields__}
    assert not [name for name in names if "verify" in name or "insecure" in name]


@pytest.mark.parametrize("content", [None, "", "no certificate"], ids=["missing", "empty", "other"])
def test_a_file_without_certificates_is_refused_at_once(tmp_path, content):
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ConfigError) as error:
        Transport("main", ["https://api.mch.example"], Limits(ca_file=str(path)))
    assert error.value.path == "$.ca_file"


@pytest.mark.parametrize(
    "url",
    [
        "http://api.mch.example",
        "http://127.0.0.1.example",
        "http://localhost.example",
        "http://10.0.0.1:8080",
        "http://0.0.0.0",
        "http://[::2]",
        "http://2130706433",
        "HTTP://169.254.169.254",
    ],
)
def test_plain_http_leads_nowhere_but_to_this_machine(url):
    with pytest.raises(ConfigError) as error:
        Transport("main", [url])
    assert error.value.code == "CONFIG_INSECURE_URL"


@pytest.mark.parametrize(
    "url", ["http://localhost:1", "http://127.9.9.9", "http://[::1]:1/", "https://api.mch.example:8443"]
)
def test_this_machine_and_tls_are_fine(url):
    Transport("main", [url]).close()


@pytest.mark.parametrize(
    "url",
    ["", "api.mch.example", "ftp://a", "https://", "https://a/v3", "https://a?b", "https://a#b", "https://me:pw@a",
     "https://a:99999", "https://a:x", "https://[::1", "https://a b", "https://a\n", "https://你", "https://a..b", "https://%41",
     "https://a,b", "https://" + "a" * 64],
)  # fmt: skip
def test_what_is_not_an_origin_is_refused(url):
    with pytest.raises(ConfigError) as error:
        Transport("main", [url])
    assert error.value.code == "CONFIG_INVALID"
    assert "pw" not in str(error.value)


@pytest.mark.parametrize("origins", [[], "https://api.mch.example"])
def test_origins_are_a_list_of_one_or_more(origins):
    with pytest.raises(ConfigError):
        Transport("main", origins)
