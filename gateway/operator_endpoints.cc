#include "operator_endpoints.h"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <charconv>
#include <utility>

#include "http/query_text.h"

namespace topgun::gateway {
namespace {

namespace json = boost::json;

using Loops = std::vector<std::unique_ptr<Loop>>;

admin::Response JsonAnswer(const json::value& body) {
  return {.status = 200, .body = json::serialize(body) + "\n", .content_type = "application/json"};
}

admin::Response BadRequest(std::string_view message) {
  return {.status = 400, .body = std::string(message) + "\n"};
}

// The limit of a list; nothing when it is none.
std::optional<size_t> LimitOf(std::string_view query) {
  const std::optional<std::string> text = QueryValue(query, "limit");
  if (!text) return kListedDefault;
  const std::optional<uint64_t> limit = WholeNumber(*text);
  if (!limit || *limit == 0 || *limit > kListedMax) return std::nullopt;
  return *limit;
}

// Where a list goes on: "loop.slot".
struct Cursor {
  size_t loop = 0;
  uint32_t slot = 0;
};

std::optional<Cursor> ParseCursor(std::string_view text) {
  const size_t dot = text.find('.');
  if (dot == std::string_view::npos) return std::nullopt;
  const auto loop = WholeNumber(text.substr(0, dot));
  const auto slot = WholeNumber(text.substr(dot + 1));
  if (!loop || !slot || *slot > UINT32_MAX) return std::nullopt;
  return Cursor{*loop, static_cast<uint32_t>(*slot)};
}

// The first of these that is true.
const char* StateOf(const ConnectionPage::Entry& entry) {
  if (entry.closing) return "closing";
  if (entry.paused) return "paused";
  if (!entry.authenticated) return "unauthenticated";
  return entry.unacknowledged ? "writing" : "idle";
}

json::object ToJson(size_t loop, const ConnectionPage::Entry& entry) {
  const std::string_view backlog = Name(entry.backlog);
  return {{"id", FormatConnectionName({loop, entry.id})},
          {"address", entry.address},
          {"subject", entry.subject},
          {"device", entry.device},
          {"state", StateOf(entry)},
          {"authenticated", entry.authenticated},
          {"age_seconds", entry.age_seconds},
          {"subscriptions", entry.subscriptions},
          {"queued_bytes", entry.queued_bytes},
          {"backlog", json::string_view(backlog.data(), backlog.size())},
          {"unacked_ops", entry.unacked_ops},
          {"unacknowledged", entry.unacknowledged}};
}

// One page over the loops, one after the other.
struct Listing : std::enable_shared_from_this<Listing> {
  Listing(const Loops& loops_in, Cursor from, size_t limit_in, std::string subject_in,
          admin::Respond respond_in)
      : loops(loops_in),
        at(from),
        limit(limit_in),
        subject(std::move(subject_in)),
        respond(std::move(respond_in)) {}

  void Next() {
    if (at.loop >= loops.size()) return Answer(nullptr);
    if (entries.size() >= limit) {
      return Answer(json::string(std::to_string(at.loop) + "." + std::to_string(at.slot)));
    }
    loops[at.loop]->ListConnections(
        {.from = at.slot, .limit = limit - entries.size(), .subject = subject},
        [self = shared_from_this()](const ConnectionPage& page) { self->Take(page); });
  }

  void Take(const ConnectionPage& page) {
    for (const auto& entry : page.entries) entries.push_back(ToJson(at.loop, entry));
    at = page.next ? Cursor{at.loop, *page.next} : Cursor{at.loop + 1, 0};
    Next();
  }

  void Answer(json::value next) {
    respond(
        JsonAnswer(json::object{{"connections", std::move(entries)}, {"next", std::move(next)}}));
  }

