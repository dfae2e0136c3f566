#include "gateway/http/connection_auth.h"

#include <algorithm>
#include <string_view>

#include "gateway/http/syntax.h"

namespace holdfast::http {
namespace {

constexpr std::string_view kSchemes[] = {"ntlm", "negotiate", "nego2"};

// RFC 9110 section 11.3: scheme names know no case, and a challenge begins with one.
bool NamesScheme(std::string_view challenge) {
  const std::string_view scheme = challenge.substr(0, challenge.find_first_of(" \t"));
  return std::ranges::any_of(
      kSchemes, [&](std::string_view known) { return EqualsIgnoreCase(scheme, known); });
}

// Several challenges may share a field. What looks like one inside a quoted string is taken for
// one, too, which costs a connection and no more.
bool ListsScheme(std::string_view value) {
  std::string_view challenge;
  for (ListReader challenges(value); challenges.Next(&challenge);) {
    if (NamesScheme(challenge)) return true;
  }
  return false;
}

constexpr FieldIds kCarriers = {FieldId::kAuthorization, FieldId::kProxyAuthorization,
                                FieldId::kProxyAuthenticate, FieldId::kWwwAuthenticate};

}  // namespace

bool AuthenticatesConnection(const HeaderList& headers) {
  // Hardly ever is there one, and the list knows without being walked.
  if (!headers.HasAnyOf(kCarriers)) return false;
  return std::ranges::any_of(headers.fields(), [](const HeaderField& field) {
    return kCarriers.Has(field.id) && ListsScheme(field.value);
  });
}

}  // namespace holdfast::http
