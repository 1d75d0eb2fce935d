#include "driver/querier.h"

#include <algorithm>
#include <charconv>

#include "msgpack/writer.h"
#include "wire/client_encode.h"

namespace topgun::loadgen {
namespace {

constexpr char kIdPrefix = 'q';

std::string IdOf(uint64_t number) { return kIdPrefix + std::to_string(number); }

std::optional<uint64_t> NumberOf(std::string_view id) {
  uint64_t number = 0;
  if (id.empty() || id[0] != kIdPrefix) return std::nullopt;
  const auto [end, error] = std::from_chars(id.data() + 1, id.data() + id.size(), number);
  if (error != std::errc() || end != id.data() + id.size()) return std::nullopt;
  return number;
}

}  // namespace

std::string QueryFrom(uint64_t key, uint32_t rows) {
  std::string out;
  if (rows == 0) return out;
  msgpack::Writer writer(out, msgpack::Rendering::kClient);
  writer.MapHeader(rows == 1 ? 1 : 2);
  writer.Str("predicate");
  writer.MapHeader(3);
  writer.Str("op");
  writer.Str(rows == 1 ? "eq" : "gte");
  writer.Str("attribute");
  writer.Str("_key");
  writer.Str("value");
  writer.Str(KeySpace::KeyName(key));
  if (rows == 1) return out;
  writer.Str("limit");
  writer.Uint(rows);
  return out;
}

void Querier::Send(Query query) {
  query.number = next_number_++;
  ++stats_.queries_sent;
  outstanding_.push_back(query);
  Transmit(query);
}

void Querier::SendAllAgain() {
  for (const Query& query : outstanding_) Transmit(query);
}

void Querier::Transmit(const Query& query) {
  const std::string id = IdOf(query.number);
  const std::string content = QueryFrom(query.read.key, context_.config().data.query_rows);
  wire::QuerySubFrame frame;
  frame.query_id = id;
  frame.map = context_.keys().maps()[query.read.map].name;
  frame.query = content;
  scratch_.clear();
  wire::EncodeQuerySub(frame, scratch_);
  channel_.SendFrame(scratch_);
}

std::optional<Querier::Query> Querier::OnAnswer(const wire::QueryRespFrame& answer) {
  const auto number = NumberOf(answer.query_id);
  if (!number) return std::nullopt;
  const auto found = std::find_if(outstanding_.begin(), outstanding_.end(),
                                  [&](const Query& query) { return query.number == *number; });
  if (found == outstanding_.end()) return std::nullopt;
  const Query query = *found;
  outstanding_.erase(found);

  const int64_t now_ns = NowNs();
  ++stats_.queries_answered;
  stats_.query_rows += answer.results.size();
  stats_.query_latency.Record(now_ns - query.planned_ns);
  stats_.query_latency_sent.Record(now_ns - query.sent_ns);
  if (answer.error) {
    ++stats_.queries_failed;
    stats_.last_error = "query: " + std::string(*answer.error);
  }
  scratch_.clear();
  wire::EncodeQueryUnsub({answer.query_id}, scratch_);
  channel_.SendFrame(scratch_);
  return query;
}

}  // namespace topgun::loadgen
