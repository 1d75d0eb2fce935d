#include "predicate_node.h"

#include "leaf_builder.h"
#include "msgpack/reader.h"

namespace topgun::query {
namespace {

class PredicateNodeReader {
 public:
  PredicateNodeReader(PredicateKind kind, const std::string& place, PredicateNode& out)
      : lenient_(kind == PredicateKind::kOfQuery), place_(place), out_(out) {}

  Status Field(std::string_view name, std::string_view raw) {
    if (name == "op") return Text(name, raw, out_.op);
    if (name == "attribute") return Attribute(raw);
    if (name == "valueRef") return IsNil(raw) ? OkStatus() : Text(name, raw, out_.value_ref);
    if (name == "value") {
      out_.value = raw;
    } else if (name == "children") {
      if (!lenient_ || !IsNil(raw)) out_.children = raw;
    } else if (!lenient_) {
      return PredicateFault(place_, name, "unknown field");
    }
    return OkStatus();
  }

 private:
  Status Attribute(std::string_view raw) {
    if (lenient_ && IsNil(raw)) return OkStatus();
    return Text("attribute", raw, out_.attribute.emplace());
  }

  Status Text(std::string_view name, std::string_view raw, std::string_view& out) const {
    if (msgpack::Reader(raw).ReadStr(&out)) return OkStatus();
    return PredicateFault(place_, name, "must be a text");
  }

  const bool lenient_;
  const std::string& place_;
  PredicateNode& out_;
};

}  // namespace

Status PredicateFault(const std::string& place, std::string_view field, std::string_view problem) {
  return InvalidArgument(std::string(place).append(field).append(": ").append(problem));
}

StatusOr<PredicateNode> ReadPredicateNode(std::string_view node, PredicateKind kind,
                                          const std::string& place) {
  msgpack::Reader reader(node);
  uint32_t count = 0;
  if (reader.Peek() != msgpack::Type::kMap || !reader.ReadMapHeader(&count)) {
    return InvalidArgument(place + "a predicate must be an object");
  }
  PredicateNode read;
  PredicateNodeReader fields(kind, place, read);
  for (uint32_t i = 0; i < count; ++i) {
    std::string_view name;
    std::string_view raw;
    if (!reader.ReadStr(&name) || !reader.ReadRaw(&raw)) {
      return InvalidArgument(place + "a predicate must be an object with named fields");
    }
    RETURN_IF_ERROR(fields.Field(name, raw));
  }
  if (read.op.empty()) return PredicateFault(place, "op", "missing");
  return read;
}

}  // namespace topgun::query
