#ifndef HOLDFAST_TESTS_SUPPORT_SCRIPTED_HOP_H_
#define HOLDFAST_TESTS_SUPPORT_SCRIPTED_HOP_H_

#include <string>
#include <string_view>
#include <utility>

#include "tests/support/gateway_process.h"
#include "tests/support/raw_client.h"
#include "tests/support/scripted_upstream.h"

namespace holdfast::support {

// A client, a gateway and an upstream, with the test at both ends.
struct ScriptedHop {
  // `config` without endpoints, which are the upstream here.
  explicit ScriptedHop(GatewayConfig config = {})
      : gateway(WithEndpoint(std::move(config), upstream.address())), client(gateway.address()) {}

  // Sends a request and returns the new upstream connection that it came on, with the request
  // unread.
  UpstreamConnection Begin(std::string_view request) {
    client.Send(request);
    return upstream.Accept();
  }
  // A request and its answer over a new upstream connection, which is then kept by the gateway.
  UpstreamConnection Warm() {
    UpstreamConnection connection = Begin(GetRequest("/warm"));
    connection.Answer(OkResponse("warm"));
    client.Response();
    return connection;
  }

  ScriptedUpstream upstream;
  GatewayProcess gateway;
  RawClient client;

 private:
  static GatewayConfig WithEndpoint(GatewayConfig config, const std::string& endpoint) {
    config.endpoints = {endpoint};
    return config;
  }
};

}  // namespace holdfast::support

#endif  // HOLDFAST_TESTS_SUPPORT_SCRIPTED_HOP_H_