  const Loops& loops;
  Cursor at;
  const size_t limit;
  const std::string subject;
  const admin::Respond respond;
  json::array entries;
};

void ListConnections(const Loops& loops, const admin::Request& request,
                     const admin::Respond& respond) {
  const std::optional<size_t> limit = LimitOf(request.query);
  if (!limit) return respond(BadRequest("limit: a whole number from 1 to 1000"));
  const auto cursor = ParseCursor(QueryValue(request.query, "after").value_or("0.0"));
  if (!cursor) return respond(BadRequest("after: take it from `next` of the page before"));
  std::string subject = QueryValue(request.query, "subject").value_or("");
  std::make_shared<Listing>(loops, *cursor, *limit, std::move(subject), respond)->Next();
}

void CloseConnection(const Loops& loops, const admin::Request& request,
                     const admin::Respond& respond) {
  const auto name = ParseConnectionName(QueryValue(request.query, "id").value_or(""));
  if (!name) return respond(BadRequest("id: take it from the list of connections"));
  const auto answer = [respond](bool found) {
    respond(found ? JsonAnswer(json::object{{"closed", true}})
                  : admin::Response{.status = 404, .body = "there is no such connection\n"});
  };
  if (name->loop >= loops.size()) return answer(false);
  loops[name->loop]->CloseConnection(name->id, answer);
}

// Connections per map over the loops, one after the other.
struct SubscriberSum : std::enable_shared_from_this<SubscriberSum> {
  SubscriberSum(const Loops& loops_in, size_t limit_in, admin::Respond respond_in)
      : loops(loops_in), limit(limit_in), respond(std::move(respond_in)) {}

  void Next() {
    if (at == loops.size()) return Answer();
    loops[at++]->CountSubscribers([self = shared_from_this()](const SubscriberCounts& counts) {
      for (const auto& [map, connections] : counts.maps) self->maps[map] += connections;
      self->truncated = self->truncated || counts.truncated;
      self->Next();
    });
  }

  void Answer() const {
    std::vector<std::pair<uint64_t, std::string>> most;
    most.reserve(maps.size());
    for (const auto& [map, connections] : maps) most.emplace_back(connections, map);
    std::sort(most.rbegin(), most.rend());
    json::array shown;
    for (size_t i = 0; i < std::min(most.size(), limit); ++i) {
      shown.push_back({{"map", most[i].second}, {"connections", most[i].first}});
    }
    respond(JsonAnswer(json::object{
        {"maps", maps.size()}, {"truncated", truncated}, {"subscriptions", std::move(shown)}}));
  }

  const Loops& loops;
  const size_t limit;
  const admin::Respond respond;
  size_t at = 0;
  std::map<std::string, uint64_t> maps;
  bool truncated = false;
};

void ListSubscriptions(const Loops& loops, const admin::Request& request,
                       const admin::Respond& respond) {
  const std::optional<size_t> limit = LimitOf(request.query);
  if (!limit) return respond(BadRequest("limit: a whole number from 1 to 1000"));
  std::make_shared<SubscriberSum>(loops, *limit, respond)->Next();
}

// Only GET.
template <typename Show>
std::function<void(const admin::Request&, admin::Respond)> ReadOnly(const Loops& loops, Show show) {
  return [&loops, show](const admin::Request& request, const admin::Respond& respond) {
    if (request.method != "GET" && request.method != "HEAD") {
      return respond({.status = 405, .body = "method not allowed\n"});
    }
    show(loops, request, respond);
  };
}

}  // namespace

std::string FormatConnectionName(const ConnectionName& name) {
  return std::to_string(name.loop) + "." + std::to_string(name.id.slot) + "." +
         std::to_string(name.id.generation);
}

std::optional<ConnectionName> ParseConnectionName(std::string_view text) {
  std::array<uint32_t, 3> numbers{};
  for (size_t i = 0; i < numbers.size(); ++i) {
    const size_t dot = text.find('.');
    const bool last = i + 1 == numbers.size();
    if (last != (dot == std::string_view::npos)) return std::nullopt;
    const auto number = WholeNumber(text.substr(0, dot));
    if (!number || *number > UINT32_MAX) return std::nullopt;
    numbers[i] = static_cast<uint32_t>(*number);
    if (!last) text.remove_prefix(dot + 1);
  }
  return ConnectionName{numbers[0], {.slot = numbers[1], .generation = numbers[2]}};
}

void MountOperatorEndpoints(admin::AdminServer& server, const Loops& loops) {
  server.HandleLater("/connections", ReadOnly(loops, &ListConnections));
  server.HandleLater("/subscriptions", ReadOnly(loops, &ListSubscriptions));
  server.HandleCommandLater("/connections/close",
                            [&loops](const admin::Request& request, const admin::Respond& respond) {
                              CloseConnection(loops, request, respond);
                            });
}

}  // namespace topgun::gateway
