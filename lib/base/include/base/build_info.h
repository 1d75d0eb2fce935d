// Which source this program was built from. Any thread.
#pragma once

#include <string_view>

namespace topgun {

std::string_view Version();  // "0.1.0"

// The commit as git described it when the build was last configured: "2f3a1c9b04d1", or
// "v1.2-3-g..." near a tag; "unknown" where there was no repository, as in a release archive.
std::string_view Revision();

}  // namespace topgun
