#include "report/proxy_section.h"

#include "report/text.h"

namespace topgun::loadgen {

Table ProxyTable(const ProxyReport& proxy) {
  Table table{"Fault proxy", {}, {}, true};
  table.rows = {{"connections", Grouped(proxy.connections)},
                {"refused, cut", Grouped(proxy.refused) + ", " + Grouped(proxy.cut)},
                {"stalls", Grouped(proxy.stalls)},
                {"bytes up, down", Bytes(static_cast<double>(proxy.bytes_up)) + ", " +
                                       Bytes(static_cast<double>(proxy.bytes_down))},
                {"fullest buffer, times full",
                 Bytes(static_cast<double>(proxy.buffered_max)) + ", " + Grouped(proxy.full)},
                {"CPU", Fixed(100 * proxy.thread_share, 0) + " % of a core"}};
  if (proxy.unreachable > 0) {
    table.rows.push_back({"gateway not reachable", Grouped(proxy.unreachable)});
  }
  return table;
}

boost::json::object ProxyJson(const ProxyReport& proxy) {
  return {{"connections", proxy.connections},
          {"refused", proxy.refused},
          {"cut", proxy.cut},
          {"unreachable", proxy.unreachable},
          {"stalls", proxy.stalls},
          {"bytes_up", proxy.bytes_up},
          {"bytes_down", proxy.bytes_down},
          {"buffer_full", proxy.full},
          {"buffered_bytes_max", proxy.buffered_max},
          {"thread_share", proxy.thread_share}};
}

}  // namespace topgun::loadgen
