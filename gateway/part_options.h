// What the parts of a gateway are made with, and told when a reload has changed it, from its
// settings, which have passed their checks. Pure; any thread.
#pragma once

#include <cstddef>

#include "auth/admin_login.h"
#include "config.h"
#include "http/admin_settings.h"
#include "loop.h"
#include "rpc/credentials.h"
#include "ws/listener.h"

namespace topgun::gateway {

DispatchOptions DispatchOptionsOf(const Config& config);

ListenerLimits ListenerLimitsOf(const Config& config);

AdminLoginOptions LoginOptionsOf(const Config& config);

// `host` and the mode of authentication are as the process was `started`.
SettingsInfo SettingsInfoOf(const Config& started, const Config& config);

// Of the event loop number `index`.
LoopOptions LoopOptionsOf(const Config& config, const rpc::Credentials& credentials,
                          const OriginPrefix& prefix, size_t index);

}  // namespace topgun::gateway
