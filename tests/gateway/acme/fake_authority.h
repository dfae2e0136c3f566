#ifndef HOLDFAST_TESTS_GATEWAY_ACME_FAKE_AUTHORITY_H_
#define HOLDFAST_TESTS_GATEWAY_ACME_FAKE_AUTHORITY_H_

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "gateway/fetch/exchanges.h"
#include "pool/net/event_loop.h"
#include "tests/pool/tls/support/test_certificates.h"

namespace holdfast::acme {

inline constexpr char kDirectory[] = "https://ca.test/dir";

// An authority as a test scripts it, without a network: it does what one does to whom all is well,
// and whatever else a test says. It sees to it that each nonce is its own and used once.
class FakeAuthority {
 public:
  // What it was asked, as "POST /order".
  std::vector<std::string> asked;
  // Of the latest signed request to each path: its protected header and its payload, as JSON.
  std::map<std::string, std::string> headers;
  std::map<std::string, std::string> payloads;

  // Instead of what it would say at a path; a handler that is used up (nullopt) goes.
  using Handler = std::function<std::optional<fetch::Response>(const fetch::Request&)>;
  std::map<std::string, Handler> handlers;
  // So many answers at a path, each the same.
  void Say(const std::string& path, const fetch::Response& response, int times = 1);
  // A problem document.
  static fetch::Response Problem(int status, const std::string& type, const std::string& detail);

  std::string directory_more;       // more members: ", \"renewalInfo\": ..."
  int bad_nonces = 0;               // so many are refused
  bool authorized = false;          // the names are known to be ours
  int looks_until_proof = 1;        // at the authorization, while it is pending
  int looks_until_certificate = 1;  // at the order, while it is processing
  std::string challenge_type = "http-01";
  std::string proof_error;  // of the challenge, as JSON; empty: it is good
  pool::CertificatePlan certificate{.names = {"dns:a.test"}};
  std::function<void()> on_challenge;  // it is about to look

  fetch::Response Answer(const fetch::Request& request);
  int Count(const std::string& line) const;

 private:
  fetch::Response Reply(const std::string& path, const fetch::Request& request);
  fetch::Response ReplyToSigned(const std::string& path);
  std::string AuthorizationText();
  std::string OrderText();

  int next_nonce_ = 1;
  std::string nonce_;
  bool challenged_ = false;
  int looks_ = 0;
  bool finalized_ = false;
  int order_looks_ = 0;
  std::string request_;
};

// The way to one, by a loop. `authority` outlives it.
class FakeExchanges final : public fetch::Exchanges {
 public:
  FakeExchanges(pool::EventLoop* loop, FakeAuthority* authority)
      : loop_(loop), authority_(authority) {}

  void Start(fetch::Request request, Callback callback) override;

 private:
  void Tell();

  pool::EventLoop* loop_;
  FakeAuthority* authority_;
  fetch::Request request_;
  Callback callback_;
  pool::MemberTask<FakeExchanges, &FakeExchanges::Tell> tell_task_{this};
};

// The bytes of a text in base64url.
std::string FromBase64Url(const std::string& text);

}  // namespace holdfast::acme

#endif  // HOLDFAST_TESTS_GATEWAY_ACME_FAKE_AUTHORITY_H_
