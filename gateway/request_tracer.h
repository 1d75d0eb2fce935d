// Traces the HTTP requests of one loop: the tracer as the router sees it. Those of
// operators, and of probes and scrapes (RouteInfo::traced), have no spans. Owned by the loop, used
// on its thread; outlives the router's requests.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "http/request_tracing.h"
#include "tracer.h"

namespace topgun::gateway {

class RequestTracer final : public RequestTracing {
 public:
  explicit RequestTracer(Tracer& tracer) : tracer_(tracer) {}

  std::unique_ptr<TracedRequest> Begin(const HttpRequest& request,
                                       const RouteInfo& route) override {
    if (!tracer_.exports() || !route.traced || route.admin) return nullptr;
    auto question = tracer_.AskHttp(request, route.path);
    if (question == nullptr) return nullptr;
    return std::make_unique<Traced>(tracer_, std::move(question), std::string(request.method),
                                    route.path);
  }

 private:
  class Traced final : public TracedRequest {
   public:
    Traced(Tracer& tracer, Tracer::QuestionPtr question, std::string method, std::string route)
        : tracer_(tracer),
          question_(std::move(question)),
          method_(std::move(method)),
          route_(std::move(route)) {}

    void Run(const std::function<void()>& call) override {
      const Tracer::Scope scope(tracer_, question_);
      call();
    }
    void Answered(int status) override {
      tracer_.HttpAnswered(*question_, method_, route_, status);
    }

   private:
    Tracer& tracer_;
    const Tracer::QuestionPtr question_;
    const std::string method_;
    const std::string route_;
  };

  Tracer& tracer_;
};

}  // namespace topgun::gateway
