#include "backend/health.h"

#include <google/protobuf/unknown_field_set.h>

#include <algorithm>
#include <chrono>
#include <utility>

namespace topgun::ctl {
namespace {

// Debian has no generated code of these two. Their few fields have been frozen for years.
using Fields = google::protobuf::UnknownFieldSet;
using Field = google::protobuf::UnknownField;

constexpr char kCheck[] = "/grpc.health.v1.Health/Check";
constexpr int kRequestedService = 1;
constexpr int kStatus = 1;
constexpr uint64_t kStatusServing = 1;
constexpr uint64_t kStatusNotServing = 2;

constexpr char kReflect[] = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo";
constexpr int kListServices = 7;
constexpr int kListedServices = 6;
constexpr int kService = 1;
constexpr int kServiceName = 1;

std::string OneText(int number, const std::string& text) {
  Fields fields;
  fields.AddLengthDelimited(number, text);
  std::string bytes;
  fields.SerializeToString(&bytes);
  return bytes;
}

// The texts and messages of this number.
std::vector<std::string> TextsOf(const std::string& bytes, int number) {
  Fields fields;
  std::vector<std::string> texts;
  if (!fields.ParseFromString(bytes)) return texts;
  for (int i = 0; i < fields.field_count(); ++i) {
    const Field& field = fields.field(i);
    if (field.number() != number || field.type() != Field::TYPE_LENGTH_DELIMITED) continue;
    texts.push_back(field.length_delimited());
  }
  return texts;
}

StatusOr<Health> Check(const RpcClient& client, const std::string& service) {
  const auto answer =
      client.Call(kCheck, service.empty() ? std::string() : OneText(kRequestedService, service));
  // It has no such service, or no health of its own for it.
  if (answer.status().code() == StatusCode::kNotFound) return Health::kUnknown;
  RETURN_IF_ERROR(answer.status());
  Fields fields;
  if (!fields.ParseFromString(*answer)) return Health::kUnknown;
  for (int i = 0; i < fields.field_count(); ++i) {
    const Field& field = fields.field(i);
    if (field.number() != kStatus || field.type() != Field::TYPE_VARINT) continue;
    if (field.varint() == kStatusServing) return Health::kServing;
    if (field.varint() == kStatusNotServing) return Health::kNotServing;
  }
  return Health::kUnknown;
}

StatusOr<std::vector<RpcService>> ListServices(const RpcClient& client) {
  ASSIGN_OR_RETURN(const std::string answer, client.Call(kReflect, OneText(kListServices, "")));
  std::vector<RpcService> services;
  for (const std::string& list : TextsOf(answer, kListedServices)) {
    for (const std::string& service : TextsOf(list, kService)) {
      for (std::string& name : TextsOf(service, kServiceName)) {
        if (!name.starts_with("grpc.")) services.push_back({.name = std::move(name)});
      }
    }
  }
  std::sort(services.begin(), services.end(),
            [](const RpcService& a, const RpcService& b) { return a.name < b.name; });
  return services;
}

Status Ask(const RpcClient& client, RpcLook& look) {
  // Connects, too.
  auto services = ListServices(client);
  look.lists_services = services.ok();
  if (!services.ok() && services.status().code() != StatusCode::kUnimplemented) {
    return services.status();
  }
  const auto asked = std::chrono::steady_clock::now();
  ASSIGN_OR_RETURN(look.health, Check(client, ""));
  look.round_trip_seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - asked).count();
  if (services.ok()) look.services = *std::move(services);
  for (RpcService& service : look.services) {
    ASSIGN_OR_RETURN(service.health, Check(client, service.name));
  }
  return OkStatus();
}

}  // namespace

RpcLook LookAt(const RpcClient& client) {
  RpcLook look;
  look.target = client.target();
  look.reached = Ask(client, look);
  return look;
}

bool Offers(const RpcLook& look, std::string_view service) {
  return std::any_of(look.services.begin(), look.services.end(),
                     [&](const RpcService& one) { return one.name == service; });
}

const char* Name(Health health) {
  if (health == Health::kServing) return "SERVING";
  return health == Health::kNotServing ? "NOT_SERVING" : "UNKNOWN";
}

}  // namespace topgun::ctl
