"""Operations prepared for reading: everything one page shows, in one value of bounded size."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from portal.catalog.openapi import swagger2
from portal.catalog.openapi.documents import escape
from portal.catalog.openapi.examples import ExampleMaker, render
from portal.catalog.openapi.references import References
from portal.catalog.openapi.schemas import Budget, SchemaReader, as_text, first_example, limits_of
from portal.catalog.types import METHODS, PreparedOperation

MAX_DETAIL_BYTES = 160_000
_MAX_PARAMETERS = 120
_MAX_RESPONSES = 24
_MAX_MEDIA = 6
_MAX_EXAMPLES = 5
_LONGEST_TEXT = 20_000
_BODY_LINES, _ANSWER_LINES, _FAULT_LINES = 240, 240, 50
_PLACES = {"path": 0, "query": 1, "header": 2, "cookie": 3}


class OperationReader:
    """Prepares the operations of one document. What cannot be shown is reported through `references`."""

    def __init__(self, tree: dict[str, Any], references: References, security: dict[str, Any]) -> None:
        self._tree, self._references, self._security = tree, references, security
        self._is_swagger = "swagger" in tree
        self._schemas = SchemaReader(references)
        self._examples = ExampleMaker(self._schemas)

    def read_all(self) -> list[PreparedOperation]:
        """Return every operation in the order of the document."""
        found: list[PreparedOperation] = []
        slugs: set[str] = set()
        for path, method, item, operation, pointer in self._operations():
            found.append(self._prepare(path, method, item, operation, pointer, slugs))
        return found

    def _operations(self) -> Iterator[tuple[str, str, dict[str, Any], dict[str, Any], str]]:
        paths = self._tree.get("paths")
        if not isinstance(paths, dict):
            if paths is not None:
                self._references.report("/paths", "An object was expected here.")
            return
        shapes: dict[tuple[str, str], str] = {}
        names: dict[str, str] = {}
        for path, value in paths.items():
            if path.startswith("x-"):
                continue
            pointer = f"/paths/{escape(path)}"
            if not path.startswith("/"):
                self._references.report(pointer, "A path starts with a slash.")
            item, _reference = self._references.resolve(value, pointer)
            for method in METHODS:
                if method not in item:
                    continue
                there = f"{pointer}/{method}"
                if not isinstance(item[method], dict):
                    self._references.report(there, "An object was expected here.")
                    continue
                self._note_twins(path, method, item[method], there, shapes, names)
                yield path, method, item, item[method], there

    def _note_twins(
        self,
        path: str,
        method: str,
        operation: dict[str, Any],
        pointer: str,
        shapes: dict[tuple[str, str], str],
        names: dict[str, str],
    ) -> None:
        shape = (re.sub(r"\{[^{}]*\}", "{}", path), method)
        if shape in shapes:
            message = f"This path and {shapes[shape][:200]} cannot be told apart when called."
            self._references.report(pointer, message)
        shapes.setdefault(shape, path)
        name = operation.get("operationId")
        if isinstance(name, str) and name:
            if name in names:
                self._references.report(f"{pointer}/operationId", f"{name[:120]!r} also names {names[name][:200]}.")
            names.setdefault(name, f"{method.upper()} {path}")

    def _prepare(
        self, path: str, method: str, item: dict[str, Any], operation: dict[str, Any], pointer: str, slugs: set[str]
    ) -> PreparedOperation:
        parameters = self._parameters(path, item, operation, pointer)
        if self._is_swagger:
            operation, parameters = swagger2.operation(self._tree, operation, parameters, self._references)
        summary = _line(operation.get("summary")) or _line(operation.get("operationId"))
        detail = self._within_limits(path, method, operation, parameters, pointer)
        tags = operation.get("tags")
        names = [tag for tag in tags if isinstance(tag, str) and tag.strip()] if isinstance(tags, list) else []
        name = operation.get("operationId") if isinstance(operation.get("operationId"), str) else ""
        return PreparedOperation(
            slug=_free_slug(name or f"{method} {path}", slugs),
            method=method,
            path=path[:2000],
            summary=summary[:300],
            tag=names[0].strip()[:100] if names else "",
            deprecated=operation.get("deprecated") is True,
            words=words(f"{method} {path} {summary} {name}"),
            detail=detail,
        )

    def _within_limits(
        self, path: str, method: str, operation: dict[str, Any], parameters: list[dict[str, Any]], pointer: str
    ) -> dict[str, Any]:
        for share in (1.0, 0.3, 0.08):
            detail, is_cut = self._detail(path, method, operation, parameters, pointer, share)
            size = len(json.dumps(detail, ensure_ascii=False).encode())
            if size <= MAX_DETAIL_BYTES:
                break
            is_cut = True
        else:
            detail = {key: detail[key] for key in ("operation_id", "security")} | {
                "description": detail["description"][:2000], "parameters": [], "responses": [], "body": None
            }  # fmt: skip
        if is_cut:
            detail["is_cut"] = True
            self._references.report(pointer, "Too large to show in full; the document download has all of it.")
        return detail

    def _detail(
        self,
        path: str,
        method: str,
        operation: dict[str, Any],
        parameters: list[dict[str, Any]],
        pointer: str,
        share: float,
    ) -> tuple[dict[str, Any], bool]:
        budgets: list[Budget] = []

        def budget(lines: int) -> Budget:
            budgets.append(Budget(max(4, int(lines * share))))
            return budgets[-1]

        external = operation.get("externalDocs")
        detail = {
            "operation_id": _line(operation.get("operationId"))[:200],
            "description": _text(operation.get("description"), int(_LONGEST_TEXT * share)),
            "security": self._security_of(operation),
            "parameters": [self._parameter(entry, pointer) for entry in parameters[: int(_MAX_PARAMETERS * share)]],
            "body": self._body(operation.get("requestBody"), f"{pointer}/requestBody", budget),
            "responses": self._responses(operation.get("responses"), f"{pointer}/responses", budget),
            "more_at": safe_link(external.get("url")) if isinstance(external, dict) else None,
        }
        is_cut = any(found.is_spent for found in budgets) or len(parameters) > _MAX_PARAMETERS * share
        return detail, is_cut

    def _parameters(
        self, path: str, item: dict[str, Any], operation: dict[str, Any], pointer: str
    ) -> list[dict[str, Any]]:
        found: dict[tuple[str, str], dict[str, Any]] = {}
        for owner, base in ((item, pointer.rsplit("/", 1)[0]), (operation, pointer)):
            listed = owner.get("parameters")
            for n, entry in enumerate(listed if isinstance(listed, list) else ()):
                there = f"{base}/parameters/{n}"
                parameter, _reference = self._references.resolve(entry, there)
                name, place = parameter.get("name"), parameter.get("in")
                if not isinstance(name, str) or not isinstance(place, str):
                    self._references.report(there, "A parameter needs a name and a place (`in`).")
                    continue
                found[name, place] = parameter
        named = {name for name, place in found if place == "path"}
        for name in re.findall(r"\{([^{}]{1,120})\}", path):
            if name not in named:
                self._references.report(pointer, f"The path names {name!r} but no parameter describes it.")
                found[name, "path"] = {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        return sorted(found.values(), key=_parameter_order)

    def _parameter(self, parameter: dict[str, Any], pointer: str) -> dict[str, Any]:
        schema = parameter.get("schema")
        content = parameter.get("content")
        if schema is None and isinstance(content, dict) and content:
            first = next(iter(content.values()))
            schema = first.get("schema") if isinstance(first, dict) else None
        there = f"{pointer}/parameters/{escape(str(parameter['name']))}"
        node = self._schemas.read(schema or {}, there, Budget(12))
        flat, _reference = self._schemas.flatten(schema or {}, there)
        example = _parameter_example(parameter, flat, self._references)
        made = example if example is not None else self._examples.make(schema or {})
        return {
            "name": parameter["name"][:200],
            "in": parameter["in"][:20],
            "required": parameter.get("required") is True or parameter["in"] == "path",
            "deprecated": parameter.get("deprecated") is True,
            "note": _text(parameter.get("description"), 4000) or node.pop("note", ""),
            "schema": node,
            "limits": limits_of(flat),
            "example": as_text(example, 200) if example is not None else "",
            "sample": as_text(made, 200) if made is not None else "",
        }

    def _body(self, body: Any, pointer: str, budget: Any) -> dict[str, Any] | None:
        if body is None:
            return None
        found, _reference = self._references.resolve(body, pointer)
        media = self._media(found.get("content"), f"{pointer}/content", budget, _BODY_LINES, "readOnly")
        if not media and not found.get("description"):
            return None
        return {
            "required": found.get("required") is True,
            "note": _text(found.get("description"), 4000),
            "media": media,
        }

    def _responses(self, responses: Any, pointer: str, budget: Any) -> list[dict[str, Any]]:
        if not isinstance(responses, dict):
            if responses is not None:
                self._references.report(pointer, "An object was expected here.")
            return []
        found = []
        for status, value in list(responses.items())[:_MAX_RESPONSES]:
            if status.startswith("x-"):
                continue
            there = f"{pointer}/{escape(status)}"
            answer, _reference = self._references.resolve(value, there)
            lines = _ANSWER_LINES if status.startswith("2") else _FAULT_LINES
            found.append(
                {
                    "status": status[:20],
                    "note": _text(answer.get("description"), 4000),
                    "headers": self._headers(answer.get("headers"), f"{there}/headers"),
                    "media": self._media(answer.get("content"), f"{there}/content", budget, lines, "writeOnly"),
                }
            )
        return found

    def _headers(self, headers: Any, pointer: str) -> list[dict[str, str]]:
        found = []
        for name, value in list(headers.items())[:30] if isinstance(headers, dict) else ():
            header, _reference = self._references.resolve(value, f"{pointer}/{escape(name)}")
            node = self._schemas.read(header.get("schema") or {}, pointer, Budget(2))
            found.append({"name": name[:120], "type": node["type"], "note": _text(header.get("description"), 500)})
        return found

    def _media(self, content: Any, pointer: str, budget: Any, lines: int, hides: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        drawn: dict[str, str] = {}
        for kind, value in list(content.items())[:_MAX_MEDIA] if isinstance(content, dict) else ():
            there = f"{pointer}/{escape(kind)}"
            media, _reference = self._references.resolve(value, there)
            entry: dict[str, Any] = {"type": kind[:120]}
            schema = media.get("schema")
            # A document often repeats one schema for JSON, XML and forms: one tree says it for all of them.
            same = json.dumps(schema, sort_keys=True)
            if schema is not None and same in drawn:
                entry["same_as"] = drawn[same]
            elif schema is not None:
                drawn[same] = kind[:120]
                entry["schema"] = self._schemas.read(schema, f"{there}/schema", budget(lines), hides=hides)
            entry["examples"] = self._media_examples(media, kind, schema, there, hides)
            found.append(entry)
        return found

    def _media_examples(
        self, media: dict[str, Any], kind: str, schema: Any, pointer: str, hides: str
    ) -> list[dict[str, Any]]:
        given: list[tuple[str, Any]] = []
        if media.get("example") is not None:
            given.append(("", media["example"]))
        named = media.get("examples")
        for name, value in list(named.items())[:_MAX_EXAMPLES] if isinstance(named, dict) else ():
            example, _reference = self._references.resolve(value, f"{pointer}/examples/{escape(name)}")
            if "value" in example:
                given.append((_line(example.get("summary")) or name, example["value"]))
        made = not given
        if made and schema is not None:
            given.append(("", self._examples.make(schema, hides=hides)))
        return [{"name": name[:120], "text": render(value, kind), "made_up": made} for name, value in given]

    def _security_of(self, operation: dict[str, Any]) -> list[list[dict[str, Any]]]:
        listed = operation.get("security", self._tree.get("security"))
        found = []
        for alternative in listed[:10] if isinstance(listed, list) else ():
            names = alternative.items() if isinstance(alternative, dict) else ()
            found.append([self._requirement(str(name), scopes) for name, scopes in names])
        return found

    def _requirement(self, name: str, scopes: Any) -> dict[str, Any]:
        listed = [str(scope)[:100] for scope in scopes[:30]] if isinstance(scopes, list) else []
        return {**self._security.get(name, {"kind": "unknown"}), "name": name[:100], "scopes": listed}


def _parameter_order(parameter: dict[str, Any]) -> tuple[bool, int]:
    place = str(parameter.get("in"))
    return (not (parameter.get("required") is True or place == "path"), _PLACES.get(place, 9))


def _parameter_example(parameter: dict[str, Any], schema: dict[str, Any], references: References) -> Any:
    if parameter.get("example") is not None:
        return parameter["example"]
    named = parameter.get("examples")
    if isinstance(named, dict) and named:
        first, _reference = references.resolve(next(iter(named.values())), "")
        if first.get("value") is not None:
            return first["value"]
    return first_example(schema)


def words(text: str) -> str:
    """Return the words in a path or identifier: `GET /exchangeRates/{base_id}` is "GET exchange Rates base id"."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", text)
    return " ".join(dict.fromkeys(re.findall(r"\w+", spaced.replace("_", " "))))[:1000]


def slugify(text: str, longest: int = 80) -> str:
    """Return lower-case letters, digits and hyphens, never empty."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:longest].strip("-") or "api"


def _free_slug(text: str, taken: set[str]) -> str:
    # operationIds are often camelCase; an address reads better with the words apart.
    slug = found = slugify(re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", text))
    n = 2
    while found in taken:
        found = f"{slug}-{n}"
        n += 1
    taken.add(found)
    return found


def safe_link(url: Any) -> str | None:
    """Return a web address that may be a link, else None: a document may hold `javascript:` and worse."""
    if isinstance(url, str) and re.match(r"https?://[^\s<>\"']{1,1500}$", url.strip()):
        return url.strip()
    return None


def _line(value: Any) -> str:
    return " ".join(value.split()) if isinstance(value, str) else ""


def _text(value: Any, limit: int) -> str:
    text = value.strip() if isinstance(value, str) else ""
    return text if len(text) <= limit else text[: limit - 1] + "…"
