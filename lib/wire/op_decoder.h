// Reads operations (core.md 5.1, 5.4). Private to lib/wire.
#pragma once

#include <optional>

#include "frame_reader.h"
#include "record_reader.h"
#include "wire/op.h"

namespace topgun::wire {

// Fills a fresh `out`. `index` is the op's place in OP_BATCH.payload.ops; absent for CLIENT_OP.
bool ReadOp(FrameReader& reader, std::optional<uint32_t> index, Op& out);

// The `writeConcern` and `timeout` fields, of an op or of a batch. `problem` says what is wrong
// with the value; empty if nothing.
bool ReadWriteConcern(FrameReader& reader, std::optional<WriteConcern>* out,
                      std::string_view* problem);
bool ReadTimeout(FrameReader& reader, std::optional<double>* out, std::string_view* problem);

}  // namespace topgun::wire
