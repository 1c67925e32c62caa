"""A small value that fits a JSON Schema, for tool arguments and structured answers.

Understands what providers accept in schemas; `pattern` and `not` are ignored.
"""

import random
from typing import Any, Final

_DEEP: Final = 24
_FORMATS: Final = {
    "date": "2026-05-01",
    "date-time": "2026-05-01T06:30:00Z",
    "time": "06:30:00Z",
    "duration": "PT15M",
    "email": "wren@example.com",
    "hostname": "lane.example.com",
    "ipv4": "192.0.2.7",
    "ipv6": "2001:db8::7",
    "uri": "https://example.com/hedge",
    "uuid": "7d444840-9dc0-41d1-b245-5ffdce74fad2",
}
_WORDS: Final = ("hawthorn", "blackbird", "bramble", "hazel", "wren", "meadow", "ditch", "gate", "lane", "orchard")


def example(schema: Any, rng: random.Random, *, every: bool = False) -> Any:
    """A value valid under the schema: required properties only, or with `every` all properties."""
    return _Maker(schema, rng, every=every).make(schema, 0)


class _Maker:
    def __init__(self, root: Any, rng: random.Random, *, every: bool) -> None:
        self._root = root
        self._rng = rng
        self._every = every

    def make(self, schema: Any, depth: int) -> Any:
        # A schema that requires itself for ever has no finite value; null is as wrong as any.
        if depth > _DEEP or not isinstance(schema, dict):
            return None
        schema = self._merged(schema, depth)
        if "const" in schema:
            return schema["const"]
        if schema.get("enum"):
            return self._rng.choice(schema["enum"])
        for choice in ("anyOf", "oneOf"):
            if schema.get(choice):
                return self.make({**_without(schema, choice), **schema[choice][0]}, depth + 1)
        match self._type(schema):
            case "object":
                return self._object(schema, depth)
            case "array":
                return self._array(schema, depth)
            case "string":
                return self._string(schema)
            case "integer":
                return self._integer(schema)
            case "number":
                return self._number(schema)
            case "boolean":
                return self._rng.random() < 0.5
        return None

    def _merged(self, schema: dict[str, Any], depth: int) -> dict[str, Any]:
        for _ in range(_DEEP - depth):
            if isinstance(reference := schema.get("$ref"), str):
                target: Any = self._root
                for part in reference.removeprefix("#").strip("/").split("/"):
                    target = target.get(part, {}) if part and isinstance(target, dict) else target
                schema = {**target, **_without(schema, "$ref")} if isinstance(target, dict) else {}
            elif schema.get("allOf"):
                parts = [self._merged(part, depth + 1) for part in schema["allOf"] if isinstance(part, dict)]
                schema = _joined([*parts, _without(schema, "allOf")])
            else:
                break
        return schema

    @staticmethod
    def _type(schema: dict[str, Any]) -> str:
        kind = schema.get("type")
        if isinstance(kind, list):
            kind = next((one for one in kind if one != "null"), "null")
        if kind is None:
            kind = "object" if "properties" in schema else "array" if "items" in schema else "string"
        return str(kind)

    def _object(self, schema: dict[str, Any], depth: int) -> dict[str, Any]:
        properties: dict[str, Any] = schema.get("properties") or {}
        required: list[str] = schema.get("required") or []
        names = list(properties) if self._every else [name for name in properties if name in required]
        names += [name for name in required if name not in names]
        return {name: self.make(properties.get(name, {"type": "string"}), depth + 1) for name in names}

    def _array(self, schema: dict[str, Any], depth: int) -> list[Any]:
        first = [self.make(one, depth + 1) for one in schema.get("prefixItems") or []]
        size = max(int(schema.get("minItems", 1)), len(first))
        size = min(size, int(schema.get("maxItems", size)))
        items = schema.get("items", {})
        return first[:size] + [self.make(items, depth + 1) for _ in range(size - len(first))]

    def _string(self, schema: dict[str, Any]) -> str:
        text = _FORMATS.get(schema.get("format", "")) or self._rng.choice(_WORDS)
        least, most = int(schema.get("minLength", 0)), int(schema.get("maxLength", 1 << 20))
        while len(text) < least:
            text += " " + self._rng.choice(_WORDS)
        return text[: max(most, 0)]

    def _integer(self, schema: dict[str, Any]) -> int:
        step = int(schema.get("multipleOf", 1)) or 1
        low, high = _bounds(schema, 1)
        first, last = -(-int(-(-low // 1)) // step), int(high // 1) // step
        return self._rng.randint(first, max(first, last)) * step

    def _number(self, schema: dict[str, Any]) -> float:
        # A value strictly between the bounds suits exclusive ones too.
        low, high = _bounds(schema, 0)
        if step := schema.get("multipleOf"):
            return float(-(-low // step) * step)
        return round(low + (high - low) * self._rng.randint(1, 3) / 4, 6)


def _bounds(schema: dict[str, Any], gap: int) -> tuple[float, float]:
    low, high = schema.get("minimum"), schema.get("maximum")
    if (above := schema.get("exclusiveMinimum")) is not None:
        low = above + gap if low is None else max(low, above + gap)
    if (below := schema.get("exclusiveMaximum")) is not None:
        high = below - gap if high is None else min(high, below - gap)
    if low is None:
        low = 1 if high is None else high - 9
    return low, low + 9 if high is None else max(low, high)


def _without(schema: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in schema.items() if name != key}


def _joined(schemas: list[dict[str, Any]]) -> dict[str, Any]:
    joined: dict[str, Any] = {}
    for schema in schemas:
        properties = {**joined.get("properties", {}), **schema.get("properties", {})}
        required = [*joined.get("required", []), *schema.get("required", [])]
        joined.update(schema)
        if properties:
            joined.update(properties=properties, required=required)
    return joined
