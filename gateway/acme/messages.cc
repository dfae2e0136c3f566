#include "gateway/acme/messages.h"

#include <algorithm>
#include <utility>

#include <absl/strings/ascii.h>
#include <absl/time/time.h>
#include <nlohmann/json.hpp>

#include "gateway/acme/jws.h"

namespace holdfast::acme {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kErrorSpace = "urn:ietf:params:acme:error:";
constexpr size_t kMaxToken = 256;
// Beyond it (the year 2200) nanoseconds do not reach.
constexpr int64_t kLastSecond = 7'258'118'400;

absl::Status Error(const std::string& what) { return absl::InvalidArgumentError(what); }

absl::StatusOr<Json> ParseObject(std::string_view text, const char* what) {
  Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (json.is_object()) return json;
  return Error(std::string("the ") + what + " is no JSON object");
}

// Empty when it is not there, or no text.
std::string Text(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

absl::Status ReadState(const Json& object, const char* what, State* state) {
  const std::string word = Text(object, "status");
  const std::optional<State> known = WordsOf(State()).ValueOf(word);
  if (!known.has_value()) {
    return Error(std::string("the ") + what + " has the status \"" + OneLine(word, 32) + "\"");
  }
  *state = *known;
  return absl::OkStatus();
}

std::optional<Problem> ReadProblem(const Json& object) {
  if (!object.is_object()) return std::nullopt;
  Problem problem{.type = Text(object, "type"), .detail = Text(object, "detail")};
  if (problem.type.empty() && problem.detail.empty()) return std::nullopt;
  if (problem.type.starts_with(kErrorSpace)) problem.type.erase(0, kErrorSpace.size());
  const auto subproblems = object.find("subproblems");
  if (subproblems != object.end() && subproblems->is_array()) {
    for (const Json& sub : *subproblems) {
      if (sub.is_object() && problem.detail.size() <= kMaxText) {
        problem.detail += "; " + Text(sub, "detail");
      }
    }
  }
  problem.type = OneLine(std::move(problem.type));
  problem.detail = OneLine(std::move(problem.detail));
  return problem;
}

std::optional<Problem> ProblemAt(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found == object.end() ? std::nullopt : ReadProblem(*found);
}

// Letters of base64url (RFC 8555 section 8.3): a token becomes part of a path.
bool IsToken(std::string_view token) {
  return token.size() <= kMaxToken && std::ranges::all_of(token, [](char c) {
           return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_';
         });
}

absl::StatusOr<pool::WallTime> TimeAt(const Json& object, const char* key) {
  absl::Time time;
  std::string error;
  if (!absl::ParseTime(absl::RFC3339_full, Text(object, key), &time, &error)) {
    return Error(std::string("the renewal info has no time at ") + key);
  }
  const int64_t seconds = std::clamp<int64_t>(absl::ToUnixSeconds(time), 0, kLastSecond);
  return pool::WallTime(std::chrono::seconds(seconds));
}

// What a configuration or a server says need not be UTF-8.
std::string Dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

std::string OneLine(std::string text, size_t max) {
  if (text.size() > max) text.replace(max, std::string::npos, "...");
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < ' ' || c == '\x7f') c = ' ';
  }
  return text;
}

absl::StatusOr<Directory> ParseDirectory(std::string_view text) {
  const absl::StatusOr<Json> json = ParseObject(text, "directory");
  if (!json.ok()) return json.status();
  Directory directory{.new_nonce = Text(*json, "newNonce"),
                      .new_account = Text(*json, "newAccount"),
                      .new_order = Text(*json, "newOrder"),
                      .renewal_info = Text(*json, "renewalInfo")};
  if (directory.new_nonce.empty() || directory.new_account.empty() || directory.new_order.empty()) {
    return Error("the directory does not have newNonce, newAccount and newOrder");
  }
  const auto meta = json->find("meta");
  if (meta != json->end() && meta->is_object()) {
    directory.terms = OneLine(Text(*meta, "termsOfService"));
    const auto external = meta->find("externalAccountRequired");
    directory.external_account =
        external != meta->end() && external->is_boolean() && external->get<bool>();
  }
  return directory;
}

