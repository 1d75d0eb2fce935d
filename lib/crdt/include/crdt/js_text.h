// The text forms JavaScript gives to values, built straight from their MessagePack bytes.
//
// Hashes are taken over these texts (core.md 7.1, 7.3), so they follow the client to the last
// byte: numbers are JavaScript numbers (integers beyond 2^53 round), strings may hold lone
// surrogates in their raw 3-byte form. Bytes that are not one well-formed value count as null.
// Byte buffers, which the client cannot send, are rendered as empty maps. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

namespace topgun::crdt {

// String(value) of a JavaScript number: shortest digits that round-trip, exponent form from 1e21
// and below 1e-6, "-0" as "0", "NaN", "Infinity".
void AppendNumberText(std::string& out, double value);

// <value> of the OR item hash: a string as itself, other scalars as their text, a map or array as
// JSON that keeps, at every level, only members named like a top-level key of the value.
void AppendValueText(std::string& out, std::string_view value);

// JSON with the members of every map in canonical order: array indices ascending, then the other
// keys by UTF-16 code unit.
void AppendCanonicalJson(std::string& out, std::string_view value);

}  // namespace topgun::crdt
