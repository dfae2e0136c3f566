#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "tests/gateway/config/load_testing.h"

namespace holdfast::config {
namespace {

std::string WithKeys(std::string_view keys) {
  return "listeners: [{bind: \":8080\", " + std::string(keys) + "}]\nroutes: [{respond: {}}]\n";
}
Listener Loaded(std::string_view keys) { return Load(WithKeys(keys)).listeners[0]; }
bool Refused(std::string_view keys, std::string_view words) {
  return Complaints(WithKeys(keys)).find(words) != std::string::npos;
}

TEST(IdShapeTest, RequestsHaveNoIdsUnlessTheListenerSaysSo) {
  EXPECT_FALSE(Loaded("name: a").request_id.has_value());
  EXPECT_FALSE(Loaded("request_id: off").request_id.has_value());
  EXPECT_FALSE(Loaded("name: a").trace.has_value());
  EXPECT_FALSE(Loaded("trace: off").trace.has_value());
}

TEST(IdShapeTest, AWordIsTheMode) {
  EXPECT_EQ(Loaded("request_id: keep").request_id->mode, RequestIdMode::kKeep);
  EXPECT_EQ(Loaded("request_id: create").request_id->mode, RequestIdMode::kCreate);
  EXPECT_EQ(Loaded("request_id: keep").request_id->header, "x-request-id");
  ASSERT_TRUE(Loaded("trace: keep").trace.has_value());
  EXPECT_EQ(Loaded("trace: keep").trace->sample, std::nullopt);
}

TEST(IdShapeTest, AMappingSaysMore) {
  const Listener listener = Loaded("request_id: {mode: keep, header: X-Correlation-Id}");
  EXPECT_EQ(listener.request_id->mode, RequestIdMode::kKeep);
  EXPECT_EQ(listener.request_id->header, "X-Correlation-Id");
  EXPECT_EQ(Loaded("request_id: {header: x-id}").request_id->mode, RequestIdMode::kCreate);
  EXPECT_EQ(Loaded("trace: {sample: 0.01}").trace->sample, 10'000u);
  EXPECT_EQ(Loaded("trace: {sample: 0}").trace->sample, 0u);
  EXPECT_EQ(Loaded("trace: {sample: 1}").trace->sample, 1'000'000u);
  EXPECT_EQ(Loaded("trace: {sample: 0.000001}").trace->sample, 1u);
}

TEST(IdShapeTest, ErrorsSayWhatWasExpected) {
  const std::string said = Complaints(WithKeys("request_id: {header: Host}"));
  EXPECT_NE(said.find("f.yaml:1:"), said.npos) << said;
  EXPECT_NE(said.find("expected a field name such as x-request-id"), said.npos) << said;
  EXPECT_NE(said.find('^'), said.npos) << said;
  for (const std::string name :
       {"Host", "Connection", "Content_Length", "X-Forwarded-For", "Authorization", "Cookie", "Via",
        "Date", "traceparent", "Tracestate", "Client-Cert", "a b", "a:b", ""}) {
    EXPECT_TRUE(Refused("request_id: {header: \"" + name + "\"}", "expected a field name")) << name;
  }
  for (const std::string_view value : {"yes", "on", "true", "[keep]", "{mode: off}", "{mode: x}"}) {
    EXPECT_TRUE(Refused("request_id: " + std::string(value), "expected")) << value;
  }
  EXPECT_TRUE(Refused("request_id: {headers: x}", "unknown key 'headers'"));
  for (const std::string_view value :
       {"on", "create", "0.01", "{}", "{sample: 1%}", "{sample: 1.1}", "{sample: -0.1}",
        "{sample: .5}", "{sample: 0.}", "{sample: 0.0000001}", "{sample: 2}", "{sample: 1e-2}",
        "{sample: off}", "{sample: [0.1]}", "{keep: true}"}) {
    EXPECT_NE(Complaints(WithKeys("trace: " + std::string(value))), "") << value;
  }
  EXPECT_TRUE(Refused("trace: {sample: 1%}", "expected a share from 0 to 1"));
  EXPECT_TRUE(Refused("trace: 0.5",
                      "expected keep or a mapping such as {sample: 0.01}, or off; found '0.5'"));
  EXPECT_TRUE(Refused("request_id: make",
                      "expected keep, create or a mapping such as {mode: keep, header: "
                      "x-request-id}, or off; found 'make'"));
}

TEST(IdShapeTest, NoClientSaysWhoItIsByItsId) {
  const auto complaints = [](std::string_view field, std::string_view auth) {
    return Complaints("listeners: [{bind: \"127.0.0.1:1\", request_id: {mode: keep, header: " +
                      std::string(field) +
                      "}}]\nupstreams: {web: {endpoints: [\"127.0.0.1:2\"]}}\n" +
                      "routes:\n  - {upstream: web, " + std::string(auth) + "}\n");
  };
  EXPECT_EQ(complaints("x-id", "name: a"), "");
  EXPECT_NE(complaints("x-id", "name: a, request_headers: {set: {X_Id: b}}")
                .find("warning: request_headers of route 'a' change 'x-id'"),
            std::string::npos);
  EXPECT_NE(complaints("x-real-ip", "name: a").find("is a field of client_ip already"),
            std::string::npos);
  EXPECT_NE(complaints("x_user", "forward_auth: {upstream: web, copy_response_headers: [x-user]}")
                .find("is a field of copy_response_headers already"),
            std::string::npos);
  EXPECT_NE(complaints("x-user",
                       "jwt: {jwks: /k, issuer: i, audience: a, algorithms: [ES256], "
                       "claims_to_headers: {X-User: sub}}")
                .find("is a field of claims_to_headers already"),
            std::string::npos);
}

TEST(IdShapeTest, WhoIsAskedForInAnotherFieldIsNotOverwritten) {
  constexpr std::string_view kAsking =
      "tls: {certificates: [{cert: /c, key: /k}], client_auth: {mode: optional, ca: /ca}}, "
      "client_certificate_headers: {subject: x_request_id}, ";
  for (const std::string_view ids : {"request_id: keep", "request_id: {header: X-Request-Id}"}) {
    const std::string said = Complaints(WithKeys(std::string(kAsking) + std::string(ids)));
    EXPECT_NE(said.find("is a field of client_certificate_headers already"), said.npos) << said;
    EXPECT_NE(said.find("f.yaml:1:"), said.npos) << said;
  }
  EXPECT_EQ(Complaints(WithKeys(std::string(kAsking) + "request_id: {header: x-id}")), "");
  const std::string of_another =
      "listeners:\n  - {bind: \":1\", request_id: keep}\n  - {bind: \":2\", " +
      std::string(kAsking) + "name: b}\nroutes: [{respond: {}}]\n";
  EXPECT_NE(Complaints(of_another).find("f.yaml:2:"), std::string::npos) << Complaints(of_another);
}

TEST(IdShapeTest, DefaultsOfListenersMayHaveThem) {
  const Config config = Load("defaults: {listeners: {request_id: create, trace: keep}}\n" +
                             WithKeys("request_id: keep"));
  EXPECT_EQ(config.listeners[0].request_id->mode, RequestIdMode::kKeep);
  EXPECT_TRUE(config.listeners[0].trace.has_value());
}

}  // namespace
}  // namespace holdfast::config
