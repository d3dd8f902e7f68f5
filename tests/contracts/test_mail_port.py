"""One suite over every way to send mail: an SMTP server that really listens, and the database that keeps letters."""

from __future__ import annotations

import email
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.policy import default
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from flask import Flask

from portal.adapters.kept_mail import KeptMail
from portal.adapters.smtp_mail import SmtpMail
from portal.db import SYSTEM, scoped
from portal.demo.servers import free_port
from portal.kit.clock import ManualClock
from portal.notifications.queries import list_kept
from portal.ports.mail import Letter, Mail, MailRefused, MailUnavailable

pytestmark = pytest.mark.contract
LETTER = Letter(
    key="identity.confirm:signed-up:7",
    to="mira@example.com",
    subject="Bestätigen Sie Ihre Adresse",
    text="Guten Tag Mira,\n\nein Druck genügt: https://portal.example/confirm?token=0f\n",
    html='<p>Guten Tag Mira,</p><p><a href="https://portal.example/confirm?token=0f">Bestätigen</a></p>',
    language="de",
)


@dataclass
class Receiver:
    """What an SMTP server was handed, and what it refuses."""

    messages: list[EmailMessage] = field(default_factory=list)
    refuses: dict[str, str] = field(default_factory=dict)

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any) -> str:
        if address in self.refuses:
            return self.refuses[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        message = email.message_from_bytes(envelope.content, policy=default)
        assert isinstance(message, EmailMessage)
        message["X-To"] = envelope.rcpt_tos[0]
        self.messages.append(message)
        return "250 OK"


@pytest.fixture
def receiver() -> Receiver:
    return Receiver()


@pytest.fixture
def start(receiver: Receiver) -> Iterator[Callable[..., int]]:
    """Start SMTP servers; each call returns a port."""
    running = []

    def begin(**options: Any) -> int:
        port = free_port()
        controller = Controller(receiver, hostname="127.0.0.1", port=port, **options)
        controller.start()
        running.append(controller)
        return port

    yield begin
    for controller in running:
        controller.stop()


@dataclass
class Way:
    """A way to send mail, and how to see what arrived: addressee, subject, text."""

    mail: Mail
    arrived: Callable[[], list[tuple[str, str, str]]]


@pytest.fixture(params=["smtp", "kept"])
def way(request: pytest.FixtureRequest, app: Flask, clock: ManualClock, receiver: Receiver, start: Any) -> Way:
    if request.param == "kept":
        return Way(KeptMail(clock), _kept)
    mail = SmtpMail(f"smtp://127.0.0.1:{start()}?starttls=no", "Mercato <no-reply@mercato.example>")
    return Way(mail, lambda: [(m["X-To"], m["Subject"], _text_of(m)) for m in receiver.messages])


def test_a_letter_arrives_as_it_was_written(way: Way) -> None:
    way.mail.send(LETTER)
    assert way.arrived() == [(LETTER.to, LETTER.subject, LETTER.text)]


def test_letters_arrive_in_order_and_each_to_its_own_reader(way: Way) -> None:
    letters = [replace(LETTER, key=f"n:{n}", to=f"reader{n}@example.com", subject=f"Number {n}") for n in range(5)]
    for letter in letters:
        way.mail.send(letter)
    assert [to for to, _, _ in way.arrived()] == [letter.to for letter in letters]


@pytest.mark.parametrize(
    "wrong",
    [
        {"subject": "Hello\r\nBcc: everybody@example.com"},
        {"to": "mira@example.com\r\nBcc: x@example.com"},
        {"to": "mira"},
    ],
)
def test_what_would_write_headers_of_its_own_is_refused_for_good(way: Way, wrong: dict[str, str]) -> None:
    with pytest.raises(MailRefused):
        way.mail.send(replace(LETTER, **wrong))  # type: ignore[arg-type]
    assert way.arrived() == []


def test_a_long_text_with_every_sort_of_letter_arrives_whole(way: Way) -> None:
    text = "Ünïcödé 日本語 🜁 . \n.\nFrom me\n" * 200
    way.mail.send(replace(LETTER, text=text))
    assert way.arrived()[0][2] == text


class TestKeptMail:
    def test_the_same_letter_handed_over_again_is_kept_once(self, app: Flask, clock: ManualClock) -> None:
        for _ in range(2):
            KeptMail(clock).send(LETTER)
        assert len(_kept()) == 1


class TestSmtp:
    def mail(self, port: int, options: str = "?starttls=no", **more: Any) -> SmtpMail:
        return SmtpMail(f"smtp://127.0.0.1:{port}{options}", "Mercato <no-reply@mercato.example>", timeout=5, **more)

    def test_both_forms_travel_and_a_repetition_has_the_same_message_id(self, receiver: Receiver, start: Any) -> None:
        mail = self.mail(start())
        mail.send(LETTER)
        mail.send(LETTER)
        first, second = receiver.messages
        assert first["Message-ID"] == second["Message-ID"]
        assert first["From"] == "Mercato <no-reply@mercato.example>"
        assert first["Content-Language"] == "de"
        html = first.get_body(("html",))
        assert html is not None
        assert html.get_content().strip() == LETTER.html

    @pytest.mark.parametrize(
        ("answer", "error"),
        [
            ("550 no such mailbox", MailRefused),
            ("451 try later", MailUnavailable),
            ("452 mailbox full", MailUnavailable),
        ],
    )
    def test_a_mailbox_that_does_not_exist_is_final_and_a_full_one_is_not(
        self, receiver: Receiver, start: Any, answer: str, error: type[Exception]
    ) -> None:
        receiver.refuses[LETTER.to] = answer
        with pytest.raises(error):
            self.mail(start()).send(LETTER)

    def test_nobody_answering_is_for_later(self) -> None:
        with pytest.raises(MailUnavailable):
            self.mail(free_port()).send(LETTER)

    def test_without_tls_nothing_is_said_unless_that_was_asked_for(self, receiver: Receiver, start: Any) -> None:
        with pytest.raises(MailUnavailable):
            self.mail(start(), options="").send(LETTER)
        assert receiver.messages == []

    def test_credentials_are_given_behind_tls(self, receiver: Receiver, start: Any, tls: Any) -> None:
        server, client = tls
        port = start(tls_context=server, authenticator=_authenticator, auth_required=True, require_starttls=True)
        SmtpMail(f"smtp://mercato:s%40fe@127.0.0.1:{port}", "a@mercato.example", tls=client).send(LETTER)
        assert len(receiver.messages) == 1
        with pytest.raises(MailUnavailable):
            SmtpMail(f"smtp://mercato:wrong@127.0.0.1:{port}", "a@mercato.example", tls=client).send(LETTER)

    def test_a_certificate_nobody_vouches_for_is_not_believed(self, receiver: Receiver, start: Any, tls: Any) -> None:
        port = start(tls_context=tls[0])
        with pytest.raises(MailUnavailable, match="CERTIFICATE_VERIFY_FAILED"):
            SmtpMail(f"smtp://127.0.0.1:{port}", "a@mercato.example").send(LETTER)
        assert receiver.messages == []

    def test_smtps_begins_with_tls(self, receiver: Receiver, start: Any, tls: Any) -> None:
        port = start(ssl_context=tls[0])
        SmtpMail(f"smtps://127.0.0.1:{port}", "a@mercato.example", tls=tls[1]).send(LETTER)
        assert len(receiver.messages) == 1

    @pytest.mark.parametrize("url", ["", "http://mail.example", "smtp://", "mail.example:25", "smtp:///x"])
    def test_an_address_that_is_none_is_refused_at_the_start(self, url: str) -> None:
        with pytest.raises(ValueError, match="MAIL_URL"):
            SmtpMail(url, "a@mercato.example")


@pytest.fixture(scope="session")
def tls(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's context with a certificate of its own, and a client's that believes it."""
    folder = tmp_path_factory.mktemp("tls")
    certificate, key = _certificate(folder)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate, key)
    return server, ssl.create_default_context(cafile=str(certificate))


def _certificate(folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "key.pem").write_bytes(secret)
    (folder / "certificate.pem").write_bytes(made.public_bytes(pem))
    return folder / "certificate.pem", folder / "key.pem"


def _authenticator(_server: Any, _session: Any, _envelope: Any, _mechanism: str, given: Any) -> AuthResult:
    right = isinstance(given, LoginPassword) and (given.login, given.password) == (b"mercato", b"s@fe")
    return AuthResult(success=right)


def _kept() -> list[tuple[str, str, str]]:
    with scoped(SYSTEM):
        return [(mail.recipient, mail.subject, mail.text) for mail in reversed(list_kept())]


def _text_of(message: EmailMessage) -> str:
    plain = message.get_body(("plain",))
    assert plain is not None
    return str(plain.get_content()).replace("\r\n", "\n")
