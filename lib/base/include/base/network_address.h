// Whether an address leaves this machine. Pure; any thread.
#pragma once

#include <string_view>

namespace topgun {

// For host:port, [v6]:port, a bare host, a path or unix:path of a socket, and gRPC's targets
// (dns:///host:port, ipv4:..., ipv6:...): true for Unix sockets, `localhost`, 127.0.0.0/8 and ::1.
// Nothing is resolved: any other name is taken to be another machine, and so is a wildcard.
bool StaysOnThisMachine(std::string_view address);

// The host of host:port and [v6]:port, without brackets; a text without a port is the host.
std::string_view HostOf(std::string_view address);

}  // namespace topgun
