"""Mail through an SMTP server: `smtp://` upgrades to TLS before anything is said, `smtps://` begins with it."""

from __future__ import annotations

import smtplib
import ssl
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import parseaddr
from hashlib import sha256
from urllib.parse import parse_qs, unquote, urlsplit

from portal.ports.mail import Letter, MailRefused, MailUnavailable

TIMEOUT_SECONDS = 15
_PORTS = {"smtp": 587, "smtps": 465}


class SmtpMail:
    """One connection per letter: the worker sends few, and a kept one dies unnoticed.

    `url` is `smtp://user:password@host:587` or `smtps://…`. Without TLS nothing is sent unless the address ends with
    `?starttls=no`, for a relay on the same machine.
    """

    def __init__(
        self, url: str, sender: str, *, timeout: float = TIMEOUT_SECONDS, tls: ssl.SSLContext | None = None
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in _PORTS or not parts.hostname:
            raise ValueError("MAIL_URL must look like smtp://user:password@host:587 or smtps://…")
        self._host, self._port = parts.hostname, parts.port or _PORTS[parts.scheme]
        self._user, self._password = unquote(parts.username or ""), unquote(parts.password or "")
        self._begins_with_tls = parts.scheme == "smtps"
        self._upgrades = not self._begins_with_tls and parse_qs(parts.query).get("starttls") != ["no"]
        self._sender, self._timeout, self._tls = sender, timeout, tls or ssl.create_default_context()

    def send(self, letter: Letter) -> None:
        message, recipient = self._message(letter)
        try:
            with self._connect() as server:
                _hand_over(server, message, recipient)
        except smtplib.SMTPRecipientsRefused as refusal:
            code, said = next(iter(refusal.recipients.values()))
            raise (MailRefused if code >= 500 else MailUnavailable)(f"{code} {said!r}") from None
        except smtplib.SMTPDataError as refusal:
            raise (MailRefused if refusal.smtp_code >= 500 else MailUnavailable)(str(refusal)) from None
        except smtplib.SMTPNotSupportedError as refusal:
            # Either no TLS where we insist on it, or an address outside ASCII that this server cannot take.
            raise (MailRefused if not recipient.isascii() else MailUnavailable)(str(refusal)) from None
        except (smtplib.SMTPException, OSError) as problem:
            raise MailUnavailable(f"{type(problem).__name__}: {problem}") from None

    def _connect(self) -> smtplib.SMTP:
        if self._begins_with_tls:
            server: smtplib.SMTP = smtplib.SMTP_SSL(self._host, self._port, timeout=self._timeout, context=self._tls)
        else:
            server = smtplib.SMTP(self._host, self._port, timeout=self._timeout)
        try:
            if self._upgrades:
                server.starttls(context=self._tls)
            if self._user:
                server.login(self._user, self._password)
        except BaseException:
            server.close()
            raise
        return server

    def _message(self, letter: Letter) -> tuple[EmailMessage, str]:
        name, address = parseaddr(self._sender)
        local, _, domain = letter.to.rpartition("@")
        try:
            recipient = f"{local}@{domain.encode('idna').decode()}"
            message = EmailMessage()
            message["Subject"] = letter.subject
            message["From"] = Address(name, addr_spec=address)
            message["To"] = recipient
            # A header that was broken into two would let a name write headers of its own; the library refuses.
            message["Message-ID"] = f"<{sha256(letter.key.encode()).hexdigest()[:40]}@{address.rpartition('@')[2]}>"
            message["Auto-Submitted"] = "auto-generated"
            message.set_content(letter.text)
            message.add_alternative(letter.html, subtype="html")
            message["Content-Language"] = letter.language
        except (ValueError, UnicodeError) as problem:
            raise MailRefused(f"this letter cannot be addressed: {problem}") from None
        return message, recipient


def _hand_over(server: smtplib.SMTP, message: EmailMessage, recipient: str) -> None:
    # Not `send_message`: it writes ">From" where a line of the letter begins with "From".
    is_plain = recipient.isascii()
    server.ehlo_or_helo_if_needed()
    if not is_plain and not server.has_extn("smtputf8"):
        raise smtplib.SMTPNotSupportedError("the server takes no addresses outside ASCII")
    sender = str(parseaddr(str(message["From"]))[1])
    content = message.as_bytes(policy=SMTP if is_plain else SMTPUTF8)
    server.sendmail(sender, [recipient], content, mail_options=() if is_plain else ("SMTPUTF8",))
