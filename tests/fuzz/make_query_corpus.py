#!/usr/bin/env python3
"""Writes corpus/query: queries with every operator and part, each before a row that it is asked about."""
import pathlib

from make_policy_corpus import pack

FOLDER = pathlib.Path(__file__).parent / "corpus" / "query"

ROW = {"n": 5, "f": 2.5, "s": "Banana", "list": ["a", 1, None, True], "nested": {"a": {"b": "x"}}, "nil": None, "yes": True}


def leaf(op, attribute, value):
    return {"op": op, "attribute": attribute, "value": value}


PREDICATES = {
    "comparisons": {"op": "and", "children": [leaf("eq", "n", 5), leaf("neq", "s", "x"), leaf("gt", "f", 1), leaf("lte", "n", 9)]},
    "between": leaf("between", "n", [1, 9]),
    "in": leaf("in", "_key", ["key", "other"]),
    "in_field": leaf("in", "list", "a"),
    "like": leaf("like", "s", "%n_N%"),
    "regex": leaf("regex", "s", "(?i)^b(an)+a$"),
    "regex_invalid": leaf("regex", "s", "("),
    "contains": leaf("contains", "s", "NAN"),
    "contains_all": leaf("containsAll", "s", ["an", "b"]),
    "contains_any": leaf("containsAny", "list", [1, 2]),
    "ends": {"op": "or", "children": [leaf("startsWith", "s", "B"), leaf("endsWith", "s", "a")]},
    "not_null": {"op": "not", "children": [{"op": "isNull", "attribute": "nested.a.b"}]},
    "caller": {"op": "isNotNull", "attribute": "auth.id"},
    "reference": {"op": "neq", "attribute": "n", "valueRef": "data.nil"},
    "unknown": {"op": "match", "attribute": "s", "query": "banana", "matchOptions": {"fuzzy": True}},
    "no_op": {"attribute": "s"},
}
QUERIES = {f"predicate_{name}": {"predicate": predicate} for name, predicate in PREDICATES.items()} | {
    "where": {"where": {"n": 5, "nested.a": {"b": "x"}}},
    "where_operators": {"where": {"n": {"$gt": 1, "$gte": 1, "$lt": 9, "$lte": 9, "$ne": 6}}},
    "sort": {"sort": [{"field": "n", "direction": "desc"}, {"field": "s", "direction": "asc"}, {"field": "nil"}, {"field": "list"}]},
    "sort_map": {"sort": {"f": "asc", "_key": "desc", "_value": "asc"}},
    "group": {"groupBy": ["s", "yes", "nil", "list", "f"],
              "aggregations": [{"func": func, "field": "n"} for func in ("sum", "min", "max", "avg", "count")]},
    "fields": {"fields": ["s", "nested", "missing"]},
    "all": {"where": {"yes": True}, "predicate": PREDICATES["like"], "sort": [{"field": "__sum_n", "direction": "asc"}],
            "groupBy": ["s"], "aggregations": [{"func": "sum", "field": "n"}], "fields": ["s"], "limit": 10},
}


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    files = {name: pack(query) + pack(ROW) for name, query in QUERIES.items()}
    files |= {f"{name}_of_no_map": pack(QUERIES[name]) + pack([1, "a"]) for name in ("sort_map", "group", "fields")}
    files["row_cut"] = files["all"][:-9]
    files["row_missing"] = pack(QUERIES["all"])
    files["row_field_twice"] = pack(QUERIES["fields"]) + b"\x82\xa1s\x01\xa1s\x02"
    files["nested_too_deeply"] = b"\x81\xa9predicate" + b"\x82\xa2op\xa3not\xa8children\x91" * 101 + b"\x81\xa2op\xa3and" + pack(ROW)
    for name, content in files.items():
        (FOLDER / name).write_bytes(content)


if __name__ == "__main__":
    main()
