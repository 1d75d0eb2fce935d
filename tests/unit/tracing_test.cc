// Trace contexts, sampling, and the export to a collector that takes spans, refuses them, is slow
// or away.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>

#include "support/http_server.h"
#include "support/span_collector.h"
#include "support/wait.h"
#include "tracing/recorder.h"

namespace topgun::tracing {
namespace {

using support::CollectedSpan;
using support::HttpServer;
using support::ServerAnswer;
using support::ServerRequest;
using support::SpanCollector;
using support::WaitUntil;
using testing::HasSubstr;

constexpr std::string_view kParent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

// ---- W3C Trace Context ----

TEST(ContextTest, AValidTraceparentRoundTrips) {
  const auto context = ParseContext(kParent, "vendor=1,tenant@sys=a b");
  ASSERT_TRUE(context);
  EXPECT_EQ(context->trace_high, 0x0af7651916cd43ddULL);
  EXPECT_EQ(context->trace_low, 0x8448eb211c80319cULL);
  EXPECT_EQ(context->span, 0xb7ad6b7169203331ULL);
  EXPECT_TRUE(context->sampled);
  EXPECT_EQ(context->state, "vendor=1,tenant@sys=a b");
  EXPECT_EQ(Traceparent(*context), kParent);
  EXPECT_EQ(TraceIdText(*context), "0af7651916cd43dd8448eb211c80319c");
}

TEST(ContextTest, OnlyTheSampledFlagCounts) {
  std::string text(kParent);
  text.replace(53, 2, 1, '0').append("2");  // "02": the random flag of level 2
  EXPECT_FALSE(ParseContext(text, "")->sampled);
  text.replace(53, 2, 2, 'f');
  EXPECT_TRUE(ParseContext(text, "")->sampled);
}

TEST(ContextTest, LaterVersionsMayHaveMore) {
  const std::string later = "cc" + std::string(kParent.substr(2));
  EXPECT_TRUE(ParseContext(later, ""));
  EXPECT_TRUE(ParseContext(later + "-what-will-be", ""));
  EXPECT_FALSE(ParseContext(later + ".what", ""));
}

TEST(ContextTest, MalformedTraceparentsCountAsNone) {
  const std::string id = "0af7651916cd43dd8448eb211c80319c";
  for (const std::string& text : std::vector<std::string>{
           std::string(),
           std::string(kParent.substr(0, 54)),
           std::string(kParent) + "-00",  // version 00 ends here
           std::string(kParent) + " ",
           "ff" + std::string(kParent.substr(2)),
           "0g" + std::string(kParent.substr(2)),
           "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
           "00-" + std::string(32, '0') + "-b7ad6b7169203331-01",
           "00-" + id + "-0000000000000000-01",
           "00-" + id + "-b7ad6b7169203331-0x",
           "00_" + id + "-b7ad6b7169203331-01",
           "00-" + id + "_b7ad6b7169203331-01",
           "00-" + id + "-b7ad6b7169203331_01",
       }) {
    EXPECT_FALSE(ParseContext(text, "vendor=1")) << text;
  }
}

TEST(ContextTest, AMalformedTracestateIsDroppedAlone) {
  std::string many;
  for (int i = 0; i < 33; ++i) many += "k" + std::to_string(i) + "=v,";
  for (const std::string& state :
       {std::string("novalue"), std::string("=v"), std::string("k="), std::string("K=v"),
        std::string("k=v,k=w"), std::string("k=a=b"), std::string("a@b@c=v"), std::string("a@1b=v"),
        std::string("k=\x01"), many, "k=" + std::string(600, 'v')}) {
    const auto context = ParseContext(kParent, state);
    ASSERT_TRUE(context) << state;
    EXPECT_EQ(context->state, "") << state;
  }
  for (const std::string& state : {std::string("a=1, b=2"), std::string("a=1,,b=2"),
                                   std::string("0vendor*/_-=x"), std::string()}) {
    EXPECT_EQ(ParseContext(kParent, state)->state, state);
  }
}

// ---- Sampling ----

TEST(RatioSamplerTest, PicksAboutTheShareItIsGiven) {
  RatioSampler never(0);
  RatioSampler always(1);
  RatioSampler some(0.1, 7);
  int picked = 0;
  for (int i = 0; i < 100'000; ++i) {
    ASSERT_FALSE(never.Due());
    ASSERT_TRUE(always.Due());
    picked += some.Due() ? 1 : 0;
  }
  EXPECT_GT(picked, 9'000);
  EXPECT_LT(picked, 11'000);
}

TEST(RateLimitTest, LetsSoManyThroughPerSecond) {
  RateLimit limit(3);
  const RateLimit::Time start{std::chrono::seconds(100)};
  EXPECT_TRUE(limit.Allow(start) && limit.Allow(start) && limit.Allow(start));
  EXPECT_FALSE(limit.Allow(start));
  EXPECT_FALSE(limit.Allow(start + std::chrono::milliseconds(300)));
  EXPECT_TRUE(limit.Allow(start + std::chrono::milliseconds(400)));
  EXPECT_FALSE(limit.Allow(start + std::chrono::milliseconds(400)));
  EXPECT_FALSE(RateLimit(0).Allow(start));
}

// ---- Settings ----

TEST(SettingsTest, TheEndpointIsCheckedAndCompleted) {
  for (const char* const endpoint :
       {"http://host:4318", "http://host:4318/", "http://host:4318/v1/traces"}) {
    EXPECT_EQ(*TracesUrl({.endpoint = endpoint}), "http://host:4318/v1/traces");
  }
  EXPECT_EQ(*TracesUrl({.endpoint = "https://a/b"}), "https://a/b/v1/traces");
  for (const char* const endpoint : {"host:4318", "grpc://host:4317", "http://", "http:///x",
                                     "http://a b", "http://u:p@host", "http://host?x=1"}) {
    EXPECT_FALSE(TracesUrl({.endpoint = endpoint}).ok()) << endpoint;
  }
}

TEST(SettingsTest, HeadersAreCheckedAndNotRepeated) {
  EXPECT_EQ(*HeaderLines({.headers = "Authorization=Basic%20Zm9v, x-scope = a=b ,"}),
            (std::vector<std::string>{"Authorization: Basic Zm9v", "x-scope: a=b"}));
  EXPECT_TRUE(HeaderLines({})->empty());
  for (const char* const headers : {"secret", "=secret", "a b=secret", "a=sec%0aret", "a=%4"}) {
    const auto lines = HeaderLines({.headers = headers});
    ASSERT_FALSE(lines.ok()) << headers;
    EXPECT_EQ(Message(lines.status()).find("secret"), std::string_view::npos);
  }
}

// ---- Export ----

class ExportTest : public testing::Test {
 protected:
  void Serve(HttpServer::Answer answer) {
    server_ = std::make_unique<HttpServer>(std::move(answer));
    options_.endpoint = "http://127.0.0.1:" + std::to_string(server_->port());
  }
  Recorder& Start() {
    recorder_ = std::make_unique<Recorder>(
        options_, Resource{.service = "topgun-test", .instance = "one"}, registry_, limits_);
    recorder_->Start();
    return *recorder_;
  }
  Span NewSpan(std::string name = "work") {
    Span span;
    span.context = recorder_->NewTrace();
    span.name = std::move(name);
    span.start = std::chrono::steady_clock::now();
    span.end = span.start + std::chrono::milliseconds(3);
    return span;
  }
  void Add(int count) {
    for (int i = 0; i < count; ++i) recorder_->Add(NewSpan());
  }
  // The value of a counter, as it is scraped.
  double Metric(const std::string& series) {
    const std::string text = "\n" + registry_.Render();
    const size_t at = text.find("\n" + series + " ");
    if (at == std::string::npos) return -1;
    return std::stod(text.substr(at + series.size() + 2));
  }
  double Dropped(const std::string& reason) {
    return Metric("tracing_spans_dropped_total{reason=\"" + reason + "\"}");
  }
  double Exported() { return Metric("tracing_spans_exported_total"); }
  std::vector<CollectedSpan> Collected() {
    std::vector<CollectedSpan> spans;
    for (const ServerRequest& request : server_->requests()) {
      for (CollectedSpan& span : support::ParseSpans(request.body)) spans.push_back(span);
    }
    return spans;
  }

  metrics::Registry registry_;
  Options options_;
  ExportLimits limits_{.delay = std::chrono::milliseconds(10),
                       .backoff = std::chrono::milliseconds(1),
                       .backoff_max = std::chrono::milliseconds(2),
                       .flush = std::chrono::seconds(20)};
  std::unique_ptr<HttpServer> server_;
  std::unique_ptr<Recorder> recorder_;  // ends before the server
};

TEST_F(ExportTest, ASpanArrivesWithAllThatItSays) {
  options_.headers = "x-token=a%20b";
  Serve([](const ServerRequest&) { return ServerAnswer(); });
  Recorder& recorder = Start();
  Span span = NewSpan("name \"\xff\"");
  span.context.state = "vendor=1";
  span.parent = 0xab;
  span.kind = Kind::kConsumer;
  span.attributes = {{"text", "a\nb"}, {"number", -5}, {"share", 0.5}, {"flag", true}};
  span.links = {recorder.NewTrace()};
  span.error = "it failed";
  const std::string id = SpanIdText(span.context.span);
  const std::string link = SpanIdText(span.links[0].span);
  recorder.Add(span);
  ASSERT_TRUE(WaitUntil([&] { return Exported() == 1; }));

  const ServerRequest request = server_->requests().at(0);
  EXPECT_THAT(request.head, HasSubstr("POST /v1/traces HTTP/1.1"));
  EXPECT_THAT(request.head, HasSubstr("Content-Type: application/json\r\n"));
  EXPECT_THAT(request.head, HasSubstr("x-token: a b\r\n"));
  EXPECT_THAT(request.body,
              HasSubstr("\"service.instance.id\",\"value\":{\"stringValue\":\"one\"}"));
  EXPECT_THAT(request.body, HasSubstr("\"traceState\":\"vendor=1\""));
  const CollectedSpan collected = Collected().at(0);
  EXPECT_EQ(collected.service, "topgun-test");
  EXPECT_EQ(collected.name, "name \"\xEF\xBF\xBD\"");
  EXPECT_EQ(collected.trace, TraceIdText(span.context));
  EXPECT_EQ(collected.span, id);
  EXPECT_EQ(collected.parent, "00000000000000ab");
  EXPECT_EQ(collected.kind, 5);
  EXPECT_EQ(collected.links, std::vector<std::string>{link});
  EXPECT_EQ(collected.error, "it failed");
  EXPECT_EQ(collected.attributes.at("text"), "a\nb");
  EXPECT_EQ(collected.attributes.at("number"), "-5");
  EXPECT_EQ(std::stod(collected.attributes.at("share")), 0.5);
  EXPECT_EQ(collected.attributes.at("flag"), "true");
}

TEST_F(ExportTest, WithoutAnEndpointNothingIsTraced) {
  options_.sample_ratio = 1;
  Recorder& recorder = Start();
  EXPECT_FALSE(recorder.enabled());
  EXPECT_EQ(recorder.sample_ratio(), 0);
  EXPECT_FALSE(recorder.Admit(std::chrono::steady_clock::now()));
  const auto caller = ParseContext(kParent, "");
  EXPECT_EQ(recorder.Child(*caller), *caller);
  Add(1);
  recorder.Stop();
  EXPECT_EQ(Exported(), 0);
}

TEST_F(ExportTest, TooManyTracesPerSecondAreCounted) {
  options_.traces_per_second_max = 2;
  Serve([](const ServerRequest&) { return ServerAnswer(); });
  Recorder& recorder = Start();
  const Time now = std::chrono::steady_clock::now();
  EXPECT_TRUE(recorder.Admit(now) && recorder.Admit(now));
  EXPECT_FALSE(recorder.Admit(now));
  EXPECT_TRUE(recorder.AdmitNotable(now)) << "has places of its own";
  EXPECT_EQ(Metric("tracing_traces_limited_total"), 1);
}

TEST_F(ExportTest, LargeAmountsTravelInBatches) {
  limits_.batch_max = 10;
  Serve([](const ServerRequest&) { return ServerAnswer(); });
  Start();
  Add(35);
  ASSERT_TRUE(WaitUntil([&] { return Exported() == 35; }));
  EXPECT_EQ(Collected().size(), 35U);
  for (const ServerRequest& request : server_->requests()) {
    EXPECT_LE(support::ParseSpans(request.body).size(), 10U);
  }
}

TEST_F(ExportTest, ACollectorThatHangsCostsSpansAndNothingElse) {
  limits_.queue_max = 20;
  limits_.batch_max = 5;
  limits_.delay = std::chrono::seconds(60);
  limits_.flush = std::chrono::milliseconds(50);
  Serve([](const ServerRequest&) { return ServerAnswer{.hang = true}; });
  Start();
  Add(5);
  ASSERT_TRUE(WaitUntil([&] { return server_->requests().size() == 1; })) << "is on its way";
  Add(30);  // returns, though nobody takes them
  EXPECT_EQ(Dropped("queue_full"), 10);
  EXPECT_EQ(Metric("tracing_spans_queued"), 20);
  recorder_->Stop();
  EXPECT_EQ(Dropped("queue_full") + Dropped("unreachable") + Dropped("shutdown"), 35);
  EXPECT_EQ(Exported(), 0);
}

TEST_F(ExportTest, AnOverloadedCollectorIsAskedAgain) {
  std::atomic<int> asked{0};
  Serve([&](const ServerRequest&) {
    return ServerAnswer{.status = ++asked < 3 ? 503 : 200, .headers = "Retry-After: 0\r\n"};
  });
  Start();
  Add(1);
  ASSERT_TRUE(WaitUntil([&] { return Exported() == 1; }));
  EXPECT_EQ(Metric("tracing_export_failures_total{reason=\"unreachable\"}"), 2);
  EXPECT_EQ(Dropped("unreachable"), 0);
}

TEST_F(ExportTest, AttemptsAreLimited) {
  limits_.attempts_max = 3;
  Serve([](const ServerRequest&) { return ServerAnswer{.status = 429}; });
  Start();
  Add(1);
  ASSERT_TRUE(WaitUntil([&] { return Dropped("unreachable") == 1; }));
  EXPECT_EQ(server_->requests().size(), 3U);
}

TEST_F(ExportTest, WhatIsRefusedIsNotSentAgain) {
  Serve([](const ServerRequest&) { return ServerAnswer{.status = 400}; });
  Start();
  Add(1);
  ASSERT_TRUE(WaitUntil([&] { return Dropped("refused") == 1; }));
  EXPECT_EQ(server_->requests().size(), 1U);
  EXPECT_EQ(Metric("tracing_export_failures_total{reason=\"refused\"}"), 1);
}

TEST_F(ExportTest, SpansThatTheCollectorRejectsAreCounted) {
  Serve([](const ServerRequest&) {
    return ServerAnswer{.body = R"({"partialSuccess":{"rejectedSpans":"2"}})"};
  });
  limits_.delay = std::chrono::seconds(60);
  limits_.batch_max = 3;
  Start();
  Add(3);
  ASSERT_TRUE(WaitUntil([&] { return Dropped("refused") == 2; }));
  EXPECT_EQ(Exported(), 1);
}

TEST_F(ExportTest, ACollectorThatIsAwayIsGivenUp) {
  {
    Serve([](const ServerRequest&) { return ServerAnswer(); });
    server_.reset();  // its port refuses connections now
  }
  limits_.attempts_max = 2;
  Start();
  Add(4);
  ASSERT_TRUE(WaitUntil([&] { return Dropped("unreachable") == 4; }));
  EXPECT_GE(Metric("tracing_export_failures_total{reason=\"unreachable\"}"), 2);
}

TEST_F(ExportTest, StoppingSendsWhatWaits) {
  limits_.delay = std::chrono::seconds(60);
  Serve([](const ServerRequest&) { return ServerAnswer(); });
  Start();
  Add(7);
  recorder_->Stop();
  EXPECT_EQ(Exported(), 7);
  Add(1);
  recorder_->Stop();
  EXPECT_EQ(Dropped("shutdown"), 1) << "came too late";
}

}  // namespace
}  // namespace topgun::tracing
