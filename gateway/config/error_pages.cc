#include "gateway/config/error_pages.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>

#include "gateway/config/text_checks.h"

namespace holdfast::config {
namespace {

constexpr std::pair<std::string_view, std::string_view> kMediaTypes[] = {
    {".html", "text/html; charset=utf-8"},
    {".json", "application/json"},
    {".txt", "text/plain; charset=utf-8"},
    {".xml", "application/xml"},
};

// Of failures, of requests that break a rule of framing, and of rate limits.
constexpr int kOwnStatuses[] = {400, 401, 403, 404, 405, 408, 413, 414, 417,
                                421, 429, 431, 501, 502, 503, 504, 505, 508};

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

bool IsErrorStatus(std::string_view text) {
  if (text.size() != 3 || (text[0] != '4' && text[0] != '5')) return false;
  return text.substr(1) == "xx" || (IsDigit(text[1]) && IsDigit(text[2]));
}

bool IsOwnErrorStatus(int status) {
  return std::ranges::find(kOwnStatuses, status) != std::end(kOwnStatuses);
}

bool IsErrorPagePath(std::string_view text) {
  return IsFilePath(text) && !MediaTypeOf(text).empty();
}

std::string_view MediaTypeOf(std::string_view path) {
  for (const auto& [ending, type] : kMediaTypes) {
    if (path.ends_with(ending)) return type;
  }
  return {};
}

void ReadErrorPages(const YamlNode& node, Listener* listener) {
  for (const auto& [key, value] : node.entries) {
    if (!IsErrorStatus(key.text) || !IsErrorPagePath(value.text)) continue;
    const int hundreds = (key.text[0] - '0') * 100;
    const bool all = key.text[1] == 'x';
    const int rest = all ? 0 : (key.text[1] - '0') * 10 + (key.text[2] - '0');
    listener->error_pages.push_back(
        {.first_status = static_cast<uint16_t>(hundreds + rest),
         .last_status = static_cast<uint16_t>(all ? hundreds + 99 : hundreds + rest),
         .file = value.text,
         .body = nullptr});
  }
  std::ranges::stable_partition(listener->error_pages, [](const ErrorPage& page) {
    return page.first_status == page.last_status;
  });
}

void WarnOfErrorPages(const YamlNode& node, Report* report) {
  for (const auto& [key, value] : node.entries) {
    if (!IsErrorStatus(key.text) || key.text[1] == 'x') continue;
    if (IsOwnErrorStatus(std::stoi(key.text))) continue;
    report->Warning(key.position, "the gateway never answers " + key.text +
                                      " by itself, and the errors of upstreams have no pages");
  }
}

const ErrorPage* FindErrorPage(const Listener& listener, int status) {
  const auto page =
      std::ranges::find_if(listener.error_pages, [status](const ErrorPage& candidate) {
        return candidate.first_status <= status && status <= candidate.last_status;
      });
  if (page == listener.error_pages.end() || page->body == nullptr) return nullptr;
  return &*page;
}

}  // namespace holdfast::config