std::string Problem::Text() const {
  if (type.empty() || detail.empty()) return type + detail;
  return type + ": " + detail;
}

std::optional<Problem> ParseProblem(std::string_view text) {
  return ReadProblem(Json::parse(text, nullptr, /*allow_exceptions=*/false));
}

absl::StatusOr<Order> ParseOrder(std::string_view text) {
  const absl::StatusOr<Json> json = ParseObject(text, "order");
  if (!json.ok()) return json.status();
  Order order{.finalize = Text(*json, "finalize"), .certificate = Text(*json, "certificate")};
  if (absl::Status read = ReadState(*json, "order", &order.state); !read.ok()) return read;
  const auto authorizations = json->find("authorizations");
  if (authorizations == json->end() || !authorizations->is_array() ||
      authorizations->size() > kMaxAuthorizations) {
    return Error("the order has no list of authorizations");
  }
  for (const Json& url : *authorizations) {
    if (!url.is_string()) return Error("an authorization of the order is no URL");
    order.authorizations.push_back(url.get<std::string>());
  }
  order.error = ProblemAt(*json, "error");
  return order;
}

absl::StatusOr<Authorization> ParseAuthorization(std::string_view text) {
  const absl::StatusOr<Json> json = ParseObject(text, "authorization");
  if (!json.ok()) return json.status();
  Authorization authorization;
  absl::Status read = ReadState(*json, "authorization", &authorization.state);
  if (!read.ok()) return read;
  const auto identifier = json->find("identifier");
  if (identifier == json->end() || !identifier->is_object()) {
    return Error("the authorization is for nobody");
  }
  authorization.name = Text(*identifier, "value");
  const auto challenges = json->find("challenges");
  if (challenges == json->end() || !challenges->is_array()) {
    return Error("the authorization has no list of challenges");
  }
  for (const Json& each : *challenges) {
    if (!each.is_object()) return Error("a challenge is no JSON object");
    Challenge challenge{
        .type = Text(each, "type"), .url = Text(each, "url"), .token = Text(each, "token")};
    // Of a kind that was registered after this was written it may be in any state.
    if (const auto state = WordsOf(State()).ValueOf(Text(each, "status"))) challenge.state = *state;
    if (!IsToken(challenge.token)) return Error("the token of a challenge is not base64url");
    challenge.error = ProblemAt(each, "error");
    authorization.challenges.push_back(std::move(challenge));
  }
  return authorization;
}

absl::StatusOr<RenewalInfo> ParseRenewalInfo(std::string_view text) {
  const absl::StatusOr<Json> json = ParseObject(text, "renewal info");
  if (!json.ok()) return json.status();
  const auto window = json->find("suggestedWindow");
  if (window == json->end() || !window->is_object()) {
    return Error("the renewal info has no suggestedWindow");
  }
  const absl::StatusOr<pool::WallTime> begin = TimeAt(*window, "start");
  const absl::StatusOr<pool::WallTime> end = TimeAt(*window, "end");
  if (!begin.ok()) return begin.status();
  if (!end.ok()) return end.status();
  // RFC 9773 section 4.2.
  if (*end <= *begin) return Error("the suggestedWindow of the renewal info ends before it begins");
  return RenewalInfo{
      .begin = *begin, .end = *end, .explanation = OneLine(Text(*json, "explanationURL"))};
}

std::string NewAccount(std::string_view email) {
  Json json = {{"termsOfServiceAgreed", true}};
  if (!email.empty()) json["contact"] = Json::array({"mailto:" + std::string(email)});
  return Dump(json);
}

std::string NewOrder(const std::vector<std::string>& names, std::string_view replaces) {
  Json identifiers = Json::array();
  for (const std::string& name : names) identifiers.push_back({{"type", "dns"}, {"value", name}});
  Json json = {{"identifiers", std::move(identifiers)}};
  if (!replaces.empty()) json["replaces"] = replaces;
  return Dump(json);
}

std::string Finalize(std::string_view request_der) {
  return Dump({{"csr", Base64Url(request_der)}});
}

}  // namespace holdfast::acme
