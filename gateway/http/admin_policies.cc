#include "http/admin_policies.h"

#include <string>
#include <utility>

#include "access/policy_json.h"
#include "http/admin_json.h"
#include "logging/logging.h"

namespace topgun::gateway {
namespace {

void List(PolicyStore& policies, const Respond& respond) {
  policies.List([respond](const StatusOr<PolicyStore::Listing>& listing) {
    if (!listing.ok()) return respond(ErrorResponse(listing.status()));
    respond(JsonResponse(200, EncodePolicyListJson(listing->policies, listing->unreadable)));
  });
}

void Create(PolicyStore& policies, const RoutedRequest& request, const Respond& respond) {
  if (!IsJson(request.http)) return respond(JsonError(415, kJsonWanted));
  Policy policy;
  if (const auto problem = ParsePolicyJson(request.http.body, policy)) {
    return respond(JsonError(400, problem->message, problem->field));
  }
  policies.Create(std::move(policy), [respond](const StatusOr<Policy>& created) {
    if (!created.ok()) return respond(ErrorResponse(created.status()));
    logging::Info("admin", "policy created", {{"id", ReadableText(created->id)}});
    respond(JsonResponse(201, EncodePolicyJson(*created)));
  });
}

void Delete(PolicyStore& policies, const RoutedRequest& request, const Respond& respond) {
  const std::string id(request.Parameter("id"));
  policies.Delete(id, [respond, id](const Status& status) {
    if (!status.ok()) return respond(ErrorResponse(status));
    logging::Info("admin", "policy deleted", {{"id", ReadableText(id)}});
    respond({.status = 204, .content_type = {}, .body = {}, .headers = {}});
  });
}

}  // namespace

void MountPolicyEndpoints(Router& router, const AdminAccess& access, PolicyStore& policies) {
  router.Add({.method = "GET",
              .path = "/api/admin/policies",
              .summary = "All map policies",
              .admin = true,
              .responses = {{200, "policies: id, mapPattern, action, effect, condition"}}},
             access.Guard([&policies](const RoutedRequest&, const Respond& respond) {
               List(policies, respond);
             }));
  router.Add({.method = "POST",
              .path = "/api/admin/policies",
              .summary = "Creates a map policy, or replaces the one of the same id",
              .admin = true,
              .request_type = "application/json",
              .responses = {{201, "The policy with its id"},
                            {400, "A field is missing or wrong"},
                            {409, "There are too many policies"}}},
             access.Guard([&policies](const RoutedRequest& request, const Respond& respond) {
               Create(policies, request, respond);
             }));
  router.Add({.method = "DELETE",
              .path = "/api/admin/policies/{id}",
              .summary = "Deletes a map policy",
              .admin = true,
              .responses = {{204, "There is no policy of this id any more", ""}}},
             access.Guard([&policies](const RoutedRequest& request, const Respond& respond) {
               Delete(policies, request, respond);
             }));
}

}  // namespace topgun::gateway
