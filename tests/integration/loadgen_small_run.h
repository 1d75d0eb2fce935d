// A small run of the load generator against a FakeGateway, for the tests to vary.
#pragma once

#include <atomic>
#include <chrono>

#include "config.h"
#include "driver/run.h"
#include "loadgen_fake_gateway.h"

namespace topgun::loadgen {

// A run that ends by itself, however slow the machine: so many operations, not so many seconds.
inline Config SmallRun(const FakeGateway& gateway) {
  Config config;
  config.target.urls = {gateway.url()};
  config.target.endpoints = {*ParseUrl(gateway.url())};
  config.target.token = "any";
  config.load.connections = 4;
  config.load.batch = 10;
  config.load.inflight = 3;
  config.data.maps = 4;
  config.data.map_type = MapType::kMixed;
  config.data.keys = 20;
  config.data.remove_ratio = 0.2;
  config.load.ops = 2'000;
  config.load.warmup = std::chrono::milliseconds(0);
  config.verify.mode = Verify::kAcks;
  config.output.quiet = true;
  return config;
}

inline RunReport Execute(const Config& config) {
  const std::atomic<bool> interrupted{false};
  return Run(config, interrupted).Execute();
}

}  // namespace topgun::loadgen
