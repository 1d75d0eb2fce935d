#include "access/policy.h"

#include <array>
#include <utility>

#include "access/condition_parser.h"
#include "base/status.h"
#include "msgpack/reader.h"
#include "msgpack/writer.h"
#include "query/predicate.h"

namespace topgun::gateway {
namespace {

constexpr std::array<std::string_view, 4> kActions = {"read", "write", "remove", "all"};
constexpr std::array<std::string_view, 2> kEffects = {"allow", "deny"};

using Problem = std::optional<FieldProblem>;

template <typename Enum, size_t N>
Problem ReadWord(std::string_view field, std::string_view word,
                 const std::array<std::string_view, N>& words, Enum* out) {
  std::string known;
  for (size_t i = 0; i < N; ++i) {
    if (words[i] == word) {
      *out = static_cast<Enum>(i);
      return std::nullopt;
    }
    known.append(known.empty() ? "" : ", ").append(words[i]);
  }
  return FieldProblem{std::string(field), "must be one of " + known};
}

// As they are in the map.
struct Raw {
  std::string_view id;
  std::string_view map_pattern;
  std::string_view action;
  std::string_view effect;
  std::string_view condition;  // MessagePack
  std::string_view condition_expr;
};

Problem ReadText(std::string_view name, std::string_view raw, std::string_view* out) {
  msgpack::Reader reader(raw);
  if (reader.Peek() == msgpack::Type::kNil) return std::nullopt;
  if (reader.Peek() == msgpack::Type::kStr && reader.ReadStr(out)) return std::nullopt;
  return FieldProblem{std::string(name), "must be a text"};
}

// Unknown fields are ignored, but a misspelt condition would leave the policy without one.
bool MayBeACondition(std::string_view name) {
  std::string lower(name);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower.starts_with("cond") || lower.find("expr") != std::string::npos;
}

Problem ReadField(std::string_view name, std::string_view raw, Raw& out) {
  const std::array<std::pair<std::string_view, std::string_view*>, 5> texts = {{
      {"id", &out.id},
      {"mapPattern", &out.map_pattern},
      {"action", &out.action},
      {"effect", &out.effect},
      {"conditionExpr", &out.condition_expr},
  }};
  for (const auto& [text, place] : texts) {
    if (text == name) return ReadText(name, raw, place);
  }
  if (name != "condition") {
    if (!MayBeACondition(name)) return std::nullopt;
    return FieldProblem{std::string(name), "unknown field; condition or conditionExpr?"};
  }
  if (msgpack::Reader(raw).Peek() != msgpack::Type::kNil) out.condition = raw;
  return std::nullopt;
}

Problem ReadFields(std::string_view fields, Raw& out) {
  const FieldProblem not_a_map{{}, "a policy must be an object"};
  msgpack::Reader reader(fields);
  uint32_t count = 0;
  if (!msgpack::Validate(fields).ok() || reader.Peek() != msgpack::Type::kMap ||
      !reader.ReadMapHeader(&count)) {
    return not_a_map;
  }
  for (uint32_t i = 0; i < count; ++i) {
    std::string_view name;
    std::string_view raw;
    if (!reader.ReadStr(&name) || !reader.ReadRaw(&raw)) return not_a_map;
    if (Problem problem = ReadField(name, raw, out)) return problem;
  }
  return std::nullopt;
}

Problem CheckId(std::string_view id) {
  if (id.size() > kPolicyIdBytesMax) {
    return FieldProblem{"id", "must have at most " + std::to_string(kPolicyIdBytesMax) + " bytes"};
  }
  if (id.starts_with('$')) return FieldProblem{"id", "must not start with $"};
  return std::nullopt;
}

Problem CompileCondition(const Raw& raw, CompiledPolicy& out) {
  if (raw.condition.empty() && raw.condition_expr.data() == nullptr) return std::nullopt;
  const bool structured = !raw.condition.empty();
  StatusOr<query::Condition> condition =
      structured ? query::ParsePredicate(raw.condition, query::PredicateKind::kOfPolicy)
                 : ParseCondition(raw.condition_expr);
  if (!condition.ok()) {
    return FieldProblem{structured ? "condition" : "conditionExpr",
                        std::string(Message(condition.status()))};
  }
  (structured ? out.policy.condition : out.policy.condition_expr)
      .assign(structured ? raw.condition : raw.condition_expr);
  out.condition = *std::move(condition);
  return std::nullopt;
}

}  // namespace

std::string_view Name(PolicyAction action) { return kActions[static_cast<size_t>(action)]; }
std::string_view Name(PolicyEffect effect) { return kEffects[static_cast<size_t>(effect)]; }

std::optional<FieldProblem> ReadPolicy(std::string_view fields, CompiledPolicy& out) {
  Raw raw;
  out = {};
  if (Problem problem = ReadFields(fields, raw)) return problem;
  if (Problem problem = CheckId(raw.id)) return problem;
  out.policy.id.assign(raw.id);
  StatusOr<MapPattern> pattern = MapPattern::Parse(raw.map_pattern);
  if (!pattern.ok()) return FieldProblem{"mapPattern", std::string(Message(pattern.status()))};
  out.policy.map_pattern.assign(raw.map_pattern);
  out.pattern = *std::move(pattern);
  if (Problem problem = ReadWord("action", raw.action, kActions, &out.policy.action)) {
    return problem;
  }
  if (Problem problem = ReadWord("effect", raw.effect, kEffects, &out.policy.effect)) {
    return problem;
  }
  return CompileCondition(raw, out);
}

std::string EncodePolicyRow(const Policy& policy) {
  std::string row;
  msgpack::Writer writer(row);
  writer.MapHeader(3U + (policy.condition.empty() ? 0 : 1) +
                   (policy.condition_expr.empty() ? 0 : 1));
  writer.Str("mapPattern");
  writer.Str(policy.map_pattern);
  writer.Str("action");
  writer.Str(Name(policy.action));
  writer.Str("effect");
  writer.Str(Name(policy.effect));
  if (!policy.condition.empty()) {
    writer.Str("condition");
    writer.Raw(policy.condition);
  }
  if (!policy.condition_expr.empty()) {
    writer.Str("conditionExpr");
    writer.Str(policy.condition_expr);
  }
  return row;
}

std::optional<FieldProblem> ReadPolicyRow(std::string_view id, std::string_view value,
                                          CompiledPolicy& out) {
  if (Problem problem = ReadPolicy(value, out)) return problem;
  out.policy.id.assign(id);
  return std::nullopt;
}

}  // namespace topgun::gateway
