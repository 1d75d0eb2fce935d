// How the messages of full-text search are read, those of clients and those of servers; see
// message_decoder.h. Private to lib/wire.
#pragma once

#include <string_view>

#include "frame_reader.h"
#include "wire/search_frame.h"

namespace topgun::wire {

struct SearchFields {
  SearchFrame* frame;
  bool live;  // SEARCH_SUB
};
void Clear(SearchFields& fields);
bool ReadField(FrameReader& reader, std::string_view key, SearchFields& fields);
bool Complete(FrameReader& reader, const SearchFields& fields);

bool ReadField(FrameReader& reader, std::string_view key, SearchUnsubFrame& frame);
bool Complete(FrameReader& reader, const SearchUnsubFrame& frame);

void Clear(SearchRespFrame& frame);
bool ReadField(FrameReader& reader, std::string_view key, SearchRespFrame& frame);
bool Complete(FrameReader& reader, const SearchRespFrame& frame);

bool ReadField(FrameReader& reader, std::string_view key, SearchUpdateFrame& frame);
bool Complete(FrameReader& reader, const SearchUpdateFrame& frame);

}  // namespace topgun::wire
