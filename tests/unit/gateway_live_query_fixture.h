// Clients with queries that filter, order, limit, project or group, and a map that changes, for
// tests of their rows. Queries and records are written as JSON.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gateway_fan_out_fixture.h"
#include "query_pack.h"
#include "support/msgpack_json.h"

namespace topgun::gateway {

class LiveQueryTest : public ::testing::Test {
 protected:
  using Rows = std::vector<std::pair<std::string, std::string>>;  // key and JSON

  // A query, a record that it selects and one that it does not.
  inline static const std::string kActive = R"({"where":{"s":"active"}})";
  inline static const std::string kYes = R"({"s":"active"})";
  inline static const std::string kNo = R"({"s":"done"})";

  explicit LiveQueryTest(const LiveQueryOptions& options = {})
      : gateway_(false, {}, {}, DispatchHarness::SingleNode(), {}, nullptr, {}, options) {}

  void Ask(QueryClient& client, std::string_view query_id, std::string_view query,
           std::string_view fields = {}) {
    client.Subscribe(query_id, "m", query::Pack(query),
                     fields.empty() ? std::string() : query::Pack(fields));
  }
  // Answers the oldest read with what was there at 1-`n`.
  void Answer(const Rows& rows, uint64_t n = 5, bool has_more = false,
              const std::map<std::string, double>& expiries = {}) {
    FakeReader::Rows packed;
    for (const auto& [key, value] : rows) packed.emplace_back(key, query::Pack(value));
    gateway_.reader.AnswerInOrder(packed, {{1, n}}, has_more, expiries);
  }
  // A client's query q is settled on these rows; later ones of other positions.
  void Settle(QueryClient& client, std::string_view query, const Rows& rows = {},
              bool has_more = false) {
    Ask(client, "q", query);
    Answer(rows, 5, has_more);
    client.Heard();
    for (const auto& [key, value] : rows) live_.insert(key);
  }

  struct By {
    std::string origin = {};
    double ttl_ms = 0;
    uint64_t n = 0;  // position; 0: the next
  };
  void Put(std::string_view key, std::string_view value, const By& by) {
    Happen(key, query::Pack(value), by);
    live_.emplace(key);
  }
  void Put(std::string_view key, std::string_view value) { Put(key, value, By()); }
  void Remove(std::string_view key, const By& by) {
    Happen(key, {}, by);
    live_.erase(std::string(key));
  }
  void Remove(std::string_view key) { Remove(key, By()); }

  // JSON of the value in the latest QUERY_UPDATE or of a row in the latest QUERY_RESP.
  static std::string ValueOf(const QueryClient& client, std::string_view key) {
    for (auto bytes = client.session.frames.rbegin(); bytes != client.session.frames.rend();
         ++bytes) {
      wire::ServerFrame frame;
      EXPECT_TRUE(wire::DecodeServerFrame(*bytes, frame).ok());
      if (frame.type == wire::FrameType::kQueryUpdate && frame.query_update.key == key) {
        return Json(frame.query_update.value);
      }
      if (frame.type != wire::FrameType::kQueryResp) continue;
      for (const wire::QueryRow& row : frame.query_resp.results) {
        if (row.key == key) return Json(row.value);
      }
    }
    return "none";
  }
  static std::string Json(std::string_view value) {
    return value.empty() ? "null" : boost::json::serialize(msgpack::ToJson(value));
  }
  // The sum of a metric's series whose labels contain the text.
  double Metric(std::string_view name, std::string_view labels = {}) {
    std::istringstream lines(gateway_.registry.Render());
    double sum = 0;
    for (std::string line; std::getline(lines, line);) {
      if (!line.starts_with(name) || line.find(labels) == std::string::npos) continue;
      sum += std::stod(line.substr(line.rfind(' ')));
    }
    return sum;
  }

  DispatchHarness gateway_;

 private:
  void Happen(std::string_view key, const std::string& value, const By& by) {
    state::CellView cell;
    cell.version = {1, by.n > 0 ? by.n : ++last_};
    cell.timestamp = {1'700'000'000'000 - 100, 0, "n"};
    cell.tombstone = value.empty();
    cell.has_ttl = by.ttl_ms > 0;
    cell.ttl_ms = by.ttl_ms;
    cell.value = value;
    const std::string bytes = state::EncodeCell(cell);
    gateway_.fan_out.OnChange({.map = "m",
                               .origin = by.origin,
                               .was_live = live_.contains(std::string(key)),
                               .key = key,
                               .cell = bytes,
                               .position = cell.version});
  }

  std::set<std::string> live_;
  uint64_t last_ = 5;
};

}  // namespace topgun::gateway
