#include <algorithm>

#include "gateway/config/build.h"
#include "gateway/config/lookup.h"
#include "gateway/http/header_list.h"

namespace holdfast::config {

void BuildTracing(const YamlNode& root, const Config& config, Report* report) {
  const YamlNode& node = MappingAt(root, "tracing");
  if (!config.tracing.has_value() || !node.is_mapping()) return;
  const YamlNode* const otlp = ScalarAt(node, "otlp");
  if (otlp != nullptr && otlp->text.starts_with("https://")) {
    report->Error(otlp->position,
                  "otlp: https is not supported; expected an http URL, as of a collector beside "
                  "the gateway that passes spans on");
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
