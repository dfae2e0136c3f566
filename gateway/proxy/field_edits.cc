#include "gateway/proxy/field_edits.h"

#include <optional>
#include <string_view>

#include "gateway/proxy/client_ends.h"

namespace holdfast::proxy {

using policy::Variable;

policy::TemplateFacts FieldEdits::FactsFor(const policy::HeaderEdits& edits,
                                           const route::Route& route, const ExchangeClient& client,
                                           const http::RequestHead& request) {
  policy::TemplateFacts facts{.client_ip = client.origin,
                              .host = request.host,
                              .path = request.path,
                              .route = route.name,
                              .upstream = route.cluster.name,
                              .scheme = client.encrypted ? "https" : "http",
                              .tls_sni = {},
                              .headers = &request.headers};
  if (edits.Uses(Variable::kTlsSni) && client.transport != nullptr) {
    const std::optional<pool::SecureFacts> secure = client.transport->secure();
    if (secure.has_value()) facts.tls_sni = secure->server_name;
  }
  if (edits.Uses(Variable::kClientPort) && client.connection != nullptr) {
    const bool speaks_for_another = client.origin.data() != client.ip.data();
    const std::string_view origin = speaks_for_another ? client.origin : std::string_view();
    facts.client_port = ClientEnds(client.connection->fd(), client.announced, origin).source.port();
  }
  if (edits.Uses(Variable::kRequestId)) facts.request_id = correlation_.request_id();
  return facts;
}

void FieldEdits::EditRequest(const route::Route& route, const ExchangeClient& client,
                             http::RequestHead* request) {
  correlation_.TellUpstream(&request->headers);
  const policy::HeaderEdits& edits = route.request_edits;
  if (edits.empty()) return;
  if (edits.constant()) return edits.ApplyConstant(&request->headers);
  edits.Apply(FactsFor(edits, route, client, *request), &request->headers, &of_request_);
}

void FieldEdits::EditResponse(const route::Route* route, const ExchangeClient& client,
                              const http::RequestHead& request, http::ResponseHead* response) {
  correlation_.TellClient(&response->headers);
  if (route == nullptr || !route->edits_responses) return;
  const policy::HeaderEdits& edits =
      client.encrypted ? route->secure_response_edits : route->response_edits;
  if (edits.constant()) {
    edits.ApplyConstant(&response->headers);
  } else {
    edits.Apply(FactsFor(edits, *route, client, request), &response->headers, &of_response_);
  }
  if (route->cors_rules.active()) route->cors_rules.Apply(request, response);
}

}  // namespace holdfast::proxy
