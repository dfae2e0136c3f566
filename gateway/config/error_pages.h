#ifndef HOLDFAST_GATEWAY_CONFIG_ERROR_PAGES_H_
#define HOLDFAST_GATEWAY_CONFIG_ERROR_PAGES_H_

#include <cstddef>
#include <string_view>

#include "gateway/config/config.h"
#include "gateway/config/yaml_node.h"

namespace holdfast::config {

// Of one page.
inline constexpr size_t kMaxErrorPageBytes = 64 * 1024;

// A status from 400 to 599, or all of a hundred: "404", "4xx", "5xx". Safe on any bytes.
bool IsErrorStatus(std::string_view text);

// Whether the gateway answers with this status by itself: upstreams' errors have no pages.
bool IsOwnErrorStatus(int status);

// An absolute path whose ending has a media type. Safe on any bytes.
bool IsErrorPagePath(std::string_view text);

// What a file with this ending holds: .html, .json, .txt or .xml; "" for any other.
std::string_view MediaTypeOf(std::string_view path);

// Takes a listener's `error_pages`. What does not fit the schema is left out.
void ReadErrorPages(const YamlNode& node, Listener* listener);
// The same mapping: warns of pages that nobody is ever sent.
void WarnOfErrorPages(const YamlNode& node, Report* report);

// The page for a status, as far as it was read; null when there is none.
const ErrorPage* FindErrorPage(const Listener& listener, int status);

}  // namespace holdfast::config

#endif  // HOLDFAST_GATEWAY_CONFIG_ERROR_PAGES_H_
