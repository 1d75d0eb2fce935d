// /debug/hops of the admin port, without knowing the admin port.
//
//   GET  /debug/hops?after=N   the records after number N (default 0: all that are kept), as JSON
//   POST /debug/hops?every=N   from now on every Nth piece is followed; 0: none
#pragma once

#include <string>
#include <string_view>

#include "hops/recorder.h"

namespace topgun::hops {

struct Answer {
  int status = 200;
  std::string body;
  std::string content_type = "text/plain; charset=utf-8";
};

Answer Serve(Recorder& recorder, std::string_view method, std::string_view query);

}  // namespace topgun::hops
