#ifndef HOLDFAST_TESTS_POOL_DNS_SCRIPTED_RESOLVER_H_
#define HOLDFAST_TESTS_POOL_DNS_SCRIPTED_RESOLVER_H_

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <gtest/gtest.h>

#include "pool/dns/resolver.h"

namespace holdfast::pool {

inline std::vector<SocketAddress> Addresses(std::initializer_list<std::string_view> texts) {
  std::vector<SocketAddress> addresses;
  for (const std::string_view text : texts) addresses.push_back(*SocketAddress::Parse(text));
  return addresses;
}

// Keeps each question until the test answers it.
class ScriptedResolver final : public Resolver {
 public:
  void Resolve(const std::string& name, uint16_t port, Callback callback) override {
    asked.push_back(name + ":" + std::to_string(port));
    waiting.emplace_back(asked.back(), std::move(callback));
  }
  void ResolveSrv(const std::string& name, SrvCallback callback) override {
    asked.push_back("SRV " + name);
    waiting.emplace_back(asked.back(), std::move(callback));
  }

  // Answers the oldest question `name` that has no answer yet.
  void Answer(std::string_view name, AddressAnswer answer) {
    if (auto callback = Take<Callback>(name)) callback(std::move(answer));
  }
  // Answers it in part; it stays unanswered.
  void AnswerEarly(std::string_view name, AddressAnswer answer) {
    for (auto& [asked_for, callback] : waiting) {
      if (asked_for == name) return std::get<Callback>(callback)(std::move(answer));
    }
    ADD_FAILURE() << "nobody asked for " << name;
  }
  void Succeed(std::string_view name, std::initializer_list<std::string_view> addresses,
               Duration ttl) {
    Answer(name, {ResolveStatus::kOk, Addresses(addresses), ttl, ""});
  }
  void SucceedBut(std::string_view name, int failed_family,
                  std::initializer_list<std::string_view> addresses, Duration ttl) {
    Answer(name, {ResolveStatus::kOk, Addresses(addresses), ttl, "", failed_family});
  }
  void Fail(std::string_view name, ResolveStatus status, std::string detail = "") {
    Answer(name, {status, {}, Duration(0), std::move(detail)});
  }
  void AnswerSrv(std::string_view name, SrvAnswer answer) {
    if (auto callback = Take<SrvCallback>(name)) callback(std::move(answer));
  }
  void SucceedSrv(std::string_view name, std::vector<SrvRecord> records, Duration ttl) {
    AnswerSrv(name, {ResolveStatus::kOk, std::move(records), ttl, ""});
  }

  std::vector<std::string> asked;  // ever: "name:port", "SRV name"
  std::vector<std::pair<std::string, std::variant<Callback, SrvCallback>>> waiting;

 private:
  template <class Kind>
  Kind Take(std::string_view name) {
    for (auto it = waiting.begin(); it != waiting.end(); ++it) {
      if (it->first != name) continue;
      Kind callback = std::get<Kind>(std::move(it->second));
      waiting.erase(it);
      return callback;
    }
    ADD_FAILURE() << "nobody asked for " << name;
    return nullptr;
  }
};

}  // namespace holdfast::pool

#endif  // HOLDFAST_TESTS_POOL_DNS_SCRIPTED_RESOLVER_H_
