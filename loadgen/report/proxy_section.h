// What the summary and the JSON say about the fault proxy. Pure.
#pragma once

#include <boost/json/object.hpp>

#include "proxy/proxy_report.h"
#include "report/tables.h"

namespace topgun::loadgen {

Table ProxyTable(const ProxyReport& proxy);
boost::json::object ProxyJson(const ProxyReport& proxy);

}  // namespace topgun::loadgen
