#include "tests/gateway/acme/fake_authority.h"

#include <algorithm>
#include <memory>
#include <utility>

#include <absl/strings/escaping.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "pool/net/check.h"

namespace holdfast::acme {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kBase = "https://ca.test";

}  // namespace

std::string FromBase64Url(const std::string& text) {
  std::string bytes;
  EXPECT_TRUE(absl::WebSafeBase64Unescape(text, &bytes)) << text;
  return bytes;
}

void FakeAuthority::Say(const std::string& path, const fetch::Response& response, int times) {
  handlers[path] = [response, left = times](const fetch::Request&) mutable {
    return left-- > 0 ? std::optional(response) : std::nullopt;
  };
}

fetch::Response FakeAuthority::Problem(int status, const std::string& type,
                                       const std::string& detail) {
  const Json problem = {{"type", "urn:ietf:params:acme:error:" + type}, {"detail", detail}};
  return {.status = status, .body = problem.dump()};
}

int FakeAuthority::Count(const std::string& line) const {
  return static_cast<int>(std::ranges::count(asked, line));
}

fetch::Response FakeAuthority::Answer(const fetch::Request& request) {
  EXPECT_TRUE(request.url.starts_with(kBase)) << request.url;
  const std::string path = request.url.substr(kBase.size());
  asked.push_back(std::string(http::MethodName(request.method)) + " " + path);
  fetch::Response response = Reply(path, request);
  if (request.method != http::Method::kGet && response.trouble.empty()) {
    response.nonce = nonce_ = "nonce" + std::to_string(next_nonce_++);
  }
  return response;
}

fetch::Response FakeAuthority::Reply(const std::string& path, const fetch::Request& request) {
  if (request.method == http::Method::kPost) {
    const Json body = Json::parse(request.body);
    const Json header = Json::parse(FromBase64Url(body["protected"]));
    headers[path] = header.dump();
    payloads[path] = FromBase64Url(body["payload"]);
    EXPECT_EQ(header["alg"], "ES256");
    EXPECT_EQ(header["url"], request.url);
    EXPECT_NE(header.contains("jwk"), header.contains("kid"));
    EXPECT_EQ(header.contains("jwk"), path == "/account");
    EXPECT_EQ(header["nonce"], nonce_) << "each once, and the latest";
    nonce_ = "used";
    if (bad_nonces > 0) {
      --bad_nonces;
      return Problem(400, "badNonce", "not this one");
    }
  }
  if (const auto handler = handlers.find(path); handler != handlers.end()) {
    if (std::optional<fetch::Response> said = handler->second(request)) return *std::move(said);
    handlers.erase(path);
  }
  if (path == "/dir") {
    return {.status = 200,
            .body =
                "{\"newNonce\": \"https://ca.test/nonce\", \"newAccount\": "
                "\"https://ca.test/account\", \"newOrder\": \"https://ca.test/order\"" +
                directory_more + "}"};
  }
  if (path == "/nonce") return {.status = 200};
  EXPECT_EQ(request.method, http::Method::kPost) << path;
  return ReplyToSigned(path);
}

fetch::Response FakeAuthority::ReplyToSigned(const std::string& path) {
  if (path == "/account") {
    return {.status = 201, .body = "{}", .location = "https://ca.test/account/1"};
  }
  if (path == "/order") {
    challenged_ = finalized_ = false;
    looks_ = order_looks_ = 0;
    return {.status = 201, .body = OrderText(), .location = "https://ca.test/order/1"};
  }
  if (path == "/authorization/1") {
    if (challenged_) ++looks_;
    return {.status = 200, .body = AuthorizationText()};
  }
  if (path == "/challenge/1") {
    if (on_challenge) on_challenge();
    challenged_ = true;
    return {.status = 200, .body = "{}"};
  }
  if (path == "/finalize/1") {
    request_ = FromBase64Url(Json::parse(payloads[path])["csr"]);
    finalized_ = true;
    return {.status = 200, .body = OrderText()};
  }
  if (path == "/order/1") {
    ++order_looks_;
    return {.status = 200, .body = OrderText()};
  }
  if (path == "/certificate/1") {
    return {.status = 200, .body = pool::PemFor(request_, certificate)};
  }
  ADD_FAILURE() << "nobody knows " << path;
  return {.status = 404};
}

std::string FakeAuthority::AuthorizationText() {
  const bool looked = challenged_ && looks_ > looks_until_proof;
  const std::string state = authorized            ? "valid"
                            : !looked             ? "pending"
                            : proof_error.empty() ? "valid"
                                                  : "invalid";
  Json challenge = {{"type", challenge_type},
                    {"url", "https://ca.test/challenge/1"},
                    {"token", "token-1"},
                    {"status", state}};
  if (looked && !proof_error.empty()) challenge["error"] = Json::parse(proof_error);
  return Json{{"status", state},
              {"identifier", {{"type", "dns"}, {"value", "a.test"}}},
              {"challenges", Json::array({challenge})}}
      .dump();
}

std::string FakeAuthority::OrderText() {
  Json order = {{"status", "pending"},
                {"authorizations", Json::array({"https://ca.test/authorization/1"})},
                {"finalize", "https://ca.test/finalize/1"}};
  if (finalized_) order["status"] = "processing";
  if (finalized_ && order_looks_ >= looks_until_certificate) {
    order["status"] = "valid";
    order["certificate"] = "https://ca.test/certificate/1";
  }
  return order.dump();
}

void FakeExchanges::Start(fetch::Request request, Callback callback) {
  HOLDFAST_CHECK(callback_ == nullptr);
  request_ = std::move(request);
  callback_ = std::move(callback);
  loop_->Queue(tell_task_);
}

void FakeExchanges::Tell() {
  Callback callback = std::exchange(callback_, nullptr);
  callback(authority_->Answer(request_));
}

}  // namespace holdfast::acme
