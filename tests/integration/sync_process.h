// topgun-sync as a process, and the part of a gateway that a test needs: parts in columns.
#pragma once

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <fstream>
#include <memory>
#include <regex>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "support/child_process.h"
#include "support/free_port.h"
#include "support/temp_dir.h"
#include "support/wait.h"
#include "topgun/sync/v1/sync.grpc.pb.h"

namespace topgun::sync {

inline constexpr int64_t kWritten = 1'700'000'000'000;

using support::FreePort;

// One running topgun-sync with two loops; killed with the object.
class SyncProcess {
 public:
  SyncProcess(const std::string& redis, const std::string& storage, uint32_t shards,
              const std::vector<std::string>& more = {}) {
    std::vector<std::string> command = {TOPGUN_SYNC,
                                        "--name",
                                        "sync-a",
                                        "--grpc",
                                        "127.0.0.1:0",
                                        "--admin",
                                        "127.0.0.1:0",
                                        "--redis",
                                        redis,
                                        "--storage",
                                        storage,
                                        "--shards",
                                        std::to_string(shards),
                                        "--loops",
                                        "2"};
    command.insert(command.end(), more.begin(), more.end());
    support::ChildProcess::Options options;
    options.output_path = log_.path() + "/log";
    process_ = support::ChildProcess(command, options);
    std::string text;
    std::smatch ports;
    static const std::regex pattern("\"grpc_port\":([0-9]+),\"admin_port\":([0-9]+)");
    EXPECT_TRUE(support::WaitUntil([&] {
      text = Log();
      return std::regex_search(text, ports, pattern);
    })) << text;
    address_ = "127.0.0.1:" + ports[1].str();
    admin_port_ = static_cast<uint16_t>(std::stoi(ports[2].str()));
    stub_ = v1::Sync::NewStub(grpc::CreateChannel(address_, grpc::InsecureChannelCredentials()));
  }

  v1::Sync::Stub& stub() { return *stub_; }
  const std::string& address() const { return address_; }
  uint16_t admin_port() const { return admin_port_; }
  support::ChildProcess& process() { return process_; }
  std::string Log() const {
    std::ifstream file(log_.path() + "/log");
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
  }

 private:
  support::TempDir log_;
  support::ChildProcess process_;
  std::string address_;
  uint16_t admin_port_ = 0;
  std::unique_ptr<v1::Sync::Stub> stub_;
};

struct Op {
  crdt::v1::OpKind kind = crdt::v1::OP_KIND_PUT;
  std::string key;
  std::string tag = {};
  std::string value = {};
  double ttl_ms = 0;
  int64_t millis = kWritten;
};

inline v1::ApplyPart PartOf(const std::string& map, uint32_t shard, const std::vector<Op>& ops) {
  v1::ApplyPart part;
  part.set_shard(shard);
  part.add_maps(map);
  part.add_nodes("client");
  part.add_origins("");
  for (const Op& op : ops) {
    if (op.ttl_ms != 0) {
      part.add_ttl_index(static_cast<uint32_t>(part.kinds().size()));
      part.add_ttl_ms(op.ttl_ms);
    }
    part.mutable_kinds()->push_back(static_cast<char>(op.kind));
    part.add_map_index(0);
    part.add_node_index(0);
    part.add_origin_index(0);
    part.add_millis(op.millis);
    part.add_counters(0);
    part.mutable_keys()->append(op.key);
    part.add_key_lengths(static_cast<uint32_t>(op.key.size()));
    part.mutable_tags()->append(op.tag);
    part.add_tag_lengths(static_cast<uint32_t>(op.tag.size()));
    part.mutable_values()->append(op.value);
    part.add_value_lengths(static_cast<uint32_t>(op.value.size()));
  }
  return part;
}

// An Apply stream as a gateway holds it.
class ApplyStream {
 public:
  explicit ApplyStream(v1::Sync::Stub& stub) {
    context_.set_deadline(std::chrono::system_clock::now() + support::kPatience);
    stream_ = stub.Apply(&context_);
  }
  ~ApplyStream() {
    context_.TryCancel();
    stream_->Finish();
  }

  void Send(const v1::ApplyPart& part) {
    v1::ApplyRequest request;
    *request.add_parts() = part;
    EXPECT_TRUE(stream_->Write(request));
  }
  // The next result, whatever was accepted before it.
  v1::PartResult Next() {
    while (results_.empty()) {
      v1::ApplyReply reply;
      if (!stream_->Read(&reply)) {
        ADD_FAILURE() << "the stream ended";
        return {};
      }
      accepted_.insert(accepted_.end(), reply.accepted().begin(), reply.accepted().end());
      for (const v1::PartResult& result : reply.results()) results_.push_back(result);
    }
    const v1::PartResult result = results_.front();
    results_.erase(results_.begin());
    return result;
  }
  // Reads until a part is accepted; its id.
  uint64_t NextAccepted() {
    v1::ApplyReply reply;
    while (accepted_.empty() && stream_->Read(&reply)) {
      accepted_.insert(accepted_.end(), reply.accepted().begin(), reply.accepted().end());
      for (const v1::PartResult& result : reply.results()) results_.push_back(result);
    }
    if (accepted_.empty()) return 0;
    const uint64_t id = accepted_.front();
    accepted_.erase(accepted_.begin());
    return id;
  }
  const std::vector<uint64_t>& accepted() const { return accepted_; }

 private:
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::ApplyRequest, v1::ApplyReply>> stream_;
  std::vector<v1::PartResult> results_;
  std::vector<uint64_t> accepted_;
};

}  // namespace topgun::sync
