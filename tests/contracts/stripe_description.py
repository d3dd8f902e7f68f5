"""Stripe's API as the installed SDK describes it, and a judge that holds requests, answers and events against it.

The official SDK is generated from Stripe's API description, so its annotations say which parameters an operation takes
and which fields an object has at the pinned API version. This reads them from the source (no import of two thousand
classes) and walks a JSON value along an annotation, collecting sentences about everything that does not fit.

It knows shapes: names, types, words of an enumeration, what may be null. It knows nothing about behaviour.
"""

import ast
import importlib.util
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

Violations = list[str]
_PLACE = importlib.util.find_spec("stripe")
assert _PLACE is not None
assert _PLACE.submodule_search_locations
ROOT = Path(_PLACE.submodule_search_locations[0])
_SCALARS = {"str": str, "int": int, "bool": bool, "float": (int, float)}
EVENT_OBJECTS = {
    "customer.subscription.": "subscription",
    "customer.discount.": "discount",
    "customer.tax_id.": "tax_id",
    "charge.dispute.": "dispute",
    "charge.refund.": "refund",
}
"""Event types whose object is not named by the words before the last dot."""


@dataclass(frozen=True)
class Source:
    """One module of the SDK: its classes, and where its imported names come from."""

    classes: dict[str, ast.ClassDef]
    imports: dict[str, tuple[str, str]]
    assigned: dict[str, ast.expr]


@dataclass(frozen=True)
class Place:
    """Where an annotation stands, so that the names in it can be found."""

    module: str
    scope: tuple[ast.ClassDef, ...] = ()


@dataclass(frozen=True)
class Operation:
    """A call of the API: what it takes and what it answers."""

    method: str
    template: str
    place: Place
    params: ast.expr | None
    answer: ast.expr | None


@cache
def read(module: str) -> Source:
    """Parse a module of the SDK by its dotted name."""
    path = ROOT.joinpath(*module.split(".")[1:])
    file = path.with_suffix(".py") if path.with_suffix(".py").exists() else path / "__init__.py"
    tree = ast.parse(file.read_text(encoding="utf-8"))
    statements = list(_flat(tree.body))
    imports = {
        (name.asname or name.name): (node.module, name.name)
        for node in statements
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("stripe")
        for name in node.names
    }
    assigned = {
        node.targets[0].id: node.value
        for node in statements
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }
    return Source({n.name: n for n in statements if isinstance(n, ast.ClassDef)}, imports, assigned)


