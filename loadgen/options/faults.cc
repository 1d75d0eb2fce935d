#include "options/faults.h"

#include "options/option_parser.h"

namespace topgun::loadgen {

void RegisterFaultOptions(OptionParser& parser, FaultsConfig& faults) {
  parser.BeginGroup("Faults");
  parser.Choice<Resend>("--resend", faults.resend,
                        {{"disjoint", Resend::kDisjoint}, {"full", Resend::kFull}},
                        "disjoint: a frame carries new operations only. full: everything\n"
                        "unacknowledged, as the stock client sends it");
}

}  // namespace topgun::loadgen
