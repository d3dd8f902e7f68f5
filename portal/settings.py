"""Typed settings, read once from the environment; start-up refuses what would be unsafe outside development."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from portal.kit.tokens import Pepper

DEVELOPMENT_SECRET = "development-only-secret-development-only"  # noqa: S105 - refused outside development
_WEAK = ("placeholder", "changeme", "change-me", "development-only", "secret_key", "example")


class SettingsError(RuntimeError):
    """The environment does not make a safe or complete configuration; the message lists every fault."""


class Settings(BaseSettings):
    """Everything the process learns from its environment. Names are those of the environment variables."""

    model_config = SettingsConfigDict(env_file=".env", extra="ignore", case_sensitive=False, frozen=True)

    environment: Literal["development", "test", "demo", "staging", "production"] = "development"
    product_name: str = "Mercato"
    public_url: str = "http://127.0.0.1:8000"
    trusted_hosts: str = ""
    proxy_hops: int = Field(default=0, ge=0, le=5)

    database_url: str = "postgresql://postgres:postgres@127.0.0.1:5432/postgres"
    database_pool_size: int = Field(default=8, ge=1, le=100)
    redis_url: str = "redis://127.0.0.1:6379/0"

    secret_key: str = DEVELOPMENT_SECRET
    key_pepper: str = DEVELOPMENT_SECRET
    sealing_keys: str = ""
    internal_admin_api_key: str = ""
    metrics_token: str = ""
    password_memory_kib: int = Field(default=19_456, ge=8, le=1_048_576)
    password_passes: int = Field(default=2, ge=1, le=10)
    rate_limits: bool = True

    mail_url: str = ""
    mail_from: str = "no-reply@localhost"

    stripe_secret_key: str = "sk_test_simulator"  # noqa: S105 - a test key name, refused outside development
    stripe_publishable_key: str = ""
    stripe_webhook_secret: str = ""
    stripe_api_base: str = ""
    stripe_page_origins: str = ""
    enable_billing: bool = True

    kong_admin_url: str = ""
    kong_proxy_url: str = ""
    enable_kong: bool = False
    gateway_public_url: str = "http://127.0.0.1:8080"
    gateway_log_token: str = ""
    gateway_allow_private_upstreams: bool = False

    reconciliation_enabled: bool = True
    reconciliation_schedule_hour: int = Field(default=2, ge=0, le=23)
    reconciliation_days_back: int = Field(default=7, ge=1, le=90)
    reconciliation_min_age_minutes: int = Field(default=10, ge=0, le=1440)
    reconciliation_auto_repair: bool = True

    grace_days: int = Field(default=7, ge=0, le=60)
    log_format: Literal["console", "json"] = "console"
    portal_state: Path = Path(".state")

    @cached_property
    def sqlalchemy_url(self) -> str:
        """The database address with the driver named, whatever form the environment used."""
        for plain in ("postgresql://", "postgres://"):
            if self.database_url.startswith(plain):
                return "postgresql+psycopg://" + self.database_url[len(plain) :]
        return self.database_url

    @cached_property
    def stripe_webhook_secrets(self) -> tuple[str, ...]:
        """Every signing secret in force; several during a rotation, none means the intake is off."""
        return tuple(part.strip() for part in self.stripe_webhook_secret.split(",") if part.strip())

    @cached_property
    def checkout_origins(self) -> tuple[str, ...]:
        """Where a form of ours may lead a buyer: the payment provider's hosted pages."""
        own = [self.stripe_api_base, *self.stripe_page_origins.split(",")]
        simulated = tuple(dict.fromkeys(origin.strip().rstrip("/") for origin in own if origin.strip()))
        return (*simulated, "https://checkout.stripe.com", "https://billing.stripe.com")

    @cached_property
    def livemode(self) -> bool:
        """True when the Stripe key moves real money."""
        return self.stripe_secret_key.startswith(("sk_live_", "rk_live_"))

    @cached_property
    def peppers(self) -> tuple[str, ...]:
        """Every key of keyed hashes in force, the one for new hashes first."""
        return tuple(part.strip() for part in self.key_pepper.split(",") if part.strip())

    @cached_property
    def pepper(self) -> Pepper:
        """The key of the keyed hashes of API keys and tokens, with those it has replaced."""
        return Pepper.of(self.peppers)

    @cached_property
    def sealers(self) -> tuple[str, ...]:
        """Keys of sealed secrets, the one in force first. Without keys of their own SECRET_KEY serves; it always opens."""
        own = tuple(part.strip() for part in self.sealing_keys.split(",") if part.strip())
        return (*own, self.secret_key)

    @property
    def is_development(self) -> bool:
        """True where weak secrets, plain HTTP and private upstreams are acceptable."""
        return self.environment in ("development", "test", "demo")

    @property
    def secure_cookies(self) -> bool:
        """True when cookies may only travel over HTTPS."""
        return self.public_url.startswith("https://")

    @property
    def gateway_url(self) -> str:
        """Where callers reach published APIs."""
        return (self.kong_proxy_url if self.enable_kong and self.kong_proxy_url else self.gateway_public_url).rstrip(
            "/"
        )