def _flat(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    for statement in body:
        yield statement
        if isinstance(statement, ast.If):
            yield from _flat(statement.body)


@cache
def object_classes() -> dict[str, tuple[str, str]]:
    """Object name, as in ``"object": "invoice"``, to the module and class that describe it."""
    table = ast.parse((ROOT / "_object_classes.py").read_text(encoding="utf-8"))
    found: dict[str, tuple[str, str]] = {}
    for node in ast.walk(table):
        if isinstance(node, ast.AnnAssign) and isinstance(node.value, ast.Dict):
            for key, value in zip(node.value.keys, node.value.values, strict=True):
                if isinstance(key, ast.Constant) and isinstance(value, ast.Tuple):
                    found.setdefault(str(key.value), tuple(ast.literal_eval(value)))
    return found


@cache
def operations() -> tuple[Operation, ...]:
    """Every operation of API version 1, the most specific templates first."""
    found = []
    for file in sorted(ROOT.glob("**/*_service.py")):
        module = ".".join(("stripe", *file.relative_to(ROOT).with_suffix("").parts))
        text = file.read_text(encoding="utf-8")
        if '"/v1/' not in text:
            continue
        for holder in read(module).classes.values():
            for function in holder.body:
                if isinstance(function, ast.FunctionDef):
                    found += _operations_of(function, Place(module))
    return tuple(sorted(found, key=lambda operation: operation.template.count("{")))


def _operations_of(function: ast.FunctionDef, place: Place) -> Iterator[Operation]:
    for call in ast.walk(function):
        if isinstance(call, ast.Call) and getattr(call.func, "attr", "") == "_request":
            method, path = call.args[0], call.args[1]
            if isinstance(path, ast.Call) and isinstance(path.func, ast.Attribute):
                path = path.func.value
            params = next((a.annotation for a in function.args.args if a.arg == "params"), None)
            if isinstance(method, ast.Constant) and isinstance(path, ast.Constant):
                yield Operation(str(method.value), str(path.value), place, params, function.returns)


def find_operation(method: str, path: str) -> Operation | None:
    """The operation a request means, or None."""
    for operation in operations():
        pattern = re.sub(r"\{\w+\}", "[^/]+", operation.template)
        if operation.method == method.lower() and re.fullmatch(pattern, path):
            return operation
    return None


# ---------------------------------------------------------------- judging


def judge_request(method: str, url: str, body: str) -> Violations:
    """What is wrong with a request: an unknown operation or parameter, a missing one, a value of the wrong kind."""
    parts = urlsplit(url)
    operation = find_operation(method, parts.path)
    if operation is None:
        return [f"{method} {parts.path} is no operation of this API version"]
    sent = decode(body if method.lower() == "post" else parts.query)
    if operation.params is None:
        return [f"{name}: this operation takes no parameters" for name in sent]
    return list(_judge(sent, operation.params, operation.place, "", sent=True))


def judge_answer(method: str, url: str, status: int, answer: Any) -> Violations:
    """What is wrong with an answer: fields that do not exist, missing ones, wrong types or words."""
    if status >= 400:
        return list(_judge_error(answer, status))
    operation = find_operation(method, urlsplit(url).path)
    if operation is None or operation.answer is None:
        return [f"{method} {url} is no operation of this API version"]
    if isinstance(answer, dict) and answer.get("deleted") is True:
        return (
            [] if set(answer) == {"id", "object", "deleted"} else [f"a deleted object has odd fields: {sorted(answer)}"]
        )
    return list(_judge(answer, operation.answer, operation.place, "", sent=False))


def judge_event(event: Any) -> Violations:
    """What is wrong with an event: its envelope, its type, and the object it carries."""
    module, name = object_classes()["event"]
    found = list(_judge(event, ast.Name(name), Place(module), "", sent=False))
    thing = event.get("data", {}).get("object", {})
    kind = thing.get("object")
    if kind not in object_classes():
        return [*found, f"data.object: {kind!r} is no object"]
    wanted = _object_of_event(str(event.get("type")))
    if kind != wanted:
        found.append(f"{event.get('type')} carries {wanted}, not {kind}")
    module, name = object_classes()[kind]
    fields = _fields(read(module).classes[name])
    unknown = set(event["data"].get("previous_attributes") or {}) - set(fields)
    found += [f"data.previous_attributes.{field}: no field of {kind}" for field in unknown]
    return found + list(_judge(thing, ast.Name(name), Place(module), "data.object", sent=False))


def _object_of_event(kind: str) -> str:
    for prefix, name in EVENT_OBJECTS.items():
        if kind.startswith(prefix):
            return name
    return kind.rpartition(".")[0]


def _judge_error(answer: Any, status: int) -> Iterator[str]:
    error = answer.get("error") if isinstance(answer, dict) else None
    if not isinstance(error, dict):
        yield "an error answer has the form {'error': {…}}"
        return
    module = "stripe._error_object"
    known = set(_fields(read(module).classes["ErrorObject"])) | {
        "request_log_url",
        "advice_code",
        "payment_method_type",
    }
    yield from (f"error.{name}: no field of an error" for name in set(error) - known)
    if error.get("type") not in ("api_error", "card_error", "idempotency_error", "invalid_request_error"):
        yield f"error.type: {error.get('type')!r}"
    if (error.get("type") == "card_error") != (status == 402):
        yield f"{error.get('type')} came with status {status}"


def _judge(value: Any, node: ast.expr, place: Place, path: str, *, sent: bool) -> Iterator[str]:
    alternatives = list(_alternatives(node))
    if len(alternatives) == 1:
        yield from _judge_one(value, alternatives[0], place, path, sent=sent)
        return
    words = [word for a in alternatives if _head(a) == "Literal" for word in _words(a)]
    open_words = any(word != "" for word in words)
    attempts: list[Violations] = []
    for alternative in alternatives:
        if open_words and isinstance(alternative, ast.Name) and alternative.id == "str":
            continue  # "str" beside words only says that Stripe may add words later
        found = list(_judge_one(value, alternative, place, path, sent=sent))
        if not found:
            return
        attempts.append(found)
    yield from min(attempts, key=lambda found: (any("expected" in text for text in found), len(found)))


def _alternatives(node: ast.expr) -> Iterator[ast.expr]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield from _alternatives(ast.parse(node.value, mode="eval").body)
    elif isinstance(node, ast.BinOp):
        yield from _alternatives(node.left)
        yield from _alternatives(node.right)
    elif _head(node) == "Union" and isinstance(node, ast.Subscript):
        for part in node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]:
            yield from _alternatives(part)
    else:
        yield node


