#include "backend/tree_reader.h"

#include <memory>
#include <string_view>
#include <utility>

namespace topgun::gateway {
namespace {

// One read over all its attempts; gRPC's thread only moves the chunks' bytes.
struct TreeCall {
  sync::v1::ReadTreeRequest request;
  std::shared_ptr<TreeAnswer> answer;
};

struct TagsCall {
  sync::v1::ResolveTagsRequest request;
  sync::v1::ResolveTagsReply reply;
};

// Cuts columns of concatenated bytes.
class Column {
 public:
  using Lengths = google::protobuf::RepeatedField<uint32_t>;

  Column(std::string_view bytes, const Lengths& lengths) : rest_(bytes), lengths_(lengths) {}

  // False when the bytes do not reach.
  bool Next(std::string_view* out) {
    if (next_ >= lengths_.size()) return false;
    const size_t length = lengths_[next_++];
    if (length > rest_.size()) return false;
    *out = rest_.substr(0, length);
    rest_.remove_prefix(length);
    return true;
  }

 private:
  std::string_view rest_;
  const Lengths& lengths_;
  int next_ = 0;
};

bool AppendCells(sync::v1::TreeNode& node, TreeAnswer& answer, TreeAnswer::Node& out) {
  const auto keep = [&answer](std::string* bytes) -> std::string_view {
    return answer.bytes.emplace_back(std::move(*bytes));
  };
  Column keys(keep(node.mutable_keys()), node.key_lengths());
  Column tags(keep(node.mutable_tags()), node.tag_lengths());
  Column cells(keep(node.mutable_cells()), node.cell_lengths());
  for (int i = 0; i < node.key_lengths_size(); ++i) {
    TreeAnswer::Cell cell;
    if (!keys.Next(&cell.key) || !tags.Next(&cell.tag) || !cells.Next(&cell.cell)) return false;
    out.cells.push_back(cell);
  }
  return true;
}

// Takes the chunk's bytes over. False when its columns do not fit together.
bool AppendChunk(sync::v1::ReadTreeChunk& chunk, TreeAnswer& answer) {
  for (sync::v1::TreeNode& node : *chunk.mutable_nodes()) {
    const std::string& digits = node.digits();
    if (node.path() >= answer.nodes.size()) return false;
    if (digits.size() != static_cast<size_t>(node.hashes_size())) return false;
    TreeAnswer::Node& out = answer.nodes[node.path()];
    out.hash = node.hash();
    for (size_t i = 0; i < digits.size(); ++i) {
      out.children.push_back({.digit = digits[i], .hash = node.hashes(static_cast<int>(i))});
    }
    if (!AppendCells(node, answer, out)) return false;
  }
  if (chunk.horizon_ms() != 0) answer.horizon_ms = chunk.horizon_ms();
  return true;
}

void Begin(const std::shared_ptr<TreeCall>& call, Replica& replica, grpc::ClientContext& context,
           RetryingCalls::Ended ended) {
  call->answer = std::make_shared<TreeAnswer>();
  call->answer->nodes.resize(static_cast<size_t>(call->request.paths_size()));
  auto* const reader = new ChunkReader<sync::v1::ReadTreeChunk>(
      [call](sync::v1::ReadTreeChunk& chunk) { return AppendChunk(chunk, *call->answer); },
      std::move(ended));
  replica.stub().async()->ReadTree(&context, &call->request, reader);
  reader->Begin();
}

StatusOr<std::vector<ResolvedTag>> TagsOf(const TagsCall& call) {
  const auto count = static_cast<size_t>(call.request.tag_lengths_size());
  std::vector<ResolvedTag> tags(count);
  Column keys(call.reply.keys(), call.reply.key_lengths());
  for (size_t i = 0; i < count; ++i) {
    std::string_view key;
    if (i >= call.reply.states().size() || !keys.Next(&key)) return Internal("malformed tags");
    tags[i] = {.state = static_cast<TagState>(call.reply.states()[i]), .key = std::string(key)};
  }
  return tags;
}

}  // namespace

void GrpcTreeReader::ReadTree(TreeRequest request, Done done) {
  const auto call = std::make_shared<TreeCall>();
  call->request.set_map(request.map);
  call->request.set_kind(static_cast<crdt::v1::CellKind>(request.kind));
  for (std::string& path : request.paths) call->request.add_paths(std::move(path));
  call->request.set_cells(request.cells);
  call->request.set_committed_since_ms(request.committed_since_ms);
  calls_.Run(
      "ReadTree", "map/" + request.map,
      [call](Replica& replica, grpc::ClientContext& context, RetryingCalls::Ended ended) {
        Begin(call, replica, context, std::move(ended));
      },
      [call, done = std::move(done)](const Status& status) {
        if (!status.ok()) return done(status);
        done(std::shared_ptr<const TreeAnswer>(std::move(call->answer)));
      });
}

void GrpcTreeReader::ResolveTags(const std::string& map, const std::vector<std::string>& tags,
                                 TagsDone done) {
  const auto call = std::make_shared<TagsCall>();
  call->request.set_map(map);
  for (const std::string& tag : tags) {
    call->request.mutable_tags()->append(tag);
    call->request.add_tag_lengths(static_cast<uint32_t>(tag.size()));
  }
  calls_.Run(
      "ResolveTags", "map/" + map,
      [call](Replica& replica, grpc::ClientContext& context, RetryingCalls::Ended ended) {
        call->reply.Clear();
        replica.stub().async()->ResolveTags(&context, &call->request, &call->reply,
                                            std::move(ended));
      },
      [call, done = std::move(done)](const Status& status) {
        if (!status.ok()) return done(status);
        done(TagsOf(*call));
      });
}

}  // namespace topgun::gateway
