"""From the bytes of a document to rows: reading, in a child process that strangers' input cannot hurt us from."""

from __future__ import annotations

import re
from typing import Any

from portal.catalog.openapi import swagger2
from portal.catalog.openapi.documents import Document, read_document
from portal.catalog.openapi.operations import OperationReader
from portal.catalog.openapi.references import References
from portal.catalog.openapi.texts import safe_link
from portal.catalog.openapi.types import PreparedDocument, PreparedOperation

_MOST_SERVERS = 8


def prepare(raw: bytes) -> PreparedDocument:
    """Read a document and prepare everything its pages show. Raises DocumentRefused."""
    document = read_document(raw)
    tree = document.tree
    references = References(tree)
    info, _reference = references.resolve(tree.get("info", {}), "/info")
    security = _security_schemes(tree, references)
    operations = _by_tag(tree, OperationReader(tree, references, security).read_all())
    if not operations:
        references.report("/paths", "The document describes no operations.")
    description = _text(info.get("description"), 100_000)
    return PreparedDocument(
        openapi=document.openapi,
        media_type=document.media_type,
        title=_line(info.get("title"), 200),
        version=_line(str(info.get("version") or ""), 60) or "1",
        summary=_line(info.get("summary"), 200) or first_sentence(description),
        description=description,
        tags=_tag_names(tree, operations)[:20],
        overview=_overview(document, info, security) | {"showcase": showcase_of(operations)},
        outline=outline_of(operations, tree),
        operations=operations,
        findings=references.findings,
    )


def _by_tag(tree: dict[str, Any], operations: list[PreparedOperation]) -> list[PreparedOperation]:
    order = {name: n for n, name in enumerate(_tag_names(tree, operations))}
    return sorted(operations, key=lambda operation: order.get(operation.tag, len(order)))


def _tag_names(tree: dict[str, Any], operations: list[PreparedOperation]) -> list[str]:
    declared = tree.get("tags")
    listed = [
        " ".join(tag["name"].split())[:100]
        for tag in (declared if isinstance(declared, list) else ())
        if isinstance(tag, dict) and isinstance(tag.get("name"), str) and tag["name"].strip()
    ]
    used = dict.fromkeys(operation.tag for operation in operations if operation.tag)
    return [name for name in dict.fromkeys(listed) if name in used] + [name for name in used if name not in listed]


def outline_of(operations: list[PreparedOperation], tree: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the tags in order, each with its number of operations and the slug of the first."""
    notes = {
        tag["name"]: _text(tag.get("description"), 1000)
        for tag in (tree["tags"] if isinstance(tree.get("tags"), list) else ())
        if isinstance(tag, dict) and isinstance(tag.get("name"), str)
    }
    found: dict[str, dict[str, Any]] = {}
    for operation in operations:
        entry = found.setdefault(
            operation.tag,
            {"tag": operation.tag, "count": 0, "first": operation.slug, "note": notes.get(operation.tag, "")},
        )
        entry["count"] += 1
    return list(found.values())


def _overview(document: Document, info: dict[str, Any], security: dict[str, Any]) -> dict[str, Any]:
    tree = document.tree
    listed = swagger2.servers(tree) if "swagger" in tree else tree.get("servers")
    servers = [
        {"url": _line(server.get("url"), 500), "note": _line(server.get("description"), 200)}
        for server in (listed if isinstance(listed, list) else ())[:_MOST_SERVERS]
        if isinstance(server, dict) and isinstance(server.get("url"), str)
    ]
    contact, licence = _object(info.get("contact")), _object(info.get("license"))
    return {
        "servers": servers,
        "security": list(security.values())[:10],
        "terms": safe_link(info.get("termsOfService")),
        "contact": {
            "name": _line(contact.get("name"), 100),
            "url": safe_link(contact.get("url")),
            "email": _email(contact.get("email")),
        },
        "licence": {"name": _line(licence.get("name"), 100), "url": safe_link(licence.get("url"))},
    }


def showcase_of(operations: list[PreparedOperation], most: int = 3) -> list[str]:
    """Return the slugs of operations worth showing first: reading ones whose author wrote down a real answer."""
    told = [operation for operation in operations if not operation.deprecated and real_answer(operation.detail)]
    told.sort(key=lambda operation: (operation.method != "get", "{" in operation.path))
    return [operation.slug for operation in told[:most]]


def real_answer(detail: dict[str, Any]) -> str:
    """Return the author's example of a successful answer as text, empty when there is none."""
    for response in detail["responses"]:
        for media in response["media"] if response["status"].startswith("2") else ():
            for example in media["examples"]:
                if not example["made_up"]:
                    return str(example["text"])
    return ""


def _security_schemes(tree: dict[str, Any], references: References) -> dict[str, Any]:
    components = tree.get("components")
    listed = (
        tree.get("securityDefinitions")
        if "swagger" in tree
        else components.get("securitySchemes")
        if isinstance(components, dict)
        else None
    )
    found: dict[str, Any] = {}
    for name, value in listed.items() if isinstance(listed, dict) else ():
        scheme, _reference = references.resolve(value, f"/components/securitySchemes/{name}")
        scheme = swagger2.security_scheme(scheme)
        found[name] = {
            "name": name[:100],
            "kind": str(scheme.get("type", "unknown"))[:30],
            "in": _line(scheme.get("in"), 20),
            "key": _line(scheme.get("name"), 100),
            "scheme": _line(scheme.get("scheme"), 30),
        }
    return found


def first_sentence(markdown: str) -> str:
    """Return the first sentence of a description as plain text, at most 180 characters."""
    for block in re.split(r"\n\s*\n", re.sub(r"<[^>]{0,500}>", " ", markdown[:5000])):
        text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", block)
        text = " ".join(re.sub(r"[*`]|^[#>\s-]+|^=+$", "", text, flags=re.MULTILINE).split())
        if len(text) < 12 or block.lstrip().startswith(("#", "```", "|")):
            continue
        sentence = re.split(r"(?<=[.!?])\s", text)[0]
        return sentence if len(sentence) <= 180 else sentence[:179].rsplit(" ", 1)[0] + "…"
    return ""


def _email(value: Any) -> str | None:
    return value if isinstance(value, str) and re.fullmatch(r"[^@\s<>\"']{1,64}@[^@\s<>\"']{1,190}", value) else None


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _line(value: Any, limit: int) -> str:
    return " ".join(value.split())[:limit] if isinstance(value, str) else ""


def _text(value: Any, limit: int) -> str:
    return value.strip()[:limit] if isinstance(value, str) else ""
