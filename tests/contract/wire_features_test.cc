// Requests of features that the server lacks: every golden one is recognised, and answered with
// the golden frame where there is one (features.md 0.4, 5, 7 to 9).
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>

#include "base/bytes.h"
#include "support/msgpack_json.h"
#include "support/vectors.h"
#include "wire/client_frame.h"

namespace topgun::wire {
namespace {

namespace json = boost::json;
using support::FromHex;
using support::Text;

// What features.md has ignored or unanswered.
const std::set<std::string>& Unanswered() {
  static const std::set<std::string> types = {"QUERY_SYNC_INIT", "HYBRID_QUERY_SUBSCRIBE",
                                              "HYBRID_QUERY_UNSUBSCRIBE", "HYBRID_SEARCH_UNSUB"};
  return types;
}

std::string Pack(std::string_view text) {
  return support::ToMsgpack(support::ParseJson(text), msgpack::Rendering::kCompact);
}

// The answer as JSON, or the service that is missing.
std::string AnswerTo(std::string_view bytes) {
  ClientFrame frame;
  const DecodeResult result = Decode(bytes, frame);
  if (!result.ok()) return std::string(Name(result.error));
  EXPECT_TRUE(IsFeatureFrame(frame.type));
  std::string answer;
  if (!EncodeFeatureAnswer(frame.type, frame.feature, answer)) {
    return std::string(ServiceOf(frame.type));
  }
  return json::serialize(msgpack::ToJson(answer));
}

TEST(WireFeaturesTest, EveryGoldenRequestIsRecognised) {
  size_t recognised = 0;
  for (const json::value& row :
       support::LoadVectors("frames_features.json").at("clientFrames").as_array()) {
    const std::string type(Text(row.at("type")));
    const std::string bytes = FromHex(Text(row.at("hex")));
    ClientFrame frame;
    const DecodeResult result = Decode(bytes, frame);
    if (Unanswered().contains(type)) {
      EXPECT_EQ(result.error, DecodeError::kUnknownType) << type;
      continue;
    }
    ASSERT_TRUE(result.ok()) << type << ": " << Name(result.error);
    EXPECT_EQ(Name(frame.type), type);
    if (IsFeatureFrame(frame.type)) ++recognised;
  }
  EXPECT_EQ(recognised, 8U);
}

TEST(WireFeaturesTest, AnswersAreTheGoldenOnes) {
  const std::map<std::string, std::string> requests = {
      {"entry_process_response", R"({"type":"ENTRY_PROCESS","requestId":"e1","mapName":"m"})"},
      {"entry_process_batch_response",
       R"({"type":"ENTRY_PROCESS_BATCH","requestId":"e2","keys":["k1"]})"},
      {"register_resolver_response", R"({"type":"REGISTER_RESOLVER","requestId":"r"})"},
      {"unregister_resolver_response", R"({"type":"UNREGISTER_RESOLVER","requestId":"r"})"},
      {"list_resolvers_response", R"({"type":"LIST_RESOLVERS","requestId":"r"})"},
      {"sql_query_resp_disabled",
       R"({"type":"SQL_QUERY","payload":{"sql":"SELECT 1","queryId":"s1"}})"},
  };
  size_t compared = 0;
  for (const json::value& row :
       support::LoadVectors("frames_features.json").at("serverFrames").as_array()) {
    const auto request = requests.find(std::string(Text(row.at("id"))));
    if (request == requests.end()) continue;
    EXPECT_EQ(AnswerTo(Pack(request->second)), json::serialize(row.at("json"))) << request->first;
    ++compared;
  }
  EXPECT_EQ(compared, requests.size());
}

TEST(WireFeaturesTest, SearchesFailAtOnceInsteadOfTimingOut) {
  EXPECT_EQ(AnswerTo(Pack(R"({"type":"HYBRID_SEARCH","payload":{"requestId":"h"}})")),
            R"({"type":"HYBRID_SEARCH_RESP","payload":{"requestId":"h","results":[],)"
            R"("searchTimeMs":0,"error":"not implemented: search"}})");
  EXPECT_EQ(AnswerTo(Pack(R"({"type":"VECTOR_SEARCH","payload":{"id":"v"}})")),
            R"({"type":"VECTOR_SEARCH_RESP","payload":{"id":"v","results":[],"totalCandidates":0,)"
            R"("searchTimeMs":0,"error":"not implemented: search"}})");
}

TEST(WireFeaturesTest, AnAnswerNeedsItsId) {
  EXPECT_EQ(AnswerTo(Pack(R"({"type":"SQL_QUERY","payload":{"sql":"SELECT 1"}})")),
            "missing_field");
  EXPECT_EQ(AnswerTo(Pack(R"({"type":"HYBRID_SEARCH","payload":{"requestId":7}})")), "bad_field");
  EXPECT_EQ(AnswerTo(Pack(R"({"type":"SQL_QUERY","queryId":"q"})")), "missing_field");
}

TEST(WireFeaturesTest, AnswersPerKeyAreLimited) {
  json::array keys(kFeatureKeysMax, json::value("k"));
  const auto batch = [&keys] {
    const json::object frame{{"type", "ENTRY_PROCESS_BATCH"}, {"requestId", "e"}, {"keys", keys}};
    return AnswerTo(Pack(json::serialize(frame)));
  };
  EXPECT_NE(batch(), "persistence");
  keys.emplace_back("one more");
  EXPECT_EQ(batch(), "persistence");
}

}  // namespace
}  // namespace topgun::wire
