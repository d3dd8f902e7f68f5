"""The page of a project's products and prices."""

from __future__ import annotations

from contextlib import suppress

from flask import Response, abort, flash, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as Redirect

from portal.db import transaction
from portal.payments.at_provider import ensure_price
from portal.payments.errors import PriceNotUsable
from portal.payments.selling import adopting, forms
from portal.payments.selling.blueprint import bp
from portal.payments.selling.forms import Typed, WantedPrice
from portal.ports.payments import NotAtProvider, PaymentsRefused, PaymentsUnavailable
from portal.pricing.errors import InvalidTerms, PlanCodeTaken
from portal.pricing.queries import find_project_of, get_offer_of_plan, list_sold
from portal.pricing.service import withdraw_plan
from portal.projects.frame import acting, open_project, progress, rights
from portal.projects.queries import list_features
from portal.projects.types import ProjectView
from portal.web.plugs import plugs
from portal.web.principal import right_required


@bp.get("/projects/<int:project_id>/products")
@right_required("read")
def products(project_id: int) -> Response:
    """List what the project sells."""
    return _page(open_project(project_id), Typed(), Typed())


@bp.get("/projects/<int:project_id>/steps")
@right_required("read")
def steps(project_id: int) -> str:
    """Say how far the project has come: a part of its overview, which cannot know what is sold."""
    open_project(project_id)
    has_price = any(plan.is_sold for product in list_sold(project_id) for plan in product.plans)
    return render_template("projects/_steps.html", **progress(project_id), has_price=has_price)


@bp.post("/projects/<int:project_id>/products")
@right_required("publish")
def add_product(project_id: int) -> Response | Redirect:
    """Add a product."""
    project = open_project(project_id)
    wanted, typed = forms.read_product(request.form, {feature.id for feature in list_features(project_id)})
    if wanted is None:
        return _page(project, typed, Typed(), 422)
    with transaction():
        product_id = adopting.add_product(
            project_id, wanted[0], feature_id=wanted[1], description=None, by=acting(project)
        )
    flash(_("Added. Give it a price."), "success")
    return redirect(url_for("selling.products", project_id=project_id, _anchor=f"product-{product_id}"), 303)


@bp.post("/projects/<int:project_id>/products/<int:product_id>/prices")
@right_required("publish")
def add_price(project_id: int, product_id: int) -> Response | Redirect:
    """Sell a product at a price: one that stands at the payment provider, or a new one that is made there."""
    project = open_project(project_id)
    if find_project_of(product_id) != project_id:
        abort(404)
    wanted, typed = forms.read_price(request.form)
    if wanted is not None:
        try:
            _sell(project, product_id, wanted)
        except PriceNotUsable as fault:
            typed.errors["stripe_price_id"] = _why_not(fault.reason)
        except PlanCodeTaken:
            typed.errors["plan"] = _("The product has a plan of this name already.")
        except InvalidTerms as fault:
            typed.errors["amount"] = fault.faults[0].message
        except PaymentsUnavailable:
            typed.errors["stripe_price_id"] = _("The payment provider did not answer. Nothing was saved; try again.")
        except PaymentsRefused as refusal:
            typed.errors["stripe_price_id"] = _("The payment provider refused: %(why)s", why=str(refusal))
        else:
            flash(_("On sale. Send its id to checkout."), "success")
            return redirect(url_for("selling.products", project_id=project_id, _anchor=f"product-{product_id}"), 303)
    return _page(project, Typed(), typed, 422, at=product_id)


@bp.post("/projects/<int:project_id>/plans/<int:plan_id>/withdrawal")
@right_required("publish")
def withdraw(project_id: int, plan_id: int) -> Redirect:
    """Stop selling a plan; who has it keeps it."""
    project = open_project(project_id)
    offer = get_offer_of_plan(plan_id)
    if offer is None or find_project_of(offer.product_id) != project_id:
        abort(404)
    with transaction():
        withdraw_plan(plan_id)
        adopting.note_withdrawal(project_id, offer, by=acting(project))
    flash(_("No longer sold. Who has it keeps it."), "success")
    return redirect(url_for("selling.products", project_id=project_id), 303)


def _sell(project: ProjectView, product_id: int, wanted: WantedPrice) -> None:
    ports = plugs()
    terms = wanted.terms
    if wanted.stripe_price_id is not None:
        try:
            found = ports.payments.fetch_price(wanted.stripe_price_id)
        except NotAtProvider:
            raise PriceNotUsable("unknown") from None
        terms = adopting.terms_of_price(
            found, livemode=ports.settings.livemode, access_days=wanted.access_days, trial_days=wanted.trial_days
        )
    assert terms is not None
    with transaction():
        plan_id = adopting.add_price(
            product_id, wanted.name, terms, stripe_price_id=wanted.stripe_price_id, features={}, by=acting(project),
            project_id=project.id,
        )  # fmt: skip
    offer = get_offer_of_plan(plan_id)
    assert offer is not None
    with suppress(PaymentsUnavailable):  # it is saved and announced: a worker makes it as soon as the provider answers
        ensure_price(offer, ports.payments)


def _why_not(reason: str) -> str:
    words: dict[str, str] = {
        "unknown": _("The payment provider has no price with this id, in this mode."),
        "other_mode": _("This price belongs to the other mode: test and live do not mix."),
        "inactive": _("This price is archived at the payment provider."),
        "by_use": _("This price depends on use. Only prices with a fixed amount can be taken over."),
        "currency": _("We do not support the currency of this price yet."),
        "sold_already": _("This price is sold already, here or in another project."),
    }
    return words[reason]


def _page(project: ProjectView, product: Typed, price: Typed, status: int = 200, *, at: int | None = None) -> Response:
    features = {feature.id: feature for feature in list_features(project.id)}
    page = render_template(
        "selling/products.html",
        project=project,
        products=list_sold(project.id),
        features=features,
        feature_choices=[(one.id, f"{one.code} · {one.name}") for one in features.values()],
        form=product,
        price_form=price,
        at=at,
        **rights(),
    )
    return make_response(page, status)
