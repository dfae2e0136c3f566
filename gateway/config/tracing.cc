#include "gateway/config/tracing.h"

#include <algorithm>

#include "gateway/config/text_checks.h"
#include "gateway/http/header_list.h"
#include "gateway/http/target.h"

namespace holdfast::config {
namespace {

constexpr std::string_view kPlain = "http://";
constexpr std::string_view kEncrypted = "https://";
constexpr size_t kMaxUrl = 2048;

}  // namespace

std::optional<CollectorUrl> ParseCollectorUrl(std::string_view url) {
  if (url.size() > kMaxUrl) return std::nullopt;
  CollectorUrl parsed{.encrypted = url.starts_with(kEncrypted)};
  if (!parsed.encrypted && !url.starts_with(kPlain)) return std::nullopt;
  const bool visible =
      std::ranges::all_of(url, [](char c) { return c > ' ' && c < 0x7f && c != '#'; });
  if (!visible) return std::nullopt;
  const std::string_view rest = url.substr(parsed.encrypted ? kEncrypted.size() : kPlain.size());
  const size_t end = rest.find('/');
  if (end == rest.npos || end + 1 == rest.size() || rest[end + 1] == '?') return std::nullopt;
  const std::string_view text = rest.substr(0, end);
  const std::optional<http::Authority> authority = http::ParseAuthority(text);
  if (!authority.has_value() || authority->host.empty() || authority->port == 0) {
    return std::nullopt;
  }
  parsed.host = std::string(authority->host);
  if (parsed.host.starts_with('[')) parsed.host = parsed.host.substr(1, parsed.host.size() - 2);
  parsed.port = parsed.encrypted ? 443 : 80;
  if (authority->port > 0) parsed.port = static_cast<uint16_t>(authority->port);
  parsed.authority = std::string(http::WithoutEmptyPort(text));
  parsed.target = std::string(rest.substr(end));
  return parsed;
}

bool IsExportField(std::string_view name) {
  constexpr std::string_view kTaken[] = {"host", "content-type", "content-encoding", "user-agent",
                                         "expect"};
  if (!IsFieldName(name)) return false;
  return std::ranges::none_of(
      kTaken, [name](std::string_view taken) { return http::LooksLikeName(name, taken); });
}

}  // namespace holdfast::config
