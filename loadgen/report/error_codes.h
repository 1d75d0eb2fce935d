// What the codes of ERROR frames and the codes of WebSocket closes mean. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace topgun::loadgen {

std::string_view MeaningOfError(int64_t code);
// `reason` as the client reports it: "1013 slow consumer", or a text without code.
std::string_view MeaningOfClose(std::string_view reason);

}  // namespace topgun::loadgen
