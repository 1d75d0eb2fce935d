// Clients that search, and a cluster that answers when told to.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gateway_fakes.h"
#include "msgpack/reader.h"
#include "search/searches.h"
#include "state/cell.h"
#include "wire/client_encode.h"

namespace topgun::gateway {

class FakeSearcher final : public MapSearcher {
 public:
  void Search(SearchRequest request, Done done) override {
    calls.emplace_back(std::move(request), std::move(done));
  }

  // Answers the oldest call.
  void Answer(std::vector<SearchHit> hits) {
    Pop()(SearchHits(std::make_shared<const std::vector<SearchHit>>(std::move(hits))));
  }
  void Fail(const Status& status = Unavailable("no sync replica is up")) { Pop()(status); }

  std::deque<std::pair<SearchRequest, Done>> calls;

 private:
  Done Pop() {
    Done done = std::move(calls.front().second);
    calls.pop_front();
    return done;
  }
};

class SearchClient {
 public:
  explicit SearchClient(DispatchHarness& gateway)
      : gateway_(gateway), handler_(&gateway.table.OnOpen(session)) {}
  ~SearchClient() { Leave(); }
  SearchClient(const SearchClient&) = delete;
  SearchClient& operator=(const SearchClient&) = delete;

  void Leave() {
    if (handler_ != nullptr) std::exchange(handler_, nullptr)->OnClosed(CloseCause::kPeer);
  }
  void Search(std::string_view id, std::string_view query = "word", wire::SearchFrame frame = {}) {
    Send(Fill(frame, id, query), wire::EncodeSearch);
  }
  void Subscribe(std::string_view id, std::string_view query = "word",
                 wire::SearchFrame frame = {}) {
    Send(Fill(frame, id, query), wire::EncodeSearchSub);
  }
  void Unsubscribe(std::string_view id) {
    Send(wire::SearchUnsubFrame{.subscription_id = id}, wire::EncodeSearchUnsub);
  }
  void Write(std::string_view key) {
    wire::Op op;
    op.kind = wire::OpKind::kPut;
    op.map = "m";
    op.key = key;
    op.value = "\x01";
    op.id = "1";
    op.has_id = true;
    op.has_timestamp = true;
    op.timestamp = {1, 0, "n"};
    Send(op, [](const wire::Op& put, std::string& out) { wire::EncodeClientOp(put, out); });
  }

  // e.g. "r1[a:0.5 b:0.25] s1:ENTER:a:0.5 r2!too many searches"
  std::string Heard() {
    std::string text;
    for (const std::string& bytes : std::exchange(session.frames, {})) {
      wire::ServerFrame frame;
      EXPECT_TRUE(wire::DecodeServerFrame(bytes, frame).ok());
      if (!text.empty()) text.push_back(' ');
      text.append(Describe(frame));
    }
    return text;
  }

  FakeSession session;

 private:
  static const wire::SearchFrame& Fill(wire::SearchFrame& frame, std::string_view id,
                                       std::string_view query) {
    frame.id = id;
    frame.query = query;
    if (frame.map.empty()) frame.map = "m";
    return frame;
  }
  template <typename Frame, typename Encode>
  void Send(const Frame& frame, Encode encode) {
    std::string bytes;
    encode(frame, bytes);
    handler_->OnMessage(bytes, true);
  }

  static std::string Score(const wire::SearchHit& hit) {
    char text[32];
    std::snprintf(text, sizeof text, ":%g", hit.score);
    return std::string(hit.key) + text;
  }
  static std::string Describe(const wire::ServerFrame& frame) {
    std::string text;
    if (frame.type == wire::FrameType::kSearchUpdate) {
      return text.append(frame.search_update.subscription_id)
          .append(":")
          .append(Name(frame.search_update.change))
          .append(":")
          .append(Score(frame.search_update.hit));
    }
    if (frame.type != wire::FrameType::kSearchResp) return std::string(Name(frame.type));
    text.append(frame.search_resp.request_id);
    if (frame.search_resp.error) return text.append("!").append(*frame.search_resp.error);
    text.append("[");
    for (const wire::SearchHit& hit : frame.search_resp.results) {
      if (text.back() != '[') text.push_back(' ');
      text.append(Score(hit));
    }
    return text.append("]");
  }

  DispatchHarness& gateway_;
  SessionHandler* handler_;
};

struct SearchHappening {
  std::string_view key = "k";
  std::string_view map = "m";
  state::CellKind kind = state::CellKind::kLww;
};

class SearchTest : public ::testing::Test {
 protected:
  explicit SearchTest(const SearchOptions& options = {})
      : searches_(
            options, gateway_.source, searcher_, gateway_.fan_out,
            [this](std::chrono::milliseconds delay, std::function<void()> task) {
              EXPECT_EQ(delay, SearchOptions().live.gather);
              timers_.push_back(std::move(task));
            },
            probe_, gateway_.clock) {
    searches_.Bind(gateway_.context);
    gateway_.searches.real = &searches_;
    Tick();
  }
  ~SearchTest() override { gateway_.searches.real = nullptr; }

  void Tick(std::chrono::milliseconds later = ConnectionTable::kTick) {
    gateway_.Tick(later);
    searches_.Tick(gateway_.now);
  }
  void Happen(const SearchHappening& what = {}) {
    state::CellView cell;
    cell.timestamp = {1'700'000'000'000 - 100, 0, "n"};
    cell.value = "\x01";
    const std::string bytes = state::EncodeCell(cell);
    searches_.changes().OnChange(
        {.map = what.map, .kind = what.kind, .key = what.key, .cell = bytes});
  }
  // The time to gather changes is over.
  void Gathered() {
    for (const auto& task : std::exchange(timers_, {})) task();
  }
  // The keys that the oldest call is about, sorted.
  std::string Asked() {
    if (searcher_.calls.empty()) return "nothing";
    std::vector<std::string> keys = searcher_.calls.front().first.keys;
    std::sort(keys.begin(), keys.end());
    std::string text;
    for (const std::string& key : keys) text += (text.empty() ? "" : " ") + key;
    return text;
  }
  // A client whose live search s has these results.
  void Settle(SearchClient& client, std::vector<SearchHit> hits = {}) {
    client.Subscribe("s");
    searcher_.Answer(std::move(hits));
    client.session.frames.clear();
  }
  double Metric(const std::string& name) const {
    const std::string text = "\n" + gateway_.registry.Render();
    const size_t at = text.find("\n" + name + " ");
    return at == std::string::npos ? -1 : std::stod(text.substr(at + name.size() + 2));
  }

  DispatchHarness gateway_;
  FakeSearcher searcher_;
  SearchProbe probe_{gateway_.registry, 0};
  std::deque<std::function<void()>> timers_;
  Searches searches_;
};

}  // namespace topgun::gateway
