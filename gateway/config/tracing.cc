#include "gateway/config/tracing.h"

#include <algorithm>
#include <optional>

#include "gateway/config/text_checks.h"
#include "gateway/fetch/url.h"
#include "gateway/http/header_list.h"

namespace holdfast::config {

bool IsCollectorUrl(std::string_view url) {
  const std::optional<fetch::Url> parsed = fetch::ParseUrl(url);
  return parsed.has_value() && parsed->target != "/" && !parsed->target.starts_with("/?");
}

bool IsExportField(std::string_view name) {
  constexpr std::string_view kTaken[] = {"host", "content-type", "content-encoding", "user-agent",
                                         "expect"};
  if (!IsFieldName(name)) return false;
  return std::ranges::none_of(
      kTaken, [name](std::string_view taken) { return http::LooksLikeName(name, taken); });
}

}  // namespace holdfast::config
