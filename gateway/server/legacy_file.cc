#include "gateway/server/legacy_file.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

#include <absl/strings/ascii.h>
#include <absl/strings/escaping.h>
#include <absl/strings/str_cat.h>

namespace holdfast::server {
namespace {

// Not of hexadecimal digits alone, as the names of TicketKeeper are. The second word is a number,
// as theirs is.
constexpr std::string_view kProcessKey = "process-key 0 ";
constexpr size_t kMaxBytes = 16 << 20;

}  // namespace

pool::FileDescriptor MakeLegacyFile(std::string_view text) {
  if (text.empty()) return {};
  pool::FileDescriptor file(memfd_create("holdfast-legacy", MFD_CLOEXEC));
  if (!file.valid()) return {};
  const auto written = pwrite(file.get(), text.data(), text.size(), 0);
  return written == static_cast<ssize_t>(text.size()) ? std::move(file) : pool::FileDescriptor();
}

std::string ReadLegacyFile(const pool::FileDescriptor& file) {
  std::string text;
  if (!file.valid()) return text;
  std::array<char, 4096> part;
  while (text.size() < kMaxBytes) {
    const ssize_t got =
        pread(file.get(), part.data(), part.size(), static_cast<off_t>(text.size()));
    if (got <= 0) break;
    text.append(part.data(), static_cast<size_t>(got));
  }
  return text;
}

std::string FormatProcessKey(const pool::KeyedDigest::Key& key) {
  const absl::string_view bytes(reinterpret_cast<const char*>(key.data()), key.size());
  return absl::StrCat(std::string(kProcessKey), absl::BytesToHexString(bytes), "\n");
}

std::optional<pool::KeyedDigest::Key> FindProcessKey(std::string_view text) {
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (!line.starts_with(kProcessKey)) continue;
    const std::string digits(line.substr(kProcessKey.size()));
    pool::KeyedDigest::Key key;
    if (digits.size() != 2 * key.size() || !std::ranges::all_of(digits, [](char c) {
          return absl::ascii_isxdigit(static_cast<unsigned char>(c));
        })) {
      continue;
    }
    std::ranges::copy(absl::HexStringToBytes(digits), key.begin());
    return key;
  }
  return std::nullopt;
}

}  // namespace holdfast::server
