#include "gateway/proxy/error_style.h"

#include <string>
#include <string_view>

#include "gateway/config/error_pages.h"

namespace holdfast::proxy {
namespace {

using config::ErrorDetail;
using config::ErrorFormat;

constexpr char kHexDigits[] = "0123456789abcdef";

// The encoding of what is quoted is anybody's guess, so that its bytes are told one by one.
void AppendQuoted(std::string_view text, std::string* out) {
  out->push_back('"');
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain =
        byte >= 0x20 && byte < 0x7F && c != '"' && c != '\\' && c != '<' && c != '>' && c != '&';
    if (plain) {
      out->push_back(c);
      continue;
    }
    out->append("\\u00");
    out->push_back(kHexDigits[byte >> 4]);
    out->push_back(kHexDigits[byte & 15]);
  }
  out->push_back('"');
}

// What is empty is left out.
void AppendMember(std::string_view name, std::string_view text, std::string* out) {
  if (text.empty()) return;
  out->append(",\"").append(name).append("\":");
  AppendQuoted(text, out);
}

std::string JsonBody(bool problem, const LocalReply& reply) {
  std::string body = problem ? "{\"type\":\"about:blank\",\"status\":" : "{\"status\":";
  body += std::to_string(reply.head.status);
  AppendMember("title", reply.head.reason, &body);
  AppendMember("reason", reply.word, &body);
  AppendMember("detail", reply.detail, &body);
  return body + "}\n";
}

void SetBody(std::string_view media_type, size_t bytes, http::ResponseHead* head) {
  for (http::HeaderField& field : head->headers.fields()) {
    if (field.id == http::FieldId::kContentType) field.value = media_type;
  }
  head->content_length = bytes;
}

}  // namespace

void StyleError(const config::Listener& listener, LocalReply* reply) {
  bool as_filled = listener.errors.format == ErrorFormat::kText;
  if (listener.errors.detail != ErrorDetail::kFull && !reply->detail.empty()) {
    reply->detail.clear();
    as_filled = false;
  }
  if (listener.errors.detail == ErrorDetail::kNone) {
    reply->word = {};
    as_filled = false;
  }
  if (const config::ErrorPage* page = config::FindErrorPage(listener, reply->head.status)) {
    reply->body.clear();
    reply->page = *page->body;
    return SetBody(config::MediaTypeOf(page->file), reply->page.size(), &reply->head);
  }
  if (as_filled) return;
  switch (listener.errors.format) {
    case ErrorFormat::kText:
      reply->body = ErrorBody(reply->head.status, reply->word, reply->detail);
      return SetBody(kErrorMediaType, reply->body.size(), &reply->head);
    case ErrorFormat::kJson:
      reply->body = JsonBody(/*problem=*/false, *reply);
      return SetBody("application/json", reply->body.size(), &reply->head);
    case ErrorFormat::kProblemJson:
      reply->body = JsonBody(/*problem=*/true, *reply);
      return SetBody("application/problem+json", reply->body.size(), &reply->head);
  }
}

}  // namespace holdfast::proxy
