"""Errors in Stripe's shape: ``{"error": {"type", "code", "param", "message", …}}``, each with Stripe's status."""

from typing import Any


class StripeError(Exception):
    """An answer other than 200, ready to be sent.

    ``stored`` tells the idempotency layer whether this answer is replayed for the same key: Stripe keeps the outcome
    of everything that began to run (500s included) and keeps nothing for requests refused at the door.
    ``keeps_changes`` says that what happened before the error stays, as the failed charge of a declined card does.
    """

    def __init__(
        self, status: int, kind: str, message: str, *, code: str | None = None, param: str | None = None, **more: Any
    ) -> None:
        super().__init__(message)
        self.status = status
        self.stored = bool(more.pop("stored", True))
        self.keeps_changes = False
        self.headers: dict[str, str] = more.pop("headers", {})
        self.error: dict[str, Any] = {"type": kind, "message": message}
        if code is not None:
            self.error["code"] = code
            self.error["doc_url"] = "https://stripe.com/docs/error-codes/" + code.replace("_", "-")
        if param is not None:
            self.error["param"] = param
        self.error.update(more)

    def body(self, request_id: str) -> dict[str, Any]:
        """The JSON body, with the link Stripe gives to the request's log."""
        return {"error": {**self.error, "request_log_url": f"https://dashboard.stripe.com/test/logs/{request_id}"}}


def invalid(message: str, param: str | None = None, code: str | None = None, **more: Any) -> StripeError:
    """400: the request itself is wrong."""
    return StripeError(400, "invalid_request_error", message, code=code, param=param, **more)


def missing_parameter(param: str) -> StripeError:
    """400: something required was not sent."""
    return invalid(f"Missing required param: {param}.", param, "parameter_missing")


def no_such(noun: str, identifier: str, param: str, *, in_path: bool = False) -> StripeError:
    """The object named does not exist: 404 when it is in the path, 400 when it is a parameter."""
    shown = identifier[:120]
    return StripeError(
        404 if in_path else 400,
        "invalid_request_error",
        f"No such {noun}: '{shown}'",
        code="resource_missing",
        param=param,
    )


def not_simulated(param: str) -> StripeError:
    """400: Stripe has this, the simulator does not. Refusing beats pretending."""
    return invalid(
        f"The simulator does not implement '{param}' (Stripe does). Remove it or use a Stripe test account.", param
    )


def card_declined(code: str, message: str, decline_code: str | None, **more: Any) -> StripeError:
    """402: the card's bank said no."""
    if decline_code is not None:
        more["decline_code"] = decline_code
    return StripeError(402, "card_error", message, code=code, **more)