def _head(node: ast.expr) -> str:
    return getattr(node.value, "id", "") if isinstance(node, ast.Subscript) else ""


def _words(node: ast.expr) -> list[Any]:
    assert isinstance(node, ast.Subscript)
    parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    return [part.value for part in parts if isinstance(part, ast.Constant)]


def _judge_one(value: Any, node: ast.expr, place: Place, path: str, *, sent: bool) -> Iterator[str]:
    if isinstance(node, ast.Name):
        yield from _judge_named(value, node.id, place, path, sent=sent)
        return
    if not isinstance(node, ast.Subscript):
        return
    head, inside = _head(node), node.slice
    if head in ("Optional", "NotRequired"):
        if value is not None:
            yield from _judge(value, inside, place, path, sent=sent)
    elif head == "Literal":
        if value not in [str(w).lower() if isinstance(w, bool) and sent else w for w in _words(node)]:
            yield f"{path}: {value!r} is none of {_words(node)[:8]}"
    elif head in ("List", "Sequence"):
        yield from _judge_list(value, inside, place, path, sent=sent)
    elif head in ("Dict", "UntypedStripeObject"):
        inner = inside.elts[1] if isinstance(inside, ast.Tuple) else inside
        if not isinstance(value, dict):
            yield f"{path}: expected an object"
        else:
            for name, part in value.items():
                yield from _judge(part, inner, place, f"{path}.{name}", sent=sent)
    elif head == "ListObject":
        yield from _judge_envelope(value, inside, place, path)
    elif head == "ExpandableField" and not isinstance(value, str):
        yield from _judge(value, inside, place, path, sent=sent)


def _judge_list(value: Any, inside: ast.expr, place: Place, path: str, *, sent: bool) -> Iterator[str]:
    if sent and isinstance(value, dict) and all(key.isdigit() for key in value):
        value = list(value.values())
    if not isinstance(value, list):
        yield f"{path}: expected a list, got {type(value).__name__}"
        return
    for index, part in enumerate(value):
        yield from _judge(part, inside, place, f"{path}[{index}]", sent=sent)


def _judge_envelope(value: Any, inside: ast.expr, place: Place, path: str) -> Iterator[str]:
    if not isinstance(value, dict) or set(value) != {"object", "data", "has_more", "url"} or value["object"] != "list":
        yield f"{path}: expected a list envelope"
        return
    if not isinstance(value["has_more"], bool) or not isinstance(value["url"], str):
        yield f"{path}: has_more or url has the wrong type"
    yield from _judge_list(value["data"], inside, place, f"{path}.data", sent=False)


def _judge_named(value: Any, name: str, place: Place, path: str, *, sent: bool) -> Iterator[str]:
    if name in ("Any", "object", "UntypedStripeObject"):
        return
    if name in _SCALARS or name == "Decimal":
        yield from _judge_scalar(value, name, path, sent=sent)
        return
    found = _find(name, place)
    if found is None:
        assigned = read(place.module).assigned.get(name)
        if assigned is not None:
            yield from _judge(value, assigned, place, path, sent=sent)
        else:
            yield f"{path}: the SDK's {name} could not be found"
        return
    if not isinstance(value, dict):
        yield f"{path}: expected {name}, got {type(value).__name__}"
        return
    yield from _judge_fields(value, found, path, sent=sent)


