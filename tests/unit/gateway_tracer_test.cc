// Which frames a gateway traces, and the spans that they cause: as a collector gets them.
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "backend/shard_lane.h"
#include "gateway_fakes.h"
#include "http/router.h"
#include "request_tracer.h"
#include "support/span_collector.h"
#include "tracer.h"
#include "wire/client_encode.h"

namespace topgun::gateway {
namespace {

using std::chrono::milliseconds;
using support::CollectedSpan;
using support::SpanCollector;

constexpr std::string_view kTrace = "0af7651916cd43dd8448eb211c80319c";
constexpr std::string_view kCaller = "b7ad6b7169203331";

std::string Traceparent(bool sampled = true) {
  return "00-" + std::string(kTrace) + "-" + std::string(kCaller) + (sampled ? "-01" : "-00");
}

class TracerTest : public testing::Test {
 protected:
  void Start(double ratio = 0, uint32_t per_second_max = 1'000) {
    tracing::Options options = collector_.options();
    options.sample_ratio = ratio;
    options.traces_per_second_max = per_second_max;
    spans_ = std::make_unique<tracing::Recorder>(
        options, tracing::Resource{.service = "topgun-gateway", .instance = "a"}, registry_,
        SpanCollector::limits());
    spans_->Start();
    hops_.set_every(0);
    tracer_ = std::make_unique<Tracer>(&hops_, spans_.get());
  }
  std::unique_ptr<Tracer::Upgrade> Upgrade(std::string traceparent, std::string target = "/ws") {
    return tracer_->Upgraded(
        {.host = "h", .target = std::move(target), .traceparent = std::move(traceparent)}, Now());
  }
  std::unique_ptr<Tracer::Frame> Follow(Tracer::Upgrade* upgrade = nullptr) {
    auto frame = tracer_->Follow(Now(), upgrade, nullptr);
    if (frame != nullptr) frame->type = "OP_BATCH";
    return frame;
  }
  static Tracer::Time Now() { return std::chrono::steady_clock::now(); }
  std::vector<CollectedSpan> WaitFor(size_t count) { return collector_.WaitFor(count); }

