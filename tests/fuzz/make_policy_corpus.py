#!/usr/bin/env python3
"""Writes corpus/policy: conditions, patterns and policies in all their forms, whole and damaged."""
import json
import pathlib
import struct

FOLDER = pathlib.Path(__file__).parent / "corpus" / "policy"

CONDITIONS = {
    "owner": "auth.id == data.ownerId",
    "all_operators": "a == 1 && b != 'x' || c < 2 && d <= 2.5 || e > -3 && f >= 0 || g in auth.roles && "
                     "auth.roles contains 'r' || h containsAll i && j containsAny k || l startsWith 'm' && n endsWith 'o'",
    "nested": "!(a == null && !(b == true || (c == false)))",
    "depth_limit": "(" * 32 + "a == 1" + ")" * 32,
    "too_deep": "!" * 33 + "a == 1",
    "unclosed_text": "a == 'x",
    "single_equals": "auth.id = data.ownerId",
    "unicode": "data.größe == 'é😀'",
    "trailing_dot": "data. == 1",
    "number_of_many_digits": "a == " + "9" * 400,
}
PATTERNS = {"everything": "*", "any_tail": "tenant.**", "middle": "a.*.b.**.c", "part": "doc*", "empty_segments": "..**.."}
PREDICATE = {"op": "and", "children": [
    {"op": "eq", "attribute": "ownerId", "valueRef": "auth.id"},
    {"op": "not", "children": [{"op": "isNull", "attribute": "data.a.b"}]},
    {"op": "between", "attribute": "n", "value": [1, 2.5]},
    {"op": "in", "attribute": "s", "value": ["x", None, True, {"y": 1}]}]}
POLICIES = {
    "plain": {"id": "p", "mapPattern": "*", "action": "all", "effect": "deny"},
    "text": {"mapPattern": "docs.*", "action": "write", "effect": "allow", "conditionExpr": "auth.id == data.ownerId"},
    "predicate": {"mapPattern": "m", "action": "read", "effect": "allow", "condition": PREDICATE},
    "mistyped": {"mapPattern": "m", "action": "read", "effect": "allow", "conditonExpr": "a == 1"},
    "bad_effect": {"mapPattern": "m", "action": "read", "effect": 7},
}
VALUE = {"ownerId": "user", "list": list(range(50)), "nested": {"deeper": {"a": [None, True, 1.5, "x"]}}}


def pack(value):
    """MessagePack of the few kinds of values above."""
    if value is None:
        return b"\xc0"
    if isinstance(value, bool):
        return b"\xc3" if value else b"\xc2"
    if isinstance(value, int):
        return bytes([value])  # a positive fixint
    if isinstance(value, float):
        return b"\xcb" + struct.pack(">d", value)
    if isinstance(value, str):
        text = value.encode()
        return b"\xd9" + bytes([len(text)]) + text
    if isinstance(value, list):
        return b"\xdc" + struct.pack(">H", len(value)) + b"".join(map(pack, value))
    fields = b"".join(pack(key) + pack(field) for key, field in value.items())
    return b"\xde" + struct.pack(">H", len(value)) + fields


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    files = {f"condition_{name}": text.encode() for name, text in CONDITIONS.items()}
    files |= {f"pattern_{name}": text.encode() for name, text in PATTERNS.items()}
    files |= {f"json_{name}": json.dumps(policy).encode() for name, policy in POLICIES.items()}
    files |= {f"row_{name}": pack(policy) for name, policy in POLICIES.items()}
    files |= {f"pair_{name}": text.encode() + b"\0" + pack(VALUE) for name, text in {
        "owner": "auth.id == data.ownerId", "list_in_list": "list containsAll list", "deep": "nested.deeper.a contains 'x'"}.items()}
    files["predicate"] = pack(PREDICATE)
    files["predicate_cut"] = pack(PREDICATE)[:-7]
    files["pair_field_twice"] = CONDITIONS["owner"].encode() + b"\0\x82\xa7ownerId\xa4user\xa7ownerId\xa1x"
    for name, content in files.items():
        (FOLDER / name).write_bytes(content)


if __name__ == "__main__":
    main()
