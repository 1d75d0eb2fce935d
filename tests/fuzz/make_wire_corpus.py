#!/usr/bin/env python3
"""Writes tests/fuzz/corpus/wire: every golden frame in every rendering, and hostile input.

Run it after the golden vectors change. Crashes found by the fuzzer are added by hand under a
name that says what they were; this script never deletes files.
"""
import json
import pathlib
import re

HERE = pathlib.Path(__file__).resolve().parent
VECTORS = HERE.parent / "contract" / "vectors"
CORPUS = HERE / "corpus" / "wire"


def slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")[:60]


def golden():
    frames = json.loads((VECTORS / "frames.json").read_text())["frames"]
    for frame in frames:
        for key in ("hex", "hexCompact", "hexClientSerializer"):
            if key in frame:
                yield f"{slug(frame['name'])}.{key}", bytes.fromhex(frame[key])
    features = json.loads((VECTORS / "frames_features.json").read_text())
    for frame in features["clientFrames"] + features["serverFrames"]:
        if str(frame.get("type", "")).startswith(("LOCK_", "QUERY_", "SEARCH", "TOPIC_")):
            yield f"{slug(frame['id'])}.hex", bytes.fromhex(frame["hex"])


def op(record: bytes) -> bytes:
    return b"\x82\xa4type\xa9CLIENT_OP\xa7payload\x83\xa7mapName\xa1m\xa3key\xa1k\xa6record" + record


def hostile():
    timestamp = b"\x83\xa6millis\x01\xa7counter\x00\xa6nodeId\xa1a"
    deep = b"\x82\xa9timestamp" + timestamp + b"\xa5value"
    yield "empty", b""
    yield "reserved_byte", b"\xc1"
    yield "not_a_map", b"\x93\x01\x02\x03"
    yield "no_type", b"\x81\xa1a\x01"
    yield "trailing_byte", b"\x82\xa4type\xa4PING\xa9timestamp\x01\x00"
    yield "depth_256", op(deep + b"\x91" * 253 + b"\x01")
    yield "depth_257", op(deep + b"\x91" * 254 + b"\x01")
    yield "depth_500", op(deep + b"\x91" * 500 + b"\x01")
    yield "depth_100000", b"\x91" * 100000
    yield "array32_lies", b"\x82\xa4type\xa8OP_BATCH\xa7payload\x81\xa3ops\xdd\xff\xff\xff\xff"
    yield "map32_lies", b"\xdf\xff\xff\xff\xff\xa4type\xa4PING"
    yield "str32_lies", b"\x82\xa4type\xdb\xff\xff\xff\xff"
    yield "bin32_lies", b"\x82\xa4type\xa5BATCH\xa4data\xc6\xff\xff\xff\xff"
    yield "ext32_lies", b"\xc9\xff\xff\xff\xff\x01"
    yield "type_last", b"\x82\xa9timestamp\x01\xa4type\xa4PING"
    yield "two_types", b"\x83\xa4type\xa4PING\xa5token\xa1t\xa4type\xa4AUTH"
    yield "two_payloads", b"\x83\xa4type\xabQUERY_UNSUB\xa7payload\x81\xa7queryId\xa1q\xa7payload\x80"
    yield "keys_that_are_no_text", b"\x84\xa4type\xa4PING\x01\x02\x90\x91\x01\xa9timestamp\x05"
    yield "nan_millis", op(b"\x81\xa9timestamp\x81\xa6millis\xcb\x7f\xf8" + b"\x00" * 6)
    yield "ext_value", op(b"\x82\xa5value\xd4\x05z\xa9timestamp" + timestamp)
    yield "batch_of_a_bad_ping", b"\x82\xa4type\xa5BATCH\xa4data\xc4\x12\x00\x00\x00\x0e\x82\xa4type\xa4PING\xa1x\x01"
    yield "batch_zero_items", b"\x82\xa4type\xa5BATCH\xa4data\xc5\x9c\x40" + b"\x00" * 40000


def main():
    CORPUS.mkdir(parents=True, exist_ok=True)
    for name, data in [*golden(), *hostile()]:
        (CORPUS / name).write_bytes(data)


if __name__ == "__main__":
    main()
