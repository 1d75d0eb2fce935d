#include "access/policy_store.h"

#include <cstdint>
#include <memory>
#include <random>
#include <utility>

#include "access/policy_access.h"
#include "base/bytes.h"
#include "msgpack/writer.h"
#include "state/cell.h"
#include "state/keys.h"

namespace topgun::gateway {

std::string RandomPolicyId() {
  std::random_device device;
  std::string bytes;
  while (bytes.size() < 16) bytes.push_back(static_cast<char>(device() & 0xffU));
  return ToHex(bytes);
}

PolicyStore::PolicyStore(SystemStore& store, const MapMirror& mirror, MapReader& reader,
                         CellReader& cells, const WallClock& clock,
                         std::function<std::string()> make_id)
    : store_(store),
      mirror_(mirror),
      reader_(reader),
      cells_(cells),
      clock_(clock),
      make_id_(std::move(make_id)) {}

void PolicyStore::List(Listed done) {
  reader_.Read(std::string(state::kPolicyMap),
               [done = std::move(done)](const StatusOr<std::shared_ptr<const MapSnapshot>>& read) {
                 if (!read.ok()) return done(read.status());
                 Listing listing;
                 for (const wire::QueryRow& row : (*read)->rows) {
                   if (row.key == kPolicyMarker) continue;
                   CompiledPolicy compiled;
                   if (ReadPolicyRow(row.key, row.value, compiled)) {
                     listing.unreadable.emplace_back(row.key);
                   } else {
                     listing.policies.push_back(std::move(compiled.policy));
                   }
                 }
                 done(std::move(listing));
               });
}

// The marker comes last: alone it would deny everything. Until it is there the policy itself keeps
// the map from being empty.
void PolicyStore::Create(Policy policy, Created done) {
  if (policy.id.empty()) policy.id = make_id_();
  if (mirror_.rows().size() >= kPoliciesMax && !mirror_.rows().contains(policy.id)) {
    return done(
        FailedPrecondition("there are " + std::to_string(kPoliciesMax) + " policies already"));
  }
  const std::string row = EncodePolicyRow(policy);
  const std::string id = policy.id;
  Done marked = [policy = std::move(policy), done](const Status& status) {
    if (!status.ok()) return done(status);
    done(policy);
  };
  store_.Put(state::kPolicyMap, id, row, 0,
             [this, marked = std::move(marked)](const Status& status) {
               if (!status.ok() || Marked()) return marked(status);
               Mark(marked);
             });
}

// The marker is never removed, so one that was seen is there.
bool PolicyStore::Marked() const { return mirror_.rows().contains(kPolicyMarker); }

void PolicyStore::Mark(Done done) {
  std::string value;
  msgpack::Writer(value).Bool(true);
  store_.Put(state::kPolicyMap, kPolicyMarker, value, 0, std::move(done));
}

void PolicyStore::Delete(std::string id, Done done) {
  if (id == kPolicyMarker) return done(OkStatus());  // not a policy
  if (!Marked()) return DeleteUnmarked(std::move(id), std::move(done));
  store_.Remove(state::kPolicyMap, id, std::move(done));
}

// Either there never was a policy, or the marker is not here yet, or writing it has failed: then
// it must be there before the last policy goes.
void PolicyStore::DeleteUnmarked(std::string id, Done done) {
  const std::vector<std::string> keys{id};
  cells_.ReadCells(std::string(state::kPolicyMap), keys,
                   [this, id = std::move(id),
                    done = std::move(done)](const StatusOr<std::vector<std::string>>& cells) {
                     if (!cells.ok()) return done(cells.status());
                     state::CellView cell;
                     const bool exists = !cells->empty() &&
                                         state::DecodeCell(cells->front(), &cell) &&
                                         cell.Live(clock_.NowMs());
                     if (!exists) return done(OkStatus());
                     Mark([this, id, done](const Status& status) {
                       if (!status.ok()) return done(status);
                       store_.Remove(state::kPolicyMap, id, done);
                     });
                   });
}

}  // namespace topgun::gateway
