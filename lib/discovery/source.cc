#include "discovery/source.h"

#include <sys/stat.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <optional>
#include <string_view>
#include <utility>

#include "lookup.h"
#include "target.h"

namespace topgun::discovery {
namespace {

constexpr size_t kFileBytesMax = size_t{256} << 10;

class LiteralSource final : public Source {
 public:
  LiteralSource(std::string target, Address address)
      : target_(std::move(target)), address_(std::move(address)) {}

  const std::string& target() const override { return target_; }
  bool literal() const override { return true; }
  StatusOr<Addresses> Read() override { return Addresses{address_}; }

 private:
  const std::string target_;
  const Address address_;
};

class NameSource final : public Source {
 public:
  NameSource(std::string target, std::string host, std::string port)
      : target_(std::move(target)), host_(std::move(host)), port_(std::move(port)) {}

  const std::string& target() const override { return target_; }
  StatusOr<Addresses> Read() override { return LookUp(host_, port_); }

 private:
  const std::string target_;
  const std::string host_;
  const std::string port_;
};

// What tells that a file is another one than before.
struct FileVersion {
  dev_t device;
  ino_t inode;
  off_t size;
  timespec changed;

  friend bool operator==(const FileVersion& a, const FileVersion& b) {
    return a.device == b.device && a.inode == b.inode && a.size == b.size &&
           a.changed.tv_sec == b.changed.tv_sec && a.changed.tv_nsec == b.changed.tv_nsec;
  }
};

class FileSource final : public Source {
 public:
  FileSource(std::string target, std::string path)
      : target_(std::move(target)), path_(std::move(path)) {}

  const std::string& target() const override { return target_; }
  bool Changed() override { return Version() != read_version_; }
  StatusOr<Addresses> Read() override;

 private:
  // None while it does not exist.
  std::optional<FileVersion> Version() const {
    struct stat info {};
    if (stat(path_.c_str(), &info) != 0) return std::nullopt;
    return FileVersion{info.st_dev, info.st_ino, info.st_size, info.st_mtim};
  }
  // What a line stands for; nothing for a comment.
  StatusOr<Addresses> ReadLine(std::string_view line, size_t number) const;

  const std::string target_;
  const std::string path_;
  std::optional<FileVersion> read_version_;
};

StatusOr<Addresses> FileSource::Read() {
  read_version_ = Version();  // before the content: a change in between is seen once more
  std::ifstream file(path_, std::ios::binary);
  if (!file) return Unavailable("cannot read " + path_);
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (text.size() > kFileBytesMax) return ResourceExhausted(path_ + " is larger than 256 KiB");
  Addresses found;
  size_t number = 0;
  for (std::string_view rest = text; !rest.empty();) {
    const size_t end = std::min(rest.find('\n'), rest.size());
    ASSIGN_OR_RETURN(Addresses some, ReadLine(rest.substr(0, end), ++number));
    found.insert(found.end(), std::move_iterator(some.begin()), std::move_iterator(some.end()));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  if (found.empty()) return Unavailable(path_ + " names nobody");
  return found;
}

StatusOr<Addresses> FileSource::ReadLine(std::string_view line, size_t number) const {
  constexpr std::string_view kBlanks = " \t\r";
  const size_t begin = line.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos || line[begin] == '#') return Addresses();
  line = line.substr(begin, line.find_last_not_of(kBlanks) - begin + 1);
  const std::string place = path_ + ", line " + std::to_string(number);
  ASSIGN_OR_RETURN(const Target target, ParseTarget(place, line));
  switch (target.kind) {
    case Target::Kind::kLiteral:
      return Addresses{target.address};
    case Target::Kind::kName:
      return LookUp(target.host, target.port);
    case Target::Kind::kFile:
      break;
  }
  return InvalidArgument(place + ": a file names addresses, not files");
}

}  // namespace

Status CheckTargets(const std::string& setting, const std::vector<std::string>& targets) {
  for (const std::string& target : targets) {
    RETURN_IF_ERROR(ParseTarget("--" + setting, target).status());
  }
  return OkStatus();
}

bool NamesFile(const std::string& target) {
  const StatusOr<Target> parsed = ParseTarget("target", target);
  return parsed.ok() && parsed->kind == Target::Kind::kFile;
}

std::vector<std::unique_ptr<Source>> MakeSources(const std::vector<std::string>& targets) {
  std::vector<std::unique_ptr<Source>> sources;
  for (const std::string& text : targets) {
    StatusOr<Target> target = ParseTarget("target", text);
    if (!target.ok()) continue;
    switch (target->kind) {
      case Target::Kind::kLiteral:
        sources.push_back(std::make_unique<LiteralSource>(text, std::move(target->address)));
        break;
      case Target::Kind::kName:
        sources.push_back(std::make_unique<NameSource>(text, target->host, target->port));
        break;
      case Target::Kind::kFile:
        sources.push_back(std::make_unique<FileSource>(text, target->host));
        break;
    }
  }
  return sources;
}

}  // namespace topgun::discovery
