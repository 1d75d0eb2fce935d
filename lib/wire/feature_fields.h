// How requests of missing features are read; see message_decoder.h. Only what their answers name is
// looked at. Private to lib/wire.
#pragma once

#include <string_view>

#include "frame_reader.h"
#include "wire/feature_frame.h"

namespace topgun::wire {

struct FeatureFields {
  FeatureFrame* frame;
  FrameType type;
};

// Their fields stand next to `type`.
bool IsFlatFeature(FrameType type);

void Clear(FeatureFields& fields);
bool ReadField(FrameReader& reader, std::string_view key, FeatureFields& fields);
bool Complete(FrameReader& reader, const FeatureFields& fields);

}  // namespace topgun::wire