def load_settings() -> Settings:
    """Read the environment. Raises SettingsError naming every fault at once."""
    try:
        settings = Settings()
    except ValidationError as problem:
        raise SettingsError("; ".join(f"{_name(e['loc'])}: {e['msg']}" for e in problem.errors())) from None
    faults = unsafe_settings(settings)
    if faults:
        raise SettingsError("refusing to start: " + "; ".join(faults))
    return settings


def unsafe_settings(settings: Settings) -> list[str]:
    """Return what makes `settings` unsafe for its environment; empty in development."""
    if settings.is_development:
        return []
    faults = [
        f"{name.upper()} must be a random value of at least 32 characters"
        for name, values in (("secret_key", (settings.secret_key,)), ("key_pepper", settings.peppers))
        if not values or any(len(value) < 32 or _is_weak(value) for value in values)
    ]
    if settings.secret_key in settings.peppers:
        faults.append("SECRET_KEY and KEY_PEPPER must differ")
    if settings.enable_billing:
        if not settings.stripe_secret_key.startswith(("sk_live_", "rk_live_", "sk_test_", "rk_test_")) or (
            settings.stripe_secret_key == "sk_test_simulator"  # noqa: S105
        ):
            faults.append("STRIPE_SECRET_KEY must be your Stripe secret key")
        if not settings.stripe_webhook_secrets or any(
            _is_weak(s) or len(s) < 16 for s in settings.stripe_webhook_secrets
        ):
            faults.append("STRIPE_WEBHOOK_SECRET must be the signing secret Stripe shows for the endpoint")
    if not settings.public_url.startswith("https://"):
        faults.append("PUBLIC_URL must start with https://")
    for name in ("internal_admin_api_key", "gateway_log_token", "metrics_token"):
        values = [part.strip() for part in getattr(settings, name).split(",")] if getattr(settings, name) else []
        if any(len(value) < 24 or _is_weak(value) for value in values):
            faults.append(
                f"{name.upper()} must be a random value of at least 24 characters, or unset to switch the route off"
            )
    if any(len(key) < 32 or _is_weak(key) for key in settings.sealers[:-1]):
        faults.append("SEALING_KEYS must be random values of at least 32 characters each, or unset")
    if not settings.mail_url.startswith(("smtp://", "smtps://")) or "@" not in settings.mail_from:
        faults.append("MAIL_URL must be smtp://… or smtps://…, and MAIL_FROM an address: people confirm theirs by mail")
    if settings.password_memory_kib < 19_456 or settings.password_passes < 2:
        faults.append("PASSWORD_MEMORY_KIB must be at least 19456 and PASSWORD_PASSES at least 2")
    if settings.gateway_allow_private_upstreams:
        faults.append("GATEWAY_ALLOW_PRIVATE_UPSTREAMS is for development only")
    return faults


def _is_weak(value: str) -> bool:
    return len(set(value)) < 8 or any(word in value.lower() for word in _WEAK)


def _name(location: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in location).upper() or "SETTINGS"
