#include "distributed/stats_codec.h"

#include <algorithm>

#include "distributed/client_codec.h"
#include "distributed/histogram_codec.h"

namespace topgun::loadgen {
namespace {

v1::FaultProxy ToProto(const ProxyReport& proxy) {
  v1::FaultProxy proto;
  proto.set_connections(proxy.connections);
  proto.set_refused(proxy.refused);
  proto.set_cut(proxy.cut);
  proto.set_unreachable(proxy.unreachable);
  proto.set_stalls(proxy.stalls);
  proto.set_bytes_up(proxy.bytes_up);
  proto.set_bytes_down(proxy.bytes_down);
  proto.set_full(proxy.full);
  proto.set_buffered_max(proxy.buffered_max);
  proto.set_thread_share(proxy.thread_share);
  return proto;
}

ProxyReport FromProto(const v1::FaultProxy& proto) {
  ProxyReport proxy;
  proxy.connections = proto.connections();
  proxy.refused = proto.refused();
  proxy.cut = proto.cut();
  proxy.unreachable = proto.unreachable();
  proxy.stalls = proto.stalls();
  proxy.bytes_up = proto.bytes_up();
  proxy.bytes_down = proto.bytes_down();
  proxy.full = proto.full();
  proxy.buffered_max = proto.buffered_max();
  proxy.thread_share = proto.thread_share();
  return proxy;
}

v1::Verification ToProto(const VerifyReport& verify) {
  v1::Verification proto;
  proto.set_acked_ops(verify.acked_ops);
  proto.set_keys_checked(verify.keys_checked);
  proto.set_tags_checked(verify.tags_checked);
  proto.set_missing(verify.missing);
  proto.set_stale(verify.stale);
  proto.set_resurrected(verify.resurrected);
  proto.set_lww_proof(verify.lww_proof);
  proto.set_or_proof(verify.or_proof);
  proto.set_live_rows_checked(verify.live_rows_checked);
  proto.set_live_proof(verify.live_proof);
  proto.set_incomplete(verify.incomplete);
  for (const std::string& example : verify.examples) proto.add_examples(example);
  return proto;
}

VerifyReport FromProto(const v1::Verification& proto) {
  VerifyReport verify;
  verify.acked_ops = proto.acked_ops();
  verify.keys_checked = proto.keys_checked();
  verify.tags_checked = proto.tags_checked();
  verify.missing = proto.missing();
  verify.stale = proto.stale();
  verify.resurrected = proto.resurrected();
  verify.lww_proof = proto.lww_proof();
  verify.or_proof = proto.or_proof();
  verify.live_rows_checked = proto.live_rows_checked();
  verify.live_proof = proto.live_proof();
  verify.incomplete = proto.incomplete();
  verify.examples.assign(proto.examples().begin(), proto.examples().end());
  return verify;
}

void MergeVerify(const VerifyReport& other, VerifyReport* verify) {
  verify->acked_ops += other.acked_ops;
  verify->keys_checked += other.keys_checked;
  verify->tags_checked += other.tags_checked;
  verify->missing += other.missing;
  verify->stale += other.stale;
  verify->resurrected += other.resurrected;
  if (verify->lww_proof.empty()) verify->lww_proof = other.lww_proof;
  verify->live_rows_checked += other.live_rows_checked;
  if (verify->live_proof.empty()) verify->live_proof = other.live_proof;
  if (verify->or_proof.empty()) verify->or_proof = other.or_proof;
  if (verify->incomplete.empty()) verify->incomplete = other.incomplete;
  verify->examples.insert(verify->examples.end(), other.examples.begin(), other.examples.end());
}

}  // namespace

v1::Stats ToProto(const RunStats& stats) {
  v1::Stats proto;
  RunStats::ForEachCounter(stats, [&](const std::string& name, uint64_t value) {
    if (value > 0) (*proto.mutable_counters())[name] = value;
  });
  RunStats::ForEachHistogram(stats, [&](const std::string& name, const Histogram& value) {
    if (value.count() > 0) (*proto.mutable_histograms())[name] = ToProto(value);
  });
  for (const auto& [code, frames] : stats.errors) (*proto.mutable_errors())[code] = frames;
  for (const auto& [reason, times] : stats.close_reasons) {
    (*proto.mutable_close_reasons())[reason] = times;
  }
  proto.set_last_error(stats.last_error);
  return proto;
}

RunStats FromProto(const v1::Stats& proto) {
  RunStats stats;
  RunStats::ForEachCounter(stats, [&](const std::string& name, uint64_t& value) {
    const auto found = proto.counters().find(name);
    if (found != proto.counters().end()) value = found->second;
  });
  RunStats::ForEachHistogram(stats, [&](const std::string& name, Histogram& value) {
    const auto found = proto.histograms().find(name);
    if (found != proto.histograms().end()) value.Merge(FromProto(found->second));
  });
  for (const auto& [code, frames] : proto.errors()) stats.errors[code] = frames;
  for (const auto& [reason, times] : proto.close_reasons()) stats.close_reasons[reason] = times;
  stats.last_error = proto.last_error();
  return stats;
}

v1::Interval ToProto(const Interval& interval) {
  v1::Interval proto;
  proto.set_phase(interval.phase);
  proto.set_phase_s(interval.phase_s);
  proto.set_left_s(interval.left_s);
  proto.set_unacked_ops(interval.unacked_ops);
  *proto.mutable_stats() = ToProto(interval.stats);
  return proto;
}

Interval FromProto(const v1::Interval& proto) {
  Interval interval;
  interval.phase = proto.phase();
  interval.phase_s = proto.phase_s();
  interval.left_s = proto.left_s();
  interval.unacked_ops = proto.unacked_ops();
  interval.stats = FromProto(proto.stats());
  return interval;
}

v1::Finished ToProto(const RunReport& report) {
  v1::Finished proto;
  proto.set_unreachable(report.unreachable);
  proto.set_interrupted(report.interrupted);
  proto.set_seconds(report.seconds);
  *proto.mutable_window() = ToProto(report.window);
  *proto.mutable_measured() = ToProto(report.measured);
  *proto.mutable_whole() = ToProto(report.whole);
  proto.set_unacked_ops(report.unacked_ops);
  proto.set_unanswered_queries(report.unanswered_queries);
  proto.set_busiest_thread(report.busiest_thread);
  proto.set_generator_cpu_us(report.generator_cpu_us);
  if (report.verify) *proto.mutable_verification() = ToProto(*report.verify);
  if (report.proxy) *proto.mutable_fault_proxy() = ToProto(*report.proxy);
  if (report.merkle) *proto.mutable_merkle() = ToProto(*report.merkle);
  if (report.fleet) *proto.mutable_fleet() = ToProto(*report.fleet);
  return proto;
}

RunReport FromProto(const v1::Finished& proto) {
  RunReport report;
  report.unreachable = proto.unreachable();
  report.interrupted = proto.interrupted();
  report.seconds = proto.seconds();
  report.window = FromProto(proto.window());
  report.measured = FromProto(proto.measured());
  report.whole = FromProto(proto.whole());
  report.unacked_ops = proto.unacked_ops();
  report.unanswered_queries = proto.unanswered_queries();
  report.busiest_thread = proto.busiest_thread();
  report.generator_cpu_us = proto.generator_cpu_us();
  if (proto.has_verification()) report.verify = FromProto(proto.verification());
  if (proto.has_fault_proxy()) report.proxy = FromProto(proto.fault_proxy());
  if (proto.has_merkle()) report.merkle = FromProto(proto.merkle());
  if (proto.has_fleet()) report.fleet = FromProto(proto.fleet());
  return report;
}

void MergeReport(const RunReport& other, RunReport* report) {
  report->seconds = std::max(report->seconds, other.seconds);
  report->window.Merge(other.window);
  report->measured.Merge(other.measured);
  report->whole.Merge(other.whole);
  report->unacked_ops += other.unacked_ops;
  report->unanswered_queries += other.unanswered_queries;
  report->busiest_thread = std::max(report->busiest_thread, other.busiest_thread);
  report->generator_cpu_us += other.generator_cpu_us;
  if (other.proxy) {
    if (!report->proxy) report->proxy.emplace();
    report->proxy->Merge(*other.proxy);
  }
  if (other.merkle) {
    if (!report->merkle) report->merkle.emplace();
    MergeMerkle(*other.merkle, &*report->merkle);
  }
  if (other.fleet) {
    if (!report->fleet) report->fleet.emplace();
    MergeFleet(*other.fleet, &*report->fleet);
  }
  if (other.verify) {
    if (!report->verify) report->verify.emplace();
    MergeVerify(*other.verify, &*report->verify);
  }
}

}  // namespace topgun::loadgen
