#include "search/searches.h"

#include <utility>

#include "dispatch/access_gate.h"
#include "dispatch/connection.h"
#include "dispatch/connection_table.h"
#include "search/search_answers.h"

namespace topgun::gateway {

void Searches::Bind(LoopContext& context) {
  context_ = &context;
  live_.Bind(context);
}

void Searches::OnSearch(Connection& connection, const wire::SearchFrame& frame) {
  StatusOr<SearchRequest> request = RequestOf(frame, context_->options.op_limits);
  if (!request.ok()) return Refuse(connection, frame.id, Message(request.status()));
  const Decision decision = context_->gate.CheckRead(connection, frame.map);
  if (decision != Decision::kAllow) {
    probe_.Answered(SearchResult::kDenied);
    return connection.session().Reply(SearchFailure(frame.id, SearchDenial(decision, frame.map)));
  }
  size_t& own = waiting_of_[&connection];
  if (waiting_ >= options_.waiting_max || own >= options_.waiting_per_connection_max) {
    return Refuse(connection, frame.id, "too many searches are on their way");
  }
  ++own;
  ++waiting_;
  probe_.Waiting(1);
  connection.AfterOwnChanges(
      [this, asked = Asked{.connection = connection.id(),
                           .id = std::string(frame.id),
                           .request = *std::move(request),
                           .received = context_->now,
                           .question = connection.Ask(frame.map)}] { Begin(asked); });
}

void Searches::Refuse(Connection& connection, std::string_view id, std::string_view error) {
  probe_.Answered(SearchResult::kRefused);
  connection.session().Reply(SearchFailure(id, error));
}

void Searches::Begin(const Asked& asked) {
  const Tracer::Scope scope(context_->probe.tracer(), asked.question);
  calls_.Ask(asked.request,
             [this, asked](const StatusOr<SearchHits>& hits) { Answer(asked, hits); });
}

void Searches::Answer(const Asked& asked, const StatusOr<SearchHits>& hits) {
  Connection* const connection = context_->table.Find(asked.connection);
  if (connection == nullptr) return;  // Forget() has counted it
  --waiting_of_[connection];
  --waiting_;
  probe_.Waiting(-1);
  if (asked.question != nullptr) {
    context_->probe.tracer().Answered(*asked.question, hits.status());
  }
  const std::string& map = asked.request.map;
  const Decision decision = context_->gate.CheckRead(*connection, map);
  Session& session = connection->session();
  if (decision != Decision::kAllow) {
    probe_.Answered(SearchResult::kDenied);
    session.Reply(SearchFailure(asked.id, SearchDenial(decision, map)));
  } else if (!hits.ok()) {
    probe_.Answered(SearchResult::kFailed);
    session.Reply(SearchFailure(asked.id, SearchProblem(hits.status(), map)));
  } else {
    probe_.Answered(SearchResult::kOk);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - asked.received;
    probe_.Took(took.count());
    session.Reply(SearchResults(asked.id, **hits, EncodeMatchedTerms(asked.request.query)));
  }
}

void Searches::OnSearchSub(Connection& connection, const wire::SearchFrame& frame) {
  const auto refuse = [&](std::string_view error) {
    connection.session().Reply(SearchFailure(frame.id, error));
  };
  if (frame.id.size() > options_.id_bytes_max) return refuse("subscriptionId: too long");
  StatusOr<SearchRequest> request = RequestOf(frame, context_->options.op_limits);
  if (!request.ok()) return refuse(Message(request.status()));
  // One that may not be read waits until it may.
  const Decision decision = context_->gate.CheckRead(connection, frame.map);
  const bool readable = decision == Decision::kAllow;
  const auto serial = live_.Subscribe(connection, frame.id, *std::move(request), readable);
  if (!serial) return refuse("too many live searches");
  if (!readable) {
    refuse(SearchDenial(decision, frame.map));
  } else if (auto question = connection.Ask(frame.map)) {
    live_.Trace(*serial, std::move(question));
  }
  connection.AfterOwnChanges([this, serial = *serial] { live_.Ready(serial); });
}

void Searches::Forget(Connection& connection) {
  live_.Forget(connection);
  const auto own = waiting_of_.find(&connection);
  if (own == waiting_of_.end()) return;
  waiting_ -= own->second;
  probe_.Waiting(-static_cast<int64_t>(own->second));
  waiting_of_.erase(own);
}

}  // namespace topgun::gateway
