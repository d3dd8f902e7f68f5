"""Who is asking. Taken from the credential only: never from a header, a parameter or a body."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, Literal, ParamSpec, TypeVar, cast
from urllib.parse import urlsplit

from flask import g, redirect, request, url_for
from flask_babel import gettext as _
from werkzeug.exceptions import Forbidden, Unauthorized

from portal.db import PUBLIC, Scope, enter_scope
from portal.web.negotiation import wants_json
from portal.web.problems import Problem

Role = Literal["owner", "admin", "developer", "billing", "viewer"]
P = ParamSpec("P")
R = TypeVar("R")

# What each role may do; a right that is not listed is refused.
RIGHTS: dict[str, frozenset[str]] = {
    "owner": frozenset({"read", "buy", "keys", "publish", "manage"}),
    "admin": frozenset({"read", "buy", "keys", "publish", "manage"}),
    "developer": frozenset({"read", "keys", "publish"}),
    "billing": frozenset({"read", "buy"}),
    "viewer": frozenset({"read"}),
}
# What waits until a person has confirmed their address: acting towards others in its name.
NEEDS_CONFIRMATION = frozenset({"publish", "manage"})


@dataclass(frozen=True, slots=True)
class Principal:
    """The authenticated caller: a person acting for an organisation, or a token of that organisation."""

    kind: Literal["session", "organisation_token"]
    user_id: int | None
    name: str
    email: str | None
    organisation_id: int | None
    organisation_slug: str | None
    organisation_name: str | None
    role: Role | None
    account_id: int | None = None
    is_operator: bool = False
    is_confirmed: bool = True
    session_id: int | None = None
    locale: str | None = None
    time_zone: str | None = None

    @property
    def scope(self) -> Scope:
        """The database scope of everything this principal reads and writes."""
        return Scope(organisation_id=self.organisation_id, account_id=self.account_id, user_id=self.user_id)

    @property
    def actor(self) -> str:
        """How the audit trail names this principal."""
        return f"user:{self.user_id}" if self.kind == "session" else f"token-of-organisation:{self.organisation_id}"

    def may(self, right: str) -> bool:
        """True when the role in the acting organisation includes `right`, and nothing has to be confirmed for it."""
        return self.has_role_for(right) and (self.is_confirmed or right not in NEEDS_CONFIRMATION)

    def has_role_for(self, right: str) -> bool:
        """True when the role alone includes `right`."""
        return self.role is not None and right in RIGHTS[self.role]


@dataclass(frozen=True, slots=True)
class AppPrincipal:
    """A program of an integrator, recognised by its `X-API-Key`; it acts within one project and its scopes.

    `organisation_id` is whose project it is; None for projects of the platform itself.
    """

    app_id: int
    key_id: int
    project_id: int
    organisation_id: int | None
    name: str
    scopes: frozenset[str]
    redirect_origins: tuple[str, ...]
    requests_per_minute: int

    @property
    def scope(self) -> Scope:
        """The database scope before an account is known."""
        return Scope(project_id=self.project_id)

    @property
    def actor(self) -> str:
        """How the audit trail names this program."""
        return f"app:{self.app_id}"


def set_principal(principal: Principal | None) -> None:
    """Remember the caller for this request and give the database their scope."""
    g.principal = principal
    enter_scope(principal.scope if principal else PUBLIC)


def find_principal() -> Principal | None:
    """Return the caller, or None for a stranger."""
    return cast("Principal | None", g.get("principal"))


def get_principal() -> Principal:
    """Return the caller. Raises Unauthorized for a stranger."""
    principal = find_principal()
    if principal is None:
        raise Unauthorized
    return principal


def set_app(app: AppPrincipal | None) -> None:
    """Remember the program for this request and give the database its scope."""
    g.app_principal = app
    if app is not None:
        enter_scope(app.scope)


def find_app_principal() -> AppPrincipal | None:
    """Return the program that asks, or None when the request carries no key of an app."""
    return cast("AppPrincipal | None", g.get("app_principal"))


def get_app() -> AppPrincipal:
    """Return the program that asks. Raises Unauthorized without a live key."""
    app = find_app_principal()
    if app is None:
        raise Unauthorized("Send the key of an active app in the `X-API-Key` header.")
    return app


def app_required(scope: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Let only programs through whose key is live (else 401) and includes `scope` (else 403)."""

    def decorate(view: Callable[P, R]) -> Callable[P, R]:
        @wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
            app = get_app()
            if scope not in app.scopes:
                raise Problem(403, "scope-missing", "Not in this app's scopes", f"This app's key lacks `{scope}`.")
            return view(*args, **kwargs)

        guarded.__dict__["access"] = f"app: {scope}"
        return guarded

    return decorate


