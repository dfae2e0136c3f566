#include "gateway/http/persistence.h"

namespace holdfast::http {

std::string_view PersistenceName(ClientPersistence value) {
  switch (value) {
    case ClientPersistence::kKeep: break;
    case ClientPersistence::kClientAsked: return "client_asked";
    case ClientPersistence::kHttp10: return "http10";
    case ClientPersistence::kResponseUntilClose: return "response_until_close";
    case ClientPersistence::kRequestUnread: return "request_unread";
    case ClientPersistence::kFramingError: return "framing_error";
    case ClientPersistence::kSwitchRefused: return "switch_refused";
    case ClientPersistence::kDraining: return "draining";
    case ClientPersistence::kConnectionAge: return "connection_age";
    case ClientPersistence::kMaxRequests: return "max_requests";
  }
  return "keep";
}

ClientPersistence DecideClientPersistence(const ClientPersistenceFacts& facts) {
  if (facts.framing_error) return ClientPersistence::kFramingError;
  if (facts.switch_refused) return ClientPersistence::kSwitchRefused;
  if (facts.response_until_close) return ClientPersistence::kResponseUntilClose;
  if (!facts.request_finished) return ClientPersistence::kRequestUnread;
  // RFC 9112 section 9.3: close wins over keep-alive.
  if (facts.client_close) return ClientPersistence::kClientAsked;
  if (facts.version == Version::kHttp10 && !facts.client_keep_alive) {
    return ClientPersistence::kHttp10;
  }
  if (facts.draining) return ClientPersistence::kDraining;
  if (facts.too_old) return ClientPersistence::kConnectionAge;
  if (facts.last_request) return ClientPersistence::kMaxRequests;
  return ClientPersistence::kKeep;
}

bool ResponseAllowsReuse(const ResponseHead& response) {
  if (response.connection_close) return false;
  if (response.body == BodyKind::kUntilClose) return false;
  if (response.status == 101) return false;
  return response.version == Version::kHttp11 || response.connection_keep_alive;
}

StrayContent FindStrayContent(const ResponseHead& response) {
  if (response.body != BodyKind::kNone) return StrayContent::kNone;
  const HeaderField* length = response.headers.Find(FieldId::kContentLength);
  const bool coded = response.headers.Find(FieldId::kTransferEncoding) != nullptr;
  const bool long_one =
      length != nullptr && length->value.find_first_not_of('0') != length->value.npos;
  const bool bodiless = response.informational() || response.status == 204;
  // It answers HEAD then. A server that took HEAD for GET would send content until it closes.
  const bool unsaid = !bodiless && response.status != 304 && length == nullptr;
  if (!coded && !long_one) return unsaid ? StrayContent::kPossible : StrayContent::kNone;
  const bool forbidden = bodiless || (response.status == 304 && coded);
  return forbidden ? StrayContent::kForbidden : StrayContent::kPossible;
}

}  // namespace holdfast::http
