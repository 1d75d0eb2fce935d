#include "profiling/pprof.h"

#include <zlib.h>

#include <algorithm>
#include <map>
#include <unordered_map>
#include <utility>

#include "protobuf_writer.h"

namespace topgun::profiling {
namespace {

// Field numbers of profile.proto, message by message.
namespace profile_field {
constexpr uint32_t kSampleType = 1, kSample = 2, kMapping = 3, kLocation = 4, kFunction = 5,
                   kStringTable = 6, kTimeNanos = 9, kDurationNanos = 10, kPeriodType = 11,
                   kPeriod = 12, kComment = 13;
}
namespace value_type_field {
constexpr uint32_t kType = 1, kUnit = 2;
}
namespace sample_field {
constexpr uint32_t kLocationId = 1, kValue = 2, kLabel = 3;
}
namespace label_field {
constexpr uint32_t kKey = 1, kText = 2;
}
namespace mapping_field {
constexpr uint32_t kId = 1, kStart = 2, kLimit = 3, kFile = 5, kBuildId = 6, kHasFunctions = 7,
                   kHasFiles = 8, kHasLines = 9, kHasInlines = 10;
}
namespace location_field {
constexpr uint32_t kId = 1, kMapping = 2, kAddress = 3, kLine = 4;
}
namespace line_field {
constexpr uint32_t kFunction = 1, kLine = 2;
}
namespace function_field {
constexpr uint32_t kId = 1, kName = 2, kSystemName = 3, kFile = 4;
}

class Encoder {
 public:
  explicit Encoder(Symbolizer& symbolizer) : symbolizer_(symbolizer) { Text(""); }

  std::string Encode(const Profile& profile) {
    AddMappings();
    for (const ValueType& type : profile.types) {
      out_.Bytes(profile_field::kSampleType, TypeOf(type).text());
    }
    for (const Sample& sample : profile.samples) AddSample(sample);
    for (const std::string& comment : profile.comments) {
      out_.Number(profile_field::kComment, Text(comment));
    }
    out_.Signed(profile_field::kTimeNanos, profile.time_ns);
    out_.Signed(profile_field::kDurationNanos, profile.duration_ns);
    out_.Bytes(profile_field::kPeriodType, TypeOf(profile.period_type).text());
    out_.Signed(profile_field::kPeriod, profile.period);
    for (const std::string& text : texts_in_order_) out_.Bytes(profile_field::kStringTable, text);
    return out_.text();
  }

 private:
  uint64_t Text(const std::string& text) {
    const auto [entry, is_new] = texts_.try_emplace(text, texts_.size());
    if (is_new) texts_in_order_.push_back(text);
    return entry->second;
  }

  ProtobufWriter TypeOf(const ValueType& type) {
    ProtobufWriter message;
    message.Number(value_type_field::kType, Text(type.type));
    message.Number(value_type_field::kUnit, Text(type.unit));
    return message;
  }

  // The program comes first: readers name the profile after the first mapping.
  void AddMappings() {
    modules_ = symbolizer_.Modules();
    std::stable_partition(modules_.begin(), modules_.end(), [](const Module& module) {
      return module.file.find(".so") == std::string::npos && module.file.starts_with('/');
    });
    for (size_t i = 0; i < modules_.size(); ++i) {
      ProtobufWriter mapping;
      mapping.Number(mapping_field::kId, i + 1);
      mapping.Number(mapping_field::kStart, modules_[i].start);
      mapping.Number(mapping_field::kLimit, modules_[i].end);
      mapping.Number(mapping_field::kFile, Text(modules_[i].file));
      mapping.Number(mapping_field::kBuildId, Text(modules_[i].build_id));
      for (const uint32_t resolved : {mapping_field::kHasFunctions, mapping_field::kHasFiles,
                                      mapping_field::kHasLines, mapping_field::kHasInlines}) {
        mapping.Number(resolved, 1);
      }
      out_.Bytes(profile_field::kMapping, mapping.text());
    }
  }

  uint64_t MappingOf(uint64_t address) const {
    for (size_t i = 0; i < modules_.size(); ++i) {
      if (modules_[i].start <= address && address < modules_[i].end) return i + 1;
    }
    return 0;
  }

  void AddSample(const Sample& sample) {
    std::vector<uint64_t> locations;
    for (const uint64_t address : sample.addresses) locations.push_back(LocationOf(address));
    ProtobufWriter message;
    message.Packed(sample_field::kLocationId, locations);
    message.Packed(sample_field::kValue, sample.values);
    if (!sample.thread.empty()) {
      ProtobufWriter label;
      label.Number(label_field::kKey, Text("thread"));
      label.Number(label_field::kText, Text(sample.thread));
      message.Bytes(sample_field::kLabel, label.text());
    }
    out_.Bytes(profile_field::kSample, message.text());
  }

  uint64_t LocationOf(uint64_t address) {
    const auto [entry, is_new] = locations_.try_emplace(address, locations_.size() + 1);
    if (!is_new) return entry->second;
    ProtobufWriter location;
    location.Number(location_field::kId, entry->second);
    location.Number(location_field::kMapping, MappingOf(address));
    location.Number(location_field::kAddress, address);
    for (const Frame& frame : symbolizer_.Resolve(address)) {
      ProtobufWriter line;
      line.Number(line_field::kFunction, FunctionOf(frame));
      line.Signed(line_field::kLine, frame.line);
      location.Bytes(location_field::kLine, line.text());
    }
    out_.Bytes(profile_field::kLocation, location.text());
    return entry->second;
  }

  uint64_t FunctionOf(const Frame& frame) {
    const auto [entry, is_new] =
        functions_.try_emplace({frame.function, frame.file}, functions_.size() + 1);
    if (!is_new) return entry->second;
    ProtobufWriter function;
    function.Number(function_field::kId, entry->second);
    function.Number(function_field::kName, Text(frame.function));
    function.Number(function_field::kSystemName, Text(frame.system_name));
    function.Number(function_field::kFile, Text(frame.file));
    out_.Bytes(profile_field::kFunction, function.text());
    return entry->second;
  }

  Symbolizer& symbolizer_;
  ProtobufWriter out_;
  std::vector<Module> modules_;
  std::unordered_map<std::string, uint64_t> texts_;
  std::vector<std::string> texts_in_order_;
  std::unordered_map<uint64_t, uint64_t> locations_;
  std::map<std::pair<std::string, std::string>, uint64_t> functions_;
};

}  // namespace

std::string EncodePprof(const Profile& profile, Symbolizer& symbolizer) {
  return Encoder(symbolizer).Encode(profile);
}

std::string Gzip(const std::string& text) {
  constexpr int kGzipWindow = 15 + 16;
  constexpr int kMemoryLevel = 8;
  z_stream stream{};
  if (deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, kGzipWindow, kMemoryLevel,
                   Z_DEFAULT_STRATEGY) != Z_OK) {
    return {};
  }
  std::string packed(deflateBound(&stream, text.size()), '\0');
  // zlib does not change its input, but was made before it could say so.
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  deflate(&stream, Z_FINISH);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

}  // namespace topgun::profiling