def sign_in_required(view: Callable[P, R]) -> Callable[P, R]:
    """Let only signed-in people through; a page sends the others to sign in and brings them back."""

    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        if find_principal() is None:
            return cast("R", ask_to_sign_in())
        return view(*args, **kwargs)

    guarded.__dict__["access"] = "signed in"
    return guarded


def person_required(view: Callable[P, R]) -> Callable[P, R]:
    """Let only people through: a token must not mint tokens, end sessions or change a profile."""

    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        principal = find_principal()
        if principal is None:
            return cast("R", ask_to_sign_in())
        if principal.kind != "session":
            raise Forbidden("This is for people who sign in; an organisation token may not do it.")
        return view(*args, **kwargs)

    guarded.__dict__["access"] = "person"
    return guarded


def right_required(right: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Let only principals through whose role includes `right`."""

    def decorate(view: Callable[P, R]) -> Callable[P, R]:
        @wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
            principal = find_principal()
            if principal is None:
                return cast("R", ask_to_sign_in())
            if not principal.may(right):
                if principal.has_role_for(right):
                    raise unconfirmed()
                raise Forbidden(
                    f"Your role in {principal.organisation_name or 'this organisation'} does not include this."
                )
            return view(*args, **kwargs)

        guarded.__dict__["access"] = f"right: {right}"
        return guarded

    return decorate


def operator_required(view: Callable[P, R]) -> Callable[P, R]:
    """Let only platform operators through."""

    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        principal = find_principal()
        if principal is None:
            return cast("R", ask_to_sign_in())
        if not principal.is_operator:
            raise Forbidden("This page is for operators of the platform.")
        return view(*args, **kwargs)

    guarded.__dict__["access"] = "operator"
    return guarded


def confirmed_required(view: Callable[P, R]) -> Callable[P, R]:
    """Let only people through who have confirmed their address; stands below the decorator that says who may come in."""

    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        principal = find_principal()
        if principal is not None and not principal.is_confirmed:
            raise unconfirmed()
        return view(*args, **kwargs)

    return guarded


def unconfirmed() -> Problem:
    """Return the refusal of what waits for a confirmed address."""
    return Problem(
        403,
        "unconfirmed",
        _("Confirm your address first"),
        _(
            "Publishing, inviting people and organisation tokens wait for it. Open the link in our mail, then try again."
        ),
    )


def public(view: Callable[P, R]) -> Callable[P, R]:
    """Mark a route as open to strangers on purpose; a test refuses routes that say nothing."""
    view.__dict__["access"] = "public"
    return view


def ask_to_sign_in() -> Any:
    """Answer a stranger at a guarded door: 401 for scripts, the sign-in page with the way back for people."""
    if wants_json():
        raise Unauthorized("Send a session cookie or `Authorization: Bearer <organisation token>`.")
    target = url_for("identity.sign_in", next=_way_back())
    if request.headers.get("HX-Request"):
        return "", 401, {"HX-Redirect": target}
    return redirect(target, 303)


def _way_back() -> str:
    """Return the page the person was on: the one around the part that htmx asked for, else this one, if it can be."""
    around = urlsplit(request.headers.get("HX-Current-URL", ""))
    if around.path and around.netloc == request.host:
        return f"{around.path}?{around.query}" if around.query else around.path
    return request.full_path.rstrip("?") if request.method == "GET" else url_for("home.index")
