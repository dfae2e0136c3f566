#include "gateway/policy/cors.h"

#include <algorithm>

#include "gateway/http/syntax.h"

namespace holdfast::policy {
namespace {

constexpr std::string_view kAny = "*";
constexpr std::string_view kAllowOrigin = "Access-Control-Allow-Origin";
constexpr std::string_view kAllowCredentials = "Access-Control-Allow-Credentials";
constexpr std::string_view kExposeHeaders = "Access-Control-Expose-Headers";
constexpr std::string_view kRequestMethod = "Access-Control-Request-Method";
constexpr std::string_view kRequestHeaders = "Access-Control-Request-Headers";

// The value of the client's one field of that name; empty when there is none, or several. Where a
// route has put another in its place, the client's is the one that is dropped.
std::string_view TheOnly(const http::HeaderList& fields, std::string_view name) {
  const auto is_named = [name](const http::HeaderField& field) {
    return http::EqualsIgnoreCase(field.name, name);
  };
  const bool replaced = std::ranges::any_of(fields.fields(), [&](const http::HeaderField& field) {
    return field.dropped && is_named(field);
  });
  std::string_view value;
  bool found = false;
  for (const http::HeaderField& field : fields.fields()) {
    if (!is_named(field) || field.dropped != replaced) continue;
    if (found) return {};
    value = field.value;
    found = true;
  }
  return value;
}

void Add(std::string_view name, std::string_view value, http::ResponseHead* response) {
  response->headers.Add({.name = name, .value = value, .id = http::IdentifyField(name)});
}

// Another one need not be said (RFC 9110 section 12.5.5).
bool VariesByOrigin(const http::HeaderList& fields) {
  for (const http::HeaderField& field : fields.fields()) {
    if (field.dropped || !http::EqualsIgnoreCase(field.name, "vary")) continue;
    std::string_view member;
    for (http::ListReader list(field.value); list.Next(&member);) {
      if (member == kAny || http::EqualsIgnoreCase(member, "origin")) return true;
    }
  }
  return false;
}

std::string Listed(const std::vector<std::string>& texts) {
  std::string list;
  for (const std::string& text : texts) list += (list.empty() ? "" : ", ") + text;
  return list;
}

bool HasAny(const std::vector<std::string>& texts) {
  return std::ranges::find(texts, kAny) != texts.end();
}

// What one pattern takes: "https://*.example.com" as well as "https://a.example.com:8443" have a
// host, which no other byte of the URL may end early.
bool FitsPattern(std::string_view origin, std::string_view pattern) {
  const size_t star = pattern.find('*');
  if (star == std::string_view::npos) return http::EqualsIgnoreCase(origin, pattern);
  const std::string_view before = pattern.substr(0, star);
  const std::string_view after = pattern.substr(star + 1);
  if (origin.size() <= before.size() + after.size()) return false;
  const std::string_view labels =
      origin.substr(before.size(), origin.size() - before.size() - after.size());
  return http::EqualsIgnoreCase(origin.substr(0, before.size()), before) &&
         http::EqualsIgnoreCase(origin.substr(origin.size() - after.size()), after) &&
         std::ranges::all_of(labels, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '-' || c == '.' || c == '_';
         });
}

// Names and commas: nothing else goes back to the browser.
bool IsNameList(std::string_view text) {
  return text.size() <= 1024 && std::ranges::all_of(text, [](char c) {
           return http::IsTokenByte(c) || c == ',' || c == ' ';
         });
}

}  // namespace

bool IsOriginPattern(std::string_view text) {
  if (text == kAny) return true;
  const size_t end = text.find("://");
  if (end == std::string_view::npos || end == 0 || text.size() > 300) return false;
  if (!std::ranges::all_of(text.substr(0, end), http::IsTokenByte)) return false;
  std::string_view host = text.substr(end + 3);
  if (host.starts_with("*.")) host.remove_prefix(2);
  return !host.empty() && host.find_first_of("*/?#@ \\\"'") == std::string_view::npos &&
         std::ranges::all_of(host, [](char c) { return c > ' ' && c < 0x7f; });
}

std::string_view RequestedMethod(const http::RequestHead& request) {
  const std::string_view method = TheOnly(request.headers, kRequestMethod);
  return std::ranges::all_of(method, http::IsTokenByte) ? method : std::string_view();
}

bool IsPreflight(const http::RequestHead& request) {
  return request.method == http::Method::kOptions && !TheOnly(request.headers, "Origin").empty() &&
         !RequestedMethod(request).empty();
}

CorsRules::CorsRules(const Cors& cors)
    : origins_(cors.allow_origins),
      any_origin_(HasAny(cors.allow_origins)),
      any_method_(HasAny(cors.allow_methods)),
      any_header_(HasAny(cors.allow_headers)),
      credentials_(cors.allow_credentials),
      methods_(cors.allow_methods.empty() ? "GET, HEAD, POST" : Listed(cors.allow_methods)),
      headers_(Listed(cors.allow_headers)),
      exposed_(Listed(cors.expose_headers)),
      max_age_(std::to_string(std::chrono::floor<std::chrono::seconds>(cors.max_age).count())) {}

bool CorsRules::Allows(std::string_view origin) const {
  return std::ranges::any_of(
      origins_, [origin](const std::string& pattern) { return FitsPattern(origin, pattern); });
}

std::string_view CorsRules::AllowedOrigin(const http::RequestHead& request) const {
  if (any_origin_) return kAny;
  const std::string_view origin = TheOnly(request.headers, "Origin");
  return Allows(origin) ? origin : std::string_view();
}

void CorsRules::AddOrigin(std::string_view allowed, http::ResponseHead* response) const {
  Add(kAllowOrigin, allowed, response);
  if (credentials_) Add(kAllowCredentials, "true", response);
}

void CorsRules::AnswerPreflight(const http::RequestHead& request,
                                http::ResponseHead* response) const {
  Add("Vary", "Origin, Access-Control-Request-Method, Access-Control-Request-Headers", response);
  const std::string_view allowed = AllowedOrigin(request);
  if (allowed.empty()) return;
  AddOrigin(allowed, response);
  Add("Access-Control-Allow-Methods", any_method_ ? RequestedMethod(request) : methods_, response);
  const std::string_view asked = TheOnly(request.headers, kRequestHeaders);
  const std::string_view names = any_header_ && IsNameList(asked) ? asked : headers_;
  if (!names.empty() && names != kAny) Add("Access-Control-Allow-Headers", names, response);
  Add("Access-Control-Max-Age", max_age_, response);
}

// Where all origins may, requests without one are told so as well: without a Vary a cache gives
// their answers to pages of elsewhere (Fetch, "CORS protocol and HTTP caches").
void CorsRules::Apply(const http::RequestHead& request, http::ResponseHead* response) const {
  for (http::HeaderField& field : response->headers.fields()) {
    for (const std::string_view own : {kAllowOrigin, kAllowCredentials, kExposeHeaders}) {
      field.dropped |= http::EqualsIgnoreCase(field.name, own);
    }
  }
  if (!any_origin_ && !VariesByOrigin(response->headers)) Add("Vary", "Origin", response);
  const std::string_view allowed = AllowedOrigin(request);
  if (allowed.empty()) return;
  AddOrigin(allowed, response);
  if (!exposed_.empty()) Add(kExposeHeaders, exposed_, response);
}

}  // namespace holdfast::policy
