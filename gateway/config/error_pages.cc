#include "gateway/config/error_pages.h"

#include <algorithm>
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

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

bool IsErrorStatus(std::string_view text) {
  if (text.size() != 3 || (text[0] != '4' && text[0] != '5')) return false;
  return text.substr(1) == "xx" || (IsDigit(text[1]) && IsDigit(text[2]));
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

const ErrorPage* FindErrorPage(const Listener& listener, int status) {
  const auto page =
      std::ranges::find_if(listener.error_pages, [status](const ErrorPage& candidate) {
        return candidate.first_status <= status && status <= candidate.last_status;
      });
  if (page == listener.error_pages.end() || page->body == nullptr) return nullptr;
  return &*page;
}

}  // namespace holdfast::config
