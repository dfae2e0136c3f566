#include "gateway/http/hop_headers.h"

#include <string_view>

#include "gateway/http/connection_option.h"
#include "gateway/http/syntax.h"

namespace holdfast::http {
namespace {

constexpr FieldIds kHopByHop = {
    FieldId::kConnection, FieldId::kContentLength,   FieldId::kTransferEncoding,
    FieldId::kKeepAlive,  FieldId::kProxyConnection, FieldId::kTe,
    FieldId::kUpgrade,    FieldId::kHttp2Settings,   FieldId::kClientCert,
};

// Fields without an id that every recipient is meant to see, or that decide about access.
constexpr std::string_view kForEveryRecipient[] = {
    "accept-encoding", "age",           "cache-control", "etag",      "expires",
    "if-match",        "if-none-match", "if-range",      "origin",    "pragma",
    "range",           "set-cookie",    "vary",          "x-real-ip",
};

bool StartsWithIgnoreCase(std::string_view text, std::string_view prefix) {
  return EqualsIgnoreCase(text.substr(0, prefix.size()), prefix);
}

// Whether naming the field in Connection may remove it.
bool ConnectionMayDrop(const HeaderField& field) {
  switch (field.id) {
    case FieldId::kOther: break;
    case FieldId::kTrailer:
    case FieldId::kProxyAuthenticate:
    case FieldId::kProxyAuthorization:
    case FieldId::kProxyAuthenticationInfo:
    case FieldId::kAltSvc: return true;
    default: return false;
  }
  for (std::string_view name : kForEveryRecipient) {
    if (EqualsIgnoreCase(field.name, name)) return false;
  }
  return !StartsWithIgnoreCase(field.name, "content-");
}

bool IsPlainOption(std::string_view option) {
  return option.empty() || IdentifyConnectionOption(option) != ConnectionOption::kOther;
}

// The parser has bounded the number of options.
void DropNamedFields(std::string_view options, HeaderList* headers) {
  if (IsPlainOption(options)) return;  // one alone, as is usual
  std::string_view option;
  for (ListReader reader(options); reader.Next(&option);) {
    if (IsPlainOption(option)) continue;
    for (HeaderField& field : headers->fields()) {
      if (!field.dropped && EqualsIgnoreCase(field.name, option) && ConnectionMayDrop(field)) {
        field.dropped = true;
      }
    }
  }
}

bool ListsTrailers(std::string_view codings) {
  std::string_view coding;
  for (ListReader reader(codings); reader.Next(&coding);) {
    if (EqualsIgnoreCase(coding, "trailers")) return true;
  }
  return false;
}

}  // namespace

void DropNamed(std::span<const std::string> names, HeaderList* headers) {
  for (HeaderField& field : headers->fields()) {
    for (const std::string& name : names) field.dropped |= LooksLikeName(field.name, name);
  }
}

HopFacts DropHopHeaders(HeaderList* headers) {
  HopFacts facts;
  if (!headers->HasAnyOf(kHopByHop)) return facts;
  for (HeaderField& field : headers->fields()) {
    if (!kHopByHop.Has(field.id)) continue;
    field.dropped = true;
    if (field.id == FieldId::kTe && ListsTrailers(field.value)) facts.te_trailers = true;
    if (field.id == FieldId::kConnection) DropNamedFields(field.value, headers);
  }
  return facts;
}

}  // namespace holdfast::http