def _judge_scalar(value: Any, name: str, path: str, *, sent: bool) -> Iterator[str]:
    if sent:
        patterns = {"int": r"-?\d+", "bool": "true|false", "float": r"-?\d+(\.\d+)?", "Decimal": r"-?\d+(\.\d+)?"}
        if not isinstance(value, str) or not re.fullmatch(patterns.get(name, r"(?s).+"), value):
            yield f"{path}: {value!r} expected to be {name}"
    elif name == "Decimal":
        if not isinstance(value, str) or not re.fullmatch(r"-?\d+(\.\d+)?", value):
            yield f"{path}: expected a decimal in text, got {value!r}"
    elif not isinstance(value, _SCALARS[name]) or (isinstance(value, bool) and name != "bool"):
        yield f"{path}: expected {name}, got {value!r}"


def _judge_fields(value: dict[str, Any], place: Place, path: str, *, sent: bool) -> Iterator[str]:
    holder = place.scope[-1]
    fields = dict(_inherited(holder, place)) | _fields(holder)
    if sent:
        fields = {name: node for name, node in fields.items() if name not in _REQUEST_OPTIONS or path}
    if "object" in fields and value.get("deleted") is True:
        return
    dot = f"{path}." if path else ""
    for name, part in value.items():
        if name not in fields:
            yield f"{dot}{name}: no {'parameter' if sent else 'field'} of {holder.name} at this API version"
        else:
            yield from _judge(part, fields[name], place, f"{dot}{name}", sent=sent)
    for name, node in fields.items():
        optional = any(_head(a) in ("Optional", "NotRequired") for a in _alternatives(node))
        if name not in value and not optional and name not in _REQUEST_OPTIONS and name not in _SOMETIMES:
            yield f"{dot}{name}: missing from {holder.name}"


_REQUEST_OPTIONS = {"api_key", "stripe_version", "stripe_account", "stripe_context", "max_network_retries",
                    "idempotency_key", "headers", "content_type"}  # fmt: skip
_SOMETIMES = {"deleted"}
"""The SDK marks this as always there; it is there on tombstones only."""


def _fields(holder: ast.ClassDef) -> dict[str, ast.expr]:
    found: dict[str, ast.expr] = {}
    renamed: dict[str, str] = {}
    for statement in holder.body:
        if isinstance(statement, ast.Assign) and getattr(statement.targets[0], "id", "") == "_field_remappings":
            renamed = ast.literal_eval(statement.value)
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            name = statement.target.id
            if not name.startswith("_") and name != "OBJECT_NAME":
                found[name] = statement.annotation
    return {renamed.get(name, name): node for name, node in found.items()}


def _inherited(holder: ast.ClassDef, place: Place) -> Iterator[tuple[str, ast.expr]]:
    for parent in holder.bases:
        name = getattr(parent, "id", "")
        assigned = read(place.module).assigned.get(name)
        if isinstance(assigned, ast.Call) and isinstance(assigned.args[1], ast.Dict):
            for key, node in zip(assigned.args[1].keys, assigned.args[1].values, strict=True):
                if isinstance(key, ast.Constant):
                    yield str(key.value), node


def _find(name: str, place: Place) -> Place | None:
    """Where a class is defined: inside the class it is used in, in the same module, or in an imported one."""
    for depth in range(len(place.scope), 0, -1):
        for statement in place.scope[depth - 1].body:
            if isinstance(statement, ast.ClassDef) and statement.name == name:
                return Place(place.module, (*place.scope[:depth], statement))
    source = read(place.module)
    if name in source.classes:
        return Place(place.module, (source.classes[name],))
    if name in source.imports:
        module, original = source.imports[name]
        return Place(module, (read(module).classes[original],))
    return None


def decode(form: str) -> dict[str, Any]:
    """A form body as nested dictionaries; lists stay dictionaries of indexes."""
    root: dict[str, Any] = {}
    for key, value in parse_qsl(form, keep_blank_values=True):
        steps = re.findall(r"[^\[\]]+|(?<=\[)(?=\])", key)
        current = root
        for step in steps[:-1]:
            current = current.setdefault(step or str(len(current)), {})
        current[steps[-1] or str(len(current))] = value
    return root
