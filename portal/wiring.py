"""What is plugged into what: the only module that names adapters."""

from __future__ import annotations

import redis

from portal.adapters.embedded_gateway import EmbeddedGateway
from portal.adapters.kept_mail import KeptMail
from portal.adapters.kong_gateway import KongGateway
from portal.adapters.rq_queue import RQBell
from portal.adapters.smtp_mail import SmtpMail
from portal.adapters.stripe_payments import StripePayments
from portal.kit.clock import SystemClock
from portal.ports.gateway import Gateway
from portal.ports.mail import Mail
from portal.settings import Settings
from portal.web.plugs import Plugs


def plug(settings: Settings) -> Plugs:
    """Choose the adapters that the settings ask for. Opens no connection."""
    connection = redis.Redis.from_url(
        settings.redis_url, socket_timeout=2, socket_connect_timeout=1, health_check_interval=30
    )
    return Plugs(
        settings=settings,
        clock=SystemClock(),
        queue=RQBell(connection),
        redis=connection,
        payments=StripePayments(settings.stripe_secret_key, settings.stripe_webhook_secrets, settings.stripe_api_base),
        mail=_mail(settings),
        gateway=_gateway(settings, connection),
    )


def _mail(settings: Settings) -> Mail:
    if not settings.mail_url:
        return KeptMail(SystemClock())
    return SmtpMail(settings.mail_url, settings.mail_from)


def _gateway(settings: Settings, connection: redis.Redis) -> Gateway:
    if not settings.enable_kong:
        return EmbeddedGateway(settings.gateway_url, connection)
    return KongGateway(
        settings.kong_admin_url,
        settings.gateway_url,
        log_url=f"{settings.public_url.rstrip('/')}/api/gateway/logs" if settings.gateway_log_token else "",
        log_token=settings.gateway_log_token.partition(",")[0].strip(),
    )
