// GET /api/openapi.json: what the router has mounted, in OpenAPI 3.0.
#pragma once

#include <string>

#include "http/router.h"

namespace topgun::gateway {

// The description of all routes as JSON.
std::string DescribeRoutes(const Router& router);

// The router outlives its endpoint. The description is made when it is first asked for, so routes
// may be added after this.
void MountOpenApi(Router& router);

}  // namespace topgun::gateway
