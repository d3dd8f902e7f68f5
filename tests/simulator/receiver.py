"""An endpoint that remembers every delivery and answers as told."""

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import stripe


@dataclass
class Receiver:
    """What arrived, in order of arrival. ``answers`` are statuses for the next deliveries; then 200."""

    url: str = ""
    answers: deque[int] = field(default_factory=deque)
    arrived: list[tuple[bytes, str]] = field(default_factory=list)

    def events(self, secret: str) -> list[dict[str, Any]]:
        """Every delivery as an event, its signature verified by the SDK."""
        found = []
        for payload, signature in list(self.arrived):
            event = stripe.Webhook.construct_event(payload, signature, secret)
            found.append(event.to_dict())
        return found

    def types(self, secret: str) -> list[str]:
        """The types of what arrived."""
        return [str(event["type"]) for event in self.events(secret)]


@contextmanager
def listening() -> Iterator[Receiver]:
    """A receiver on a free port."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            payload = self.rfile.read(int(self.headers["Content-Length"]))
            status = receiver.answers.popleft() if receiver.answers else 200
            receiver.arrived.append((payload, self.headers["Stripe-Signature"]))
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver.url = f"http://127.0.0.1:{server.server_address[1]}/webhooks"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
