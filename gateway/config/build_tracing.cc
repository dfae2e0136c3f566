#include <algorithm>
#include <optional>

#include "gateway/config/build.h"
#include "gateway/config/lookup.h"
#include "gateway/fetch/url.h"
#include "gateway/http/header_list.h"

namespace holdfast::config {

void BuildTracing(const YamlNode& root, const Config& config, Report* report) {
  const YamlNode& node = MappingAt(root, "tracing");
  if (!config.tracing.has_value() || !node.is_mapping()) return;
  const std::optional<fetch::Url> url = fetch::ParseUrl(config.tracing->otlp);
  if (config.tracing->ca != Tracing::kSystemAuthorities && url.has_value() && url->clear) {
    report->Error(
        PlaceOf(node, "ca"),
        "ca: only with an otlp that begins with https://; nothing else has a certificate");
  }
  const std::vector<YamlEntry>& headers = MappingAt(node, "headers").entries;
  for (size_t i = 0; i < headers.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      if (!http::EqualsIgnoreCase(headers[i].key.text, headers[j].key.text)) continue;
      report->Error(headers[i].key.position,
                    GivenTwice("field '" + headers[i].key.text + "'", headers[j].key.position,
                               headers[i].key.position, *report));
    }
  }
  const bool traced = std::ranges::any_of(
      config.listeners, [](const Listener& listener) { return listener.trace.has_value(); });
  if (traced) return;
  report->Warning(PlaceOf(root, "tracing"),
                  "there will be no spans: no listener has trace, such as trace: {sample: 0.01}");
}

}  // namespace holdfast::config
