// sync-service: looking through a view for the rows of a query. One item is a row looked at.
#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "case.h"
#include "domain/query_scan.h"
#include "state/cell.h"
#include "support/vectors.h"
#include "workload.h"

namespace topgun::micro {
namespace {

constexpr size_t kScannedRows = 10'000;
constexpr sync::SliceLimits kSlice{2'000, std::chrono::hours(1)};  // the same on every call

void FillView(sync::LwwContent& content) {
  for (size_t i = 0; i < kScannedRows; ++i) {
    const std::string value = Value(i);
    state::CellView cell;
    cell.version = {31'000'000, i + 1};
    cell.commit_ms = kNowMs;
    cell.timestamp = {kNowMs, 0, "client"};
    cell.value = value;
    content.Apply(0, KeyName(i), "", state::EncodeCell(cell));
  }
  content.PutInOrder(kScannedRows);
}

struct ScanQuery {
  std::string_view predicate = {};
  std::string_view sort = {};
  std::string_view group_by = {};
  std::string_view aggregations = {};
};

std::shared_ptr<const sync::Selection> SelectionOf(const ScanQuery& query) {
  const auto packed = [](std::string_view json) {
    return json.empty() ? std::string() : support::ToMsgpack(support::ParseJson(json));
  };
  const std::string predicate = packed(query.predicate);
  const std::string sort = packed(query.sort);
  const std::string group_by = packed(query.group_by);
  const std::string aggregations = packed(query.aggregations);
  query::QueryText text;
  text.predicate = predicate;
  text.sort = sort;
  text.group_by = group_by;
  text.aggregations = aggregations;
  auto selection = std::make_shared<sync::Selection>();
  selection->query = query::Query::Parse(text).value();
  selection->rows_max = 100;
  return selection;
}

Case Scan(std::string name, const ScanQuery& query) {
  return {.name = std::move(name), .items = kScannedRows, .prepare = [query]() -> Case::Call {
            const auto content = std::make_shared<sync::LwwContent>();
            FillView(*content);
            return [content, selection = SelectionOf(query)] {
              sync::QueryScan scan(*content, selection, kNowMs);
              while (!scan.Continue(kSlice).value()) {
              }
              Keep(scan.Take().live_rows);
            };
          }};
}

}  // namespace

void AddScanCases(std::vector<Case>& cases) {
  constexpr std::string_view kHalf = R"({"op":"eq","attribute":"done","value":true})";
  // Every row is better than all before it.
  constexpr std::string_view kNewestFirst = R"([{"field":"at","direction":"desc"}])";
  cases.push_back(Scan("sync/scan_all", {}));
  cases.push_back(Scan("sync/scan_predicate", {.predicate = kHalf}));
  cases.push_back(Scan("sync/scan_sort", {.sort = kNewestFirst}));
  cases.push_back(Scan("sync/scan_predicate_sort", {.predicate = kHalf, .sort = kNewestFirst}));
  cases.push_back(Scan("sync/scan_group", {.group_by = R"(["done"])",
                                           .aggregations = R"([{"func":"sum","field":"at"}])"}));
}

}  // namespace topgun::micro
