#include "backend/cell_reader.h"

#include <boost/asio/post.hpp>
#include <memory>
#include <string_view>
#include <utility>

namespace topgun::gateway {
namespace {

struct CellsCall {
  sync::v1::ReadCellsRequest request;
  sync::v1::ReadCellsReply reply;
};

struct MapsCall {
  sync::v1::ListMapsRequest request;
  sync::v1::ListMapsReply reply;
};

StatusOr<std::vector<std::string>> CellsOf(const CellsCall& call) {
  if (call.reply.cell_lengths_size() != call.request.key_lengths_size()) {
    return Internal("malformed cells");
  }
  std::vector<std::string> cells;
  std::string_view rest = call.reply.cells();
  for (const uint32_t length : call.reply.cell_lengths()) {
    if (length > rest.size()) return Internal("malformed cells");
    cells.emplace_back(rest.substr(0, length));
    rest.remove_prefix(length);
  }
  return cells;
}

std::vector<MapInfo> MapsOf(const MapsCall& call) {
  std::vector<MapInfo> maps;
  for (const sync::v1::MapInfo& info : call.reply.maps()) {
    maps.push_back({.map = info.map(),
                    .kind = static_cast<state::CellKind>(info.kind()),
                    .cells = info.cells()});
  }
  return maps;
}

}  // namespace

void GrpcCellReader::ReadCells(const std::string& map, const std::vector<std::string>& keys,
                               CellReader::Done done) {
  if (Full(done)) return;
  const auto call = std::make_shared<CellsCall>();
  call->request.set_map(map);
  for (const std::string& key : keys) {
    call->request.mutable_keys()->append(key);
    call->request.add_key_lengths(static_cast<uint32_t>(key.size()));
  }
  calls_.Run(
      "ReadCells", "map/" + map,
      [call](Replica& replica, grpc::ClientContext& context, RetryingCalls::Ended ended) {
        call->reply.Clear();
        replica.stub().async()->ReadCells(&context, &call->request, &call->reply, std::move(ended));
      },
      [call, done = std::move(done)](const Status& status) {
        if (!status.ok()) return done(status);
        done(CellsOf(*call));
      });
}

void GrpcCellReader::ListMaps(MapLister::Done done) {
  if (Full(done)) return;
  const auto call = std::make_shared<MapsCall>();
  calls_.Run(
      "ListMaps", "maps",
      [call](Replica& replica, grpc::ClientContext& context, RetryingCalls::Ended ended) {
        call->reply.Clear();
        replica.stub().async()->ListMaps(&context, &call->request, &call->reply, std::move(ended));
      },
      [call, done = std::move(done)](const Status& status) {
        if (!status.ok()) return done(status);
        done(MapsOf(*call));
      });
}

bool GrpcCellReader::Full(const std::function<void(Status)>& refuse) {
  if (calls_.running() < kRunningMax) return false;
  boost::asio::post(io_,
                    [refuse] { refuse(ResourceExhausted("too many reads are on their way")); });
  return true;
}

}  // namespace topgun::gateway
