// The rule of every service that nothing leaves the machine in plain text unless somebody said so,
// hop by hop: the setting --allow-plaintext, and the check of an address against it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "config/settings.h"

namespace topgun::config {

// Adds --allow-plaintext. All services take the names of all hops, so that they can share one
// environment.
void AddAllowPlaintext(Settings& settings, std::vector<std::string>* target);

// FAILED_PRECONDITION for an address without TLS that other machines are involved in
// (StaysOnThisMachine() is false), unless `allowed` names the hop. `what` is the setting that holds
// the address, `way_out` the settings that would encrypt it; both become part of the message.
Status CheckPlaintext(const std::vector<std::string>& allowed, std::string_view hop,
                      std::string_view what, std::string_view address, std::string_view way_out);

}  // namespace topgun::config
