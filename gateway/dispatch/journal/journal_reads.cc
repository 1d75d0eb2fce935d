#include "dispatch/journal/journal_reads.h"

#include <algorithm>
#include <utility>

#include "dispatch/access_gate.h"
#include "dispatch/connection.h"
#include "dispatch/connection_table.h"
#include "dispatch/error_codes.h"
#include "dispatch/journal/journal_event.h"

namespace topgun::gateway {
namespace {

constexpr size_t kRecordsMin = 100;

}  // namespace

void JournalReads::OnRead(Connection& connection, const wire::JournalReadFrame& frame) {
  if (frame.map) {
    const Decision decision = context_->gate.CheckRead(connection, *frame.map);
    if (decision != Decision::kAllow) {
      AccessGate::RefuseRead(connection, decision, *frame.map);
      // The client waits for an answer, and ERROR is none.
      if (decision == Decision::kDeny) AnswerEmpty(connection, frame.request_id);
      return;
    }
  }
  size_t& waiting = waiting_[&connection];
  if (waiting >= options_.reads_max) {
    probe_.Refused();
    return connection.writes().SendError(429, "too many reads of the journal");
  }
  ++waiting;
  const auto read = std::make_shared<Read>();
  read->connection = connection.id();
  read->request_id.assign(frame.request_id);
  read->limit = std::min<size_t>(frame.limit.value_or(kLimitDefault), options_.events_max);
  read->query.from = state::ParseJournalSequence(frame.from_sequence);
  if (frame.map) read->query.map.emplace(*frame.map);
  read->deadline = now_ + options_.patience;
  connection.AfterOwnChanges([this, read] { Ask(read); });
}

void JournalReads::Ask(const ReadPtr& read) {
  read->query.limit = read->limit - read->found.size();
  // Few of them may be for this client.
  if (!context_->access.open()) read->query.limit = std::max(read->query.limit, kRecordsMin);
  reader_.ReadJournal(read->query, [this, read](const auto& answer) { OnAnswer(read, answer); });
}

void JournalReads::OnAnswer(const ReadPtr& read,
                            const StatusOr<std::shared_ptr<const JournalAnswer>>& answer) {
  Connection* const connection = context_->table.Find(read->connection);
  if (connection == nullptr) return;
  if (!answer.ok()) {
    probe_.Answered(false);
    Finish(*connection);
    return connection->writes().SendError(kUnavailable, "journal cannot be read at the moment");
  }
  read->answers.push_back(*answer);
  const JournalAnswer& page = **answer;
  const bool full = !Take(*connection, page, *read) || read->found.size() == read->limit;
  read->has_more = read->has_more || page.next.has_value();
  if (page.next && !full && now_ < read->deadline) {
    read->has_more = false;
    read->query.from = *page.next;
    read->query.upto = page.positions;
    return Ask(read);
  }
  Finish(*connection);
  Send(*connection, *read);
}

bool JournalReads::Take(const Connection& connection, const JournalAnswer& answer,
                        Read& read) const {
  for (const JournalRecord& record : answer.records) {
    if (context_->gate.CheckRead(connection, record.map) != Decision::kAllow) continue;
    const size_t bytes = BytesOf(record);
    const bool too_large = read.bytes + bytes > options_.bytes_max && !read.found.empty();
    if (too_large || read.found.size() == read.limit) {
      read.has_more = true;
      return false;
    }
    read.bytes += bytes;
    read.found.push_back(&record);
  }
  return true;
}

void JournalReads::Send(Connection& connection, const Read& read) {
  std::vector<std::string> sequences;
  sequences.reserve(read.found.size());
  wire::JournalReadResponseFrame response;
  response.request_id = read.request_id;
  response.has_more = read.has_more;
  response.events.reserve(read.found.size());
  for (const JournalRecord* const record : read.found) {
    sequences.push_back(state::SequenceText(record->sequence));
    response.events.push_back(JournalFrameOf(*record, sequences.back()));
  }
  std::string frame;
  wire::EncodeJournalReadResponse(response, frame);
  probe_.Answered(true);
  probe_.Read(read.found.size());
  connection.session().Reply(std::move(frame));
}

void JournalReads::AnswerEmpty(Connection& connection, std::string_view request_id) {
  wire::JournalReadResponseFrame response;
  response.request_id = request_id;
  std::string frame;
  wire::EncodeJournalReadResponse(response, frame);
  connection.session().Reply(std::move(frame));
}

void JournalReads::Finish(Connection& connection) {
  const auto waiting = waiting_.find(&connection);
  if (waiting != waiting_.end() && --waiting->second == 0) waiting_.erase(waiting);
}

}  // namespace topgun::gateway