  SpanCollector collector_;
  metrics::Registry registry_;
  hops::Recorder hops_;
  std::unique_ptr<tracing::Recorder> spans_;
  std::unique_ptr<Tracer> tracer_;
};

TEST_F(TracerTest, AFrameOfATracedConnectionIsBelowItsUpgrade) {
  Start();
  const auto upgrade = Upgrade(Traceparent());
  ASSERT_NE(upgrade, nullptr);
  const auto frame = Follow(upgrade.get());
  ASSERT_NE(frame, nullptr);
  ASSERT_NE(frame->traced, nullptr);
  tracer_->FrameAcked(*frame);
  const auto spans = WaitFor(2);
  const CollectedSpan get = SpanCollector::Find(spans, "GET /ws");
  const CollectedSpan batch = SpanCollector::Find(spans, "OP_BATCH");
  EXPECT_EQ(get.trace, kTrace);
  EXPECT_EQ(get.parent, kCaller);
  EXPECT_EQ(batch.trace, kTrace);
  EXPECT_EQ(batch.parent, get.span);
}

TEST_F(TracerTest, BrowsersNameTheTraceInTheQuery) {
  Start();
  EXPECT_NE(Upgrade("", "/ws?a=b&traceparent=" + Traceparent()), nullptr);
  EXPECT_EQ(Upgrade("", "/ws?xtraceparent=" + Traceparent()), nullptr);
  EXPECT_EQ(Upgrade("", "/ws?traceparent=x"), nullptr);
  EXPECT_EQ(Upgrade("garbage", "/ws"), nullptr);
  EXPECT_EQ(WaitFor(1).size(), 1U);
}

TEST_F(TracerTest, TheCallerDecidesNotToTrace) {
  Start(1.0);
  const auto upgrade = Upgrade(Traceparent(false));
  ASSERT_NE(upgrade, nullptr);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(Follow(upgrade.get()), nullptr);
  EXPECT_NE(Follow(), nullptr) << "others are traced by the ratio";
}

TEST_F(TracerTest, WithoutRatioAndTraceparentNothingIsTraced) {
  Start(0);
  for (int i = 0; i < 10'000; ++i) ASSERT_EQ(Follow(), nullptr);
  EXPECT_EQ(tracer_->Ask("QUERY_SUB", "m", Now(), nullptr), nullptr);
}

TEST_F(TracerTest, ATraceDoesNotGrowForever) {
  Start();
  const auto upgrade = Upgrade(Traceparent());
  for (size_t i = 0; i < Tracer::kFramesPerUpgradeMax; ++i) {
    ASSERT_NE(Follow(upgrade.get()), nullptr) << i;
  }
  EXPECT_EQ(Follow(upgrade.get()), nullptr);
}

TEST_F(TracerTest, TheRateIsLimited) {
  Start(1.0, 0);
  EXPECT_EQ(Follow(), nullptr);
  EXPECT_EQ(tracer_->Ask("QUERY_SUB", "m", Now(), nullptr), nullptr);
}

TEST_F(TracerTest, AConnectionFollowsOneFrameAtATime) {
  Start(1.0);
  auto first = Follow();
  const Tracer::Frame* const followed = first.get();
  first = tracer_->Follow(followed->received + milliseconds(1), nullptr, std::move(first));
  EXPECT_EQ(first.get(), followed);
  first = tracer_->Follow(followed->received + milliseconds(60'000), nullptr, std::move(first));
  EXPECT_NE(first.get(), followed) << "the first one was given up";
  EXPECT_EQ(WaitFor(1).at(0).error, "no acknowledgement so far");
}

TEST_F(TracerTest, APartIsBelowOneFrameAndTheOthersLinkToIt) {
  Start(1.0);
  Probe probe(registry_, 0);
  MemoryBudget budget(1'000'000, probe);
  class NoObserver final : public WriteObserver {
   public:
    void OnOpDone(const OpRef&, OpOutcome) override {}
    void OnConcernMet(const OpRef&, wire::WriteConcern) override {}
    void OnOpReopened(const OpRef&) override {}
    void OnRestamped(const OpRef&, const RestampedOp&) override {}
    bool AwaitsAck(const OpRef&) const override { return false; }
  } observer;
  ShardLane lane(3, budget, observer);
  wire::Op op;
  op.kind = wire::OpKind::kPut;
  op.map = "m";
  op.key = "k";
  op.value = "v";
  const auto append = [&](uint32_t connection) {
    const OpRef ref{.connection = {.slot = connection, .generation = 1}, .op = 0};
    lane.Append(op, wire::WriteConcern::kApplied, "o", ref);
    auto frame = Follow();
    lane.Follow(ref, *tracer_, *frame);
    return frame;
  };
  const auto first = append(1);
  const auto second = append(2);
  int there = 0;
  lane.MoveTo(reinterpret_cast<Replica*>(&there), Now());  // lanes only compare replicas
  const PartPtr part = lane.TakeNext(Now());
  ASSERT_NE(part, nullptr);
  const auto sent = tracing::ParseContext(part->message().context().traceparent(),
                                          part->message().context().tracestate());
  ASSERT_TRUE(sent);
  EXPECT_EQ(sent->span, part->traced()->context.span);

  Tracer::Part result{
      .trace = part->trace(), .started = Now(), .sent = Now(), .written = Now(), .arrived = Now()};
  result.replica = "sync:9000";
  result.traced = part->traced();
  result.code = static_cast<int>(StatusCode::kUnavailable);
  tracer_->PartAnswered(result, Now());  // it will be sent again
  result.code = 0;
  tracer_->PartAnswered(result, Now());
  tracer_->FrameAcked(*first);
  tracer_->FrameAcked(*second);
  const auto spans = WaitFor(4);
  ASSERT_EQ(spans.size(), 4U);
  const CollectedSpan call = SpanCollector::Find(spans, "topgun.sync.v1.Sync/Apply");
  EXPECT_EQ(call.parent, tracing::SpanIdText(first->traced->context.span));
  EXPECT_EQ(call.attributes.at("rpc.system"), "grpc");
  EXPECT_EQ(call.attributes.at("rpc.grpc.status_code"), "0");
  EXPECT_EQ(call.attributes.at("server.address"), "sync:9000");
  EXPECT_EQ(SpanCollector::Find(spans, "lane").parent, call.parent);
  for (const CollectedSpan& span : spans) {
    if (span.span != tracing::SpanIdText(second->traced->context.span)) continue;
    EXPECT_EQ(span.links, std::vector<std::string>{call.span});
  }
}

TEST_F(TracerTest, AnEventIsBelowTheCommitThatCausedIt) {
  Start();
  const auto commit = tracing::ParseContext(Traceparent(), "");
  tracer_->EventQueued({.arrived = Now(), .handled = Now(), .changes = 2, .commits = {*commit}});
  const auto spans = WaitFor(1);
  ASSERT_EQ(spans.size(), 1U);
  EXPECT_EQ(spans[0].name, "deliver");
  EXPECT_EQ(spans[0].parent, kCaller);
  EXPECT_EQ(spans[0].trace, kTrace);
  EXPECT_EQ(spans[0].attributes.at("topgun.changes"), "2");
}

TEST_F(TracerTest, AQuestionHasItsCallsBelowIt) {
  Start(1.0);
  const auto question = tracer_->Ask("QUERY_SUB", "todos", Now(), nullptr);
  ASSERT_NE(question, nullptr);
  {
    const Tracer::Scope scope(*tracer_, question);
    EXPECT_EQ(tracer_->current(), question);
  }
  EXPECT_EQ(tracer_->current(), nullptr);
  const Tracer::Traced call = tracer_->TraceCall(*question);
  tracer_->CallEnded(call, "/topgun.sync.v1.Sync/ReadMap", "sync:9000", Now(), Unavailable("away"));
  tracer_->Answered(*question);
  const auto spans = WaitFor(2);
  const CollectedSpan asked = SpanCollector::Find(spans, "QUERY_SUB");
  const CollectedSpan read = SpanCollector::Find(spans, "topgun.sync.v1.Sync/ReadMap");
  EXPECT_EQ(asked.parent, "");
  EXPECT_EQ(asked.attributes.at("topgun.map"), "todos");
  EXPECT_EQ(read.parent, asked.span);
  EXPECT_EQ(read.error, "away");
}

// ---- HTTP ----

class RequestTracerTest : public TracerTest {
 protected:
  void Mount(double ratio = 0) {
    Start(ratio);
    requests_ = std::make_unique<RequestTracer>(*tracer_);
    router_.set_tracing(*requests_);
    for (const char* const path : {"/sync", "/health", "/admin"}) {
      router_.Add({.method = "POST",
                   .path = path,
                   .summary = path,
                   .admin = path == std::string("/admin"),
                   .traced = path != std::string("/health")},
                  [this](const RoutedRequest&, gateway::Respond respond) {
                    in_request_ = tracer_->current();
                    respond_ = std::move(respond);
                  });
    }
  }
  void Post(std::string_view path, const std::string& traceparent = {}) {
    in_request_.reset();
    HttpRequest request;
    request.method = "POST";
    request.path = path;
    if (!traceparent.empty()) request.headers.emplace_back("Traceparent", traceparent);
    router_.Handle(request, [](const HttpResponse&) {});
  }
  void Respond(int status) {
    respond_({.status = status, .content_type = {}, .body = {}, .headers = {}});
  }

  std::unique_ptr<RequestTracer> requests_;
  Router router_{{}, registry_, 0};
  Tracer::QuestionPtr in_request_;
  gateway::Respond respond_;
};

TEST_F(RequestTracerTest, ARequestIsBelowItsCallerUntilItIsAnswered) {
  Mount();
  Post("/sync", Traceparent());
  ASSERT_NE(in_request_, nullptr) << "what the endpoint begins is to be below the request";
  EXPECT_EQ(tracer_->current(), nullptr) << "what comes later is not";
  Respond(200);
  Post("/sync", Traceparent());
  Respond(503);
  const auto spans = WaitFor(2);
  ASSERT_EQ(spans.size(), 2U);
  for (const CollectedSpan& span : spans) {
    EXPECT_EQ(span.name, "POST /sync");
    EXPECT_EQ(span.kind, 2);
    EXPECT_EQ(span.trace, kTrace);
    EXPECT_EQ(span.parent, kCaller);
    EXPECT_EQ(span.attributes.at("http.route"), "/sync");
    EXPECT_EQ(span.attributes.at("http.request.method"), "POST");
    EXPECT_FALSE(span.attributes.contains("topgun.map"));
  }
  EXPECT_EQ(spans[0].attributes.at("http.response.status_code"), "200");
  EXPECT_EQ(spans[0].error, "");
  EXPECT_EQ(spans[1].error, "status 503");
}

TEST_F(RequestTracerTest, TheCallerDecidesAndOthersAreTracedByTheRatio) {
  Mount(1.0);
  Post("/sync", Traceparent(false));
  EXPECT_EQ(in_request_, nullptr);
  for (const char* const traceparent : {"", "garbage"}) {
    Post("/sync", traceparent);
    ASSERT_NE(in_request_, nullptr) << traceparent;
    EXPECT_EQ(in_request_->traced.parent, 0U);
  }
}

TEST_F(RequestTracerTest, ProbesOperatorsAndWhatIsNotThereHaveNoSpans) {
  Mount(1.0);
  for (const char* const path : {"/health", "/admin", "/none"}) {
    Post(path, Traceparent());
    EXPECT_EQ(in_request_, nullptr) << path;
  }
  Post("/sync");
  Respond(200);
  EXPECT_EQ(WaitFor(1).size(), 1U);
}

TEST_F(RequestTracerTest, WithoutARatioAndATraceparentNothingIsTraced) {
  Mount(0);
  for (int i = 0; i < 1'000; ++i) {
    Post("/sync");
    ASSERT_EQ(in_request_, nullptr);
  }
}

// ---- Writes without a ledger ----

class TracedDispatchTest : public TracerTest {
 protected:
  void Open() {
    Start(1.0);
    harness_ = std::make_unique<DispatchHarness>(false, DispatchOptions(), FanOutOptions(),
                                                 DispatchHarness::SingleNode(), AccessGateOptions(),
                                                 spans_.get());
  }
  void AnswerWrites(OpOutcome outcome) {
    harness_->sink.Answer(harness_->written, outcome);
    harness_->turns.Run();
  }
  static wire::Op Put() {
    wire::Op op;
    op.map = "m";
    op.key = "k";
    op.value = "\x01";
    op.kind = wire::OpKind::kPut;
    return op;
  }

  std::unique_ptr<DispatchHarness> harness_;
};

TEST_F(TracedDispatchTest, AWriteIsBelowTheQuestionThatItIsMadeFor) {
  Open();
  Tracer& tracer = harness_->probe.tracer();
  const auto question = tracer.Ask("POST /sync", "", Now(), nullptr);
  ASSERT_NE(question, nullptr);
  const std::vector<wire::Op> ops = {Put()};
  const auto ignore = [](std::span<const OpOutcome>) {};
  {
    const Tracer::Scope scope(tracer, question);
    harness_->detached.Write(ops, "", ignore);
  }
  harness_->detached.Write(ops, "", ignore);  // for nobody
  AnswerWrites(OpOutcome::kOverloaded);
  tracer.Answered(*question);
  const auto spans = WaitFor(2);
  ASSERT_EQ(spans.size(), 2U);
  const CollectedSpan write = SpanCollector::Find(spans, "write");
  EXPECT_EQ(write.parent, tracing::SpanIdText(question->traced.context.span));
  EXPECT_EQ(write.attributes.at("topgun.ops"), "1");
  EXPECT_EQ(write.error, "some operations were not confirmed");
}

TEST_F(TracedDispatchTest, APushEndsWithTheLastOfItsPieces) {
  Open();
  FakeSession session;
  SessionHandler& connection = harness_->table.OnOpen(session);
  wire::OrMapPushDiffFrame push;
  push.map = "m";
  push.entries.AddKey("a");
  push.entries.AddRecord({.value = "\x01", .timestamp = {5, 0, "c"}, .tag = "t"});
  push.entries.AddTombstone("dead");
  std::string frame;
  wire::EncodeOrMapPushDiff(push, frame);
  connection.OnMessage(frame, true);
  harness_->turns.Run();
  AnswerWrites(OpOutcome::kApplied);  // the record
  harness_->trees.Resolve({{"dead", ResolvedTag{.state = TagState::kLive, .key = "z"}}});
  auto spans = WaitFor(1);
  EXPECT_EQ(SpanCollector::Find(spans, "ORMAP_PUSH_DIFF").span, "") << "the tombstone is not there";
  AnswerWrites(OpOutcome::kApplied);  // its removal
  harness_->trees.Resolve({{"dead", ResolvedTag{.state = TagState::kDead, .key = "z"}}});
  harness_->turns.Run();
  spans = WaitFor(3);
  ASSERT_EQ(spans.size(), 3U);
  const CollectedSpan whole = SpanCollector::Find(spans, "ORMAP_PUSH_DIFF");
  EXPECT_EQ(whole.attributes.at("topgun.map"), "m");
  EXPECT_EQ(whole.error, "");
  for (const CollectedSpan& span : spans) {
    if (span.name == "write") {
      EXPECT_EQ(span.parent, whole.span);
    }
  }
  connection.OnClosed(CloseCause::kPeer);
}

TEST_F(TracerTest, SlowFramesAndErrorsHaveSpansOfTheirOwn) {
  Start(0);
  EXPECT_EQ(tracer_->slow_seconds(), 1.0);
  tracer_->FrameWasSlow(Now(), nullptr);
  tracer_->ErrorSent(429, "slow down", Now(), nullptr);
  const auto spans = WaitFor(2);
  EXPECT_EQ(SpanCollector::Find(spans, "slow write").attributes.at("topgun.slow"), "true");
  const CollectedSpan error = SpanCollector::Find(spans, "ERROR");
  EXPECT_EQ(error.error, "slow down");
  EXPECT_EQ(error.attributes.at("error.type"), "429");
}

TEST_F(TracerTest, WithoutAnEndpointNothingIsTraced) {
  tracing::Recorder off({.sample_ratio = 1}, {}, registry_);
  hops_.set_every(0);
  Tracer tracer(&hops_, &off);
  EXPECT_FALSE(tracer.exports());
  EXPECT_EQ(tracer.Upgraded({.host = "h", .target = "/ws", .traceparent = Traceparent()}, Now()),
            nullptr);
  EXPECT_EQ(tracer.Follow(Now(), nullptr, nullptr), nullptr);
  tracer.ErrorSent(400, "bad", Now(), nullptr);
  EXPECT_EQ(tracer.slow_seconds(), std::numeric_limits<double>::infinity());
}

}  // namespace
}  // namespace topgun::gateway
