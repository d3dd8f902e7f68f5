"""docker-compose.yml, the image and the guides agree with the settings the code reads."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from portal.settings import Settings

ROOT = Path(__file__).parents[2]
COMPOSE_TEXT = (ROOT / "docker-compose.yml").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load(COMPOSE_TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
SETTINGS = {name.upper() for name in Settings.model_fields}
SECRET = re.compile(r"PASSWORD|SECRET|TOKEN|PEPPER|API_KEY")


def own_services() -> list[str]:
    return [name for name, service in SERVICES.items() if service.get("image", "").startswith("mercato-portal")]


def test_every_process_of_the_portal_has_a_service() -> None:
    assert {"postgres", "valkey", "migrate", "web", "worker", "scheduler", "gateway"} <= set(SERVICES)
    assert {name for name, service in SERVICES.items() if "profiles" in service} == {
        "kong-database",
        "kong-migrations",
        "kong",
    }


def test_no_secret_has_a_value_in_the_file() -> None:
    found = [
        (name, key, value)
        for name, service in SERVICES.items()
        for key, value in service.get("environment", {}).items()
        if SECRET.search(key) and not re.fullmatch(r"\$\{\w+:[?-][^}]*\}", str(value))
    ]
    assert found == []
    assert re.findall(r"\$\{\w*(?:PASSWORD|SECRET|TOKEN|PEPPER|API_KEY):-[^}]+\}", COMPOSE_TEXT) == []


def test_what_the_portal_cannot_start_without_stops_compose_by_name() -> None:
    required = set(re.findall(r"\$\{(\w+):\?", COMPOSE_TEXT))
    assert {
        "SECRET_KEY",
        "KEY_PEPPER",
        "POSTGRES_PASSWORD",
        "VALKEY_PASSWORD",
        "STRIPE_SECRET_KEY",
        "STRIPE_WEBHOOK_SECRET",
        "GATEWAY_LOG_TOKEN",
        "PUBLIC_URL",
    } <= required


def test_the_example_environment_names_everything_required_and_holds_no_secret() -> None:
    example = dict(
        line.split("=", 1) for line in (ROOT / ".env.example").read_text().splitlines() if re.match(r"^\w+=", line)
    )
    assert set(re.findall(r"\$\{(\w+):\?", COMPOSE_TEXT)) <= set(example)
    assert [name for name, value in example.items() if SECRET.search(name) and value] == []


def test_compose_passes_only_settings_that_the_portal_reads() -> None:
    passed = set(SERVICES["web"]["environment"])
    assert passed <= SETTINGS | {"GATEWAY_LOG_URL"}


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_a_service_is_waited_for_only_where_it_can_say_it_is_well(name: str) -> None:
    for other, wait in SERVICES[name].get("depends_on", {}).items():
        if wait["condition"] == "service_healthy":
            assert "healthcheck" in SERVICES[other]
        else:
            assert wait["condition"] == "service_completed_successfully"
            assert "command" in SERVICES[other]


@pytest.mark.parametrize("name", own_services())
def test_own_processes_run_with_no_more_rights_than_they_need(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "privileged" not in service
    assert service.get("stop_grace_period") == "30s"


def test_servers_are_not_reachable_from_outside() -> None:
    assert [name for name in ("postgres", "valkey", "kong-database") if "ports" in SERVICES[name]] == []
    published = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert published
    assert all(port.startswith("${WEB_BIND:-127.0.0.1}:") for port in published)


def test_the_image_holds_what_it_copies_and_runs_without_rights() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    sources = [
        source
        for copied in re.findall(r"^COPY (?!--from)(.+)$", dockerfile, re.MULTILINE)
        for source in copied.split()[:-1]
    ]
    for source in sources:
        assert (ROOT / source).exists()
        assert any(Path(source).match(pattern) for pattern in allowed), f".dockerignore hides {source}"
    assert re.search(r"^USER portal$", dockerfile, re.MULTILINE)


def test_every_setting_is_explained() -> None:
    guide = (ROOT / "docs" / "operations" / "settings.md").read_text()
    explained = set(re.findall(r"`([A-Z][A-Z_]+)`", guide))
    assert explained >= SETTINGS
    assert set(re.findall(r"\$\{(\w+):", COMPOSE_TEXT)) <= explained


def test_every_relative_link_of_the_guides_leads_somewhere() -> None:
    for page in (ROOT / "README.md", *(ROOT / "docs" / "operations").glob("*.md")):
        for link in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
            assert (page.parent / link).exists(), f"{page.name}: {link}"


def test_every_make_target_that_the_guides_name_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for page in (ROOT / "README.md", *(ROOT / "docs" / "operations").glob("*.md")):
        named = set(re.findall(r"(?:^|`|&& )make ([a-z-]+)", page.read_text(), re.MULTILINE))
        assert named <= targets, f"{page.name}: {named - targets}"
